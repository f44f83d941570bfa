/* A broker that starts while its calls fail. */
#pragma once

#include "tests/fault/plan.h"

enum outcome { READY, ENDED, HANGS };

/* What shall come of a start where nothing fails: it serves, if not said otherwise. */
struct way {
    int refused;        /* it ends with this status */
    const char *cause;  /* which it tells so */
    const char *failed; /* the one object that cannot be made */
    bool keeps_socket;  /* what lies at the socket is another's */
};

/* The objects of these scenarios: by name, by none, and each with all that it can be born with. */
#define START_OBJECTS                                                                              \
    "[queue:orders]\nposix_name = /orders\nmax_messages = 4\nmessage_size = 64\nmode = 0660\n"     \
    "group = $B\nuse = user:$C0\n"                                                                 \
    "[queue:hidden]\nposix_name = none\nmax_messages = 1\nmessage_size = 8\nuse = user:$C0\n"      \
    "[eventfd:wake]\ninitial = 3\nuse = user:$C0, group:root\n"                                    \
    "[pipe:done]\ninitial = 5\nuse = user:$C0\n"

/* One start under faults, and what came of it. */
void start_play(const struct way *way);
/* What an earlier start has said. */
void start_forget(void);
/* Begins a start, with an empty log. */
void start_spawn(void);
/* A broker that cannot tell its service manager is ready when its log says so and it answers. */
enum outcome start_await(void);
/* It has given up: with a status that is documented, a cause, and nothing left behind. */
void start_check_refusal(const struct way *way);
/* Of what start_await() says: CHECK is for one that is ready, which is ended after it. */
void start_judge(const struct way *way, enum outcome outcome, void (*check)(const struct way *));
/* Ends the broker, which must end well. */
void start_stop(void);
/* A loop that cannot wait ends the broker, after it has been ready. */
bool start_cannot_wait(void);
/* Each of the other ways to start. */
void start_add_ways(TCase *tcase);
