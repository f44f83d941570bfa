/* What waits in a queue, and the end of its name. */
#pragma once

#include "daemon/object.h"

/* How many messages. -errno. */
int queue_depth(const struct object *object, uint64_t *ret);
/* Takes at most N of them, never waits. -errno; -ENOMEM. */
int queue_take(const struct object *object, uint64_t n, uint64_t *ret_taken);
/* Removes its name from the kernel, if it has one. -errno, which is logged. */
int queue_remove_name(struct object *object);
