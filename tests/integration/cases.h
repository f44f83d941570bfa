/* What the integration tests share. */
#pragma once

#include "tests/harness.h"

#undef NDEBUG
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The broker of the running test: each test has a process of its own. */
extern struct fixture broker;

/* A case whose tests have a fixture, and the time that sanitizers need. */
TCase *broker_case(const char *name);

/* Writes the configuration and starts the broker. */
static inline void serve(const char *configuration)
{
    fixture_configure(&broker, configuration);
    fixture_start(&broker);
}

/* The client user $C0 to $C7. */
static inline struct who user(unsigned which)
{
    return client(&broker, which);
}

/* What WHO gets: the access mode of the descriptor, or -errno. */
static inline int get(struct who who, const char *name, unsigned access)
{
    return acquire_as(&broker, who, name, access);
}

static inline struct ipcb *connect_as(struct who who)
{
    return handle_as(&broker, who);
}

/* A descriptor; the test fails when there is none. */
int acquire(struct ipcb *b, const char *name, unsigned access);
/* All that can be said of one. */
struct ipcb_item acquire_item(struct ipcb *b, const char *name, unsigned access, unsigned flags);
/* The queue in its wrapper, with all that WHO is granted; the test fails when there is none. */
struct ipcb_queue *queue_of(struct who who, const char *name);
/* The same of an eventfd. */
struct ipcb_event *event_of(struct who who, const char *name);
/* Sends text, which must not have to wait. */
void put(struct ipcb_queue *q, const char *text);
/* The queue's next message must be that text. */
void expect_next(struct ipcb_queue *q, const char *text);
/* How many descriptors the broker has open between two requests of B. */
size_t broker_descriptors(struct ipcb *b);
/* How many it has open when it has no client. */
size_t descriptors_at_rest(void);
/* How often the broker has left the processor so far. */
uint64_t broker_switches(void);
/* Whether the broker sleeps and has not been woken since the last look, which *SEEN, a uint64_t
 * that begins with 0, keeps in mind. For await(). */
bool broker_sleeps(void *seen);
/* Waits until the broker has that many descriptors open: it may still have a client to forget. */
void await_descriptors(size_t n);
/* N sections [KIND:PREFIX0000] and so on, to be freed; EXTRA is what each of them holds. */
char *sections(const char *kind, const char *prefix, size_t n, const char *extra);
