/* UTF-8, as far as it must be judged. */
#pragma once

#include "base/base.h"

/* Whether the bytes are UTF-8: no stray or missing byte, no overlong form, no surrogate, nothing
 * over U+10FFFF. NUL is a character like any other. */
bool utf8_is_valid(const char *text, size_t size);
