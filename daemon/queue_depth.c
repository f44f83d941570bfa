#include "daemon/queue_depth.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/stat.h>

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

/* Only while it is this queue that has the name. Needs no descriptor: there may be none. */
int queue_remove_name(struct object *object)
{
    struct stat status = {.st_nlink = 0};
    int r = object->kernel_name ? fstat(object->fd, &status) : 0;

    if (r >= 0 && status.st_nlink > 0)
        r = mq_unlink(object->kernel_name);
    r = r < 0 ? -errno : 0;
    if (r < 0)
        log_warning("queue '%s': its name %s cannot be removed: %s", object->declaration->name,
                    object->kernel_name, strerror(-r));
    else
        free_charp(&object->kernel_name);
    return r;
}
