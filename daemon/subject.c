#include "daemon/subject.h"

#include "base/number.h"

#include <stdarg.h>
#include <string.h>

#define ID_MAX (ID_NOBODY - 1)

static const struct {
    const char *prefix;
    enum subject_type type;
    const char *noun;
} types[] = {
    {"user:", SUBJECT_USER, "user"},
    {"group:", SUBJECT_GROUP, "group"},
};

/* Names are looked up as they are written, so what no name service has in a name is a slip of the
 * pen: a sign, a pattern, a quote, a second prefix. */
static bool name_is_plausible(const char *name)
{
    if (!*name || strchr("-+~", *name))
        return false;
    for (; *name; name++)
        if ((unsigned char)*name <= ' ' || *name == 0x7f || strchr(":/,;#*?\"'`[]=", *name))
            return false;
    return true;
}

static int parse_id(const char *text, const char *noun, struct subject *subject,
                    struct sentence *why)
{
    uint64_t id = 0;
    int r = parse_number(text, ID_MAX, &id);

    if (r == -ERANGE)
        return say(why, -EINVAL, "%s number %s is too large; the largest is %u", noun, text,
                   ID_MAX);
    if (r < 0)
        return r;
    subject->id = (uint32_t)id;
    subject->resolved = true;
    return 0;
}

static int parse_named(const char *text, size_t which, struct subject *ret, struct sentence *why)
{
    const char *noun = types[which].noun;
    struct subject subject = {.type = types[which].type};

    if (*text && !text[strspn(text, "0123456789")]) {
        int r = parse_id(text, noun, &subject, why);
        if (r < 0)
            return r;
    } else {
        if (!name_is_plausible(text))
            return say(why, -EINVAL, "'%s' is not the name of a %s; expected %s:NAME or %s:NUMBER",
                       text, noun, noun, noun);
        subject.name = strdup(text);
        if (!subject.name)
            return -ENOMEM;
    }
    *ret = subject;
    return 0;
}

static int parse_unit(const char *pattern, struct subject *ret, struct sentence *why)
{
    int r = unit_pattern_check(pattern, why);
    char *name;

    if (r < 0)
        return r;
    name = strdup(pattern);
    if (!name)
        return -ENOMEM;
    *ret = (struct subject){
        .type = SUBJECT_UNIT,
        .name = name,
        .resolved = true,
        .pattern = unit_pattern_measure(name),
    };
    return 0;
}

int subject_parse(const char *text, struct subject *ret, struct sentence *why)
{
    if (strcmp(text, "any") == 0) {
        *ret = (struct subject){.type = SUBJECT_ANY, .resolved = true};
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        size_t length = strlen(types[i].prefix);
        if (strncmp(text, types[i].prefix, length) == 0)
            return parse_named(text + length, i, ret, why);
    }
    if (strncmp(text, "unit:", strlen("unit:")) == 0)
        return parse_unit(text + strlen("unit:"), ret, why);
    return say(why, -EINVAL,
               "'%s' is not a subject; expected user:NAME, group:NAME, unit:NAME or any", text);
}

void subject_deinit(struct subject *subject)
{
    free(subject->name);
    *subject = (struct subject){.type = subject->type};
}

const char *subject_format(const struct subject *subject, char *buffer, size_t size)
{
    const char *prefix = subject->type == SUBJECT_USER    ? "user"
                         : subject->type == SUBJECT_GROUP ? "group"
                                                          : "unit";

    if (subject->type == SUBJECT_ANY)
        (void)snprintf(buffer, size, "any");
    else if (subject->name)
        (void)snprintf(buffer, size, "%s:%s", prefix, subject->name);
    else
        (void)snprintf(buffer, size, "%s:%u", prefix, subject->id);
    return buffer;
}

/* Adds to the text in BUFFER, of which *USED bytes are taken; what does not fit is cut. */
static void append(char *buffer, size_t size, size_t *used, const char *format, ...) _printf_(4, 5);
static void append(char *buffer, size_t size, size_t *used, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    *used += (size_t)vsnprintf(buffer + *used, size - *used, format, arguments);
    va_end(arguments);
    if (*used >= size)
        *used = size - 1;
}

/* A list of groups is cut where there is no room for it beside a unit. */
static void append_groups(const struct credentials *who, char *buffer, size_t size, size_t *used)
{
    append(buffer, size, used, " (gid %u", who->gid);
    for (size_t i = 0; i < who->n_groups && *used + UNIT_NAME_MAX + 32 < size; i++)
        append(buffer, size, used, "%s%u", i == 0 ? ", groups " : ",", who->groups[i]);
    append(buffer, size, used, ")");
}

const char *credentials_format(const struct credentials *who, char *buffer, size_t size)
{
    bool alone = who->n_groups == 0 && (who->uid == ID_NOBODY || who->gid == ID_NOBODY);
    size_t used = 0;

    buffer[0] = '\0';
    if (!alone || who->uid != ID_NOBODY)
        append(buffer, size, &used, "uid %u", who->uid);
    else if (who->gid != ID_NOBODY)
        append(buffer, size, &used, "gid %u", who->gid);
    if (!alone)
        append_groups(who, buffer, size, &used);
    if (who->unit)
        append(buffer, size, &used, "%sunit %s", used > 0 ? ", " : "", who->unit);
    if (used == 0)
        append(buffer, size, &used, "any");
    return buffer;
}

static int compare_groups(const void *a, const void *b)
{
    const gid_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

void groups_sort(gid_t *groups, size_t n)
{
    if (n > 0)
        qsort(groups, n, sizeof *groups, compare_groups);
}

/* Halves what is left without a branch that the processor could guess wrong: there may be a hundred
 * grants and a thousand groups. */
static bool in_group(uint32_t id, const struct credentials *who)
{
    const gid_t *group = who->groups;
    size_t n = who->n_groups;

    if (who->gid == id)
        return true;
    for (; n > 1; n -= n / 2)
        group += group[n / 2] <= id ? n / 2 : 0;
    return n == 1 && *group == id;
}

bool subject_matches(const struct subject *subject, const struct credentials *who)
{
    if (!subject->resolved)
        return false;
    switch (subject->type) {
    case SUBJECT_ANY:
        return true;
    case SUBJECT_USER:
        return who->uid == subject->id;
    case SUBJECT_GROUP:
        return in_group(subject->id, who);
    case SUBJECT_UNIT:
        return who->unit && unit_pattern_matches(&subject->pattern, subject->name, who->unit);
    }
    return false;
}
