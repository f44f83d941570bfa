/* ipcbrokerd --check-config: every error and the sums; touches nothing. */
#pragma once

#include "daemon/options.h"

/* Descriptors that a broker needs besides one for each object and client: the largest batch on its
 * way out, and 64 for itself and its administrators. */
#define DESCRIPTORS_BESIDES 317u

/* How many clients fit this process's RLIMIT_NOFILE beside the objects; 0: not one. */
uint64_t check_room_for_clients(const struct config *config);
/* Makes a default max_clients fit, with a warning. -EBADMSG: a written one does not; -EMFILE: there
 * is no room for any client. Both are errors among the problems. */
int check_fit_clients(struct config *config, struct problems *problems) _must_check_;

/* Errors and warnings to stderr, the sums to stdout. Returns the exit status. */
int check_config(const struct options *options);
