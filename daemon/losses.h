/* What ends with the process or the service, told before it does. */
#pragma once

#include "daemon/store.h"

/* At the start, where there is no store: how many objects live no longer than this process. */
void losses_say_at_start(const struct registry *registry, const struct store *store);
/* At the stop: what is lost if it is not a restart, or without a store in any case, with how much
 * waits in it. SIGNAL is the reason. */
void losses_say_at_stop(const struct registry *registry, const struct store *store,
                        const char *signal);
