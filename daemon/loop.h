/* The event loop: descriptors by epoll, level-triggered unless a source asks for edges, and timers.
 * One thread. A callback may remove any source and any timer, its own too. */
#pragma once

#include "daemon/guard.h"

#include <sys/epoll.h>
#include <sys/queue.h>

struct source {
    int fd; /* borrowed from the owner, who removes the source before he closes it */
    void (*ready)(struct source *source, uint32_t events);
};

struct timer {
    uint64_t due_us; /* by now_us() */
    void (*fire)(struct timer *timer);
    bool armed;
    LIST_ENTRY(timer) entry;
};

#define LOOP_BATCH 64

struct loop {
    int epoll;
    struct guard guard; /* interrupts what holds the loop up, once somebody enters it */
    struct epoll_event batch[LOOP_BATCH];
    int n_batch;
    LIST_HEAD(, timer) timers; /* a handful: the earliest is looked for */
    bool stopping;
    int result;
};

/* -EMFILE, -ENFILE, -ENOMEM. */
int loop_init(struct loop *loop) _must_check_;
void loop_deinit(struct loop *loop);

/* Watches SOURCE, which is embedded in its owner. -ENOMEM, -ENOSPC. */
int loop_add(struct loop *loop, struct source *source, uint32_t events) _must_check_;
int loop_change(struct loop *loop, struct source *source, uint32_t events) _must_check_;
/* Before the descriptor is closed: an epoll entry outlives the close while somebody else holds the
 * description. Events that wait in the current batch are dropped. */
void loop_remove(struct loop *loop, struct source *source);

/* Sets or moves the one firing of a timer. */
void loop_arm(struct loop *loop, struct timer *timer, uint64_t due_us);
void loop_disarm(struct timer *timer);

/* Runs until loop_stop(); returns its result, or what epoll_wait() failed with. */
int loop_run(struct loop *loop) _must_check_;
void loop_stop(struct loop *loop, int result);
