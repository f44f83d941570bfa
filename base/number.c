#include "base/number.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;

    if (!is_digit(*text))
        return -EINVAL;
    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return text[strspn(text, "0123456789")] ? -EINVAL : -ERANGE;
    if (*text)
        return -EINVAL;
    if (value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int parse_seconds(const char *text, int64_t *ret_us)
{
    char whole[32];
    size_t digits = strspn(text, "0123456789");
    const char *point = text + digits;
    uint64_t seconds = 0, fraction = 0;
    int r;

    if (digits >= sizeof whole)
        return -ERANGE;
    if (*point && *point != '.')
        return -EINVAL;
    if (digits == 0 && !is_digit(point[*point == '.']))
        return -EINVAL;
    if (digits > 0) {
        memcpy(whole, text, digits);
        whole[digits] = '\0';
        r = parse_number(whole, INT64_MAX / 1000000 - 1, &seconds);
        if (r < 0)
            return r;
    }
    if (*point == '.') {
        const char *digit = point + 1;
        if (!is_digit(*digit))
            return -EINVAL;
        for (uint64_t unit = 100000; is_digit(*digit); digit++, unit /= 10)
            fraction += unit * (uint64_t)(*digit - '0');
        if (*digit)
            return -EINVAL;
    }
    *ret_us = (int64_t)(seconds * 1000000 + fraction);
    return 0;
}
