#include "client/internal.h"

#include <string.h>

/* ---- connecting ---- */

int connection_explain(struct ipcb *b, int r)
{
    const char *path = b->address.sun_path;

    errno = -r;
    switch (r) {
    case -ENOENT:
    case -ENOTDIR:
    case -ECONNREFUSED:
    case -EPROTOTYPE: /* somebody else's socket, of another type */
        return say(&b->message, -ENOTCONN,
                   "no broker at %s: %m; is ipcbrokerd running? Try `systemctl status ipcbroker`, "
                   "or name another socket with IPCBROKER_SOCKET",
                   path);
    case -EACCES:
        return say(&b->message, r,
                   "the socket %s may not be opened by uid %u: look at the modes of the socket and "
                   "of its directories, or name another socket with IPCBROKER_SOCKET",
                   path, (unsigned)geteuid());
    case -EAGAIN:
    case -ETIMEDOUT:
        return say(&b->message, r,
                   "the broker at %s accepted no connection in time: it is stuck or overrun; try "
                   "`systemctl status ipcbroker`",
                   path);
    default:
        return say(&b->message, r, "cannot connect to the broker at %s: %m", path);
    }
}

int connection_open(struct ipcb *b)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    while (connect(fd, (const struct sockaddr *)&b->address, b->address_size) < 0)
        if (errno != EINTR)
            return -errno; /* a full backlog is EAGAIN, and there is nothing to poll for */
    b->fd = TAKE_FD(fd);
    b->pid = getpid();
    return 0;
}

void connection_close(struct ipcb *b)
{
    process_forget(b);
    b->unwatched = b->unwatched || b->fd >= 0;
    b->fd = close_fd(b->fd);
    b->deaf = false;
    b->abandoned = 0;
}

/* ---- packets ---- */

int connection_send(struct ipcb *b, const void *frame, size_t size)
{
    while (send(b->fd, frame, size, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

void descriptors_deinit(struct descriptors *descriptors)
{
    for (size_t i = 0; i < descriptors->n; i++)
        close_fd(descriptors->fds[i]);
    descriptors->n = 0;
}

/* Takes the descriptors out of a message; closes what is beyond the room, which no kernel sends. */
static void take_descriptors(struct msghdr *message, struct descriptors *ret)
{
    struct cmsghdr *c;

    for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd); /* may be unaligned */
            if (ret->n < ARRAY_SIZE(ret->fds))
                ret->fds[ret->n++] = fd;
            else
                close_fd(fd);
        }
    }
}

/* The one place that receives descriptors. Whatever is wrong with the packet, none is left open. */
static ssize_t receive_packet(struct ipcb *b, struct descriptors *ret)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS_MAX)];
    } control;
    struct iovec iov = {b->frames->received, sizeof b->frames->received};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(b->fd, &message, MSG_CMSG_CLOEXEC);

    if (n < 0)
        return -errno;
    take_descriptors(&message, ret);
    if (n > 0 && !(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
        return n;
    descriptors_deinit(ret);
    if (message.msg_flags & MSG_TRUNC)
        return -EPROTO;
    ret->cut = message.msg_flags & MSG_CTRUNC;
    return n > 0 ? n : -ECONNRESET;
}

ssize_t connection_receive(struct ipcb *b, struct descriptors *descriptors)
{
    bool reset = false;

    for (;;) {
        ssize_t n = receive_packet(b, descriptors);

        if (n == -ECONNRESET && !reset)
            /* It means only that the peer had not read all of ours when it closed. What it said
             * before that comes after this error: read on once. */
            reset = true;
        else if (n != -EINTR)
            return n;
    }
}
