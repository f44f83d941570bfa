/* Wrappers of queues: making, looking, ending. Messages are in queue_message.c. */
#include "client/internal.h"

#include <fcntl.h>
#include <mqueue.h>

/* ---- making and ending ---- */

_public_ int ipcb_queue_adopt(struct ipcb_queue **ret, int fd)
{
    struct ipcb_queue *q;
    struct mq_attr attributes;

    if (!ret)
        return -EINVAL;
    if (mq_getattr(fd, &attributes) < 0)
        return -errno;
    q = malloc(sizeof *q);
    if (!q)
        return -ENOMEM;
    *q = (struct ipcb_queue){
        .fd = fd,
        .message_size = (size_t)attributes.mq_msgsize,
        .max_messages = (size_t)attributes.mq_maxmsg,
        .last_size = -ENOMSG,
    };
    *ret = q;
    return 0;
}

_public_ int ipcb_queue_acquire(struct ipcb_queue **ret, struct ipcb *b, const char *name,
                                unsigned access)
{
    return acquire_wrapper(b, &(struct ipcb_item){.name = name, .access = access, .queue = ret});
}

_public_ int ipcb_queue_clone(struct ipcb_queue **ret, const struct ipcb_queue *q)
{
    _cleanup_close_ int fd = -1;
    int r, own;

    if (!ret || !q)
        return -EINVAL;
    own = clone_fd(q->fd, &fd);
    if (own < 0)
        return own;
    r = ipcb_queue_adopt(ret, fd);
    if (r < 0)
        return r;
    (void)TAKE_FD(fd);
    return own;
}

_public_ int ipcb_queue_release(struct ipcb_queue *q)
{
    int fd;

    if (!q)
        return -EINVAL;
    fd = q->fd;
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
    return q ? q->fd : -EINVAL;
}

_public_ size_t ipcb_queue_message_size(const struct ipcb_queue *q)
{
    return q ? q->message_size : 0;
}

_public_ size_t ipcb_queue_max_messages(const struct ipcb_queue *q)
{
    return q ? q->max_messages : 0;
}

_public_ ssize_t ipcb_queue_depth(const struct ipcb_queue *q)
{
    struct mq_attr attributes;
    int r = ipcb_queue_attributes(q, &attributes);

    return r < 0 ? r : attributes.mq_curmsgs;
}

_public_ int ipcb_queue_attributes(const struct ipcb_queue *q, struct mq_attr *ret)
{
    struct mq_attr attributes;

    if (!q || !ret)
        return -EINVAL;
    if (mq_getattr(q->fd, &attributes) < 0)
        return -errno;
    *ret = attributes;
    return 0;
}

_public_ int ipcb_queue_set_nonblocking(struct ipcb_queue *q, int nonblocking)
{
    struct mq_attr before, wanted = {.mq_flags = nonblocking ? O_NONBLOCK : 0};

    if (!q)
        return -EINVAL;
    if (mq_setattr(q->fd, &wanted, &before) < 0)
        return -errno;
    return !!(before.mq_flags & O_NONBLOCK);
}
