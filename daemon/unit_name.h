/* Names of systemd units, as grants are written for them. */
#pragma once

#include "base/base.h"

#define UNIT_NAME_MAX 255u /* bytes, systemd's own limit */

/* Whether TEXT names units that processes can be in, by name or with `*` for any characters:
 * -EINVAL with a sentence if it never can. */
int unit_pattern_check(const char *text, struct sentence *why) _must_check_;
/* Whether NAME is one such unit's name, as systemd tells it. */
bool unit_name_is_valid(const char *name);
/* A pattern, measured once, so that most names are told apart by their ends. */
struct unit_pattern {
    uint8_t size;
    uint8_t head; /* bytes before the first star; all of them if there is none */
    uint8_t tail; /* bytes behind the last one */
};

/* Of TEXT that unit_pattern_check() has passed. */
struct unit_pattern unit_pattern_measure(const char *text);
bool unit_pattern_matches(const struct unit_pattern *pattern, const char *text, const char *name);
