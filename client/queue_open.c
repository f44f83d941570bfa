/* Queues by their names in the kernel: what needs no broker. */
#include "client/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <string.h>
#include <sys/stat.h>

#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC)

/* How often a name may come and go between two calls before we give up. */
#define TRIES 100

/* ---- names ---- */

struct path {
    char text[NAME_MAX + 2]; /* with its slash and its NUL */
};

/* The kernel's form of a name: exactly one slash, at the start. */
static int make_path(const char *name, struct path *ret)
{
    size_t size;

    if (!name)
        return -EINVAL;
    if (*name == '/')
        name++;
    size = strnlen(name, NAME_MAX + 1);
    if (size > NAME_MAX)
        return -ENAMETOOLONG;
    if (size == 0 || memchr(name, '/', size) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    ret->text[0] = '/';
    memcpy(ret->text + 1, name, size + 1);
    return 0;
}

/* ---- opening and creating ---- */

static int open_existing(const struct path *path, int flags)
{
    int fd = mq_open(path->text, (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* The umask belongs to the whole process and may not be touched, so the bits that it takes away are
 * given back afterwards. Only O_EXCL says that the queue is ours to change; nobody is let in
 * meanwhile whom MODE does not let in. */
static int create(const struct path *path, int flags, mode_t mode, struct mq_attr *attributes)
{
    _cleanup_close_ int fd =
        mq_open(path->text, flags | O_CREAT | O_EXCL | O_CLOEXEC, mode, attributes);

    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) < 0) {
        int r = -errno;
        (void)mq_unlink(path->text);
        return r;
    }
    return TAKE_FD(fd);
}

/* Opens the queue, or creates it if there is none. Between the two calls the name may have come or
 * gone: then it is done again. */
static int open_or_create(const struct path *path, int flags, mode_t mode,
                          struct mq_attr *attributes)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = create(path, flags, mode, attributes);

        if (fd != -EEXIST)
            return fd;
        fd = open_existing(path, flags);
        if (fd != -ENOENT)
            return fd;
    }
    return -EAGAIN;
}

static int open_path(const struct path *path, int flags, mode_t mode,
                     const struct ipcb_queue_limits *limits)
{
    struct mq_attr attributes;

    if (!(flags & O_CREAT))
        return open_existing(path, flags);
    if (limits) {
        if (limits->max_messages > LONG_MAX || limits->message_size > LONG_MAX)
            return -EINVAL;
        attributes = (struct mq_attr){
            .mq_maxmsg = (long)limits->max_messages,
            .mq_msgsize = (long)limits->message_size,
        };
    }
    if (flags & O_EXCL)
        return create(path, flags, mode, limits ? &attributes : NULL);
    return open_or_create(path, flags, mode, limits ? &attributes : NULL);
}

_public_ int ipcb_queue_open(struct ipcb_queue **ret, const char *posix_name, int oflag,
                             mode_t mode, const struct ipcb_queue_limits *limits)
{
    _cleanup_close_ int fd = -1;
    struct path path;
    int r;

    if (!ret || oflag & ~OPEN_FLAGS || (oflag & O_ACCMODE) == O_ACCMODE || mode & ~(mode_t)0777)
        return -EINVAL;
    r = make_path(posix_name, &path);
    if (r < 0)
        return r;
    fd = open_path(&path, oflag, mode, limits);
    if (fd < 0)
        return fd;
    r = ipcb_queue_adopt(ret, fd);
    if (r < 0) {
        if ((oflag & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) /* it is ours to take back */
            (void)mq_unlink(path.text);
        return r;
    }
    (void)TAKE_FD(fd);
    return 0;
}

_public_ int ipcb_queue_unlink(const char *posix_name)
{
    struct path path;
    int r = make_path(posix_name, &path);

    if (r < 0)
        return r;
    return mq_unlink(path.text) < 0 ? -errno : 0;
}
