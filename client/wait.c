#include "client/internal.h"

#include <poll.h>
#include <time.h>

#define SECOND_US 1000000

/* A backlog that is full is emptied by the broker's next turn: this is how long one may take. */
#define LITTLE_US 2000

static int64_t now_us(void)
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

int wait_for(int fd, short events, const struct deadline *deadline)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    struct timespec left;
    int n;

    if (deadline->timeout_us < 0) {
        n = ppoll(&pollfd, 1, NULL, NULL);
    } else {
        left = timespec_from(left_us(deadline));
        n = ppoll(&pollfd, 1, &left, NULL);
    }
    if (n < 0)
        return -errno;
    return n > 0 ? 0 : elapsed(deadline);
}

void wait_a_little(const struct deadline *deadline)
{
    struct timespec little = timespec_from(LITTLE_US);

    if (deadline->timeout_us >= 0 && left_us(deadline) < LITTLE_US)
        little = timespec_from(left_us(deadline));
    (void)ppoll(NULL, 0, &little, NULL); /* a signal only makes the next look come sooner */
}
