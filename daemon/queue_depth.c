#include "daemon/queue_depth.h"

#include <fcntl.h>
#include <mqueue.h>

int queue_depth(const struct object *object, uint64_t *ret)
{
    struct mq_attr is;

    if (mq_getattr(object->fd, &is) < 0)
        return -errno;
    *ret = (uint64_t)is.mq_curmsgs;
    return 0;
}

int queue_take(const struct object *object, uint64_t n, uint64_t *ret_taken)
{
    _cleanup_close_ int fd = object_reopen(object, object->fd, O_RDONLY | O_NONBLOCK);
    _cleanup_free_ char *bytes = NULL;
    struct mq_attr is;
    uint64_t taken = 0;

    if (fd < 0)
        return fd;
    if (mq_getattr(fd, &is) < 0)
        return -errno;
    bytes = malloc((size_t)is.mq_msgsize);
    if (!bytes)
        return -ENOMEM;
    while (taken < n && mq_receive(fd, bytes, (size_t)is.mq_msgsize, NULL) >= 0)
        taken++;
    *ret_taken = taken;
    return 0;
}
