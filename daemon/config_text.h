/* From the path of a configuration file to its text, if it is one that can be trusted. */
#pragma once

#include "daemon/problems.h"

#define CONFIG_TEXT_MAX (4u << 20) /* bytes of a file */

/* Reads the file whole, without ever blocking on what only looks like one. It must be regular; it
 * and the directories that hold it, and its link, must belong to root or our effective user and be
 * writable by nobody else (OFFLINE: a warning). *ret has a NUL after its *ret_size bytes.
 * -EBADMSG: not to be used, *PROBLEMS says why; -ENOMEM. */
int config_text_read(const char *path, bool offline, struct problems *problems, char **ret,
                     size_t *ret_size) _must_check_;
