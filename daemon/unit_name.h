/* Names of systemd units, as grants are written for them. */
#pragma once

#include "base/base.h"

#define UNIT_NAME_MAX 255u /* bytes, systemd's own limit */

/* Whether TEXT names units that processes can be in, by name or with `*` for any characters:
 * -EINVAL with a sentence if it never can. */
int unit_pattern_check(const char *text, struct sentence *why) _must_check_;
/* Whether NAME is one such unit's name, as systemd tells it. */
bool unit_name_is_valid(const char *name);
/* How many bytes of a pattern have to be at the beginning of every name that it is for. */
size_t unit_pattern_prefix(const char *pattern);
/* PREFIX: what unit_pattern_prefix() said, so that most names are told apart by a comparison. */
bool unit_pattern_matches(const char *pattern, size_t prefix, const char *name);
