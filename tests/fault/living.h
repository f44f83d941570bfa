/* A broker that lives on while its calls fail, and what is looked at after each point. */
#pragma once

#include "tests/fault/plan.h"

#define CLIENT_TIMEOUT 50000    /* microseconds: for whom a reply is kept back by the fault */
#define NO_TIMEOUT     60000000 /* for whom none is */

/* Starts it, under the shim, and remembers what descriptors it has. */
void living_start(const char *configuration);
void living_end(void);
/* Remembers anew how many descriptors it has without the fault. */
void living_count(size_t n);

/* What is left to do after the reply is done, too: the broker sleeps, or spins on what fails. */
void living_settle(void);
/* A loop that cannot wait ends the broker: nothing could be served. All else must not. Returns
 * whether it ended; it is started again then. */
bool living_has_ended(void);
/* Nothing is lost: once the broker has seen that its clients went it has what it had before. */
void living_check_descriptors(void);
