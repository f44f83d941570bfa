/* Descriptors of queues: what a client gets, and what it can and cannot do with it. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#define ORDERS "[queue:orders]\nuse = user:0, user:$C7\nsend = user:$C0\nreceive = user:$C1\n"

static char letter[8192];

static int access_mode(int fd)
{
    return fcntl(fd, F_GETFL) & O_ACCMODE;
}

START_TEST(a_descriptor_for_sending_cannot_receive)
{
    struct ipcb *b;
    int fd;

    serve(ORDERS);
    b = connect_as(user(0));
    fd = acquire(b, "orders", IPCB_SEND);
    ck_assert_int_eq(access_mode(fd), O_WRONLY);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(mq_send(fd, "hello", 5, 0), 0);
    ck_assert_int_eq(mq_receive(fd, letter, sizeof letter, NULL), -1);
    ck_assert_int_eq(errno, EBADF);
    close(fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_descriptor_for_receiving_cannot_send)
{
    struct ipcb *b;
    int fd;

    serve(ORDERS);
    b = connect_as(user(1));
    fd = acquire(b, "orders", IPCB_RECEIVE);
    ck_assert_int_eq(access_mode(fd), O_RDONLY);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(mq_send(fd, "hello", 5, 0), -1);
    ck_assert_int_eq(errno, EBADF);
    close(fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(both_directions_are_one_descriptor)
{
    struct ipcb *b;
    int fd;

    serve(ORDERS);
    b = connect_as(user(7));
    fd = acquire(b, "orders", IPCB_USE);
    ck_assert_int_eq(access_mode(fd), O_RDWR);
    ck_assert_int_eq(mq_send(fd, "hello", 5, 0), 0);
    ck_assert_int_eq(mq_receive(fd, letter, sizeof letter, NULL), 5);
    close(fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(no_access_asked_gives_all_that_is_granted)
{
    struct ipcb_item item;
    struct ipcb *b;

    serve(ORDERS);
    ck_assert_int_eq(get(user(0), "orders", 0), O_WRONLY);
    ck_assert_int_eq(get(user(1), "orders", 0), O_RDONLY);
    ck_assert_int_eq(get(user(7), "orders", 0), O_RDWR);
    b = connect_as(user(1));
    item = acquire_item(b, "orders", 0, 0);
    ck_assert_uint_eq(item.granted, IPCB_RECEIVE);
    ck_assert_uint_eq(item.kind, IPCB_QUEUE);
    close(item.fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(what_one_sends_another_receives_by_priority)
{
    const unsigned priorities[] = {0, 7, 32767, 7};
    const unsigned expected[] = {2, 1, 3, 0}; /* of one priority: in the order sent */
    struct ipcb_queue *sender, *receiver;
    const void *message;
    unsigned priority;

    serve(ORDERS);
    sender = queue_of(user(0), "orders");
    receiver = queue_of(user(1), "orders");
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(ipcb_queue_send(sender, &i, sizeof i, priorities[i], 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(ipcb_queue_receive(receiver, &message, &priority, 0), sizeof i);
        ck_assert_int_eq(memcmp(message, &expected[i], sizeof i), 0);
        ck_assert_uint_eq(priority, priorities[expected[i]]);
    }
    (void)ipcb_queue_free(sender);
    (void)ipcb_queue_free(receiver);
}
END_TEST

/* ---- O_NONBLOCK ---- */

static void set_by_fcntl(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void set_by_mq_setattr(int fd)
{
    const struct mq_attr attributes = {.mq_flags = O_NONBLOCK};

    ck_assert_int_eq(mq_setattr(fd, &attributes, NULL), 0);
}

static void (*const setters[])(int) = {set_by_fcntl, set_by_mq_setattr};

START_TEST(a_nonblocking_flag_that_one_client_sets_touches_no_other)
{
    struct ipcb *one, *other;
    int of_one, of_other, second;

    serve(ORDERS);
    one = connect_as(user(7));
    other = connect_as(user(1));
    of_one = acquire(one, "orders", 0);
    of_other = acquire(other, "orders", 0);
    setters[_i](of_one);
    ck_assert_int_ne(fcntl(of_one, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(of_other, F_GETFL) & O_NONBLOCK, 0);
    second = acquire(one, "orders", 0); /* not even his own next one */
    ck_assert_int_eq(fcntl(second, F_GETFL) & O_NONBLOCK, 0);
    close(of_one);
    close(of_other);
    close(second);
    (void)ipcb_free(one);
    (void)ipcb_free(other);
}
END_TEST

START_TEST(a_nonblocking_descriptor_comes_to_him_who_asks_for_it)
{
    struct ipcb_item blocking, nonblocking;
    struct ipcb *b;

    serve(ORDERS);
    b = connect_as(user(1));
    nonblocking = acquire_item(b, "orders", 0, IPCB_NONBLOCK);
    blocking = acquire_item(b, "orders", 0, 0);
    ck_assert_int_eq(nonblocking.nonblocking, 1);
    ck_assert_int_eq(mq_receive(nonblocking.fd, letter, sizeof letter, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(blocking.nonblocking, 0);
    ck_assert_int_eq(fcntl(blocking.fd, F_GETFL) & O_NONBLOCK, 0);
    close(nonblocking.fd);
    close(blocking.fd);
    (void)ipcb_free(b);
}
END_TEST

/* ---- what a descriptor cannot be made into ---- */

static int cannot_reopen(int fd, int mode)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT(open(path, mode) < 0 && errno == EACCES);
    EXPECT(mq_open("/orders", mode) == (mqd_t)-1 && errno == EACCES);
    return 0;
}

/* All that a sender can try to become a receiver. */
static int try_to_receive(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, "orders", IPCB_SEND);
    (void)ignored;

    EXPECT(fd >= 0);
    if (cannot_reopen(fd, O_RDONLY) || cannot_reopen(fd, O_RDWR))
        return 1;
    EXPECT(fchmod(fd, 0666) < 0 && errno == EPERM);
    EXPECT(fchown(fd, geteuid(), getegid()) < 0 && errno == EPERM);
    EXPECT(mq_unlink("/orders") < 0 && errno == EACCES);
    EXPECT(mq_receive(fd, letter, sizeof letter, NULL) < 0 && errno == EBADF);
    return 0;
}

START_TEST(a_sender_cannot_make_himself_a_receiver)
{
    serve(ORDERS);
    ck_assert_int_eq(as_user(user(0), try_to_receive, NULL), 0);
}
END_TEST

/* ---- identity ---- */

START_TEST(the_identity_of_a_queue_is_its_inode)
{
    struct ipcb *b, *other;
    struct ipcb_item first, second, else_;
    struct stat status;

    serve(ORDERS "[queue:other]\nuse = user:0\n");
    b = connect_as(root());
    other = connect_as(user(0));
    first = acquire_item(b, "orders", 0, 0);
    second = acquire_item(other, "orders", 0, 0);
    else_ = acquire_item(b, "other", 0, 0);
    ck_assert_int_eq(fstat(first.fd, &status), 0);
    ck_assert_uint_eq(first.device, status.st_dev);
    ck_assert_uint_eq(first.inode, status.st_ino);
    ck_assert_uint_eq(second.inode, first.inode);
    ck_assert_uint_ne(else_.inode, first.inode);
    close(first.fd);
    close(second.fd);
    close(else_.fd);
    (void)ipcb_free(b);
    (void)ipcb_free(other);
}
END_TEST

START_TEST(a_queue_is_as_declared)
{
    struct mq_attr is;
    struct stat status;
    mqd_t named;

    serve("[queue:orders]\nmax_messages = 7\nmessage_size = 1K\nuse = any\n"
          "[queue:shared]\nmode = 0660\ngroup = $B\nposix_name = /for-all\nuse = any\n"
          "[queue:hidden]\nposix_name = none\nuse = any\n");
    named = mq_open("/orders", O_RDONLY);
    ck_assert_int_ge(named, 0);
    ck_assert_int_eq(mq_getattr(named, &is), 0);
    ck_assert_int_eq(is.mq_maxmsg, 7);
    ck_assert_int_eq(is.mq_msgsize, 1024);
    ck_assert_int_eq(fstat(named, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_uid, broker.broker_uid);
    close(named);
    named = mq_open("/for-all", O_RDONLY);
    ck_assert_int_eq(fstat(named, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0660);
    ck_assert_uint_eq(status.st_gid, broker.broker_uid);
    close(named);
    ck_assert_int_lt(mq_open("/shared", O_RDONLY), 0);
    ck_assert_int_lt(mq_open("/hidden", O_RDONLY), 0);
    ck_assert_int_eq(get(user(0), "hidden", 0), O_RDWR);
}
END_TEST

/* ---- names and kinds ---- */

START_TEST(a_leading_slash_in_a_request_is_ignored)
{
    serve(ORDERS);
    ck_assert_int_eq(get(user(0), "/orders", 0), O_WRONLY);
}
END_TEST

START_TEST(a_second_leading_slash_is_not_ignored)
{
    serve(ORDERS);
    ck_assert_int_eq(get(user(0), "//orders", 0), -EINVAL);
}
END_TEST

START_TEST(an_unknown_name_is_told_with_the_line_that_would_declare_it)
{
    serve(ORDERS);
    ck_assert_int_eq(get(user(0), "order", 0), -ENOENT);
    assert_has(said(), "no object 'order' is declared");
    assert_has(said(), "[queue:order]");
    ck_assert_int_eq(get(user(0), "orders2", 0), -ENOENT);
    ck_assert_int_eq(get(user(0), "Orders", 0), -ENOENT);
}
END_TEST

static const char *const no_names[] = {"",        "/",       ".",   "..",           ".orders",
                                       "-orders", "or ders", "a/b", "\xc3\xb6rders"};

START_TEST(what_cannot_be_a_name_is_refused)
{
    serve(ORDERS);
    ck_assert_int_eq(get(user(0), no_names[_i], 0), -EINVAL);
    assert_has(said(), "not a name");
}
END_TEST

START_TEST(another_kind_than_the_expected_is_refused)
{
    struct ipcb_queue *q = NULL;
    struct ipcb_event *e = NULL;
    struct ipcb *b;

    serve(ORDERS "[eventfd:wake]\nuse = user:0\n");
    b = connect_as(root());
    ck_assert_int_eq(ipcb_queue_acquire(&q, b, "wake", 0), -EINVAL);
    assert_has(ipcb_message(b), "'wake' is of the kind eventfd, not queue");
    ck_assert_int_eq(ipcb_event_acquire(&e, b, "orders"), -EINVAL);
    assert_has(ipcb_message(b), "'orders' is of the kind queue, not eventfd or pipe");
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_one_shot_acquire_finds_the_broker_by_the_environment)
{
    struct ipcb_queue *q = NULL;

    serve(ORDERS);
    ck_assert_int_eq(setenv("IPCBROKER_SOCKET", broker.socket, 1), 0);
    ck_assert_int_eq(ipcb_queue_acquire(&q, NULL, "orders", 0), 0);
    put(q, "hello");
    expect_next(q, "hello");
    (void)ipcb_queue_free(q);
}
END_TEST

TCase *acquire_case(void)
{
    TCase *tcase = broker_case("acquire");

    tcase_add_test(tcase, a_descriptor_for_sending_cannot_receive);
    tcase_add_test(tcase, a_descriptor_for_receiving_cannot_send);
    tcase_add_test(tcase, both_directions_are_one_descriptor);
    tcase_add_test(tcase, no_access_asked_gives_all_that_is_granted);
    tcase_add_test(tcase, what_one_sends_another_receives_by_priority);
    tcase_add_loop_test(tcase, a_nonblocking_flag_that_one_client_sets_touches_no_other, 0, 2);
    tcase_add_test(tcase, a_nonblocking_descriptor_comes_to_him_who_asks_for_it);
    tcase_add_test(tcase, a_sender_cannot_make_himself_a_receiver);
    tcase_add_test(tcase, the_identity_of_a_queue_is_its_inode);
    tcase_add_test(tcase, a_queue_is_as_declared);
    tcase_add_test(tcase, a_leading_slash_in_a_request_is_ignored);
    tcase_add_test(tcase, a_second_leading_slash_is_not_ignored);
    tcase_add_test(tcase, an_unknown_name_is_told_with_the_line_that_would_declare_it);
    tcase_add_loop_test(tcase, what_cannot_be_a_name_is_refused, 0,
                        sizeof no_names / sizeof *no_names);
    tcase_add_test(tcase, another_kind_than_the_expected_is_refused);
    tcase_add_test(tcase, a_one_shot_acquire_finds_the_broker_by_the_environment);
    return tcase;
}
