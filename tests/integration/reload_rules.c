/* What leaves the configuration, comes back, is replaced and purged. */
#include "tests/integration/reload_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ORDERS "[queue:orders]\nmessage_size = 100\nuse = user:$C0\n"

static struct ipcb_facts *purge(const char *name, int error)
{
    struct ipcb *b = administrator();
    struct ipcb_facts *facts = NULL;
    int r = ipcb_purge(b, name, &facts);

    ck_assert_msg(r == error, "%s instead of %s: %s", strerror(-r), strerror(-error),
                  ipcb_message(b));
    (void)ipcb_free(b);
    return facts;
}

static struct ipcb_facts *replace(const char *name, int error)
{
    struct ipcb *b = administrator();
    struct ipcb_facts *facts = NULL;
    int r = ipcb_replace(b, name, &facts);

    ck_assert_msg(r == error, "%s instead of %s: %s", strerror(-r), strerror(-error),
                  ipcb_message(b));
    (void)ipcb_free(b);
    return facts;
}

static void configure(const char *text)
{
    fixture_configure(&broker, text);
    reload_to("applied");
}

/* Its messages are there for an administrator, to read; for nobody else; and again when it is
 * declared again. */
START_TEST(retired_and_revived_with_its_messages)
{
    struct ipcb_queue *q;
    struct ipcb_list *list;

    serve(ORDERS);
    q = queue_of(user(0), "orders");
    put(q, "one");
    put(q, "two");
    configure("");
    ck_assert_str_eq(state_of("orders"), "retired");
    ck_assert_str_eq(state_of("orders@1"), "retired");
    ck_assert_uint_eq(number_of("orders@1", "depth"), 2);
    ck_assert_int_eq(get(user(0), "orders", 0), -ENOENT);
    ck_assert_int_eq(get(root(), "orders@1", 0), -EINVAL); /* no name for him */
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders@1", 0), O_RDONLY);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", IPCB_RECEIVE), O_RDONLY);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders@1", IPCB_SEND), -EACCES);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders@1", IPCB_USE), -EACCES);
    put(q, "three"); /* what is held works on */
    fixture_configure(&broker, ORDERS);
    list = reload();
    ck_assert(has_change(list, "revived", "orders", "orders@1"));
    ck_assert_uint_eq(count_changes(list), 1);
    (void)ipcb_list_free(list);
    ck_assert_str_eq(state_of("orders"), "ready");
    ck_assert_str_eq(state_of("orders@1"), "");
    (void)ipcb_queue_free(q);
    q = queue_of(user(0), "orders");
    expect_next(q, "one");
    expect_next(q, "two");
    expect_next(q, "three");
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(revived_with_other_limits_it_differs)
{
    serve(ORDERS "[pipe:done]\nuse = any\n[eventfd:wake]\nuse = any\n");
    configure("");
    configure("[queue:orders]\nmessage_size = 200\nuse = user:$C0\n[pipe:done]\ncapacity = 4096\n"
              "use = any\n[eventfd:wake]\nsemaphore = yes\nuse = any\n");
    ck_assert_str_eq(state_of("orders"), "differs");
    ck_assert_str_eq(state_of("done"), "differs");
    ck_assert_str_eq(state_of("wake"), "differs");
    ck_assert_uint_eq(number_of("orders", "message_size"), 100);
    assert_has(fixture_log(&broker), "queue 'orders': differs, it holds 10 messages of 100 bytes");
}
END_TEST

/* The kind of a name changes: the old is kept, and is what comes back with the kind. */
START_TEST(another_kind_under_the_same_name)
{
    struct ipcb_queue *q;

    serve(ORDERS);
    q = queue_of(user(0), "orders");
    put(q, "one");
    (void)ipcb_queue_free(q);
    configure("[eventfd:orders]\ninitial = 7\nuse = user:$C0\n");
    ck_assert_str_eq(state_of("orders@1"), "retired");
    ck_assert_uint_eq(number_of("orders", "count"), 7);
    configure("[pipe:orders]\nuse = user:$C0\n");
    ck_assert_uint_eq(number_of("orders@2", "count"), 7);
    configure(ORDERS);
    ck_assert_uint_eq(number_of("orders", "depth"), 1);
    ck_assert_str_eq(state_of("orders@1"), "");
    ck_assert_uint_eq(number_of("orders@2", "count"), 7);
    ck_assert_str_eq(state_of("orders@3"), "retired");
}
END_TEST

/* Limits of a live object: it stays as it is, usable, and the plan says so before. */
START_TEST(other_limits_replace_nothing)
{
    struct ipcb_list *list;
    struct ipcb_queue *q;

    serve(ORDERS);
    q = queue_of(user(0), "orders");
    put(q, "one");
    fixture_configure(&broker, "[queue:orders]\nmessage_size = 100\nmax_messages = 3\nuse = "
                               "user:$C0\n");
    list = plan();
    ck_assert(has_change(list, "differs", "orders", "declared are 3 of 100"));
    (void)ipcb_list_free(list);
    ck_assert_str_eq(state_of("orders"), "ready");
    list = reload();
    ck_assert(has_change(list, "differs", "orders", "declared are 3 of 100"));
    ck_assert_uint_eq(count_changes(list), 1);
    (void)ipcb_list_free(list);
    ck_assert_str_eq(state_of("orders"), "differs");
    ck_assert_uint_eq(number_of("orders", "max_messages"), 10);
    expect_next(q, "one");
    list = reload(); /* it is no change any more */
    ck_assert_uint_eq(count_changes(list), 0);
    (void)ipcb_list_free(list);
    configure(ORDERS);
    ck_assert_str_eq(state_of("orders"), "ready");
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(a_wider_mode_is_set_and_said_to_make_two_ways)
{
    struct ipcb_list *list;
    struct stat status;
    mqd_t queue;

    serve("[queue:orders]\nreceive = user:$C0\n");
    fixture_configure(&broker, "[queue:orders]\nmode = 0662\nreceive = user:$C0\n");
    list = plan();
    ck_assert(has_change(list, "changed", "orders", "mode 0600"));
    ck_assert(has_change(list, "two-way", "orders", NULL));
    (void)ipcb_list_free(list);
    reload_to("applied");
    queue = mq_open("/orders", O_RDONLY);
    ck_assert_int_ge(queue, 0);
    ck_assert_int_eq(fstat(queue, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0662);
    fixture_configure(&broker, "[queue:orders]\nmode = 0600\nreceive = user:$C0\n");
    list = reload();
    ck_assert(!has_change(list, "two-way", "orders", NULL));
    ck_assert(has_change(list, "changed", "orders", "becomes 0600"));
    (void)ipcb_list_free(list);
    ck_assert_int_eq(fstat(queue, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    (void)mq_close(queue);
}
END_TEST

/* A name of the kernel's that another of our objects still has is not shared with it. */
START_TEST(a_kernel_name_that_a_retired_queue_has)
{
    struct ipcb_queue *q;

    serve("[queue:old]\nposix_name = /thing\nuse = user:$C0\n");
    q = queue_of(user(0), "old");
    put(q, "for old receivers");
    (void)ipcb_queue_free(q);
    configure("[queue:new]\nposix_name = /thing\nuse = user:$C1\n");
    ck_assert_uint_eq(number_of("new", "depth"), 0);
    ck_assert_uint_eq(number_of("old@1", "depth"), 1);
    assert_has(fixture_log(&broker), "the name /thing is still that of queue 'old'");
}
END_TEST

START_TEST(another_kernel_name_differs)
{
    serve(ORDERS);
    configure("[queue:orders]\nposix_name = /other\nmessage_size = 100\nuse = user:$C0\n");
    ck_assert_str_eq(state_of("orders"), "differs");
    (void)ipcb_facts_free(replace("orders", 0));
    ck_assert_str_eq(state_of("orders"), "ready");
    ck_assert_int_eq(mq_open("/orders", O_RDONLY), -1);
}
END_TEST

/* ---- failed ones ---- */

START_TEST(a_failed_one_is_tried_again_at_once)
{
    set_mqueue_limit("msg_max", 5);
    serve("[queue:big]\nmax_messages = 9\nuse = user:$C0\n");
    ck_assert_str_eq(state_of("big"), "failed");
    set_mqueue_limit("msg_max", 10);
    reload_to("applied");
    ck_assert_str_eq(state_of("big"), "ready");
    configure("");
    set_mqueue_limit("msg_max", 5);
    configure(
        "[queue:huge]\nmax_messages = 9\nuse = user:$C0\n[queue:small]\nmax_messages = 1\nuse "
        "= user:$C0\n");
    ck_assert_str_eq(state_of("huge"), "failed");
    ck_assert_str_eq(state_of("small"), "ready"); /* it kept nobody from his */
    configure("");
    ck_assert_str_eq(state_of("huge"), ""); /* there was nothing to keep */
}
END_TEST

/* ---- replace ---- */

/* The next frame is the event that tells of it. */
static void expect_event(int fd, const char *name)
{
    uint8_t frame[512];
    size_t n_fds = 0;
    ssize_t size = raw_receive(fd, frame, sizeof frame, NULL, &n_fds);

    ck_assert_int_eq(size, (ssize_t)(16 + strlen(name)));
    ck_assert_int_eq(memcmp(frame, "\1\0\0\0\0\0\0\0\0\0\0\0\20\0", 14), 0);
    ck_assert_int_eq(memcmp(frame + 16, name, strlen(name)), 0);
}

START_TEST(replaced_where_it_is_empty_and_holders_are_told)
{
    struct ipcb_queue *old, *new;
    struct ipcb_facts *facts;
    struct ipcb *granted;
    int fd, stranger;

    serve(ORDERS);
    old = queue_of(user(0), "orders");
    granted = connect_as(user(0));
    (void)ipcb_facts_free(status(granted));
    become(user(0));
    fd = raw_connect(broker.socket);
    become_root();
    become(user(1));
    stranger = raw_connect(broker.socket);
    become_root();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(stranger, 0);
    put(old, "one");
    configure("[queue:orders]\nmessage_size = 50\nuse = user:$C0\n");
    ck_assert_ptr_null(replace("orders", -ENOTEMPTY));
    expect_next(old, "one");
    facts = replace("orders", 0);
    ck_assert_str_eq(fact_text(facts, "retired"), "orders@1");
    (void)ipcb_facts_free(facts);
    expect_event(fd, "orders");
    ck_assert_int_eq(recv(stranger, &(char){0}, 1, MSG_DONTWAIT), -1); /* it is none of his */
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_str_eq(state_of("orders"), "ready");
    ck_assert_uint_eq(number_of("orders", "message_size"), 50);
    close(acquire(granted, "orders", 0)); /* the library reads over the event */
    new = queue_of(user(0), "orders");
    put(new, "new");
    ck_assert_int_eq(ipcb_queue_receive(old, &(const void *){NULL}, NULL, 0), -EAGAIN);
    put(old, "late");
    ck_assert_uint_eq(number_of("orders@1", "depth"), 1);
    (void)ipcb_queue_free(old);
    (void)ipcb_queue_free(new);
    (void)ipcb_free(granted);
    close(fd);
    close(stranger);
}
END_TEST

START_TEST(what_cannot_be_replaced)
{
    struct ipcb *b;

    serve(ORDERS "[eventfd:wake]\ninitial = 3\nuse = any\n[pipe:done]\ninitial = 2\nuse = any\n");
    ck_assert_ptr_null(replace("nothing", -ENOENT));
    ck_assert_ptr_null(replace("wake", -ENOTEMPTY));
    ck_assert_ptr_null(replace("done", -ENOTEMPTY));
    b = connect_as(user(0)); /* not an administrator */
    ck_assert_int_eq(ipcb_replace(b, "orders", &(struct ipcb_facts *){NULL}), -EACCES);
    ck_assert_int_eq(ipcb_purge(b, NULL, &(struct ipcb_facts *){NULL}), -EACCES);
    ck_assert_int_eq(ipcb_reload(b, &(struct ipcb_list *){NULL}), -EACCES);
    ck_assert_int_eq(ipcb_plan(b, &(struct ipcb_list *){NULL}), -EACCES);
    (void)ipcb_free(b);
    configure("");
    ck_assert_ptr_null(replace("orders", -ENOENT)); /* it is retired */
    ck_assert_ptr_null(replace("orders@1", -EINVAL));
}
END_TEST

/* Where there can be no new one the old one stays, with its name. */
START_TEST(a_replacement_that_cannot_be_made)
{
    serve(ORDERS);
    set_mqueue_limit("msg_max", 5);
    configure("[queue:orders]\nmax_messages = 9\nuse = user:$C0\n");
    ck_assert_ptr_null(replace("orders", -EAGAIN));
    ck_assert_str_eq(state_of("orders"), "differs");
    ck_assert_int_ne(mq_open("/orders", O_RDONLY | O_CLOEXEC), -1);
    ck_assert_str_eq(state_of("orders@1"), "");
}
END_TEST

/* One that is not there is made at the next reload or try, not in the place of itself. */
START_TEST(what_has_failed_is_not_replaced)
{
    set_mqueue_limit("msg_max", 5);
    serve("[queue:orders]\nmax_messages = 9\nuse = user:$C0\n");
    ck_assert_ptr_null(replace("orders", -ENXIO));
}
END_TEST

/* ---- purge ---- */

START_TEST(purged_it_is_gone_and_what_it_held_is_counted)
{
    struct ipcb_facts *facts;
    struct ipcb_queue *q;

    serve(ORDERS "[eventfd:wake]\ninitial = 3\nuse = any\n[pipe:done]\ninitial = 2\nuse = any\n"
                 "[queue:empty]\nuse = any\n");
    q = queue_of(user(0), "orders");
    put(q, "one");
    put(q, "two");
    (void)ipcb_queue_free(q);
    ck_assert_ptr_null(purge("orders", -EBUSY));
    ck_assert_ptr_null(purge("nothing", -ENOENT));
    configure("");
    facts = purge(NULL, 0); /* only what is empty */
    ck_assert_uint_eq(fact_number(facts, "purged"), 1);
    ck_assert_uint_eq(fact_number(facts, "left"), 3);
    (void)ipcb_facts_free(facts);
    ck_assert_str_eq(state_of("empty"), "");
    ck_assert_int_eq(mq_open("/empty", O_RDONLY), -1);
    ck_assert_int_ne(mq_open("/orders", O_RDONLY | O_CLOEXEC), -1); /* nothing else is removed */
    facts = purge("orders", 0);
    ck_assert_uint_eq(fact_number(facts, "taken"), 2);
    ck_assert_uint_eq(fact_number(facts, "left"), 0);
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(mq_open("/orders", O_RDONLY), -1);
    facts = purge("wake@1", 0);
    ck_assert_uint_eq(fact_number(facts, "taken"), 3);
    (void)ipcb_facts_free(facts);
    facts = purge("done", 0);
    ck_assert_uint_eq(fact_number(facts, "taken"), 2);
    (void)ipcb_facts_free(facts);
    facts = purge(NULL, 0);
    ck_assert_uint_eq(fact_number(facts, "purged"), 0);
    ck_assert_uint_eq(fact_number(facts, "left"), 0);
    (void)ipcb_facts_free(facts);
}
END_TEST

/* Its name may be another's by now. */
START_TEST(a_purge_removes_no_other_queue_of_that_name)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
    mqd_t foreign;

    serve(ORDERS);
    configure("");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    foreign = mq_open("/orders", O_RDWR | O_CREAT | O_EXCL, 0666, &attributes);
    ck_assert_int_ge(foreign, 0);
    (void)ipcb_facts_free(purge("orders", 0));
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    (void)mq_close(foreign);
}
END_TEST

/* ---- waiting for a declaration ---- */

static int wait_for_it(void *argument)
{
    int *told = argument, fd = raw_connect(broker.socket);
    static const uint8_t frame[] = "\1\10\0\0\1\0\0\0\0\0\0\0\5\0\4\0late";
    uint8_t reply[64];
    size_t n_fds = 0;

    EXPECT(fd >= 0);
    EXPECT(send(fd, frame, sizeof frame - 1, 0) == sizeof frame - 1);
    EXPECT(write(told[1], "!", 1) == 1);
    EXPECT(raw_receive(fd, reply, sizeof reply, NULL, &n_fds) == 12);
    EXPECT(reply[1] == 8 && reply[8] == 0);
    return 0;
}

START_TEST(whoever_waits_for_a_name_is_answered_when_it_is_declared)
{
    pid_t children[20];
    int told[2];

    ck_assert_int_eq(pipe(told), 0);
    serve(ORDERS);
    for (size_t i = 0; i < 20; i++)
        children[i] = as_user_begin(user((unsigned)i % 8), wait_for_it, told);
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(read(told[0], &(char){0}, 1), 1);
    configure(ORDERS); /* which is not what they wait for */
    set_mqueue_limit("msg_max", 5);
    configure(ORDERS "[queue:late]\nmax_messages = 9\nuse = user:$C0\n");
    ck_assert_str_eq(state_of("late"), "failed"); /* whatever its state */
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(as_user_end(children[i]), 0);
}
END_TEST

void add_rules(Suite *suite)
{
    TCase *cases = broker_case("rules");

    tcase_add_test(cases, retired_and_revived_with_its_messages);
    tcase_add_test(cases, revived_with_other_limits_it_differs);
    tcase_add_test(cases, another_kind_under_the_same_name);
    tcase_add_test(cases, other_limits_replace_nothing);
    tcase_add_test(cases, a_wider_mode_is_set_and_said_to_make_two_ways);
    tcase_add_test(cases, a_kernel_name_that_a_retired_queue_has);
    tcase_add_test(cases, another_kernel_name_differs);
    tcase_add_test(cases, a_failed_one_is_tried_again_at_once);
    tcase_add_test(cases, replaced_where_it_is_empty_and_holders_are_told);
    tcase_add_test(cases, what_cannot_be_replaced);
    tcase_add_test(cases, a_replacement_that_cannot_be_made);
    tcase_add_test(cases, what_has_failed_is_not_replaced);
    tcase_add_test(cases, purged_it_is_gone_and_what_it_held_is_counted);
    tcase_add_test(cases, a_purge_removes_no_other_queue_of_that_name);
    tcase_add_test(cases, whoever_waits_for_a_name_is_answered_when_it_is_declared);
    suite_add_tcase(suite, cases);
}
