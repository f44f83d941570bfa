/* Queues. */
#include "tests/unit/objects_cases.h"

#include "daemon/declaration.h"

/* ---- a queue with a name ---- */

START_TEST(a_named_queue)
{
    struct stat status;
    mqd_t queue;

    small_queue("orders");
    queue = mq_open("/orders", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(queue, 0);
    ck_assert_int_eq(fstat(queue, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_uid, geteuid());
    ck_assert_uint_eq(status.st_ino, object.identity.inode);
    ck_assert_uint_eq(status.st_dev, object.identity.device);
    ck_assert_ptr_nonnull(object.kernel_name);
    ck_assert_ptr_null(object.difference);
    ck_assert_str_eq(text_fact("posix_name"), "/orders");
    ck_assert_uint_eq(number_fact("max_messages"), 4);
    ck_assert_uint_eq(number_fact("message_size"), 64);
    ck_assert_str_eq(text_fact("mode"), "0600");
    ck_assert_uint_eq(number_fact("inode"), status.st_ino);
    (void)mq_close(queue);
}
END_TEST

START_TEST(the_declared_mode_whatever_the_umask)
{
    struct stat status;

    declare("queue", "x", "max_messages", "1", "message_size", "1", "mode", "0662", NULL);
    create();
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0662);
}
END_TEST

START_TEST(a_group_that_we_are_no_member_of)
{
    declare("queue", "x", "max_messages", "1", "message_size", "1", "group", "12345", NULL);
    object_create(&object, 0);
    ck_assert(object_is_failed(&object));
    ck_assert_ptr_nonnull(strstr(object.failure, "gid 12345"));
    ck_assert_int_eq(mq_open("/x", O_RDONLY), -1); /* nothing is left of the attempt */
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(adopted_with_its_messages)
{
    struct wire_identity was;

    small_queue("orders");
    was = object.identity;
    send_text(object.fd, "one");
    send_text(object.fd, "two");
    small_queue("orders");
    ck_assert_uint_eq(object.identity.inode, was.inode);
    ck_assert_ptr_null(object.difference);
    ck_assert_uint_eq(number_fact("depth"), 2);
    expect_text(object.fd, "one");
    expect_text(object.fd, "two");
}
END_TEST

START_TEST(adopted_with_other_limits_it_differs)
{
    small_queue("orders");
    send_text(object.fd, "one");
    declare("queue", "orders", "max_messages", "5", "message_size", "64", NULL);
    create();
    ck_assert_str_eq(object.difference, "it holds 4 messages of 64 bytes, declared are 5 of 64");
    ck_assert_str_eq(text_fact("state"), "differs");
    ck_assert_str_eq(text_fact("difference"), object.difference);
    ck_assert_uint_eq(number_fact("max_messages"), 4);
    expect_text(object.fd, "one");
    declare("queue", "orders", "max_messages", "4", "message_size", "65", NULL);
    create();
    ck_assert_ptr_nonnull(object.difference);
}
END_TEST

START_TEST(adopted_its_mode_is_set)
{
    struct stat status;

    make_queue("/orders", 0666);
    declare("queue", "orders", "max_messages", "2", "message_size", "16", NULL);
    create();
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
}
END_TEST

/* Whether we may open what is there or not. */
static const char *const squatted[] = {"theirs", "closed"};

START_TEST(a_squatted_name_makes_it_nameless)
{
    mqd_t theirs;

    small_queue(squatted[_i]);
    ck_assert_ptr_null(object.kernel_name);
    ck_assert_str_eq(text_fact("posix_name"), "none");
    ck_assert_str_eq(text_fact("state"), "ready");
    send_text(object.fd, "ours");
    theirs = mq_open("/theirs", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(theirs, 0);
    ck_assert_int_eq(mq_receive(theirs, (char[64]){0}, 64, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    expect_text(object.fd, "ours");
    (void)mq_close(theirs);
}
END_TEST

START_TEST(a_squatted_name_that_is_needed_is_a_failure)
{
    declare("queue", squatted[_i], "mode", "0660", "max_messages", "1", "message_size", "1", NULL);
    object_create(&object, 0);
    ck_assert(object_is_failed(&object));
    ck_assert_ptr_nonnull(strstr(object.failure, "is taken by a queue"));
    ck_assert_str_eq(text_fact("state"), "failed");
    ck_assert_str_eq(text_fact("failure"), object.failure);
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, 0, &handout, &why), -ENXIO);
    assert_why("is taken by a queue");
}
END_TEST

START_TEST(a_name_removed_from_outside)
{
    int fd;

    small_queue("orders");
    send_text(object.fd, "kept");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    ck_assert_ptr_nonnull(object.kernel_name);
    object_look(&object);
    ck_assert_ptr_null(object.kernel_name);
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "kept");
    close(fd);
    ck_assert_str_eq(text_fact("posix_name"), "none");
}
END_TEST

/* A reload of thousands asks the kernel for nothing that has not changed. */
START_TEST(mode_and_group_are_looked_at_where_they_may_differ)
{
    const struct kind *kind;
    struct declaration again;
    char text[128];

    small_queue("orders");
    kind = declaration.kind;
    again = declaration;
    ck_assert_int_eq(fchmod(object.fd, 0640), 0);
    ck_assert(!kind->adjustment(&object, &again, text, sizeof text));
    ck_assert_str_eq(text, "");
    object.adjusted = false; /* that could not be set, or came back from the store */
    (void)kind->adjustment(&object, &again, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "mode 0640"));
    object.adjusted = true;
    again.settings = calloc(1, kind->settings_size);
    ck_assert_ptr_nonnull(again.settings);
    kind->settings_init(again.settings);
    ck_assert_int_eq(declaration_set(&again, "mode", "0660", &why), 0);
    ck_assert(kind->adjustment(&object, &again, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "becomes 0660"));
    free(again.settings);
}
END_TEST

/* The first to notice may well be a client's request. */
START_TEST(a_name_that_is_another_queues_now)
{
    int fd;

    small_queue("orders");
    send_text(object.fd, "ours");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    make_queue("/orders", 0600);
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "ours");
    close(fd);
    ck_assert_ptr_null(object.kernel_name);
}
END_TEST

/* ---- a queue without a name ---- */

static void nameless_queue(void)
{
    declare("queue", "quiet", "max_messages", "4", "message_size", "64", "posix_name", "none",
            NULL);
    create();
}

START_TEST(a_nameless_queue)
{
    struct stat status;
    int fd;

    nameless_queue();
    ck_assert_ptr_null(object.kernel_name);
    ck_assert_int_eq(fstat(object.fd, &status), 0);
    ck_assert_uint_eq(status.st_nlink, 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_ino, object.identity.inode);
    send_text(object.fd, "hello");
    fd = acquire(WIRE_READ, 0);
    expect_text(fd, "hello");
    close(fd);
    object_look(&object);
    ck_assert(!object_is_failed(&object));
}
END_TEST

/* ---- hand out ---- */

static const struct {
    unsigned access, flags;
    int mode;
} ways[] = {
    {WIRE_WRITE, 0, O_WRONLY},
    {WIRE_READ, 0, O_RDONLY},
    {WIRE_USE, 0, O_RDWR},
    {0, 0, O_RDWR},
    {WIRE_WRITE, WIRE_NONBLOCK, O_WRONLY | O_NONBLOCK},
    {WIRE_READ, WIRE_NONBLOCK, O_RDONLY | O_NONBLOCK},
    {0, WIRE_NONBLOCK, O_RDWR | O_NONBLOCK},
};

static void expect_way(int way)
{
    int fd = acquire(ways[way].access, ways[way].flags);

    ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ways[way].mode);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_uint_eq(handout.descriptor.kind, WIRE_QUEUE);
    ck_assert_uint_eq(handout.descriptor.access, ways[way].access ? ways[way].access : WIRE_USE);
    ck_assert_uint_eq(handout.descriptor.flags, ways[way].flags);
    ck_assert_uint_eq(handout.descriptor.identity.inode, object.identity.inode);
    close(fd);
}

START_TEST(just_the_access)
{
    nameless_queue();
    expect_way(_i);
    if (!is_root())
        return;
    small_queue("orders");
    expect_way(_i);
}
END_TEST

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

START_TEST(each_has_a_description_of_his_own)
{
    struct mq_attr nonblocking = {.mq_flags = O_NONBLOCK};
    int a, b;

    nameless_queue();
    a = acquire(WIRE_READ, 0);
    b = acquire(WIRE_READ, 0);
    ck_assert_int_eq(mq_setattr(a, &nonblocking, NULL), 0);
    ck_assert(is_nonblocking(a));
    ck_assert(!is_nonblocking(b));
    ck_assert(is_nonblocking(object.fd)); /* as the broker made it: it never waits */
    close(a);
    close(b);
}
END_TEST

static const struct {
    unsigned granted, access;
    int r; /* 0: it is handed out */
} asked[] = {
    {0, 0, -EACCES},
    {0, WIRE_READ, -EACCES},
    {0, WIRE_USE, -EACCES},
    {WIRE_READ, 0, 0},
    {WIRE_READ, WIRE_READ, 0},
    {WIRE_READ, WIRE_WRITE, -EACCES},
    {WIRE_READ, WIRE_USE, -EACCES},
    {WIRE_WRITE, WIRE_READ, -EACCES},
    {WIRE_WRITE, WIRE_WRITE, 0},
    {WIRE_USE, WIRE_READ, 0},
    {WIRE_USE, WIRE_USE, 0},
};

START_TEST(no_more_than_granted)
{
    nameless_queue();
    ck_assert_int_eq(
        object_hand_out(&object, asked[_i].granted, asked[_i].access, 0, &handout, &why),
        asked[_i].r);
    if (asked[_i].r == 0)
        ck_assert_uint_eq(handout.descriptor.access,
                          asked[_i].access ? asked[_i].access : asked[_i].granted);
    else
        ck_assert_int_eq(handout.fd, -1);
}
END_TEST

/* A descriptor is not left behind when it is not taken. */
START_TEST(what_is_not_taken_is_closed)
{
    int fd;

    nameless_queue();
    ck_assert_int_eq(object_hand_out(&object, WIRE_USE, 0, 0, &handout, &why), 0);
    fd = handout.fd;
    handout_deinit(&handout);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(handout.fd, -1);
    ck_assert(!object_is_failed(&object));
}
END_TEST

/* ---- what the kernel refuses ---- */

static void expect_failure(const char *limit, const char *cure)
{
    object_create(&object, 100);
    ck_assert(object_is_failed(&object));
    ck_assert_msg(strstr(object.failure, limit), "%s", object.failure);
    ck_assert_msg(strstr(object.failure, cure), "%s", object.failure);
    ck_assert_uint_eq(object.retry_at_us, 1000100);
}

START_TEST(over_a_limit_of_the_name_space)
{
    declare("queue", "x", "max_messages", "60000", "message_size", "1", NULL);
    expect_failure("over fs.mqueue.msg_max = ", "sysctl fs.mqueue.msg_max=60000");
    declare("queue", "x", "max_messages", "1", "message_size", "16M", NULL);
    expect_failure("over fs.mqueue.msgsize_max = ", "sysctl fs.mqueue.msgsize_max=16777216");
}
END_TEST

static int fill_up(int *queues)
{
    int n = 0;

    while (n < 300) {
        char name[32];
        struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};

        (void)snprintf(name, sizeof name, "/fill-%d", n);
        queues[n] = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        if (queues[n] < 0)
            break;
        n++;
    }
    return n;
}

/* Tried again when there is room. */
START_TEST(as_many_queues_as_there_may_be)
{
    int queues[300], n = fill_up(queues);

    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(errno, ENOSPC);
    declare("queue", "x", "max_messages", "1", "message_size", "1", NULL);
    expect_failure("fs.mqueue.queues_max = ", "sysctl fs.mqueue.queues_max=");
    (void)mq_unlink("/fill-0");
    (void)mq_close(queues[0]);
    object_retry(&object, object.retry_at_us);
    ck_assert(!object_is_failed(&object));
    ck_assert_ptr_null(object.failure);
    while (--n > 0)
        (void)mq_close(queues[n]);
}
END_TEST

/* ---- suite ---- */

/* These want an IPC name space of their own. */
void add_named(Suite *suite)
{
    TCase *cases = new_cases("named");

    tcase_add_test(cases, a_named_queue);
    tcase_add_test(cases, the_declared_mode_whatever_the_umask);
    tcase_add_test(cases, a_group_that_we_are_no_member_of);
    tcase_add_test(cases, adopted_with_its_messages);
    tcase_add_test(cases, adopted_with_other_limits_it_differs);
    tcase_add_test(cases, adopted_its_mode_is_set);
    tcase_add_loop_test(cases, a_squatted_name_makes_it_nameless, 0, 2);
    tcase_add_loop_test(cases, a_squatted_name_that_is_needed_is_a_failure, 0, 2);
    tcase_add_test(cases, a_name_removed_from_outside);
    tcase_add_test(cases, mode_and_group_are_looked_at_where_they_may_differ);
    tcase_add_test(cases, a_name_that_is_another_queues_now);
    tcase_add_test(cases, over_a_limit_of_the_name_space);
    tcase_add_test(cases, as_many_queues_as_there_may_be);
    suite_add_tcase(suite, cases);
}

void add_nameless(Suite *suite)
{
    TCase *cases = new_cases("nameless");

    tcase_add_test(cases, a_nameless_queue);
    tcase_add_loop_test(cases, just_the_access, 0, (int)ARRAY_SIZE(ways));
    tcase_add_test(cases, each_has_a_description_of_his_own);
    tcase_add_loop_test(cases, no_more_than_granted, 0, (int)ARRAY_SIZE(asked));
    tcase_add_test(cases, what_is_not_taken_is_closed);
    suite_add_tcase(suite, cases);
}
