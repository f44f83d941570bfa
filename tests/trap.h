/* A trap for whoever drops it: a descriptor whose closing takes as long as its maker chose. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A TCP socket with bytes that its peer does not take, and SO_LINGER. The peer is left open: it
 * goes with the process. -errno. */
static inline int trap_make(int seconds)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct linger linger = {1, seconds};
    int small = 4096, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static const char bytes[65536];

    (void)setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        connect(fd, (struct sockaddr *)&address, size) < 0 ||
        accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0)
        return -errno;
    (void)close(listener);
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    return fd;
}

/* Sends a packet with N copies of a descriptor; -errno. */
static inline int trap_send(int fd, const void *bytes, size_t size, int what, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(n * sizeof(int))};

    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
    for (size_t i = 0; i < n; i++)
        memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &what, sizeof what);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static inline void trap_nothing(int number)
{
    (void)number;
}

/* Closes it. Whoever is the last to do so walks into it himself: a signal frees him. */
static inline void trap_close(int fd)
{
    const struct sigaction action = {.sa_handler = trap_nothing};
    const struct itimerval soon = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};

    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &soon, NULL);
    (void)close(fd);
    (void)setitimer(ITIMER_REAL, &never, NULL);
}

/* Since Linux 6.16 a receiver can refuse. */
static inline int trap_is_refused_by_kernel(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on;
    socklen_t size = sizeof on;
    int r = getsockopt(fd, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, &on, &size);

    (void)close(fd);
    return r == 0;
}
