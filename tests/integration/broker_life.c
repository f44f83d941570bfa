/* From READY to SIGTERM: what the process is, keeps and leaves. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>

#define ORDERS "[queue:orders]\nuse = user:0, user:$C0\n[eventfd:wake]\nuse = user:0, user:$C0\n"

START_TEST(the_first_request_after_ready_never_fails)
{
    char *many = sections("eventfd", "event-", 300, "use = user:0\n"), *all = NULL;

    ck_assert_int_gt(asprintf(&all, "%s[queue:zz-last]\nuse = user:0\n", many), 0);
    for (int i = 0; i < 20; i++) {
        serve(all);
        ck_assert_int_eq(get(root(), "zz-last", 0), O_RDWR);
        ck_assert_int_eq(fixture_end(&broker, i % 2 ? SIGTERM : SIGKILL),
                         i % 2 ? 0 : 128 + SIGKILL);
    }
    free(many);
    free(all);
}
END_TEST

static bool is_there(void *socket)
{
    return access(socket, F_OK) == 0;
}

START_TEST(a_request_before_ready_waits_and_is_answered)
{
    char *many = sections("eventfd", "event-", 2000, "use = user:0\n");
    struct ipcb *b;
    int fd;

    fixture_configure(&broker, many);
    fixture_spawn(&broker, NULL);
    await(is_there, broker.socket);
    b = fixture_handle(&broker);
    do /* until it listens, of which nobody is told */
        fd = ipcb_acquire(b, "event-1999", 0);
    while (fd == -ENOTCONN);
    ck_assert_msg(fd >= 0, "%s", ipcb_message(b));
    close(fd);
    fixture_await_ready(&broker);
    (void)ipcb_free(b);
    free(many);
}
END_TEST

static const int stops[] = {SIGTERM, SIGINT};

START_TEST(a_signal_stops_it_and_queues_stay)
{
    char lock[160];
    struct ipcb_queue *q;
    struct mq_attr is;
    mqd_t named;

    serve(ORDERS);
    (void)snprintf(lock, sizeof lock, "%s.lock", broker.admin);
    ck_assert_int_eq(access(lock, F_OK), 0);
    q = queue_of(root(), "orders");
    put(q, "one");
    put(q, "two");
    ck_assert_int_eq(fixture_end(&broker, stops[_i]), 0);
    assert_has(fixture_log(&broker), _i == 0 ? "stopping on SIGTERM" : "stopping on SIGINT");
    ck_assert_int_lt(access(broker.socket, F_OK), 0);
    ck_assert_int_lt(access(broker.admin, F_OK), 0);
    ck_assert_int_lt(access(lock, F_OK), 0);
    named = mq_open("/orders", O_RDONLY);
    ck_assert_int_ge(named, 0);
    ck_assert_int_eq(mq_getattr(named, &is), 0);
    ck_assert_int_eq(is.mq_curmsgs, 2);
    close(named);
    expect_next(q, "one"); /* what a client holds works on */
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(a_clean_stop_leaves_what_another_put_at_its_path)
{
    char moved[160];
    int fd;

    serve(ORDERS);
    (void)snprintf(moved, sizeof moved, "%s.moved", broker.socket);
    ck_assert_int_eq(rename(broker.socket, moved), 0);
    fd = open(broker.socket, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    ck_assert_int_eq(access(broker.socket, F_OK), 0);
}
END_TEST

START_TEST(sighup_stops_nothing)
{
    serve(ORDERS);
    ck_assert_int_eq(kill(broker.broker, SIGHUP), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
}
END_TEST

/* The thread that looked names up may be on its way out when the broker is ready. */
static bool has_one_thread(void *unused)
{
    (void)unused;
    return process_number(broker.broker, "\nThreads:", 10) == 1;
}

START_TEST(it_runs_as_an_ordinary_user)
{
    serve(ORDERS);
    ck_assert_uint_eq(process_number(broker.broker, "\nUid:", 10), broker.broker_uid);
    ck_assert_uint_eq(process_number(broker.broker, "\nCapPrm:", 16), 0);
    ck_assert_uint_eq(process_number(broker.broker, "\nCapEff:", 16), 0);
    await(has_one_thread, NULL);
    assert_has_not(fixture_log(&broker), "running as root");
}
END_TEST

/* ---- keeping nothing ---- */

static void acquire_both(struct ipcb *b)
{
    close(acquire(b, "orders", 0));
    close(acquire(b, "wake", 0));
}

static void be_denied(struct ipcb *b)
{
    ck_assert_int_eq(ipcb_acquire(b, "secret", 0), -EACCES);
    ck_assert_int_eq(ipcb_acquire(b, "nothing", 0), -ENOENT);
}

static void fail_a_batch(struct ipcb *b)
{
    struct ipcb_item items[] = {{.name = "orders"}, {.name = "orders"}, {.name = "secret"}};

    ck_assert_int_eq(ipcb_acquire_many(b, items, 3, -1), -EACCES);
}

static void come_and_go(struct ipcb *b)
{
    struct ipcb *other = connect_as(user(0));
    (void)b;

    (void)ipcb_free(other);
}

static void (*const habits[])(struct ipcb *) = {acquire_both, be_denied, fail_a_batch, come_and_go};

START_TEST(a_thousand_requests_leave_no_descriptor_open)
{
    struct ipcb *b;
    size_t before;

    serve(ORDERS "[queue:secret]\n");
    b = connect_as(user(0));
    habits[_i](b);
    before = broker_descriptors(b);
    for (int i = 0; i < 1000; i++)
        habits[_i](b);
    if (habits[_i] == come_and_go)
        await_descriptors(before);
    ck_assert_uint_eq(broker_descriptors(b), before);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(many_acquires_take_no_memory)
{
    struct ipcb *b;
    uint64_t before, after;

    serve(ORDERS "[queue:secret]\n");
    b = connect_as(user(0));
    for (int i = 0; i < 1000; i++) {
        acquire_both(b);
        be_denied(b);
    }
    before = process_number(broker.broker, "VmRSS:", 10);
    for (int i = 0; i < 10000; i++) {
        acquire_both(b);
        be_denied(b);
    }
    after = process_number(broker.broker, "VmRSS:", 10);
    ck_assert_msg(after < before + 1024, "%lu KiB have become %lu", before, after);
    (void)ipcb_free(b);
}
END_TEST

/* ---- many at once ---- */

static void *ask_often(void *failures)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd;

    for (int i = 0; i < 200; i++) {
        fd = ipcb_acquire(b, i % 2 ? "orders" : "wake", 0);
        if (fd < 0)
            (void)__atomic_add_fetch((int *)failures, 1, __ATOMIC_RELAXED);
        else
            close(fd);
    }
    (void)ipcb_free(b);
    return NULL;
}

/* A handle of its own for each of eight threads. */
static int ask_in_threads(void *ignored)
{
    pthread_t threads[8];
    int failures = 0;
    (void)ignored;

    for (int i = 0; i < 8; i++)
        EXPECT(pthread_create(&threads[i], NULL, ask_often, &failures) == 0);
    for (int i = 0; i < 8; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(failures == 0);
    return 0;
}

START_TEST(threads_and_processes_ask_beside_each_other)
{
    pid_t children[4];
    size_t before;

    serve(ORDERS);
    before = descriptors_at_rest();
    for (int i = 0; i < 4; i++)
        children[i] = as_user_begin(i % 2 ? user(0) : root(), ask_in_threads, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(as_user_end(children[i]), 0);
    await_descriptors(before);
}
END_TEST

START_TEST(several_handles_of_a_process_are_apart)
{
    struct ipcb *handles[16];

    serve(ORDERS);
    for (int i = 0; i < 16; i++)
        handles[i] = connect_as(i % 2 ? user(0) : user(1));
    for (int i = 15; i >= 0; i--) {
        int fd = ipcb_acquire(handles[i], "orders", 0);

        if (i % 2)
            ck_assert_int_ge(fd, 0);
        else
            ck_assert_int_eq(fd, -EACCES);
        if (fd >= 0)
            close(fd);
        (void)ipcb_free(handles[i]);
    }
}
END_TEST

TCase *life_case(void)
{
    TCase *tcase = broker_case("life");

    tcase_add_test(tcase, the_first_request_after_ready_never_fails);
    tcase_add_test(tcase, a_request_before_ready_waits_and_is_answered);
    tcase_add_loop_test(tcase, a_signal_stops_it_and_queues_stay, 0, 2);
    tcase_add_test(tcase, a_clean_stop_leaves_what_another_put_at_its_path);
    tcase_add_test(tcase, sighup_stops_nothing);
    tcase_add_test(tcase, it_runs_as_an_ordinary_user);
    tcase_add_loop_test(tcase, a_thousand_requests_leave_no_descriptor_open, 0,
                        sizeof habits / sizeof *habits);
    tcase_add_test(tcase, many_acquires_take_no_memory);
    tcase_add_test(tcase, threads_and_processes_ask_beside_each_other);
    tcase_add_test(tcase, several_handles_of_a_process_are_apart);
    return tcase;
}
