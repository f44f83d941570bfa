/* A second descriptor of an object that one has. */
#include "client/internal.h"

#include <fcntl.h>

/* What a duplicate shares, O_NONBLOCK above all, is on the description; only opening makes a new
 * one. O_NONBLOCK keeps the open of a fifo from waiting for its other end, and is set as it is on
 * FD afterwards, when the new description is nobody's but ours. */
static int open_anew(int fd, int flags)
{
    _cleanup_close_ int fresh = -1;
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fresh = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
    if (fresh < 0)
        return -errno;
    if (!(flags & O_NONBLOCK) && fcntl(fresh, F_SETFL, 0) < 0)
        return -errno;
    return TAKE_FD(fresh);
}

int clone_fd(int fd, int *ret)
{
    int fresh, flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    fresh = open_anew(fd, flags);
    if (fresh >= 0) {
        *ret = fresh;
        return 1;
    }
    /* Not allowed, or no kind that can be opened, or no /proc here. */
    fresh = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fresh < 0)
        return -errno;
    *ret = fresh;
    return 0;
}
