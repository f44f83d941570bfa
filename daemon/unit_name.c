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

size_t unit_pattern_prefix(const char *pattern)
{
    return strcspn(pattern, "*");
}

/* At a mismatch the last star takes one character more. */
static bool matches_rest(const char *pattern, const char *name)
{
    const char *star = NULL, *taken = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            taken = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++taken;
        } else {
            return false;
        }
    }
    return !pattern[strspn(pattern, "*")];
}

bool unit_pattern_matches(const char *pattern, size_t prefix, const char *name)
{
    return strncmp(pattern, name, prefix) == 0 && matches_rest(pattern + prefix, name + prefix);
}
