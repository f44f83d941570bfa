/* Numbers from text, with every check that strtoull() leaves to its caller. */
#pragma once

#include "base/base.h"

/* Decimal digits and nothing else: no sign, no blanks, no 0x; leading zeros are plain zeros.
 * -EINVAL: not a number; -ERANGE: more than MAX. */
int parse_number(const char *text, uint64_t max, uint64_t *ret) _must_check_;

/* Seconds with an optional fraction ("2", "0.25"), to microseconds. Digits after the sixth are
 * dropped. -EINVAL: not such a number; -ERANGE: over INT64_MAX microseconds. */
int parse_seconds(const char *text, int64_t *ret_us) _must_check_;
