/*
 * What the shim and those who steer it share: a page that is mapped by both.
 *
 * libfault.so is preloaded. While the page is armed it counts the calls in its table and fails the
 * one that the plan names: the N-th, or all from the N-th on. It is for this project's own programs
 * only: it knows the calls that they import, which test-imports.sh holds it to.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* name, and what it is made to fail with: all that the manual page has for the calls that carry
 * requests and make queues; for the others something transient, used up, forbidden, broken, as far
 * as it can come. The first ones are the family of malloc(). */
#define FAULT_CALLS(X)                                                                             \
    X(malloc, ENOMEM)                                                                              \
    X(calloc, ENOMEM)                                                                              \
    X(realloc, ENOMEM)                                                                             \
    X(reallocarray, ENOMEM)                                                                        \
    X(accept4, EAGAIN, EBADF, ECONNABORTED, EFAULT, EHOSTDOWN, EHOSTUNREACH, EINTR, EINVAL,        \
      EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENONET, ENOPROTOOPT, ENOSR,          \
      ENOTSOCK, EOPNOTSUPP, EPERM, EPROTO, EPROTONOSUPPORT, ESOCKTNOSUPPORT, ETIMEDOUT)            \
    X(bind, EACCES, EADDRINUSE, ENOMEM, EIO)                                                       \
    X(chmod, EPERM, ENOENT, EIO)                                                                   \
    X(close, EINTR, EIO)                                                                           \
    X(close_range, EMFILE, ENOMEM, ENOSYS)                                                         \
    X(connect, EINTR, EAGAIN, EACCES, ECONNREFUSED, EIO)                                           \
    X(dprintf, EIO)                                                                                \
    X(dup3, EINTR, EMFILE, EBUSY)                                                                  \
    X(epoll_create1, EMFILE, ENOMEM)                                                               \
    X(epoll_ctl, ENOMEM, ENOSPC, EPERM)                                                            \
    X(epoll_wait, EINTR, EFAULT)                                                                   \
    X(eventfd, EMFILE, ENFILE, ENOMEM, ENODEV)                                                     \
    X(fchmod, EINTR, EPERM, EIO)                                                                   \
    X(fchown, EINTR, EPERM, EIO)                                                                   \
    X(fcntl, EINTR, EMFILE, EACCES, EBUSY)                                                         \
    X(flock, EINTR, ENOLCK, EWOULDBLOCK, EIO)                                                      \
    X(fgets, EINTR, EIO)                                                                           \
    X(fopen, EINTR, EMFILE, ENOMEM, EACCES, ENOENT)                                                \
    X(fstat, ENOMEM, EACCES, EIO)                                                                  \
    X(ftruncate, EINTR, ENOSPC, EACCES, EIO)                                                       \
    X(getgrnam_r, EINTR, EMFILE, ENOMEM, EIO)                                                      \
    X(getpwnam_r, EINTR, EMFILE, ENOMEM, EIO)                                                      \
    X(getrandom, EINTR, EAGAIN, ENOSYS)                                                            \
    X(getsockname, ENOMEM, EBADF)                                                                  \
    X(getsockopt, ENOMEM, ENOTCONN, ENOPROTOOPT, ERANGE)                                           \
    X(listen, EADDRINUSE, EACCES, EOPNOTSUPP)                                                      \
    X(lstat, ENOMEM, EACCES, EIO)                                                                  \
    X(memfd_create, EMFILE, ENOMEM, EACCES, EINVAL)                                                \
    X(mkdir, ENOSPC, EACCES, EROFS, EIO)                                                           \
    X(mq_getattr, EBADF)                                                                           \
    X(mq_open, EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC,       \
      ENOSYS)                                                                                      \
    X(mq_receive, EAGAIN, EBADF, EINTR, EMSGSIZE)                                                  \
    X(mq_send, EAGAIN, EBADF, EINTR, EMSGSIZE)                                                     \
    X(mq_setattr, EBADF)                                                                           \
    X(mq_timedreceive, EAGAIN, EBADF, EINTR, EMSGSIZE, ETIMEDOUT)                                  \
    X(mq_timedsend, EAGAIN, EBADF, EINTR, EMSGSIZE, ETIMEDOUT)                                     \
    X(mq_unlink, EACCES, ENOENT)                                                                   \
    X(open, EINTR, EMFILE, ENFILE, ENOMEM, EACCES, ENOENT, EIO)                                    \
    X(openat, EINTR, EMFILE, ENFILE, ENOMEM, EACCES, ENOENT, EIO)                                  \
    X(opendir, EMFILE, ENOMEM, EACCES)                                                             \
    X(pipe2, EMFILE, ENFILE)                                                                       \
    X(poll, EINTR, ENOMEM)                                                                         \
    X(ppoll, EINTR, ENOMEM)                                                                        \
    X(prctl, EINVAL, EPERM)                                                                        \
    X(pread, EINTR, EIO)                                                                           \
    X(preadv2, EAGAIN, EINTR, EOPNOTSUPP)                                                          \
    X(pthread_create, EAGAIN, EPERM)                                                               \
    X(pwritev2, EAGAIN, EINTR, EOPNOTSUPP, EPIPE)                                                  \
    X(read, EINTR, EAGAIN, EIO)                                                                    \
    X(readdir, EBADF, EIO)                                                                         \
    X(readlink, EACCES, ENOENT, EIO)                                                               \
    X(realpath, ENOMEM, EACCES, ENOENT, EIO)                                                       \
    X(recv, EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN,      \
      ENOTSOCK)                                                                                    \
    X(recvmsg, EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN,   \
      ENOTSOCK)                                                                                    \
    X(sd_journal_sendv, ENOBUFS)                                                                   \
    X(sd_listen_fds_with_names, ENOMEM, EINVAL)                                                    \
    X(sd_notify, ENOBUFS, ECONNREFUSED)                                                            \
    X(sd_notifyf, ENOBUFS, ECONNREFUSED)                                                           \
    X(sd_pid_get_owner_uid, ENODATA, ESRCH, ENOMEM)                                                \
    X(sd_pid_get_unit, ENODATA, ESRCH, ENOMEM)                                                     \
    X(sd_pid_get_user_unit, ENODATA, ESRCH, ENOMEM)                                                \
    X(sd_pid_notify_with_fds, ENOBUFS, ECONNREFUSED)                                               \
    X(sd_watchdog_enabled, EINVAL)                                                                 \
    X(send, EAGAIN, ECONNRESET, EINTR, EMSGSIZE, ENOBUFS, ENOMEM, EPIPE)                           \
    X(sendmsg, EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR, EINVAL,   \
      EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, ETOOMANYREFS)     \
    X(setrlimit, EPERM)                                                                            \
    X(setsockopt, ENOPROTOOPT, ENOMEM, EPERM)                                                      \
    X(shutdown, ENOTCONN)                                                                          \
    X(signalfd, EMFILE, ENFILE, ENOMEM)                                                            \
    X(sigtimedwait, EAGAIN, EINTR)                                                                 \
    X(socket, EMFILE, ENFILE, ENOMEM, EACCES)                                                      \
    X(socketpair, EMFILE, ENFILE, ENOMEM)                                                          \
    X(stat, ENOMEM, EACCES, EIO)                                                                   \
    X(syscall, EINTR, EPERM, ENOSYS)                                                               \
    X(timer_create, EAGAIN, ENOMEM)                                                                \
    X(timer_settime, EINVAL)                                                                       \
    X(timerfd_create, EMFILE, ENFILE, ENOMEM)                                                      \
    X(timerfd_settime, EINVAL)                                                                     \
    X(unlink, EACCES, ENOENT, EIO)                                                                 \
    X(write, EINTR, EAGAIN, ENOSPC, EIO, EPIPE)

#define FAULT_NUMBER(name, ...) FAULT_##name,
enum fault_call { FAULT_CALLS(FAULT_NUMBER) FAULT_N };
#undef FAULT_NUMBER
#define FAULT_N_ALLOCATORS (FAULT_reallocarray + 1)

#define FAULT_SITES 2048

/* One place that calls one of them. */
struct fault_site {
    int call;
    unsigned long offset; /* of the return address, in its file */
    char file[24];        /* the last part of the name */
    unsigned long n_calls, n_failed;
};

struct fault_page {
    int armed;
    int call;       /* that fails; -1: none, they are only counted */
    long at;        /* which of them, from 1 */
    int error;      /* what with */
    int persistent; /* from then on; what is closed after it says EIO, too */
    long seen;      /* calls of that kind since it was armed */
    long failed;    /* of these */
    long counts[FAULT_N];
    int lock;
    unsigned n_sites;
    struct fault_site sites[FAULT_SITES];
};

#define FAULT_VARIABLE "IPCBROKER_FAULT" /* of the environment: the file of the page */
