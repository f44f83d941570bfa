/* A broker that starts while its calls fail. */
#pragma once

#include "tests/fault/plan.h"

enum outcome { READY, ENDED, HANGS };

/* Begins a start, with an empty log. */
void start_spawn(void);
/* A broker that cannot tell its service manager is ready when its log says so and it answers. */
enum outcome start_await(void);
/* It has given up: with a status that is documented, a cause, and nothing left behind. */
void start_check_refusal(void);
/* Of what start_await() says: CHECK is for one that is ready, which is ended after it. */
void start_judge(enum outcome outcome, void (*check)(void));
/* Ends the broker, which must end well. */
void start_stop(void);
/* A loop that cannot wait ends the broker, after it has been ready. */
bool start_cannot_wait(void);
