/* What a reload makes of files with errors: each drop-in counts as it was when it was last applied.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/config_file.h"

/* Of the files as read: replaces each drop-in with errors of its own, in conflict with an earlier
 * one, or with unknown users and groups, by the one of source->previous, until what is left goes
 * together. Names of users and groups are resolved then. What cannot be replaced is marked as bad.
 * -ENOMEM. */
int config_settle(struct config *config, const struct config_source *source,
                  struct problems *problems) _must_check_;

/* ---- config_resolve.c ---- */

/* Looks the names of users and groups in these files up, unless it has been done; a file with one
 * that cannot be found is bad. -ENOMEM. */
int config_names_of(struct config_file *const *files, size_t n,
                    struct problems *problems) _must_check_;
/* Looks up the names that nobody has written, but are the default; as in PREVIOUS where the name
 * service does not tell. -ENOMEM. */
int config_names_of_defaults(struct config *config, const struct config *previous) _must_check_;
/* Takes the names in FILE from a configuration in force: what it says of them, however it came to
 * that. -ENOMEM. */
int config_names_from(struct config_file *file, const struct config *previous) _must_check_;
