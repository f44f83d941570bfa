/* Calls that are told of later, and the descriptor for an event loop. */
#include "client/internal.h"
#include "tests/unit/client_told.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- answers ---- */

static void serve_reversed(int listener)
{
    static struct fake_request requests[N_CALLS];
    int fd = fake_accept(listener);

    for (size_t i = 0; i < N_CALLS; i++)
        FAKE_EXPECT(fake_receive(fd, &requests[i]));
    for (size_t i = N_CALLS; i > 0; i--)
        answer(fd, &requests[i - 1]);
    fake_await_close(fd);
}

START_TEST(replies_find_their_calls)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;
    int fd;

    fake_start(&fake, serve_reversed);
    b = connect_to(&fake);
    fd = ipcb_get_fd(b);
    ck_assert(!is_readable(b));
    for (unsigned i = 0; i < N_CALLS; i++)
        (void)ask(b, i);
    run_until_told(b, N_CALLS);
    for (unsigned i = 0; i < N_CALLS; i++) {
        ck_assert_int_eq(told[i].r, 0);
        ck_assert_uint_eq(told[i].number, told[i].asked);
    }
    ck_assert(!is_readable(b));
    ck_assert_int_eq(ipcb_get_fd(b), fd);
    (void)ipcb_free(b);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

static void serve_two_at_once(int listener)
{
    static struct fake_request first, second;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &first) && fake_receive(fd, &second));
    answer(fd, &first);
    answer(fd, &second);
    fake_await_close(fd);
}

START_TEST(a_call_that_waits_tells_nobody)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_two_at_once);
    b = connect_to(&fake);
    ck_assert_int_ge(ipcb_get_fd(b), 0);
    (void)ask(b, 1);
    ck_assert_uint_eq(acquire_number(b, 2), 2); /* the other's reply came before this one's */
    ck_assert_uint_eq(n_told, 0);
    ck_assert(is_readable(b)); /* although nothing more comes from the broker */
    run_until_told(b, 1);
    ck_assert_uint_eq(told[0].number, 1);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void keep_wrapper(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    (void)b, (void)userdata;
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(items[0].fd, -1);
    n_told++;
}

static void serve_one(int listener)
{
    int fd = fake_accept(listener);

    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(wrappers_come_later_too)
{
    struct ipcb_event *e = NULL;
    struct ipcb_item item = {.name = "7", .event = &e};
    struct fake fake;
    struct ipcb *b;
    uint64_t count;

    fake_start(&fake, serve_one);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, keep_wrapper, NULL), 0);
    run_until_told(b, 1);
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    ck_assert_uint_eq(count, 1);
    (void)ipcb_event_free(e);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- failures ---- */

START_TEST(nobody_there_is_told_later)
{
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    (void)ask(b, 1);
    ck_assert_uint_eq(n_told, 0);
    run_until_told(b, 1);
    ck_assert_int_eq(told[0].r, -ENOTCONN);
    ck_assert_ptr_nonnull(strstr(last.text, "/nonexistent/socket"));
    (void)ipcb_free(b);
}
END_TEST

static void serve_silence(int listener)
{
    fake_await_close(fake_accept(listener));
}

START_TEST(timeouts_come_without_the_broker)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_silence);
    b = connect_to(&fake);
    (void)ask_with(b, 1, 0, 30000);
    (void)ask_with(b, 2, 0, 60000);
    run_until_told(b, 2);
    ck_assert_int_eq(told[0].r, -ETIMEDOUT);
    ck_assert_uint_eq(told[0].asked, 1);
    ck_assert_int_eq(told[1].r, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(last.text, fake.path));
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_nonsense_to_three(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    for (int i = 0; i < 3; i++)
        FAKE_EXPECT(fake_receive(fd, &request));
    FAKE_EXPECT(send(fd, "nonsense", 8, 0) == 8);
    FAKE_EXPECT(!fake_receive(fd, &request));
    serve_one(listener);
}

START_TEST(nonsense_ends_all)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_nonsense_to_three);
    b = connect_to(&fake);
    for (unsigned i = 0; i < 3; i++)
        (void)ask(b, i);
    run_until_told(b, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(told[i].r, -EPROTO);
    ck_assert_uint_eq(acquire_number(b, 4), 4); /* the next has a new chance */
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

START_TEST(no_room_for_one_harms_no_other)
{
    size_t before = count_descriptors();
    struct rlimit limit, few;
    struct fake fake;
    struct ipcb *b;
    int fd;

    fake_start(&fake, serve_two_at_once);
    b = connect_to(&fake);
    ck_assert_int_ge(ipcb_get_fd(b), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(connection_open(b), 0);
    fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close_fd(fd);
    few = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0); /* room for one: the second is cut */
    (void)ask(b, 1);
    (void)ask(b, 2);
    while (b->calls)
        (void)calls_turn(b);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(ipcb_process(b), 2);
    ck_assert_int_eq(told[0].r, 0);
    ck_assert_int_eq(told[1].r, -EMFILE);
    ck_assert_ptr_nonnull(strstr(last.text, "RLIMIT_NOFILE"));
    (void)ipcb_free(b);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

/* ---- cancelling and freeing ---- */

static void serve_three(int listener)
{
    static struct fake_request requests[2];
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &requests[0]) && fake_receive(fd, &requests[1]));
    answer(fd, &requests[0]); /* nobody waits for it */
    answer(fd, &requests[1]);
    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(what_comes_for_a_cancelled_call_is_closed)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb_call *call;
    struct ipcb *b;

    fake_start(&fake, serve_three);
    b = connect_to(&fake);
    call = ask(b, 1);
    (void)ask(b, 2);
    ck_assert_ptr_null(ipcb_call_cancel(call));
    run_until_told(b, 1);
    ck_assert_uint_eq(told[0].number, 2);
    ck_assert_uint_eq(acquire_number(b, 3), 3); /* on the same connection */
    (void)ipcb_free(b);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

static void serve_two(int listener)
{
    int fd = fake_accept(listener);

    answer_next(fd);
    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(cancelled_before_it_is_told)
{
    size_t before = count_descriptors();
    struct ipcb_event *e = NULL;
    struct ipcb_item item = {.name = "2", .event = &e};
    struct ipcb_call *plain, *wrapped;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_two);
    b = connect_to(&fake);
    plain = ask(b, 1);
    ck_assert_int_eq(ipcb_acquire_async(b, &wrapped, &item, 1, -1, keep_wrapper, NULL), 0);
    while (b->calls)
        (void)calls_turn(b); /* both answers are there */
    ck_assert_ptr_nonnull(e);
    (void)ipcb_call_cancel(plain);
    (void)ipcb_call_cancel(wrapped);
    ck_assert_ptr_null(e);
    ck_assert_int_eq(ipcb_process(b), 0);
    ck_assert_uint_eq(n_told, 0);
    ck_assert_ptr_null(ipcb_call_cancel(NULL));
    (void)ipcb_free(b);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(a_handle_is_freed_with_its_calls)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_silence);
    b = connect_to(&fake);
    (void)ask(b, 1);
    (void)ask_with(b, 2, IPCB_UNTIL_DECLARED, -1);
    ck_assert_int_ge(ipcb_get_fd(b), 0);
    (void)ipcb_free(b);
    ck_assert_uint_eq(n_told, 0);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

static struct ipcb_call *victim;

static void free_handle(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    (void)userdata;
    ck_assert_int_eq(r, 0);
    for (size_t i = 0; i < n; i++)
        close_fd(items[i].fd);
    (void)ipcb_free(b);
    n_told++;
}

static void cancel_and_ask(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    (void)userdata;
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(n, 1);
    close_fd(items[0].fd);
    (void)ipcb_call_cancel(victim);
    n_told++;
    (void)ask(b, 3);
}

START_TEST(a_callback_frees_the_handle)
{
    struct ipcb_item item = {.name = "1"};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_two_at_once);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, free_handle, NULL), 0);
    (void)ask(b, 2);
    while (b->calls)
        (void)calls_turn(b);
    ck_assert_int_eq(ipcb_process(b), 1); /* and nothing of B is touched after that */
    ck_assert_uint_eq(n_told, 1);
    fake_stop(&fake);
}
END_TEST

static void process_and_free(struct ipcb *b, int r, struct ipcb_item *items, size_t n,
                             void *userdata)
{
    (void)items, (void)n, (void)userdata;
    ck_assert_int_eq(r, -ENOTCONN);
    ck_assert_int_eq(ipcb_process(b), 0);
    (void)ipcb_free(b);
    n_told++;
}

START_TEST(a_callback_processes_and_frees_the_handle)
{
    const struct ipcb_item item = {.name = "x"};
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, process_and_free, NULL), 0);
    ck_assert_int_eq(ipcb_process(b), 1);
    ck_assert_uint_eq(n_told, 1);
}
END_TEST

static void ask_again(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    const struct ipcb_item item = {.name = "x"};

    (void)items, (void)n;
    ck_assert_int_eq(r, -ENOTCONN);
    n_told++;
    ck_assert_uint_lt(n_told, 1000); /* others of the loop never had their turn */
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, ask_again, userdata), 0);
}

/* Where there is no broker a call ends as soon as it is made. */
START_TEST(a_callback_that_asks_again_and_again_holds_nobody_up)
{
    const struct ipcb_item item = {.name = "x"};
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, ask_again, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert(is_readable(b));
        ck_assert_int_gt(ipcb_process(b), 0);
    }
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_callback_cancels_and_asks)
{
    struct ipcb_item item = {.name = "1"};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_three);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, cancel_and_ask, NULL), 0);
    victim = ask(b, 2);
    while (b->calls)
        (void)calls_turn(b);
    run_until_told(b, 2);
    ck_assert_uint_eq(told[1].number, 3);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- fork, misuse ---- */

START_TEST(a_child_must_not_process)
{
    struct ipcb_item item = {.name = "9"};
    struct fake fake;
    struct ipcb *b;
    int status;
    pid_t pid;

    fake_start(&fake, serve_two);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 1), 1);
    ck_assert_int_ge(ipcb_get_fd(b), 0);
    pid = fork();
    if (pid == 0) {
        FAKE_EXPECT(ipcb_get_fd(b) == -ECHILD);
        FAKE_EXPECT(ipcb_process(b) == -ECHILD);
        FAKE_EXPECT(ipcb_acquire_async(b, NULL, &item, 1, -1, on_acquired, NULL) == -ECHILD);
        (void)ipcb_free(b);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    (void)ask(b, 2);
    run_until_told(b, 1); /* the parent's descriptor waits for what it waited for */
    ck_assert_uint_eq(told[0].number, 2);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

START_TEST(misuse_is_told_at_once)
{
    struct ipcb_item item = {.name = "x", .reserved = {1}}, items[IPCB_ITEMS_MAX + 1] = {0};
    struct ipcb *b;

    ck_assert_int_eq(ipcb_get_fd(NULL), -EINVAL);
    ck_assert_int_eq(ipcb_process(NULL), -EINVAL);
    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    ck_assert_int_eq(ipcb_acquire_async(NULL, NULL, items, 1, -1, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, NULL, 1, -1, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, items, 1, -1, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, items, 0, -1, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, items, 1, -2, on_acquired, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, items, IPCB_ITEMS_MAX + 1, -1, on_acquired, NULL),
                     -E2BIG);
    ck_assert_int_eq(ipcb_process(b), 0);
    ck_assert_uint_eq(n_told, 0);
    (void)ipcb_free(b);
}
END_TEST

TCase *async_cases(void)
{
    TCase *cases = tcase_create("async");

    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, replies_find_their_calls);
    tcase_add_test(cases, a_call_that_waits_tells_nobody);
    tcase_add_test(cases, wrappers_come_later_too);
    tcase_add_test(cases, nobody_there_is_told_later);
    tcase_add_test(cases, timeouts_come_without_the_broker);
    tcase_add_test(cases, nonsense_ends_all);
    tcase_add_test(cases, no_room_for_one_harms_no_other);
    tcase_add_test(cases, what_comes_for_a_cancelled_call_is_closed);
    tcase_add_test(cases, cancelled_before_it_is_told);
    tcase_add_test(cases, a_handle_is_freed_with_its_calls);
    tcase_add_test(cases, a_callback_frees_the_handle);
    tcase_add_test(cases, a_callback_processes_and_frees_the_handle);
    tcase_add_test(cases, a_callback_that_asks_again_and_again_holds_nobody_up);
    tcase_add_test(cases, a_callback_cancels_and_asks);
    tcase_add_test(cases, a_child_must_not_process);
    tcase_add_test(cases, misuse_is_told_at_once);
    return cases;
}
