/* ipcbrokerd --check-config: every error and the sums; touches nothing. */
#pragma once

#include "daemon/options.h"

/* Descriptors that a broker needs besides one for each object and client: the largest batch on its
 * way out, and 64 for itself and its administrators. */
#define DESCRIPTORS_BESIDES 317u

/* How many clients fit this process's RLIMIT_NOFILE beside the objects; 0: not one. */
uint64_t check_room_for_clients(const struct config *config);
/* Words that max_clients does not fit; returns -EINVAL. */
int check_say_no_room(const struct config *config, struct sentence *why);

/* Errors and warnings to stderr, the sums to stdout. Returns the exit status. */
int check_config(const struct options *options);
