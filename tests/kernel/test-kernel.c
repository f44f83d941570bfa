#include "tests/check_main.h"
#include "tests/kernel/kernel_cases.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

int reopen(int fd, int flags)
{
    char path[64];
    int opened;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    opened = open(path, flags | O_CLOEXEC);
    return opened < 0 ? -errno : opened;
}

void make_pair(int ends[2])
{
    const int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;

    ck_assert_int_eq(socketpair(AF_UNIX, type, 0, ends), 0);
}

int send_descriptors(int socket, int fd, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(300 * sizeof(int))];
    } control = {0};
    char x = 0;
    struct iovec byte = {&x, 1};
    struct msghdr message = {.msg_iov = &byte,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(n * sizeof fd)};
    int *fds = (int *)(void *)CMSG_DATA(&control.align);

    ck_assert_uint_le(n, 300);
    control.align = (struct cmsghdr){CMSG_LEN(n * sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    for (size_t i = 0; i < n; i++)
        fds[i] = fd;
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int unread_bytes(int socket)
{
    int bytes = -1;

    ck_assert_int_eq(ioctl(socket, SIOCOUTQ, &bytes), 0);
    return bytes;
}

bool has_passrights(void)
{
    int ends[2], off = 0;
    bool has;

    make_pair(ends);
    has = setsockopt(ends[0], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
    close(ends[0]);
    close(ends[1]);
    if (!has)
        (void)dprintf(STDOUT_FILENO, "# this kernel has no SO_PASSRIGHTS: nothing to hold it to\n");
    return has;
}

int main(void)
{
    Suite *suite;

    if (!check_is_root())
        return 0;
    suite = suite_create("kernel");
    suite_add_tcase(suite, queue_contracts());
    suite_add_tcase(suite, event_contracts());
    suite_add_tcase(suite, descriptor_contracts());
    suite_add_tcase(suite, socket_contracts());
    suite_add_tcase(suite, inih_contracts());
    return check_main(suite);
}
