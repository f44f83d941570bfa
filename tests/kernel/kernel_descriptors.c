/* Descriptors under way: what is charged to whom, what a hostile sender can do, what a bag is. */
#include "tests/kernel/kernel_cases.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

START_TEST(a_packet_holds_253_descriptors)
{
    int ends[2];

    make_pair(ends);
    CONTRACT(send_descriptors(ends[0], STDIN_FILENO, 253) == 0,
             "253 descriptors do not fit one packet: WIRE_DESCRIPTORS_MAX is too large");
    CONTRACT(send_descriptors(ends[0], STDIN_FILENO, 254) == -EINVAL,
             "254 descriptors fit one packet: WIRE_DESCRIPTORS_MAX could be larger");
}
END_TEST

/* ---- the charge of what is under way ---- */

#define NOFILE 64

static size_t fill(int socket, int fd)
{
    size_t n = 0;

    while (n < 10 * NOFILE && send_descriptors(socket, fd, 1) == 0)
        n++;
    return n;
}

/* As a plain user: root is not bound. */
static int charge(void *argument)
{
    const struct rlimit limit = {NOFILE, NOFILE};
    int lazy[2], good[2], event = eventfd(0, EFD_CLOEXEC);
    char byte;
    size_t n;

    (void)argument;
    EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, lazy) == 0);
    EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, good) == 0);
    n = fill(lazy[0], event);
    CHILD_CONTRACT(n >= NOFILE && n < 2 * NOFILE,
                   "%zu descriptors can be under way with RLIMIT_NOFILE = %d: the caps of unread "
                   "descriptors rest on that limit",
                   n, NOFILE);
    CHILD_CONTRACT(send_descriptors(good[0], event, 1) == -ETOOMANYREFS,
                   "one lazy reader does not use up the sender's descriptors under way any more");
    (void)shutdown(lazy[0], SHUT_RDWR);
    (void)close(lazy[0]);
    CHILD_CONTRACT(send_descriptors(good[0], event, 1) == -ETOOMANYREFS,
                   "closing a connection gives back what its peer has not read: caps need not "
                   "count it after the close any more");
    while (recv(lazy[1], &byte, 1, 0) > 0)
        ;
    CHILD_CONTRACT(send_descriptors(good[0], event, 1) == 0,
                   "reading does not give descriptors under way back");
    return 0;
}

START_TEST(descriptors_under_way_are_charged_to_the_sender)
{
    ck_assert_int_eq(as_user(user(0), charge, NULL), 0);
}
END_TEST

START_TEST(the_sender_sees_when_they_are_read)
{
    int ends[2], epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
    char byte;

    make_pair(ends);
    ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event), 0);
    ck_assert_int_eq(send_descriptors(ends[0], STDIN_FILENO, 1), 0);
    ck_assert_int_ge(epoll_wait(epoll, &event, 1, 0), 0); /* the one of the beginning */
    CONTRACT(unread_bytes(ends[0]) >= 256,
             "SIOCOUTQ counts %d for an unread packet: PACKET_LEAST of daemon/connection.c is too "
             "large, and parked clients would never be looked at",
             unread_bytes(ends[0]));
    CONTRACT(epoll_wait(epoll, &event, 1, 0) == 0, "an edge comes before anything is read");
    ck_assert_int_eq(recv(ends[1], &byte, 1, MSG_PEEK), 1);
    CONTRACT(unread_bytes(ends[0]) >= 256, "a peek counts as reading");
    ck_assert_int_eq(recv(ends[1], &byte, 1, 0), 1);
    CONTRACT(unread_bytes(ends[0]) == 0, "SIOCOUTQ is %d when all is read: parked clients hang",
             unread_bytes(ends[0]));
    CONTRACT(epoll_wait(epoll, &event, 1, 0) == 1,
             "no edge of EPOLLOUT when a packet is read: parked clients hang");
}
END_TEST

/* ---- what a hostile sender can do ---- */

START_TEST(so_passrights_keeps_descriptors_out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int off = 0, listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int early = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), late, accepted, value = 9;
    socklen_t size = sizeof value;

    if (!has_passrights())
        return;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/passrights", broker.directory);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(connect(early, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off), 0);
    late = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(late, (struct sockaddr *)&address, sizeof address), 0);
    CONTRACT(send_descriptors(early, STDIN_FILENO, 1) == 0,
             "SO_PASSRIGHTS of the listener reaches a connection that was made before: a backlog "
             "found at start need not be treated the older way");
    CONTRACT(send_descriptors(late, STDIN_FILENO, 1) == -EPERM,
             "a connection does not inherit SO_PASSRIGHTS = 0 from its listener: descriptors reach "
             "the broker before it has accepted");
    ck_assert_int_ge(accept4(listener, NULL, NULL, SOCK_CLOEXEC), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_eq(getsockopt(accepted, SOL_SOCKET, SO_PASSRIGHTS, &value, &size), 0);
    CONTRACT(value == 0, "an accepted socket does not inherit SO_PASSRIGHTS = 0");
    CONTRACT(send_descriptors(accepted, STDIN_FILENO, 1) == 0,
             "SO_PASSRIGHTS = 0 keeps the broker from sending descriptors");
}
END_TEST

/* A TCP socket whose last close waits for as long as its linger says: its window is full. */
static int make_lingering(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const struct linger linger = {1, 3600};
    static char block[65536];
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int listener, fd;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(ioctl(listener, SIOCSIFFLAGS, &lo), 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    while (send(fd, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    return fd;
}

struct stuck {
    pid_t pid;
    long number; /* of the system call that it must be in */
};

static bool is_in_call(void *argument)
{
    const struct stuck *stuck = argument;
    char path[64];
    long number = -2;
    FILE *file;
    int status;

    CONTRACT(waitpid(stuck->pid, &status, WNOHANG) == 0,
             "dropping a descriptor that lingers does not stall whoever drops it any more: peek, "
             "drain and watchdog would not be needed");
    (void)snprintf(path, sizeof path, "/proc/%d/syscall", stuck->pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (fscanf(file, "%ld", &number) != 1)
        number = -2;
    (void)fclose(file);
    return number == stuck->number;
}

static void interrupted(int signal)
{
    (void)signal;
}

static void drop(int socket, int gate, bool by_receiving)
{
    const struct sigaction action = {.sa_handler = interrupted};
    eventfd_t opened;
    char byte;

    (void)sigaction(SIGALRM, &action, NULL);
    (void)eventfd_read(gate, &opened);
    if (by_receiving)
        (void)recv(socket, &byte, 1, MSG_DONTWAIT);
    else
        (void)close(socket);
    _exit(0);
}

/* The drop happens in a child, since it does not end: 0 by a recv() without room for descriptors,
 * 1 by closing the connection with the packet unread. */
START_TEST(a_dropped_descriptor_that_lingers_stalls)
{
    int ends[2], poison = make_lingering(), gate = eventfd(0, EFD_CLOEXEC);
    struct stuck stuck = {.number = _i == 0 ? SYS_recvfrom : SYS_close};

    make_pair(ends);
    ck_assert_int_eq(send_descriptors(ends[1], poison, 1), 0);
    close(poison); /* the last one is under way from here on */
    stuck.pid = fork();
    if (stuck.pid == 0)
        drop(ends[0], gate, _i == 0);
    close(ends[0]); /* nor is this one the last to be closed here */
    ck_assert_int_eq(eventfd_write(gate, 1), 0);
    await(is_in_call, &stuck);
    ck_assert_int_eq(kill(stuck.pid, SIGALRM), 0);
    CONTRACT(as_user_end(stuck.pid) == 0,
             "a signal with a handler does not end a lingering close: a watchdog that interrupts "
             "the loop's thread does not help");
}
END_TEST

START_TEST(a_peek_shows_descriptors_without_taking_them)
{
    int ends[2];
    char byte;
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    make_pair(ends);
    ck_assert_int_eq(send_descriptors(ends[1], STDIN_FILENO, 1), 0);
    ck_assert_int_eq(recvmsg(ends[0], &message, MSG_PEEK), 1);
    CONTRACT(message.msg_flags & MSG_CTRUNC,
             "a peek without room for descriptors does not show that there are any");
    CONTRACT(unread_bytes(ends[1]) > 0, "a peek takes the packet");
}
END_TEST

/* ---- bags ---- */

static ssize_t peek_with_descriptors(int socket, char *byte, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {byte, 1};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *ret_fd = -1;
    if (size > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(int));
    return size;
}

/* Three packets with an eventfd each, looked at one after the other, twice. */
START_TEST(a_bag_can_be_read_without_emptying_it)
{
    int ends[2], from = 0, fd, before;
    char byte;
    eventfd_t count;

    make_pair(ends);
    for (eventfd_t i = 1; i <= 3; i++) {
        int event = eventfd((unsigned)i, EFD_CLOEXEC | EFD_SEMAPHORE);

        ck_assert_int_eq(send_descriptors(ends[0], event, 1), 0);
        close(event);
    }
    before = unread_bytes(ends[0]);
    for (int round = 0; round < 2; round++) {
        CONTRACT(setsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &from, sizeof from) == 0,
                 "SO_PEEK_OFF cannot be set on a SEQPACKET socket: %s; bags cannot be read",
                 strerror(errno));
        for (eventfd_t i = 1; i <= 3; i++) {
            CONTRACT(peek_with_descriptors(ends[1], &byte, &fd) == 1 && fd >= 0,
                     "a peek by SO_PEEK_OFF does not give the descriptors of packet %u: what a "
                     "store keeps is lost at a restart",
                     (unsigned)i);
            ck_assert_int_eq(eventfd_read(fd, &count), 0);
            ck_assert_int_eq(eventfd_write(fd, 1), 0);
            close(fd);
        }
        CONTRACT(peek_with_descriptors(ends[1], &byte, &fd) < 0 && errno == EAGAIN,
                 "a peek by SO_PEEK_OFF goes beyond the last packet");
    }
    CONTRACT(unread_bytes(ends[0]) == before, "looking into a bag takes something out of it");
}
END_TEST

/* ---- name spaces that are gone ---- */

static int make_elsewhere(void *argument)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t queue;

    EXPECT(unshare(CLONE_NEWIPC) == 0);
    queue = mq_open("/contract", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    EXPECT(queue >= 0);
    EXPECT(mq_send(queue, "kept", 4, 0) == 0);
    return send_descriptors(*(int *)argument, queue, 1) < 0;
}

START_TEST(a_queue_outlives_its_name_space)
{
    int ends[2], queue, fresh;
    char byte, buffer[8];

    make_pair(ends);
    ck_assert_int_eq(as_user(root(), make_elsewhere, &ends[0]), 0);
    ck_assert_int_eq(peek_with_descriptors(ends[1], &byte, &queue), 1);
    fresh = reopen(queue, O_RDONLY | O_NONBLOCK);
    CONTRACT(fresh >= 0 && mq_receive(fresh, buffer, sizeof buffer, NULL) == 4,
             "a queue of a name space without processes cannot be opened anew or has lost its "
             "message: with PrivateIPC= nothing would survive a restart");
    CONTRACT(mq_open("/contract", O_RDONLY) < 0 && errno == ENOENT,
             "the queue of another name space has a name here");
}
END_TEST

TCase *descriptor_contracts(void)
{
    TCase *tcase = broker_case("descriptors");

    tcase_add_test(tcase, a_packet_holds_253_descriptors);
    tcase_add_test(tcase, descriptors_under_way_are_charged_to_the_sender);
    tcase_add_test(tcase, the_sender_sees_when_they_are_read);
    tcase_add_test(tcase, so_passrights_keeps_descriptors_out);
    tcase_add_loop_test(tcase, a_dropped_descriptor_that_lingers_stalls, 0, 2);
    tcase_add_test(tcase, a_peek_shows_descriptors_without_taking_them);
    tcase_add_test(tcase, a_bag_can_be_read_without_emptying_it);
    tcase_add_test(tcase, a_queue_outlives_its_name_space);
    return tcase;
}
