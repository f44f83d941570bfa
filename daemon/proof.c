#include "daemon/proof.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Whether frames that are sent to FD from now on tell their senders. */
static int tell_senders(int fd, int whether)
{
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &whether, sizeof whether) < 0 ? -errno : 0;
}

int proof_new(struct proof **ret, int fd, pid_t pid)
{
    struct proof *proof;
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

    if (pidfd < 0)
        return pid <= 0 || errno == ESRCH || errno == EINVAL ? -ESRCH : -EAGAIN;
    proof = malloc(sizeof *proof);
    if (!proof) {
        (void)close_fd(pidfd);
        return -EAGAIN;
    }
    proof->pidfd = pidfd;
    if (getrandom(proof->nonce, sizeof proof->nonce, GRND_NONBLOCK) != sizeof proof->nonce ||
        tell_senders(fd, 1) < 0) {
        (void)proof_free(proof, fd);
        return -EAGAIN;
    }
    *ret = proof;
    return 0;
}

ssize_t proof_receive(int fd, void *frame, size_t size, int flags, pid_t *ret_sender)
{
    /* The credentials come first and fill it, so that no descriptor finds room. */
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {.bytes = {0}};
    struct iovec bytes = {frame, size};
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    struct ucred sender = {.pid = 0};
    ssize_t r = recvmsg(fd, &message, flags);

    if (r < 0)
        return r;
    if (message.msg_controllen >= sizeof control.header &&
        control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_CREDENTIALS)
        memcpy(&sender, CMSG_DATA(&control.header), sizeof sender);
    *ret_sender = sender.pid;
    return r;
}

struct proof *proof_free(struct proof *proof, int fd)
{
    if (!proof)
        return NULL;
    (void)tell_senders(fd, 0);
    (void)close_fd(proof->pidfd);
    free(proof);
    return NULL;
}
