/* Messages of queues: sending, receiving, text. */
#include "client/internal.h"

#include "base/utf8.h"

#include <mqueue.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/*
 * The kernel's own timeouts are points of CLOCK_REALTIME, which jumps. So it is only asked not to
 * wait, by a point long past, which works whether the description blocks or not; the waiting is
 * done by poll. mq_timedsend() and mq_timedreceive() say ETIMEDOUT then, or EAGAIN with O_NONBLOCK.
 */
static const struct timespec LONG_PAST = {0, 0};

static bool would_wait(int error)
{
    return error == ETIMEDOUT || error == EAGAIN;
}

/* ---- sending ---- */

/* For ever is left to the kernel, where the description lets it wait: one call, no poll. */
static int try_send(int fd, const void *message, size_t size, unsigned priority, bool for_ever)
{
    int r = for_ever ? mq_send(fd, message, size, priority)
                     : mq_timedsend(fd, message, size, priority, &LONG_PAST);

    return r < 0 ? -errno : 0;
}

_public_ int ipcb_queue_send(struct ipcb_queue *q, const void *message, size_t size,
                             unsigned priority, int64_t timeout_us)
{
    struct deadline deadline;
    int r;

    if (!q || (!message && size > 0) || !timeout_is_valid(timeout_us))
        return -EINVAL;
    if (!message)
        message = "";
    r = try_send(q->fd, message, size, priority, timeout_us < 0);
    if (r == 0 || !would_wait(-r))
        return r;
    if (timeout_us == 0)
        return -EAGAIN;
    deadline = deadline_from(timeout_us);
    do {
        r = wait_for(q->fd, POLLOUT, &deadline);
        if (r < 0)
            return r;
        r = try_send(q->fd, message, size, priority, timeout_us < 0);
        /* Others were first, but not for longer than the caller has time. */
    } while (would_wait(-r) && deadline_check(&deadline) == 0);
    return would_wait(-r) ? -ETIMEDOUT : r;
}

/* ---- receiving ---- */

static ssize_t try_receive(int fd, char *buffer, size_t size, unsigned *priority, bool for_ever)
{
    ssize_t n = for_ever ? mq_receive(fd, buffer, size, priority)
                         : mq_timedreceive(fd, buffer, size, priority, &LONG_PAST);

    return n < 0 ? -errno : n;
}

_public_ ssize_t ipcb_queue_receive_into(struct ipcb_queue *q, void *buffer, size_t size,
                                         unsigned *priority, int64_t timeout_us)
{
    struct deadline deadline;
    unsigned came_with = 0;
    ssize_t n;

    if (!q || !buffer || !timeout_is_valid(timeout_us))
        return -EINVAL;
    n = try_receive(q->fd, buffer, size, &came_with, timeout_us < 0);
    if (n < 0 && would_wait((int)-n)) {
        if (timeout_us == 0)
            return -EAGAIN;
        deadline = deadline_from(timeout_us);
        do {
            int r = wait_for(q->fd, POLLIN, &deadline);
            if (r < 0)
                return r;
            n = try_receive(q->fd, buffer, size, &came_with, timeout_us < 0);
            /* Others were first, but not for longer than the caller has time. */
        } while (n < 0 && would_wait((int)-n) && deadline_check(&deadline) == 0);
        if (n < 0 && would_wait((int)-n))
            return -ETIMEDOUT;
    }
    if (n >= 0 && priority)
        *priority = came_with;
    return n;
}

static ssize_t give_last(const struct ipcb_queue *q, const void **message, unsigned *priority)
{
    *message = q->buffer;
    if (priority)
        *priority = q->last_priority;
    return q->last_size;
}

_public_ ssize_t ipcb_queue_last(const struct ipcb_queue *q, const void **message,
                                 unsigned *priority)
{
    if (!q || !message)
        return -EINVAL;
    return q->last_size < 0 ? q->last_size : give_last(q, message, priority);
}

/* Takes a message into the wrapper's own buffer. */
static ssize_t receive(struct ipcb_queue *q, int64_t timeout_us)
{
    ssize_t n;

    if (!timeout_is_valid(timeout_us))
        return -EINVAL;
    if (!q->buffer) {
        q->buffer = malloc(q->message_size + 1);
        if (!q->buffer)
            return -ENOMEM;
    }
    n = ipcb_queue_receive_into(q, q->buffer, q->message_size, &q->last_priority, timeout_us);
    if (n < 0)
        return n;
    q->buffer[n] = '\0';
    q->last_size = n;
    return n;
}

_public_ ssize_t ipcb_queue_receive(struct ipcb_queue *q, const void **message, unsigned *priority,
                                    int64_t timeout_us)
{
    ssize_t n;

    if (!q || !message)
        return -EINVAL;
    n = receive(q, timeout_us);
    return n < 0 ? n : give_last(q, message, priority);
}

/* ---- text ---- */

_public_ int ipcb_queue_send_text(struct ipcb_queue *q, const char *text, unsigned priority,
                                  int64_t timeout_us)
{
    size_t size;

    if (!text)
        return -EINVAL;
    size = strlen(text);
    if (!utf8_is_valid(text, size))
        return -EILSEQ;
    return ipcb_queue_send(q, text, size, priority, timeout_us);
}

_public_ ssize_t ipcb_queue_receive_text(struct ipcb_queue *q, const char **text,
                                         unsigned *priority, int64_t timeout_us)
{
    const void *message;
    ssize_t n;

    if (!q || !text)
        return -EINVAL;
    n = receive(q, timeout_us);
    if (n < 0)
        return n;
    if (!utf8_is_valid(q->buffer, (size_t)n))
        return -EILSEQ;
    n = give_last(q, &message, priority);
    *text = message;
    return n;
}
