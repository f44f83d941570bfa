/* Values of configuration keys: from text to C, with a sentence that says what was expected. All
 * have the form that struct kind_key wants; the target's type is said at each. On error the target
 * is as it was. */
#pragma once

#include "base/base.h"

/* yes, no, true, false, on, off, 1, 0 -> bool */
int value_bool(const char *text, void *target, struct sentence *why);
/* a whole number from 0 -> uint64_t */
int value_u64(const char *text, void *target, struct sentence *why);
/* a number with K or M (1024) -> uint64_t */
int value_size(const char *text, void *target, struct sentence *why);
/* an absolute path of at most 107 bytes -> char *, owned by the target, which it replaces */
int value_socket_path(const char *text, void *target, struct sentence *why);
/* an octal file mode of 3 or 4 digits with 0600 in it and nothing outside 0666 -> mode_t */
int value_mode(const char *text, void *target, struct sentence *why);
/* the name or the number of a group -> struct subject of that type, which owns its name; a name is
 * resolved by config_resolve() */
int value_group(const char *text, void *target, struct sentence *why);

/* Takes the next element of a list that is separated by commas or blanks: copies it to BUFFER and
 * returns the rest; NULL: no more. BUFFER must have room for the whole of LIST. */
const char *value_next(const char *list, char *buffer, size_t size);
