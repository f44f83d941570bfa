#include "client/internal.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

struct ipcb_event {
    int fd;
    bool blocking; /* as it was when wrapped */
};

/* ---- making and ending ---- */

/* Writing to and reading from a wrong file would do harm, so the kernel is asked what this is. All
 * anonymous files share one inode: only the link's text tells. */
static bool is_eventfd(int fd)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];
    char text[64];
    ssize_t n;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, text, sizeof text - 1);
    if (n < 0)
        return true; /* no /proc here: the caller is believed */
    text[n] = '\0';
    return strcmp(text, "anon_inode:[eventfd]") == 0;
}

_public_ int ipcb_event_adopt(struct ipcb_event **ret, int fd)
{
    struct ipcb_event *e;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || !is_eventfd(fd))
        return -EBADF;
    e = malloc(sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = (struct ipcb_event){.fd = fd, .blocking = !(flags & O_NONBLOCK)};
    *ret = e;
    return 0;
}

_public_ int ipcb_event_acquire(struct ipcb_event **ret, struct ipcb *b, const char *name)
{
    _cleanup_close_ int fd = acquire_kind(b, name, IPCB_USE, IPCB_EVENTFD);
    int r;

    if (fd < 0)
        return fd;
    r = ipcb_event_adopt(ret, fd);
    if (r < 0)
        return b ? say(&b->message, r, "'%s' came, but cannot be used as an eventfd", name) : r;
    (void)TAKE_FD(fd);
    return 0;
}

_public_ int ipcb_event_release(struct ipcb_event *e)
{
    int fd = e->fd;

    free(e);
    return fd;
}

_public_ struct ipcb_event *ipcb_event_free(struct ipcb_event *e)
{
    if (e)
        close_fd(ipcb_event_release(e));
    return NULL;
}

_public_ int ipcb_event_fd(const struct ipcb_event *e)
{
    return e->fd;
}

/* ---- signalling ---- */

_public_ int ipcb_event_signal(struct ipcb_event *e, uint64_t n)
{
    /* No write to a blocking eventfd can be made not to wait, so look first. */
    if (e->blocking) {
        struct deadline at_once = {0};
        int r = wait_for(e->fd, POLLOUT, &at_once);
        if (r < 0)
            return r;
    }
    return write(e->fd, &n, sizeof n) < 0 ? -errno : 0;
}

/* ---- waiting ---- */

/* Before Linux 5.8 an eventfd knew no RWF_NOWAIT: what poll has seen may be taken by another before
 * the read, which then waits if the description blocks. */
static int take_after_look(int fd, uint64_t *ret)
{
    struct deadline at_once = {0};
    int r = wait_for(fd, POLLIN, &at_once);

    if (r < 0)
        return r;
    return read(fd, ret, sizeof *ret) < 0 ? -errno : 0;
}

/* Takes the count if there is one. -EAGAIN: there is none. */
static int take(int fd, uint64_t *ret)
{
    struct iovec iov = {ret, sizeof *ret};

    if (preadv2(fd, &iov, 1, -1, RWF_NOWAIT) >= 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == ENOSYS)
        return take_after_look(fd, ret);
    return -errno;
}

_public_ int ipcb_event_wait(struct ipcb_event *e, uint64_t *count, int64_t timeout_us)
{
    struct deadline deadline;
    uint64_t taken = 0;
    int r;

    if (!timeout_is_valid(timeout_us))
        return -EINVAL;
    r = take(e->fd, &taken);
    if (r == -EAGAIN && timeout_us != 0) {
        deadline = deadline_from(timeout_us);
        do {
            r = wait_for(e->fd, POLLIN, &deadline);
            if (r == 0)
                r = take(e->fd, &taken); /* unless others were first */
        } while (r == -EAGAIN);
    }
    if (r == 0 && count)
        *count = taken;
    return r;
}
