/*
 * The guard of the loop against descriptors that clients send.
 *
 * The broker takes none, but the kernel closes what is not taken in the time of whoever drops it,
 * and closing a TCP socket with SO_LINGER takes as long as the sender chose. Newer kernels refuse
 * them at the sender. Where they do not, frames are looked at before they are read, closes are
 * hurried, and a timer of the kernel interrupts the loop's thread when one call lasts too long. The
 * timer is still while the loop sleeps.
 */
#pragma once

#include "base/base.h"

#include <signal.h>
#include <time.h>

struct guard {
    size_t n_unguarded; /* sockets that take descriptors; 0: the guard rests */
    timer_t timer;
    bool made; /* the timer is there */
    /* Shared with the signal's handler, which runs in the loop's thread. */
    volatile sig_atomic_t resting; /* the loop waits */
    volatile sig_atomic_t ticking; /* the timer is armed */
    volatile sig_atomic_t ticks;
};

/* Makes a socket refuse descriptors, for a listener also on behalf of what it will accept. What has
 * come already stays. False: this kernel cannot. */
bool guard_refuse(int fd);

/* One socket more, or less, that takes descriptors. -errno: no timer can be had. To be called in
 * the loop's thread, where the timer interrupts. */
int guard_enter(struct guard *guard) _must_check_;
void guard_leave(struct guard *guard);
void guard_deinit(struct guard *guard);

/* Before the loop waits, and after. */
static inline void guard_rest(struct guard *guard)
{
    guard->resting = 1;
}
void guard_begin(struct guard *guard);
static inline void guard_wake(struct guard *guard)
{
    guard->resting = 0;
    if (guard->n_unguarded > 0 && !guard->ticking)
        guard_begin(guard);
}

/* Looks at the next frame of FD without taking it: 1, or 0 where it is empty or the end, or -errno;
 * -EPERM: it comes with descriptors, and whoever reads it may be held up. CREDENTIALS: the socket
 * has SO_PASSCRED, so that each frame comes with some. */
int guard_peek(int fd, bool credentials) _must_check_;
/* Ends and closes a socket that takes descriptors. True: there were some, and closing them held the
 * loop until it was interrupted. */
bool guard_close(struct guard *guard, int fd);
