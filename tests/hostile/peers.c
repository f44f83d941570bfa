/* Connections that change hands, and users who are not what they seem. Plain frames: the library
 * does not speak for another process. */
#include "tests/hostile/hostile.h"

#include "protocol/wire.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TWO "[queue:his]\nuse = user:$C0\n[queue:mine]\nuse = user:$C5\n"

/* What the broker gives over this connection: a descriptor, or -errno. */
static int ask(int fd, const char *name)
{
    const struct wire_header question = {
        .version = WIRE_VERSION, .type = WIRE_ACQUIRE, .serial = 1};
    const struct wire_item item = {.name = name, .name_size = strlen(name)};
    static uint8_t frame[1024], reply[WIRE_REPLY_MAX];
    int fds[WIRE_DESCRIPTORS_MAX];
    struct wire_writer writer;
    struct wire_reader fields;
    struct wire_header answer;
    ssize_t size;
    size_t n;

    wire_writer_init(&writer, frame, sizeof frame);
    wire_put_header(&writer, &question);
    wire_put_item(&writer, &item);
    if (send(fd, frame, writer.size, MSG_NOSIGNAL) < 0)
        return -errno;
    size = raw_receive(fd, reply, sizeof reply, fds, &n);
    if (size <= 0 || wire_read_header(&fields, reply, (size_t)size, &answer) < 0)
        return -EIO;
    return answer.status ? -(int)answer.status : n == 1 ? fds[0] : -EIO;
}

/* ---- connections ---- */

/* With his connection one has his rights and not one's own. */
static int ask_with_anothers(void *connection)
{
    int own = raw_connect(broker.socket);

    EXPECT(ask(*(int *)connection, "his") >= 0);
    EXPECT(ask(*(int *)connection, "mine") == -EACCES);
    EXPECT(ask(own, "his") == -EACCES);
    EXPECT(ask(own, "mine") >= 0);
    return 0;
}

START_TEST(a_connection_that_is_passed_on_has_the_rights_of_its_maker)
{
    int fd;

    besiege(TWO);
    become(user(0));
    fd = raw_connect(broker.socket);
    become_root();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(as_user(user(5), ask_with_anothers, &fd), 0);
    close(fd);
}
END_TEST

/* Connects, sends the connection to the parent, and is gone. */
static int leave_a_connection(void *parent)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {(char[]){0}, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int fd = raw_connect(broker.socket);

    EXPECT(fd >= 0);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    EXPECT(sendmsg(*(int *)parent, &message, 0) == 1);
    return 0;
}

/* Its process id, which may be another's by now, decides nothing. */
START_TEST(a_connection_of_the_dead_has_their_rights)
{
    int pair[2], fds[WIRE_DESCRIPTORS_MAX];
    size_t n;
    char byte;

    besiege(TWO);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(as_user(user(0), leave_a_connection, &pair[1]), 0);
    ck_assert_int_eq(raw_receive(pair[0], &byte, 1, fds, &n), 1);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(as_user(user(5), ask_with_anothers, &fds[0]), 0);
    close(fds[0]);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(rights_are_those_at_connect)
{
    struct ipcb *b;
    int his, mine;

    besiege(TWO);
    b = connect_as(user(0));
    become(user(5));
    his = ipcb_acquire(b, "his", 0);
    mine = ipcb_acquire(b, "mine", 0);
    become_root();
    ck_assert_int_ge(his, 0);
    ck_assert_int_eq(mine, -EACCES);
    close(his);
    (void)ipcb_free(b);
}
END_TEST

/* ---- name spaces ---- */

/* The broker sees the user outside; root inside is root of nothing. */
static int be_root_of_a_name_space(void *argument)
{
    uid_t outside = geteuid();
    struct ipcb *b = fixture_handle(&broker);
    char text[64];
    int map;
    (void)argument;

    EXPECT(unshare(CLONE_NEWUSER) == 0);
    map = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    EXPECT(dprintf(map, "0 %u 1", outside) > 0);
    EXPECT(geteuid() == 0);
    EXPECT(ipcb_acquire(b, "roots", 0) == -EACCES);
    (void)snprintf(text, sizeof text, "uid %u ", outside);
    EXPECT(strstr(ipcb_message(b), text));
    EXPECT(raw_connect(broker.admin) < 0 && errno == EACCES);
    (void)ipcb_free(b);
    return 0;
}

START_TEST(root_of_a_user_name_space_is_who_he_is_outside)
{
    besiege("[queue:roots]\nuse = user:0\n");
    ck_assert_int_eq(get(root(), "roots", 0), O_RDWR);
    ck_assert_int_eq(as_user(user(3), be_root_of_a_name_space, NULL), 0);
}
END_TEST

TCase *hostile_peer_case(void)
{
    TCase *tcase = hostile_case("peer");

    tcase_add_test(tcase, a_connection_that_is_passed_on_has_the_rights_of_its_maker);
    tcase_add_test(tcase, a_connection_of_the_dead_has_their_rights);
    tcase_add_test(tcase, rights_are_those_at_connect);
    if (users_have_name_spaces())
        tcase_add_test(tcase, root_of_a_user_name_space_is_who_he_is_outside);
    else
        (void)puts("# the test of user name spaces is left out: users have none here");
    (void)fflush(stdout); /* before the children of Check have a copy of it */
    return tcase;
}
