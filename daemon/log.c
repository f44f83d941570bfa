#include "daemon/log.h"

#include "daemon/clock.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* which file of ours wrote it helps no administrator */
#include <systemd/sd-journal.h>

#define TEXT_MAX       2048
#define FIELDS_MAX     9
#define LIMIT_US       30000000u
#define LIMIT_MESSAGES 10u

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

/* ---- fields ---- */

struct fields {
    struct iovec items[FIELDS_MAX];
    char text[FIELDS_MAX][TEXT_MAX + 16];
    int n;
};

static void add(struct fields *fields, const char *format, ...) _printf_(2, 3);
static void add(struct fields *fields, const char *format, ...)
{
    char *text = fields->text[fields->n];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof fields->text[0], format, arguments);
    va_end(arguments);
    fields->items[fields->n++] = (struct iovec){text, strlen(text)};
}

static int send_to_journal(const struct log_event *event, const char *message)
{
    struct fields fields;

    fields.n = 0;
    add(&fields, "MESSAGE=%s", message);
    add(&fields, "PRIORITY=%d", event->priority);
    add(&fields, "SYSLOG_IDENTIFIER=ipcbrokerd");
    add(&fields, "MESSAGE_ID=%s", event->id);
    if (event->object)
        add(&fields, "IPCBROKER_OBJECT=%s", event->object);
    if (event->error)
        add(&fields, "ERRNO=%d", abs(event->error));
    if (event->file) {
        add(&fields, "CONFIG_FILE=%s", event->file);
        add(&fields, "CONFIG_LINE=%u", event->line);
    }
    if (event->uid)
        add(&fields, "IPCBROKER_CLIENT_UID=%u", *event->uid);
    return sd_journal_sendv(fields.items, fields.n);
}

/* A line is one write(), so that lines of several processes do not mix. */
static void write_line(int priority, bool journal, const char *message)
{
    char line[TEXT_MAX + 32];
    int length = journal
                     ? snprintf(line, sizeof line, "<%d>%s\n", priority, message)
                     : snprintf(line, sizeof line, "ipcbrokerd: %s%s\n", word(priority), message);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);

    (void)ignored; /* there is nobody else to tell */
}

/* ---- limits ---- */

/* Whether one more may be written; SUPPRESSED says how many were not before it. */
static bool is_allowed(struct log_limit *limit, unsigned *ret_suppressed)
{
    uint64_t now = now_us();

    *ret_suppressed = 0;
    if (limit->since_us == 0 || now - limit->since_us > LIMIT_US) {
        *ret_suppressed = limit->suppressed;
        *limit = (struct log_limit){.since_us = now};
    }
    if (limit->n++ < LIMIT_MESSAGES)
        return true;
    limit->suppressed++;
    return false;
}

/* ---- messages ---- */

/* Control characters, which could forge a line, are replaced. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void log_arguments(const struct log_event *event, const char *format, va_list arguments)
    _printf_(2, 0);

/* By its stream the journal knows whose a message is, even if the process ends right after it; of
 * one with fields it looks the process up. So only those that have fields go that way. */
static void log_arguments(const struct log_event *event, const char *format, va_list arguments)
{
    char message[TEXT_MAX];
    bool journal = is_journal();
    unsigned suppressed = 0;

    if (event->limit && !is_allowed(event->limit, &suppressed))
        return;
    (void)vsnprintf(message, sizeof message, format, arguments);
    make_plain(message);
    if (!journal || !event->id || send_to_journal(event, message) < 0)
        write_line(event->priority, journal, message);
    if (suppressed > 0)
        log_write(event->priority, "%u messages of the kind just before were left out", suppressed);
}

void log_event(const struct log_event *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_arguments(event, format, arguments);
    va_end(arguments);
}

void log_write(int priority, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_arguments(&(struct log_event){.priority = priority}, format, arguments);
    va_end(arguments);
}
