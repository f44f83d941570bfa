/* What waits in a queue. */
#pragma once

#include "daemon/object.h"

/* How many messages. -errno. */
int queue_depth(const struct object *object, uint64_t *ret);
/* Takes at most N of them, never waits. -errno; -ENOMEM. */
int queue_take(const struct object *object, uint64_t n, uint64_t *ret_taken);
