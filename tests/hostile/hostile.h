/*
 * Attacks, each against a broker that others use: see docs/security.md.
 *
 * A test begins with besiege(), which starts the broker, notes what it has, and lets the canary
 * sing: a client of another user, who acquires without a pause on a kept connection and on new
 * ones. The attack follows. When the test ends the canary must have been answered each time and
 * must be answered still, and the same broker must have what it had: descriptors, memory, objects,
 * and none on their way. How long the canary waited is a comment, and no verdict.
 */
#pragma once

#include "tests/integration/frames.h"

TCase *hostile_queue_case(void);
TCase *hostile_descriptors_case(void);
TCase *hostile_event_case(void);
TCase *hostile_peer_case(void);
TCase *hostile_system_case(void);
TCase *hostile_unread_case(void);
TCase *hostile_direction_case(void);
TCase *hostile_container_case(void);
TCase *hostile_disclosure_case(void);
TCase *hostile_crowd_case(void);

/* Whether ordinary users may have user name spaces on this host. */
bool users_have_name_spaces(void);

/* ---- siege.c: what each test is surrounded by ---- */

/* A case whose tests have a fixture, and an end to their siege. */
TCase *hostile_case(const char *name);

/* Writes the configuration and starts the broker, with objects of the canary's besides. */
#define besiege(configuration) besiege_as(__func__, configuration)
void besiege_as(const char *test, const char *configuration);
/* Returns when the canary has been answered N times more, both ways. */
void await_canary(unsigned n);
/* Ends what besiege() began, with all that must hold then. Tests that go on after it, as with
 * another broker, call it themselves. */
void end_siege(void);
/* The attacker may change what is said of this object: it is compared no more. */
void may_change(const char *name);

/* ---- attackers.c: who surrounds it ---- */

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

/* Processes of one user that all do the same until they are killed. */
#define CROWD_MOST 8u
struct crowd {
    pid_t children[CROWD_MOST];
    unsigned n;
};

/* ATTACK is called again and again, and must return 0 each time: see EXPECT(). */
struct crowd crowd_begin(struct who who, unsigned n, int (*attack)(void));
/* The test fails if one of them has ended before. */
void crowd_end(struct crowd *crowd);

/* ---- canary.c, census.c: parts of a siege ---- */

/* Counts what a broker has, in words: two of them can be compared. To be freed. */
char *census_descriptors(void);
char *census_objects(struct ipcb *administrator);

struct canary;
uid_t canary_uid(void);
/* Writes a drop-in with its objects, one of each kind. */
void canary_declare(void);
struct canary *canary_begin(void);
/* Waits until it has been answered N times more, both ways; the test fails where it was not. */
void canary_await(struct canary *canary, unsigned n);
/* Ends it, and says as a comment how long it has waited. */
void canary_end(struct canary *canary, const char *test);
