/* Dead twins: noticed, told, and left for the new one. */
#include "client/internal.h"
#include "tests/unit/client_told.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

/* ---- the fake broker's side ---- */

static void answer_show(int fd, uint64_t device, uint64_t inode)
{
    static struct fake_request request;
    struct wire_writer reply;

    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_SHOW);
    fake_begin(&reply, &request, 0);
    wire_put_fact_number(&reply, "device", device);
    wire_put_fact_number(&reply, "inode", inode);
    fake_send(fd, &reply, NULL, 0);
}

static void answer_show_error(int fd, int status)
{
    static struct fake_request request;

    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_SHOW);
    answer_status(fd, &request, status);
}

/* Two objects, 7 and 8; the restarted broker has another one for 8 the first time. */
static void serve_a_twin(int listener)
{
    int fd = fake_accept(listener);

    answer_next(fd);
    answer_next(fd);
    close_fd(fd);
    fd = fake_accept(listener);
    answer_show(fd, 0, 1008); /* the last that was acquired is asked for first */
    answer_show(fd, 0, 7);
    fake_await_close(fd);
}

/* ---- the client's side ---- */

static struct {
    size_t n;
    char name[16];
} changes;

static void on_changed(struct ipcb *b, const char *name, void *userdata)
{
    (void)b;
    ck_assert_ptr_eq(userdata, &changes);
    (void)snprintf(changes.name, sizeof changes.name, "%s", name);
    changes.n++;
}

static struct ipcb *watch(const struct fake *fake)
{
    struct ipcb *b = connect_to(fake);

    ck_assert_int_eq(ipcb_watch(b, on_changed, &changes), 0);
    return b;
}

static void turn_until(struct ipcb *b, const size_t *n, size_t wanted)
{
    struct pollfd pollfd = {.fd = ipcb_get_fd(b), .events = POLLIN};

    while (*n < wanted) {
        ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
        ck_assert_int_ge(ipcb_process(b), 0);
    }
}

START_TEST(a_twin_is_told)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_a_twin);
    b = watch(&fake);
    ck_assert_uint_eq(acquire_number(b, 7), 7);
    ck_assert_uint_eq(acquire_number(b, 8), 8);
    turn_until(b, &changes.n, 1);
    ck_assert_str_eq(changes.name, "8");
    while (b->calls)
        (void)calls_turn(b);
    ck_assert_int_eq(ipcb_process(b), 0); /* the other is as it was, and nothing is told twice */
    ck_assert_uint_eq(changes.n, 1);
    ck_assert(!is_readable(b));
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_gone(int listener)
{
    int fd = fake_accept(listener);

    answer_next(fd);
    close_fd(fd);
    fd = fake_accept(listener);
    answer_show_error(fd, EACCES); /* which says nothing of the object */
    close_fd(fd);
    fd = fake_accept(listener);
    answer_show_error(fd, ENOENT);
    fake_await_close(fd);
}

START_TEST(what_is_gone_is_told)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_gone);
    b = watch(&fake);
    ck_assert_uint_eq(acquire_number(b, 7), 7);
    turn_until(b, &changes.n, 1);
    ck_assert_str_eq(changes.name, "7");
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_one_acquire(int listener)
{
    int fd = fake_accept(listener);
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};

    answer_next(fd);
    close_fd(fd);
    fake_await_sleep(getppid());           /* in waitpid */
    FAKE_EXPECT(poll(&pollfd, 1, 0) == 0); /* nobody comes by himself */
}

START_TEST(who_watches_no_more_is_left_alone)
{
    struct fake fake;
    struct pollfd pollfd;
    struct ipcb *b;

    fake_start(&fake, serve_one_acquire);
    b = watch(&fake);
    ck_assert_int_ge(ipcb_get_fd(b), 0);
    ck_assert_uint_eq(acquire_number(b, 7), 7);
    ck_assert_int_eq(ipcb_watch(b, NULL, NULL), 0);
    pollfd = (struct pollfd){.fd = ipcb_get_fd(b), .events = POLLIN};
    if (b->fd >= 0)
        ck_assert_int_eq(poll(&pollfd, 1, -1), 1); /* its end */
    ck_assert_int_eq(ipcb_process(b), 0);
    ck_assert_int_eq(b->fd, -1);
    ck_assert(!is_readable(b));
    fake_stop(&fake);
    ck_assert_uint_eq(changes.n, 0);
    (void)ipcb_free(b);
}
END_TEST

static void free_handle(struct ipcb *b, const char *name, void *userdata)
{
    (void)userdata;
    (void)ipcb_free(b);
    ck_assert_str_eq(name, "8"); /* it is still there */
    changes.n++;
}

START_TEST(a_handle_is_freed_when_told)
{
    struct fake fake;
    struct pollfd pollfd;
    struct ipcb *b;

    fake_start(&fake, serve_a_twin);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_watch(b, free_handle, NULL), 0);
    ck_assert_uint_eq(acquire_number(b, 7), 7);
    ck_assert_uint_eq(acquire_number(b, 8), 8);
    pollfd = (struct pollfd){.fd = ipcb_get_fd(b), .events = POLLIN};
    while (changes.n == 0) {
        ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
        while (b->calls && calls_turn(b)) /* both answers, so that there is more to do */
            ;
        (void)ipcb_process(b);
    }
    fake_stop(&fake);
}
END_TEST

TCase *watch_cases(void)
{
    TCase *cases = tcase_create("watch");

    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, a_twin_is_told);
    tcase_add_test(cases, what_is_gone_is_told);
    tcase_add_test(cases, who_watches_no_more_is_left_alone);
    tcase_add_test(cases, a_handle_is_freed_when_told);
    return cases;
}
