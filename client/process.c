/* Fitting into somebody's event loop: one descriptor that is readable when there is something to
 * do. */
#include "client/internal.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#define SECOND_US 1000000

/* What one ipcb_process() takes and tells at most: others of the loop have their turn, too. */
#define FRAMES_MOST 64
#define TOLD_MOST   64

/* ---- what the descriptor waits for ---- */

static int control(const struct ipcb *b, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};

    return epoll_ctl(b->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

/* The connection may be known to a parent's or child's process, too: closing it here would not take
 * it out of the epoll set that is also theirs. And a child must not take out its parent's. */
void process_forget(struct ipcb *b)
{
    if (b->listened != 0 && b->pid == getpid())
        (void)control(b, EPOLL_CTL_DEL, b->fd, 0);
    b->listened = 0;
}

static int listen_to_connection(struct ipcb *b)
{
    uint32_t events = calls_want_to_send(b) ? EPOLLIN | EPOLLOUT : EPOLLIN;
    int r;

    if (b->fd < 0 || events == b->listened)
        return 0;
    r = control(b, b->listened == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, b->fd, events);
    if (r == 0)
        b->listened = events;
    return r;
}

/* When there is something to do although nothing comes; 0: now; INT64_MAX: never. */
static int64_t next_us(const struct ipcb *b)
{
    int64_t at_us = watch_has_news(b) ? 0 : asyncs_next_us(b);

    if (b->fd < 0 && b->calls && b->retry_us < at_us)
        at_us = b->retry_us;
    return at_us;
}

/* Setting the timer anew also takes back that it is readable. A time of 0 would stop it. */
static void set_timer(const struct ipcb *b, int64_t at_us)
{
    struct itimerspec timer = {.it_value = {0, 0}};

    if (at_us != INT64_MAX) {
        timer.it_value.tv_sec = at_us / SECOND_US;
        timer.it_value.tv_nsec = at_us > 0 ? at_us % SECOND_US * 1000 : 1;
    }
    (void)timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &timer, NULL);
}

void process_settle(struct ipcb *b)
{
    int r;

    if (b->epoll < 0 || b->pid != getpid())
        return;
    r = listen_to_connection(b);
    if (r < 0) { /* no memory: nobody would ever hear of this connection again */
        errno = -r;
        r = say(&b->message, r, "cannot wait for the broker at %s: %m", b->address.sun_path);
        connection_close(b);
        calls_fail(b, r);
    }
    set_timer(b, next_us(b));
}

/* ---- the interface ---- */

static int make_epoll(struct ipcb *b)
{
    _cleanup_close_ int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    _cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};

    if (timer < 0 || epoll < 0)
        return say(&b->message, -errno, "no descriptor for an event loop: %m");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) < 0)
        return say(&b->message, -errno, "cannot fit into an event loop: %m");
    b->epoll = TAKE_FD(epoll);
    b->timer = TAKE_FD(timer);
    b->pid = getpid();
    return 0;
}

_public_ int ipcb_get_fd(struct ipcb *b)
{
    int r;

    if (!b)
        return -EINVAL;
    r = handle_check_process(b);
    if (r == 0 && b->epoll < 0) {
        r = make_epoll(b);
        if (r == 0)
            process_settle(b);
    }
    return r < 0 ? r : b->epoll;
}

/* A callback may free the handle, and may call ipcb_process() before that: both hear of it. */
static int tell(struct ipcb *b)
{
    bool freed = false, *outer = b->freed;
    int told = 0;

    b->freed = &freed;
    while (told < TOLD_MOST && !freed && (asyncs_tell(b) || watch_tell(b)))
        told++;
    if (freed) {
        if (outer)
            *outer = true;
        return told;
    }
    b->freed = outer;
    process_settle(b);
    return told;
}

_public_ int ipcb_process(struct ipcb *b)
{
    int r;

    if (!b)
        return -EINVAL;
    r = handle_check_process(b);
    if (r < 0)
        return r;
    for (int i = 0; i < FRAMES_MOST && calls_turn(b); i++)
        ;
    asyncs_expire(b);
    return tell(b);
}
