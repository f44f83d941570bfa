#include "base/utf8.h"

/* The forms of RFC 3629: range of the first byte, of the second, and how many bytes there are; all
 * bytes after the second are 80 to BF. */
static const struct form {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    uint8_t bytes;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool in_range(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* The bytes of the character at TEXT, 0 if there is none. */
static size_t measure(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const struct form *form = &forms[i];
        if (!in_range(text[0], form->first_low, form->first_high))
            continue;
        if (size < form->bytes)
            return 0;
        if (form->bytes > 1 && !in_range(text[1], form->second_low, form->second_high))
            return 0;
        for (size_t n = 2; n < form->bytes; n++)
            if (!in_range(text[n], 0x80, 0xbf))
                return 0;
        return form->bytes;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t size)
{
    const uint8_t *byte = (const uint8_t *)text;

    while (size > 0) {
        size_t n = measure(byte, size);
        if (n == 0)
            return false;
        byte += n;
        size -= n;
    }
    return true;
}
