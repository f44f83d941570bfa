#include "daemon/unit_name.h"

#include <string.h>

/* Of the other types no unit has processes. */
static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};

static const char characters[] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@";

static bool has_suffix(const char *dot)
{
    for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

static bool is_template(const char *text)
{
    const char *at = strchr(text, '@');

    return at && at + 1 == strrchr(text, '.');
}

/* Whether all of it but the suffix could be there: STARS are allowed among the characters. */
static bool is_plausible(const char *text, bool stars)
{
    if (strlen(text) > UNIT_NAME_MAX || *text == '@' || strrchr(text, '.') == text)
        return false;
    for (; *text; text++)
        if (!strchr(characters, *text) && !(stars && *text == '*'))
            return false;
    return true;
}

int unit_pattern_check(const char *text, struct sentence *why)
{
    if (!is_plausible(text, true))
        return say(why, -EINVAL,
                   "'%.300s' can never be the name of a unit; expected one as in "
                   "unit:shop-*.service, where * stands for any characters",
                   text);
    if (!has_suffix(strrchr(text, '.')))
        return say(why, -EINVAL,
                   "'%s' is no unit that processes can be in; expected a name that ends in "
                   ".service, .scope, .socket, .mount or .swap, as in unit:shop-*.service",
                   text);
    if (is_template(text))
        return say(why, -EINVAL,
                   "'%s' is a template, which no process is in; expected an instance of it, or * "
                   "behind the @ for all",
                   text);
    return 0;
}

bool unit_name_is_valid(const char *name)
{
    return is_plausible(name, false) && has_suffix(strrchr(name, '.')) && !is_template(name);
}

struct unit_pattern unit_pattern_measure(const char *text)
{
    const char *last = strrchr(text, '*');
    size_t size = strlen(text);

    return (struct unit_pattern){
        .size = (uint8_t)size,
        .head = (uint8_t)strcspn(text, "*"),
        .tail = (uint8_t)(last ? strlen(last + 1) : 0),
    };
}

/* What is between the ends, up to TEXT_END and NAME_END. At a mismatch the last star takes one
 * character more. */
static bool matches_middle(const char *text, const char *text_end, const char *name,
                           const char *name_end)
{
    const char *star = NULL, *taken = NULL;

    while (name < name_end) {
        if (text < text_end && *text == '*') {
            star = ++text;
            taken = name;
        } else if (text < text_end && *text == *name) {
            text++;
            name++;
        } else if (star) {
            text = star;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (text < text_end && *text == '*')
        text++;
    return text == text_end;
}

bool unit_pattern_matches(const struct unit_pattern *pattern, const char *text, const char *name)
{
    size_t size = strlen(name), head = pattern->head, tail = pattern->tail;

    if (head == pattern->size)
        return size == head && memcmp(text, name, head) == 0;
    if (size < head + tail || memcmp(text, name, head) != 0 ||
        memcmp(text + pattern->size - tail, name + size - tail, tail) != 0)
        return false;
    return matches_middle(text + head, text + pattern->size - tail, name + head,
                          name + size - tail);
}
