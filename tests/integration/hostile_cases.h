/* The cases of test-hostile, a file each. */
#pragma once

#include "tests/integration/cases.h"

TCase *hostile_queue_case(void);
TCase *hostile_event_case(void);
TCase *hostile_peer_case(void);
TCase *hostile_system_case(void);

/* A user who acquires an object, does with it what he can, and holds it for as long as we look. */
struct attacker {
    const char *name;       /* of the object */
    int (*attack)(int fd);  /* see EXPECT() */
    int done[2], leaves[2]; /* pipes: he is done; he may go */
    pid_t child;
};

/* Returns when he is done; the test fails if he could not do it. */
struct attacker attack_begin(struct who who, const char *name, int (*attack)(int fd));
void attack_end(struct attacker *attacker);
