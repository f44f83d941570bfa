#include "client/internal.h"

#include <poll.h>
#include <time.h>

#define SECOND_US 1000000

int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

struct deadline deadline_from(int64_t timeout_us)
{
    struct deadline deadline = {.timeout_us = timeout_us};

    if (timeout_us >= 0 && __builtin_add_overflow(now_us(), timeout_us, &deadline.at_us))
        deadline.timeout_us = -1; /* beyond the end of the clock is for ever */
    return deadline;
}

static int64_t left_us(const struct deadline *deadline)
{
    int64_t left = deadline->at_us - now_us();

    return left > 0 ? left : 0;
}

static int elapsed(const struct deadline *deadline)
{
    return deadline->timeout_us == 0 ? -EAGAIN : -ETIMEDOUT;
}

int deadline_check(const struct deadline *deadline)
{
    if (deadline->timeout_us < 0 || left_us(deadline) > 0)
        return 0;
    return elapsed(deadline);
}

static struct timespec timespec_from(int64_t us)
{
    return (struct timespec){.tv_sec = us / SECOND_US, .tv_nsec = us % SECOND_US * 1000};
}

static int poll_until(int fd, short events, bool for_ever, int64_t at_us)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    int64_t left_us = for_ever ? 0 : at_us - now_us(); /* AT_US of for ever is no time */
    struct timespec left = timespec_from(left_us > 0 ? left_us : 0);
    int n = ppoll(&pollfd, 1, for_ever ? NULL : &left, NULL);

    return n < 0 ? -errno : n;
}

int wait_for(int fd, short events, const struct deadline *deadline)
{
    int n = poll_until(fd, events, deadline->timeout_us < 0, deadline->at_us);

    if (n != 0)
        return n < 0 ? n : 0;
    return elapsed(deadline);
}

int wait_until(int fd, short events, const struct deadline *deadline, int64_t until_us)
{
    int n;

    if (until_us == 0 || (deadline->timeout_us >= 0 && deadline->at_us <= until_us))
        return wait_for(fd, events, deadline);
    n = poll_until(fd, events, false, until_us);
    return n < 0 ? n : 0;
}
