#include "daemon/listener.h"

#include "base/address.h"
#include "daemon/guard.h"
#include "daemon/options.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>

/* Whoever comes and goes as fast as he can leaves it full of connections that are dead, each of
 * which a newcomer waits for: a long one makes him wait long. Who finds it full is woken or tries
 * again. */
#define BACKLOG 256 /* cut by net.core.somaxconn */

/* ---- the directory ---- */

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Whoever else may write here could replace what we make. A sticky directory keeps others' hands
 * off what is ours, which is enough. */
int listener_prepare(const char *path, mode_t mode, struct sentence *why)
{
    _cleanup_free_ char *directory = directory_of(path);
    struct stat status;

    if (!directory)
        return say(why, -ENOMEM, "out of memory");
    if (mkdir(directory, mode) < 0 && errno != EEXIST)
        return say(why, -errno,
                   "the directory %s of %s cannot be made: %s; for the system's broker "
                   "systemd-tmpfiles makes it, else give a --socket in a directory that uid %u may "
                   "write",
                   directory, path, strerror(errno), geteuid());
    if (stat(directory, &status) < 0)
        return say(why, -errno, "the directory %s of %s: %s", directory, path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return say(why, -ENOTDIR, "%s, where %s shall lie, is no directory", directory, path);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return say(why, -EPERM,
                   "the directory %s belongs to uid %u, who could replace %s: it must belong to "
                   "root or uid %u",
                   directory, status.st_uid, path, geteuid());
    if (status.st_mode & 0022 && !(status.st_mode & S_ISVTX))
        return say(why, -EPERM,
                   "the directory %s has mode %04o, so that others could replace %s: remove their "
                   "right to write (chmod go-w)",
                   directory, status.st_mode & 07777, path);
    return 0;
}

/* ---- the lock ---- */

static int open_lock(const char *path, struct stat *ret, struct sentence *why)
{
    _cleanup_close_ int fd =
        open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0)
        return say(why, -errno, "the lock %s cannot be opened: %s%s", path, strerror(errno),
                   errno == ELOOP ? " (it is a symbolic link)" : "");
    if (fstat(fd, ret) < 0)
        return say(why, -errno, "the lock %s: %s", path, strerror(errno));
    /* Of one name, lest somebody has linked another file of ours here. */
    if (!S_ISREG(ret->st_mode) || ret->st_uid != geteuid() || ret->st_nlink > 1)
        return say(why, -EPERM, "the lock %s is not a file of uid %u alone: remove it", path,
                   geteuid());
    return TAKE_FD(fd);
}

/* The holder's process id is in the file, for this message only. */
static int busy(int fd, const char *path, struct sentence *why)
{
    char text[32] = "";
    ssize_t size = pread(fd, text, sizeof text - 1, 0);

    text[size > 0 ? strspn(text, "0123456789") : 0] = '\0';
    return say(why, -EBUSY, "another ipcbrokerd%s%s%s is running with these sockets: it holds %s",
               text[0] ? " (pid " : "", text, text[0] ? ")" : "", path);
}

/* 1: locked; 0: the file was removed by its last holder in between, try again. */
static int try_lock(struct lock *lock, struct sentence *why)
{
    struct stat opened, named;
    _cleanup_close_ int fd = open_lock(lock->path, &opened, why);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? busy(fd, lock->path, why)
                   : say(why, -errno, "flock of %s: %s", lock->path, strerror(errno));
    if (lstat(lock->path, &named) < 0)
        return errno == ENOENT ? 0 : say(why, -errno, "%s: %s", lock->path, strerror(errno));
    if (named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
        return 0;
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", getpid()) < 0)
        return say(why, -errno, "the lock %s cannot be written: %s", lock->path, strerror(errno));
    lock->fd = TAKE_FD(fd);
    return 1;
}

int lock_take(struct lock *lock, const char *path, struct sentence *why)
{
    int r = listener_prepare(path, 0700, why);

    if (r < 0)
        return r;
    *lock = LOCK_NULL;
    lock->path = strdup(path);
    if (!lock->path)
        return say(why, -ENOMEM, "out of memory");
    do
        r = try_lock(lock, why);
    while (r == 0);
    if (r < 0)
        free_charp(&lock->path);
    return r < 0 ? r : 0;
}

void lock_deinit(struct lock *lock)
{
    if (lock->fd >= 0)
        (void)unlink(lock->path); /* while it is locked: nobody else can have made it his */
    lock->fd = close_fd(lock->fd);
    free_charp(&lock->path);
}

/* ---- sockets ---- */

/* 1: somebody listens; 0: nobody; -errno. */
static int probe(const struct sockaddr_un *address, socklen_t length)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, length) == 0)
        return 1;
    switch (errno) {
    case EAGAIN: /* its backlog is full: very much alive */
    case EPROTOTYPE:
    case EACCES:
        return 1;
    case ECONNREFUSED:
    case ENOENT:
        return 0;
    default:
        return -errno;
    }
}

static int remove_stale(const char *path, const struct sockaddr_un *address, socklen_t length,
                        struct sentence *why)
{
    struct stat status;
    int r;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : say(why, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return say(why, -EADDRINUSE,
                   "%s is there and is no socket: remove it, or give another "
                   "--socket",
                   path);
    if (status.st_uid != geteuid())
        return say(why, -EADDRINUSE,
                   "%s is a socket of uid %u: remove it, or give another "
                   "--socket",
                   path, status.st_uid);
    r = probe(address, length);
    if (r < 0)
        return say(why, r, "%s cannot be probed: %s", path, strerror(-r));
    if (r > 0)
        return say(why, -EADDRINUSE,
                   "somebody is listening at %s: stop that broker, or give another "
                   "--socket",
                   path);
    if (unlink(path) < 0)
        return say(why, -errno, "the stale socket %s cannot be removed: %s", path, strerror(errno));
    return 0;
}

static int bind_with_mode(int fd, const struct sockaddr_un *address, socklen_t length, mode_t mode)
{
    mode_t saved = umask(~mode & 0777);
    int r = bind(fd, (const struct sockaddr *)address, length) < 0 ? -errno : 0;

    (void)umask(saved);
    return r;
}

/* *ret is the file that was made; after an error there is none. */
static int bind_and_listen(int fd, const char *path, const struct sockaddr_un *address,
                           socklen_t length, mode_t mode, struct stat *ret, struct sentence *why)
{
    int r = bind_with_mode(fd, address, length, mode);

    if (r < 0)
        return say(why, r, "no socket can be made at %s: %s", path, strerror(-r));
    if (listen(fd, BACKLOG) < 0)
        r = say(why, -errno, "listen at %s: %s", path, strerror(errno));
    else if (lstat(path, ret) < 0)
        r = say(why, -errno, "%s: %s", path, strerror(errno));
    if (r < 0)
        (void)unlink(path); /* which only we can have made: the lock is ours */
    return r;
}

static bool guard(int fd, unsigned without)
{
    return !(without & FEATURE_PASSRIGHTS) && guard_refuse(fd);
}

int listener_open(struct listener *listener, const char *path, mode_t mode, unsigned without,
                  struct sentence *why)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *copy = NULL;
    struct sockaddr_un address;
    struct stat status;
    int length = address_from_path(path, &address), r;
    bool guarded;

    if (length < 0)
        return say(why, length, "%s is no path for a socket: absolute, at most 107 bytes", path);
    r = listener_prepare(path, 0755, why);
    if (r >= 0)
        r = remove_stale(path, &address, (socklen_t)length, why);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return say(why, -errno, "socket: %s", strerror(errno));
    /* Before listen(): nobody may send us descriptors, not even while he waits to be accepted. */
    guarded = guard(fd, without);
    copy = strdup(path);
    if (!copy)
        return say(why, -ENOMEM, "out of memory");
    r = bind_and_listen(fd, path, &address, (socklen_t)length, mode, &status, why);
    if (r < 0)
        return r;
    *listener = (struct listener){
        .fd = TAKE_FD(fd),
        .path = TAKE_PTR(copy),
        .device = status.st_dev,
        .inode = status.st_ino,
        .guarded = guarded,
    };
    return 0;
}

int listener_take(struct listener *listener, int fd, const char *path, unsigned without,
                  struct sentence *why)
{
    _cleanup_close_ int taken = fd;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return say(why, -errno, "fcntl of the socket that was handed in: %s", strerror(errno));
    *listener = (struct listener){
        .fd = -1,
        .path = strdup(path),
        .handed_in = true,
        .guarded = guard(fd, without),
        .old_backlog = true,
    };
    if (!listener->path)
        return say(why, -ENOMEM, "out of memory");
    listener->fd = TAKE_FD(taken);
    return 0;
}

void listener_deinit(struct listener *listener)
{
    struct stat status;

    if (listener->fd >= 0 && !listener->handed_in && lstat(listener->path, &status) == 0 &&
        status.st_dev == listener->device && status.st_ino == listener->inode)
        (void)unlink(listener->path);
    listener->fd = close_fd(listener->fd);
    free_charp(&listener->path);
}

int listener_open_to(const struct listener *listener, mode_t mode, struct sentence *why)
{
    _cleanup_free_ char *directory = directory_of(listener->path);
    struct stat status;

    if (!directory)
        return say(why, -ENOMEM, "out of memory");
    if (stat(listener->path, &status) < 0 || (status.st_mode & 0777) == mode)
        return 0; /* gone, or as it should be */
    if (chmod(listener->path, mode) < 0)
        return say(why, -errno, "the mode of %s cannot be set: %s", listener->path,
                   strerror(errno));
    if (mode & 0006 && stat(directory, &status) == 0 && status.st_uid == geteuid())
        (void)chmod(directory, (status.st_mode & 07777) | 0011);
    return 0;
}
