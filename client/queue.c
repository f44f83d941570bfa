#include "client/internal.h"

#include <mqueue.h>
#include <poll.h>
#include <time.h>

struct ipcb_queue {
    int fd;
    size_t message_size, max_messages;
    char *buffer; /* of message_size + 1, from the first receive on */
};

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

/* ---- making and ending ---- */

_public_ int ipcb_queue_adopt(struct ipcb_queue **ret, int fd)
{
    struct ipcb_queue *q;
    struct mq_attr attributes;

    if (mq_getattr(fd, &attributes) < 0)
        return -errno;
    q = malloc(sizeof *q);
    if (!q)
        return -ENOMEM;
    *q = (struct ipcb_queue){
        .fd = fd,
        .message_size = (size_t)attributes.mq_msgsize,
        .max_messages = (size_t)attributes.mq_maxmsg,
    };
    *ret = q;
    return 0;
}

_public_ int ipcb_queue_acquire(struct ipcb_queue **ret, struct ipcb *b, const char *name,
                                unsigned access)
{
    _cleanup_close_ int fd = acquire_kind(b, name, access, IPCB_ONLY(IPCB_QUEUE));
    int r;

    if (fd < 0)
        return fd;
    r = ipcb_queue_adopt(ret, fd);
    if (r < 0)
        return b ? say(&b->message, r, "'%s' came, but cannot be used as a queue", name) : r;
    (void)TAKE_FD(fd);
    return 0;
}

_public_ int ipcb_queue_release(struct ipcb_queue *q)
{
    int fd = q->fd;

    free(q->buffer);
    free(q);
    return fd;
}

_public_ struct ipcb_queue *ipcb_queue_free(struct ipcb_queue *q)
{
    if (q)
        close_fd(ipcb_queue_release(q));
    return NULL;
}

/* ---- looking ---- */

_public_ int ipcb_queue_fd(const struct ipcb_queue *q)
{
    return q->fd;
}

_public_ size_t ipcb_queue_message_size(const struct ipcb_queue *q)
{
    return q->message_size;
}

_public_ size_t ipcb_queue_max_messages(const struct ipcb_queue *q)
{
    return q->max_messages;
}

_public_ ssize_t ipcb_queue_depth(const struct ipcb_queue *q)
{
    struct mq_attr attributes;

    return mq_getattr(q->fd, &attributes) < 0 ? -errno : attributes.mq_curmsgs;
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

    if (!timeout_is_valid(timeout_us))
        return -EINVAL;
    if (!message && size == 0)
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
        r = try_send(q->fd, message, size, priority, timeout_us < 0); /* unless others were first */
    } while (would_wait(-r));
    return r;
}

/* ---- receiving ---- */

static ssize_t try_receive(struct ipcb_queue *q, unsigned *priority, bool for_ever)
{
    ssize_t n = for_ever ? mq_receive(q->fd, q->buffer, q->message_size, priority)
                         : mq_timedreceive(q->fd, q->buffer, q->message_size, priority, &LONG_PAST);

    return n < 0 ? -errno : n;
}

static ssize_t receive(struct ipcb_queue *q, unsigned *priority, int64_t timeout_us)
{
    struct deadline deadline;
    ssize_t n;

    n = try_receive(q, priority, timeout_us < 0);
    if (n >= 0 || !would_wait((int)-n))
        return n;
    if (timeout_us == 0)
        return -EAGAIN;
    deadline = deadline_from(timeout_us);
    do {
        int r = wait_for(q->fd, POLLIN, &deadline);
        if (r < 0)
            return r;
        n = try_receive(q, priority, timeout_us < 0); /* unless others were first */
    } while (n < 0 && would_wait((int)-n));
    return n;
}

_public_ ssize_t ipcb_queue_receive(struct ipcb_queue *q, const void **message, unsigned *priority,
                                    int64_t timeout_us)
{
    unsigned came_with = 0;
    ssize_t n;

    if (!timeout_is_valid(timeout_us))
        return -EINVAL;
    if (!q->buffer) {
        q->buffer = malloc(q->message_size + 1);
        if (!q->buffer)
            return -ENOMEM;
    }
    n = receive(q, &came_with, timeout_us);
    if (n < 0)
        return n;
    q->buffer[n] = '\0';
    *message = q->buffer;
    if (priority)
        *priority = came_with;
    return n;
}
