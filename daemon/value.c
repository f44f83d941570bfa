#include "daemon/value.h"

#include "base/number.h"
#include "daemon/subject.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

static const struct {
    const char *text;
    bool value;
} booleans[] = {
    {"yes", true}, {"no", false},  {"true", true}, {"false", false},
    {"on", true},  {"off", false}, {"1", true},    {"0", false},
};

int value_bool(const char *text, void *target, struct sentence *why)
{
    for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
        if (strcmp(text, booleans[i].text) == 0) {
            *(bool *)target = booleans[i].value;
            return 0;
        }
    return say(why, -EINVAL, "'%s' is neither yes nor no", text);
}

int value_u64(const char *text, void *target, struct sentence *why)
{
    uint64_t value = 0;
    int r = parse_number(text, UINT64_MAX, &value);

    if (r == -ERANGE)
        return say(why, -EINVAL, "%s is too large; expected at most %" PRIu64, text, UINT64_MAX);
    if (r < 0)
        return say(why, -EINVAL, "'%s' is not a number; expected decimal digits", text);
    *(uint64_t *)target = value;
    return 0;
}

static unsigned suffix_shift(char suffix)
{
    return suffix == 'K' ? 10 : suffix == 'M' ? 20 : 0;
}

int value_size(const char *text, void *target, struct sentence *why)
{
    size_t length = strlen(text);
    unsigned shift = length > 0 ? suffix_shift(text[length - 1]) : 0;
    _cleanup_free_ char *digits = strndup(text, shift ? length - 1 : length);
    uint64_t value = 0;
    int r;

    if (!digits)
        return -ENOMEM;
    r = parse_number(digits, UINT64_MAX >> shift, &value);
    if (r == -ERANGE)
        return say(why, -EINVAL, "%s is too large; expected at most %" PRIu64 " bytes", text,
                   UINT64_MAX);
    if (r < 0)
        return say(why, -EINVAL,
                   "'%s' is not a size; expected a number of bytes, or one with K or M behind it",
                   text);
    *(uint64_t *)target = value << shift;
    return 0;
}

int value_socket_path(const char *text, void *target, struct sentence *why)
{
    char **path = target;
    size_t length = strlen(text);
    char *copy;

    if (text[0] != '/')
        return say(why, -EINVAL, "'%s' is not an absolute path; expected one that begins with /",
                   text);
    if (text[length - 1] == '/')
        return say(why, -EINVAL, "'%s' names a directory; expected the path of a socket", text);
    if (length > SOCKET_PATH_MAX)
        return say(
            why, -EINVAL,
            "a path of %zu bytes; expected at most %zu, the most that a socket's path can have",
            length, SOCKET_PATH_MAX);
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*path);
    *path = copy;
    return 0;
}

int value_mode(const char *text, void *target, struct sentence *why)
{
    size_t digits = strspn(text, "01234567");
    mode_t mode = 0;

    if (text[digits] || digits < 3 || digits > 4)
        return say(why, -EINVAL, "'%s' is not a mode; expected 3 or 4 octal digits, such as 0660",
                   text);
    for (size_t i = 0; i < digits; i++)
        mode = mode * 8 + (mode_t)(text[i] - '0');
    if ((mode & 0600) != 0600)
        return say(why, -EINVAL,
                   "mode %s shuts out the broker itself; expected a mode that contains 0600", text);
    if (mode & ~(mode_t)0666)
        return say(why, -EINVAL, "mode %s has bits outside 0666; expected a mode such as 0660",
                   text);
    *(mode_t *)target = mode;
    return 0;
}

int value_group(const char *text, void *target, struct sentence *why)
{
    _cleanup_free_ char *written = NULL;
    struct subject group;
    int r;

    if (asprintf(&written, "group:%s", text) < 0) {
        written = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    r = subject_parse(written, &group, NULL);
    if (r == -EINVAL)
        return say(why, r, "'%s' is not a group; expected its name or its number", text);
    if (r < 0)
        return r;
    subject_deinit(target);
    *(struct subject *)target = group;
    return 0;
}

const char *value_next(const char *list, char *buffer, size_t size)
{
    const char *const separators = ", \t";
    size_t length;

    list += strspn(list, separators);
    if (!*list)
        return NULL;
    length = strcspn(list, separators);
    *stpncpy(buffer, list, length < size ? length : size - 1) = '\0';
    return list + length;
}
