#include "daemon/config_reader.h"

#include "base/utf8.h"

#include <ini.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

struct reader {
    const char *path;
    const char *next, *end; /* of the text that is left */
    unsigned line;
    bool begun;       /* there was a header */
    bool dead;        /* the last header was bad: its keys go nowhere */
    bool owed;        /* inih was given a key and has not given it back */
    bool said_return; /* once a file is enough */
    int error;
    const struct config_sink *sink;
    struct problems *problems;
};

static void complain(struct reader *reader, const char *text)
{
    struct place place = {reader->path, reader->line};

    problems_add(reader->problems, SEVERITY_ERROR, place, "%s", text);
}

/* ---- one line ---- */

/* What is wrong with a byte that no line may contain. */
static const char *judge_byte(unsigned char byte)
{
    if (byte == '\0')
        return "a NUL byte in the line; expected plain text";
    if (byte == '\r')
        return "a carriage return inside the line; expected plain text";
    return "a control character in the line; expected plain text";
}

/* What no line may contain, NULL if it does not. Most lines are ASCII. */
static const char *find_bad_bytes(const char *line, size_t size)
{
    unsigned char all = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];

        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return judge_byte(byte);
        all |= byte;
    }
    if (all < 0x80)
        return NULL;
    if (!utf8_is_valid(line, size))
        return "the line is not valid UTF-8; expected ASCII or UTF-8";
    if (memmem(line, size, BOM, strlen(BOM)))
        return "a byte order mark inside the file; expected one at its start at most";
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes away the comment after a value or a header, and the blanks before it. The line begins with
 * something else. */
static void cut_comment(char *line)
{
    char *end = line + strlen(line);

    for (char *c = strchr(line, ';'); c; c = strchr(c + 1, ';'))
        if (is_blank(c[-1])) {
            end = c;
            break;
        }
    while (is_blank(end[-1]))
        end--;
    *end = '\0';
}

/* What is wrong with a header without its comment; NULL: nothing. */
static const char *judge_header(const char *line)
{
    const char *close = strchr(line, ']');

    if (!close)
        return "no ']' at the end of the section's header; expected [SECTION]";
    if (close[1])
        return "text after the ']' of a section's header; expected keys on lines of their own";
    if (close == line + 1)
        return "an empty section header; expected [SECTION]";
    if (is_blank(line[1]) || is_blank(close[-1]))
        return "blanks inside the brackets of a section's header; expected none";
    return NULL;
}

/* The same for a key and its value. */
static const char *judge_key(const char *line)
{
    const char *equals = strchr(line, '='), *colon = strchr(line, ':');

    if (colon && (!equals || colon < equals))
        return "':' after the key; expected KEY = VALUE";
    if (!equals)
        return "no '=' in the line; expected KEY = VALUE, [SECTION] or a comment";
    if (equals == line)
        return "no key before the '='; expected KEY = VALUE";
    if (strchr(equals, '"'))
        return "a quote in the value; expected the value without quotes";
    if (strpbrk(equals, ";#"))
        return "'#' or ';' in the value; a comment after a value begins with ' ;'";
    return NULL;
}

/* ---- what inih is given ---- */

static char *give_nothing(char *buffer)
{
    return strcpy(buffer, "\n");
}

/* A header of one name, whatever it was, since inih cuts names: which section the keys after it
 * are of we know. */
static char *give_header(struct reader *reader, bool dead, char *buffer)
{
    reader->begun = true;
    reader->dead = dead;
    return strcpy(buffer, "[section]\n");
}

static char *give_bad(struct reader *reader, const char *problem, bool header, char *buffer)
{
    complain(reader, problem);
    return header ? give_header(reader, true, buffer) : give_nothing(buffer);
}

static char *give_section(struct reader *reader, char *line, char *buffer)
{
    const char *problem = judge_header(line);

    if (problem)
        return give_bad(reader, problem, true, buffer);
    *strchr(line, ']') = '\0';
    reader->error = reader->sink->section(reader->sink->user, line + 1, reader->line);
    return give_header(reader, false, buffer);
}

/* The line with its newline, for which there is room. */
static char *give_key(struct reader *reader, const char *line, char *buffer)
{
    const char *problem = judge_key(line);

    if (problem) {
        complain(reader, problem);
        return give_nothing(buffer);
    }
    reader->owed = true;
    (void)strcpy(stpcpy(buffer, line), "\n");
    return buffer;
}

static char *give_line(struct reader *reader, const char *text, size_t length, char *buffer,
                       size_t size)
{
    size_t most = size - 2 < CONFIG_LINE_MAX ? size - 2 : CONFIG_LINE_MAX;
    size_t indent = 0;
    bool header;
    const char *problem = find_bad_bytes(text, length);
    char line[CONFIG_LINE_MAX + 1];

    while (indent < length && is_blank(text[indent]))
        indent++;
    header = indent < length && text[indent] == '[';
    if (!problem && length > most)
        problem = "the line is too long; expected at most 198 bytes (a list may be given in "
                  "several lines)";
    if (!problem && indent == length)
        return give_nothing(buffer);
    if (!problem && indent > 0)
        problem = "the line is indented; expected it to begin without blanks";
    if (problem)
        return give_bad(reader, problem, header, buffer);
    if (text[0] == '#' || text[0] == ';')
        return give_nothing(buffer);
    memcpy(line, text, length);
    line[length] = '\0';
    cut_comment(line);
    return header ? give_section(reader, line, buffer) : give_key(reader, line, buffer);
}

/* ---- inih ---- */

static void check_owed(struct reader *reader)
{
    if (reader->owed)
        complain(reader, "the parser does not understand the line; expected KEY = VALUE");
    reader->owed = false;
}

/* inih's reader function: the next line, with its newline; NULL at the end. Never NULL for a bad
 * line, which would hide the errors after it. */
static char *next_line(char *buffer, int size, void *stream)
{
    struct reader *reader = stream;
    const char *line = reader->next, *end;
    size_t length;

    check_owed(reader);
    if (reader->error < 0 || line == reader->end)
        return NULL;
    end = memchr(line, '\n', (size_t)(reader->end - line));
    length = (size_t)((end ? end : reader->end) - line);
    reader->next = end ? end + 1 : reader->end;
    reader->line++;
    if (end && length > 0 && line[length - 1] == '\r') {
        length--;
        if (!reader->said_return)
            complain(reader, "a carriage return at the end of the line; expected lines that end "
                             "in a newline alone, as on Unix, in the whole file");
        reader->said_return = true;
    }
    return give_line(reader, line, length, buffer, (size_t)size);
}

/* inih's handler. It always says that all is well: what is not is with the problems. */
static int take_key(void *user, const char *section, const char *key, const char *value)
{
    struct reader *reader = user;

    (void)section; /* keys come one by one, in their order: they are of the last header */
    reader->owed = false;
    if (reader->dead)
        return 1;
    if (!reader->begun)
        complain(reader, "a key before the first section; expected [SECTION] above it");
    else
        reader->error = reader->sink->key(reader->sink->user, key, value, reader->line);
    return 1;
}

/* Whether the text is in an encoding that has no lines of bytes. */
static bool is_utf16(const char *text, size_t size)
{
    return size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

int config_read(const char *path, const char *text, size_t size, const struct config_sink *sink,
                struct problems *problems)
{
    struct reader reader = {
        .path = path,
        .next = text,
        .end = text + size,
        .sink = sink,
        .problems = problems,
    };
    int rc;

    if (is_utf16(text, size)) {
        reader.line = 1;
        complain(&reader, "the file is in UTF-16; expected ASCII or UTF-8");
        return 0;
    }
    if (size >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0)
        reader.next += strlen(BOM);
    rc = ini_parse_stream(next_line, &reader, take_key, &reader);
    if (reader.error < 0)
        return reader.error;
    if (rc < 0)
        return -ENOMEM;
    if (rc > 0) { /* it was given nothing that it could refuse */
        reader.line = (unsigned)rc;
        complain(&reader, "the parser refuses the line; expected KEY = VALUE");
    }
    return 0;
}
