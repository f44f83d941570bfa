/*
 * Events: the counter of an eventfd, or the bytes of a pipe, one a count. What is particular to a
 * pipe is in event_pipe.c.
 */
#include "client/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

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

static bool is_pipe(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

_public_ int ipcb_event_adopt(struct ipcb_event **ret, int fd)
{
    struct ipcb_event *e;
    int flags = fcntl(fd, F_GETFL);
    bool pipe = is_pipe(fd);

    if (!ret)
        return -EINVAL;
    if (flags < 0 || (!pipe && !is_eventfd(fd)))
        return -EBADF;
    e = malloc(sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = (struct ipcb_event){
        .fd = fd,
        .pipe = pipe,
        .mode = flags & O_ACCMODE,
        .blocking = !(flags & O_NONBLOCK),
    };
    *ret = e;
    return 0;
}

_public_ int ipcb_event_acquire(struct ipcb_event **ret, struct ipcb *b, const char *name)
{
    return acquire_wrapper(b, &(struct ipcb_item){.name = name, .event = ret});
}

_public_ int ipcb_event_clone(struct ipcb_event **ret, const struct ipcb_event *e)
{
    _cleanup_close_ int fd = -1;
    int r, own;

    if (!ret || !e)
        return -EINVAL;
    own = clone_fd(e->fd, &fd);
    if (own < 0)
        return own;
    r = ipcb_event_adopt(ret, fd);
    if (r < 0)
        return r;
    (void)TAKE_FD(fd);
    return own;
}

_public_ int ipcb_event_release(struct ipcb_event *e)
{
    int fd;

    if (!e)
        return -EINVAL;
    fd = e->fd;
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
    return e ? e->fd : -EINVAL;
}

/* ---- signalling ---- */

_public_ int ipcb_event_signal(struct ipcb_event *e, uint64_t n)
{
    if (!e)
        return -EINVAL;
    if (e->mode == O_RDONLY)
        return -EBADF;
    if (e->pipe && n > PIPE_BUF)
        return -EINVAL;
    /* No write to a blocking description can be made not to wait, so look first. */
    if (e->blocking) {
        struct deadline at_once = {0};
        int r = wait_for(e->fd, POLLOUT, &at_once);
        if (r < 0)
            return r;
    }
    if (e->pipe)
        return pipe_put(e->fd, n);
    return write(e->fd, &n, sizeof n) < 0 ? -errno : 0;
}

/* ---- waiting ---- */

/* By a plain read, which may wait as the description says. */
static inline int take_plainly(const struct ipcb_event *e, uint64_t most, uint64_t *ret)
{
    if (e->pipe)
        return pipe_take(e->fd, 0, most, ret);
    return read(e->fd, ret, sizeof *ret) < 0 ? -errno : 0;
}

/* Before Linux 5.8 an eventfd knew no RWF_NOWAIT, and a pipe that was opened anew may know none:
 * what poll has seen may be taken by another before the read, which then waits if the description
 * blocks. */
static int take_after_look(const struct ipcb_event *e, uint64_t most, uint64_t *ret)
{
    struct deadline at_once = {0};
    int r = wait_for(e->fd, POLLIN, &at_once);

    return r < 0 ? r : take_plainly(e, most, ret);
}

/* By a read that does not wait, whatever the description says. */
static int take_at_once(const struct ipcb_event *e, uint64_t most, uint64_t *ret)
{
    struct iovec iov = {ret, sizeof *ret};
    int r = 0;

    if (e->pipe)
        r = pipe_take(e->fd, RWF_NOWAIT, most, ret);
    else if (preadv2(e->fd, &iov, 1, -1, RWF_NOWAIT) < 0)
        r = -errno;
    return r == -EOPNOTSUPP || r == -ENOSYS ? take_after_look(e, most, ret) : r;
}

/* Takes the count if there is one. -EAGAIN: there is none. FOR_EVER: may wait for it. A description
 * of a pipe is nobody else's, so that O_NONBLOCK stays as it was; an eventfd's is everybody's. */
static inline int take(const struct ipcb_event *e, uint64_t most, bool for_ever, uint64_t *ret)
{
    return for_ever || (e->pipe && !e->blocking) ? take_plainly(e, most, ret)
                                                 : take_at_once(e, most, ret);
}

/* Nothing was there at first. */
static int take_later(const struct ipcb_event *e, uint64_t most, uint64_t *ret, int64_t timeout_us)
{
    struct deadline deadline = deadline_from(timeout_us);
    int r;

    do {
        r = wait_for(e->fd, POLLIN, &deadline);
        if (r == 0)
            r = take(e, most, timeout_us < 0, ret);
        /* Others were first, but not for longer than the caller has time. */
    } while (r == -EAGAIN && deadline_check(&deadline) == 0);
    return r == -EAGAIN ? -ETIMEDOUT : r;
}

static inline int wait_most(const struct ipcb_event *e, uint64_t most, uint64_t *count,
                            int64_t timeout_us)
{
    uint64_t taken = 0;
    int r;

    if (!timeout_is_valid(timeout_us))
        return -EINVAL;
    if (e->mode == O_WRONLY)
        return -EBADF;
    r = take(e, most, timeout_us < 0, &taken);
    if (r == -EAGAIN && timeout_us != 0)
        r = take_later(e, most, &taken, timeout_us);
    if (r == 0 && count)
        *count = taken;
    return r;
}

_public_ int ipcb_event_wait(struct ipcb_event *e, uint64_t *count, int64_t timeout_us)
{
    return e ? wait_most(e, UINT64_MAX, count, timeout_us) : -EINVAL;
}

_public_ int ipcb_event_wait_most(struct ipcb_event *e, uint64_t most, uint64_t *count,
                                  int64_t timeout_us)
{
    if (!e || most == 0)
        return -EINVAL;
    return e->pipe ? wait_most(e, most, count, timeout_us) : -EOPNOTSUPP;
}
