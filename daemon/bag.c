#include "daemon/bag.h"

#include "protocol/wire.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Of kernel 6.3; Debian 12's headers do not have it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* What the packets begin with, by which a bag is known. They may not be empty. */
#define TEXT_PACKET        "ipcbroker bag 1"
#define DESCRIPTORS_PACKET "descriptors"

#define TEXT_MOST (4u << 20)
#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

union control {
    char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
    struct cmsghdr align;
};

/* ---- packing ---- */

static int make_text(const char *text)
{
    size_t size = strlen(text);
    _cleanup_close_ int fd =
        memfd_create("ipcbroker-bag", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("ipcbroker-bag", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < size;) {
        ssize_t written = write(fd, text + done, size - done);

        if (written < 0)
            return -errno;
        done += (size_t)written;
    }
    if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static int put(int fd, const char *what, const int *fds, size_t n)
{
    union control control = {.bytes = {0}};
    struct iovec data = {(void *)(uintptr_t)what, strlen(what)};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(n * sizeof(int)),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(header), fds, n * sizeof(int));
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int put_all(int fd, int text, const int *fds, size_t n)
{
    int r = put(fd, TEXT_PACKET, &text, 1);

    for (size_t done = 0; r >= 0 && done < n; done += WIRE_DESCRIPTORS_MAX)
        r = put(fd, DESCRIPTORS_PACKET, fds + done,
                n - done < WIRE_DESCRIPTORS_MAX ? n - done : WIRE_DESCRIPTORS_MAX);
    return r;
}

int bag_pack(const int *fds, size_t n, const char *text, int ret_ends[2], struct sentence *why)
{
    _cleanup_close_ int writer = -1, reader = -1, table = make_text(text);
    int ends[2], r;

    if (table < 0)
        return say(why, table, "no memory file can be made: %s", strerror(-table));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return say(why, -errno, "socketpair: %s", strerror(errno));
    writer = ends[0];
    reader = ends[1];
    r = put_all(writer, table, fds, n);
    if (r < 0)
        return say(why, r, "%zu descriptors cannot be packed: %s", n, strerror(-r));
    ret_ends[0] = TAKE_FD(writer);
    ret_ends[1] = TAKE_FD(reader);
    return 0;
}

/* ---- peeking ---- */

void bag_content_deinit(struct bag_content *content)
{
    for (size_t i = 0; i < content->n; i++)
        (void)close_fd(content->fds[i]);
    free(content->fds);
    free(content->text);
    *content = (struct bag_content){NULL};
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)close_fd(fds[i]);
}

/* The next packet: its descriptors, at most 253, are the caller's. Returns their number. -EAGAIN:
 * that was the last. */
static int peek_packet(int fd, const char *what, int fds[WIRE_DESCRIPTORS_MAX])
{
    char text[64];
    union control control;
    struct iovec data = {text, sizeof text};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t size = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header;
    size_t n = 0;

    if (size <= 0)
        return size < 0 ? -errno : -EAGAIN; /* the other end is gone: nothing more can come */
    header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), n * sizeof(int));
    }
    if (message.msg_flags & MSG_CTRUNC || (size_t)size != strlen(what) ||
        memcmp(text, what, (size_t)size) != 0) {
        close_all(fds, n);
        return message.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
    }
    return (int)n;
}

/* The text, if it is of a file that nobody can change any more. */
static int read_text(int fd, char **ret)
{
    _cleanup_free_ char *text = NULL;
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    ssize_t size;

    if (seals < 0 && errno != EINVAL) /* which is what has none */
        return -errno;
    if (seals < 0 || (seals & SEALS) != SEALS)
        return -EBADMSG;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size > TEXT_MOST)
        return -EBADMSG;
    text = malloc((size_t)status.st_size + 1);
    if (!text)
        return -ENOMEM;
    size = pread(fd, text, (size_t)status.st_size, 0);
    if (size < 0)
        return -errno;
    if (size != status.st_size || memchr(text, '\0', (size_t)size))
        return -EBADMSG;
    text[status.st_size] = '\0';
    *ret = TAKE_PTR(text);
    return 0;
}

static int peek_text(int fd, char **ret)
{
    int fds[WIRE_DESCRIPTORS_MAX], n = peek_packet(fd, TEXT_PACKET, fds), r;

    if (n < 0)
        return n;
    r = n == 1 ? read_text(fds[0], ret) : -EBADMSG;
    close_all(fds, (size_t)n);
    return r;
}

/* Until there are no more; what came before an error is in CONTENT, too. */
static int peek_descriptors(int fd, struct bag_content *content)
{
    int n;

    while ((n = peek_packet(fd, DESCRIPTORS_PACKET, content->fds + content->n)) >= 0) {
        int *fds;

        content->n += (size_t)n;
        if (n == 0 || content->n > BAG_MOST)
            return -EBADMSG;
        fds = reallocarray(content->fds, content->n + WIRE_DESCRIPTORS_MAX, sizeof *fds);
        if (!fds)
            return -ENOMEM;
        content->fds = fds;
    }
    return n == -EAGAIN ? 0 : n;
}

static int peek_all(int fd, struct bag_content *content)
{
    int from = 0, r;

    if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof from) < 0)
        return -errno;
    content->fds = reallocarray(NULL, WIRE_DESCRIPTORS_MAX, sizeof *content->fds);
    if (!content->fds)
        return -ENOMEM;
    r = peek_text(fd, &content->text);
    return r < 0 ? r : peek_descriptors(fd, content);
}

int bag_peek(int fd, struct bag_content *ret, struct sentence *why)
{
    _cleanup_(bag_content_deinit) struct bag_content content = {NULL};
    int r = peek_all(fd, &content);

    switch (r) {
    case 0:
        *ret = content;
        content = (struct bag_content){NULL};
        return 0;
    case -EAGAIN:
        return say(why, r, "it is empty");
    case -EMFILE:
    case -ENFILE:
        return say(why, -EMFILE,
                   "there are not enough descriptors to take it out; raise LimitNOFILE= of the "
                   "service");
    case -EBADMSG:
    case -ENOTSOCK:
    case -EOPNOTSUPP:
        return say(why, -EBADMSG, "it is in no format that this version knows");
    default:
        return say(why, r, "it cannot be read: %s", strerror(-r));
    }
}
