/* Single values: subjects, names, sizes, modes, lists. The first byte tells which; what is accepted
 * comes out the same when it is written down and read anew. */
#include "base/number.h"
#include "daemon/subject.h"
#include "daemon/value.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <string.h>

static bool is_wordy(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void check_name(const char *text, size_t size)
{
    bool expected = size >= 1 && size <= 180;

    for (size_t i = 0; i < size; i++)
        expected = expected && (is_wordy(text[i]) || (i > 0 && strchr(".-", text[i]) && text[i]));
    ORACLE(wire_name_is_valid(text, size) == expected, "the name '%s' is judged wrong", text);
}

static void check_subject(const char *text)
{
    struct subject subject = {0}, again = {0};
    struct sentence why = {.text = ""};
    const struct credentials nobody = {.uid = ID_NOBODY, .gid = ID_NOBODY};
    char written[1024];
    int r = subject_parse(text, &subject, &why);

    ORACLE(r == 0 || r == -EINVAL, "a subject is refused with %d", r);
    if (r < 0) {
        ORACLE(*why.text, "a subject is refused without a sentence");
        return;
    }
    subject_format(&subject, written, sizeof written);
    ORACLE(subject_parse(written, &again, &why) == 0, "'%s' is refused: %s", written, why.text);
    ORACLE(again.type == subject.type && again.id == subject.id &&
               again.resolved == subject.resolved && !again.name == !subject.name &&
               (!subject.name || strcmp(again.name, subject.name) == 0),
           "'%s' becomes another subject", text);
    ORACLE(!subject_matches(&subject, &nobody) || subject.type == SUBJECT_ANY,
           "'%s' matches nobody in particular", text);
    subject_deinit(&subject);
    subject_deinit(&again);
}

static void check_size(const char *text)
{
    uint64_t value = 77, again = 0;
    struct sentence why = {.text = ""};
    char written[32];

    if (value_size(text, &value, &why) < 0) {
        ORACLE(value == 77 && *why.text, "a refused size is set, or has no sentence");
        return;
    }
    (void)snprintf(written, sizeof written, "%" PRIu64, value);
    ORACLE(value_size(written, &again, &why) == 0 && again == value, "%s is not %s", text, written);
    ORACLE(parse_number(written, UINT64_MAX, &again) == 0 && again == value, "%s", written);
}

static void check_mode(const char *text)
{
    mode_t mode = 1;
    struct sentence why = {.text = ""};

    if (value_mode(text, &mode, &why) < 0)
        ORACLE(mode == 1 && *why.text, "a refused mode is set, or has no sentence");
    else
        ORACLE((mode & 0600) == 0600 && !(mode & ~0666u), "the mode %04o is accepted", mode);
}

static void check_others(const char *text)
{
    char *path = NULL;
    bool flag = false;
    struct subject group = {.type = SUBJECT_GROUP};
    struct sentence why;

    if (value_socket_path(text, &path, &why) == 0)
        ORACLE(path[0] == '/' && strlen(path) <= 107, "the path '%s' is accepted", path);
    free(path);
    (void)value_bool(text, &flag, &why);
    (void)value_group(text, &group, &why);
    subject_deinit(&group);
}

/* The elements of a list hold no separator, and nothing but separators is lost. */
static void check_list(const char *text, size_t size)
{
    char *element = malloc(size + 1);
    const char *rest = text;
    size_t taken = 0, kept = 0;

    ORACLE(element, "out of memory");
    while ((rest = value_next(rest, element, size + 1))) {
        ORACLE(*element && !strpbrk(element, ", \t"), "'%s' is an element", element);
        taken += strlen(element);
    }
    for (const char *at = text; *at; at++)
        kept += !strchr(", \t", *at);
    ORACLE(taken == kept, "a list of %zu bytes is read as %zu: '%s'", kept, taken, text);
    free(element);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    uint8_t which = take_byte(&bytes);
    char *text = exact_copy(bytes.at, bytes.left);

    check_name(text, bytes.left);
    text = realloc(text, bytes.left + 1);
    ORACLE(text, "out of memory");
    text[bytes.left] = '\0';
    if (which % 4 == 0)
        check_subject(text);
    else if (which % 4 == 1)
        check_size(text);
    else if (which % 4 == 2)
        check_mode(text);
    else
        check_list(text, bytes.left);
    check_others(text);
    free(text);
    return 0;
}
