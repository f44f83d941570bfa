#include "daemon/loop.h"

#include "daemon/clock.h"

#include <limits.h>

int loop_init(struct loop *loop)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0)
        return -errno;
    *loop = (struct loop){.epoll = epoll};
    LIST_INIT(&loop->timers);
    return 0;
}

void loop_deinit(struct loop *loop)
{
    guard_deinit(&loop->guard);
    loop->epoll = close_fd(loop->epoll);
}

static int control(struct loop *loop, int operation, struct source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(loop->epoll, operation, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_change(struct loop *loop, struct source *source, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct source *source)
{
    (void)control(loop, EPOLL_CTL_DEL, source, 0); /* it is there: this cannot fail */
    for (int i = 0; i < loop->n_batch; i++)
        if (loop->batch[i].data.ptr == source)
            loop->batch[i].data.ptr = NULL;
}

void loop_arm(struct loop *loop, struct timer *timer, uint64_t due_us)
{
    timer->due_us = due_us;
    if (timer->armed)
        return;
    timer->armed = true;
    LIST_INSERT_HEAD(&loop->timers, timer, entry);
}

void loop_disarm(struct timer *timer)
{
    if (!timer->armed)
        return;
    timer->armed = false;
    LIST_REMOVE(timer, entry);
}

static struct timer *earliest(struct loop *loop)
{
    struct timer *timer, *first = NULL;

    LIST_FOREACH (timer, &loop->timers, entry)
        if (!first || timer->due_us < first->due_us)
            first = timer;
    return first;
}

/* Milliseconds until the first timer, rounded up so that it is due then; -1: no timer, no wake-up.
 */
static int timeout_ms(struct loop *loop)
{
    struct timer *first = earliest(loop);
    uint64_t now, wait;

    if (!first)
        return -1;
    now = now_us();
    if (first->due_us <= now)
        return 0;
    wait = (first->due_us - now + 999) / 1000;
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void fire_due(struct loop *loop)
{
    struct timer *first;

    while ((first = earliest(loop)) && first->due_us <= now_us()) {
        loop_disarm(first);
        first->fire(first);
    }
}

static void dispatch(struct loop *loop)
{
    for (int i = 0; i < loop->n_batch; i++) {
        struct source *source = loop->batch[i].data.ptr;

        if (source)
            source->ready(source, loop->batch[i].events);
    }
    loop->n_batch = 0;
}

int loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        int n;

        guard_rest(&loop->guard);
        n = epoll_wait(loop->epoll, loop->batch, LOOP_BATCH, timeout_ms(loop));
        if (n < 0 && errno == EINTR) /* the guard's last tick: nothing to wake it for */
            continue;
        guard_wake(&loop->guard);
        if (n < 0)
            return -errno;
        loop->n_batch = n;
        dispatch(loop);
        if (!LIST_EMPTY(&loop->timers))
            fire_due(loop);
    }
    return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
    loop->stopping = true;
    loop->result = result;
}
