/*
 * Much of everything at once, for as long as wanted: messages and counts whose books are kept,
 * clients that die, reloads, stops, attackers in turn. In the tests for some seconds; `make
 * storm-clients` and `make soak` do it for long. The siege of tests/hostile/hostile.h is around it.
 */
#pragma once

#include "tests/hostile/hostile.h"

TCase *storm_clients_case(void);
TCase *storm_shortage_case(void);
TCase *storm_soak_case(void);

/* A number of the environment, or else that one. */
unsigned wanted(const char *variable, unsigned otherwise);
/* The monotonic clock. */
uint64_t clock_ms(void);

/* ---- traffic.c: what must not be lost ---- */

/* Declares what the traffic goes through, in a drop-in. Before the broker starts. */
void traffic_declare(void);
/* They ask again when they are refused: the broker runs out of something. Before they begin. */
void traffic_may_be_refused(void);
/* Two send numbered messages to two who take them, and one adds to a count that another takes:
 * all acquire again and again, on connections that they keep for a while. */
void traffic_begin(void);
/* How many messages have been sent so far. */
uint64_t traffic_sent(void);
/* Returns when each has sent more than so far. */
void traffic_await(void);
/* Ends it. What was sent has come once and in its order, or the test fails. */
void traffic_end(void);
