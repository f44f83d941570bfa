#include "daemon/log.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

static const char *word(int priority)
{
    switch (priority) {
    case LOG_ERR:
        return "error: ";
    case LOG_WARNING:
        return "warning: ";
    default:
        return "";
    }
}

/* Whether stderr is the journal's stream: systemd.exec(5), $JOURNAL_STREAM. The variable alone says
 * nothing, since it is inherited by whoever has another stderr. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char is[64];

    if (!stream || fstat(STDERR_FILENO, &status) < 0)
        return false;
    (void)snprintf(is, sizeof is, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, is) == 0;
}

/* A line is one write(), so that lines of several processes do not mix. Control characters, which
 * could forge a line, are replaced. */
void log_write(int priority, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    size_t start, length;

    if (is_journal())
        (void)snprintf(line, sizeof line, "<%d>", priority);
    else
        (void)snprintf(line, sizeof line, "ipcbrokerd: %s", word(priority));
    start = strlen(line);
    va_start(arguments, format);
    (void)vsnprintf(line + start, sizeof line - start - 1, format, arguments);
    va_end(arguments);

    length = strlen(line);
    for (size_t i = start; i < length; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[length++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, length);
    (void)ignored; /* there is nobody else to tell */
}
