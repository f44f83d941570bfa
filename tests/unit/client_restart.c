/* Brokers that go away and come back, and objects that are declared later. */
#include "client/internal.h"
#include "tests/unit/client_told.h"

#include <poll.h>
#include <string.h>

/* ---- a broker that goes away and comes back ---- */

/* The name is gone for a while: longer than the client's first tries. */
static int listen_anew(int listener)
{
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    struct pollfd nobody = {.fd = -1};
    int fd;

    FAKE_EXPECT(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    close_fd(listener);
    FAKE_EXPECT(unlink(address.sun_path) == 0);
    FAKE_EXPECT(poll(&nobody, 1, 30) == 0);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    FAKE_EXPECT(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0);
    return fd;
}

static void serve_a_restart(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    answer_next(fd);
    for (int i = 0; i < 3; i++)
        FAKE_EXPECT(fake_receive(fd, &request));
    close_fd(fd);
    listener = listen_anew(listener);
    fd = fake_accept(listener);
    for (int i = 0; i < 3; i++)
        answer_next(fd);
    fake_await_close(fd);
}

START_TEST(a_restart_is_waited_for)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_a_restart);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 0), 0);
    (void)ask(b, 1);
    (void)ask(b, 2);
    if (_i == 0) { /* by somebody who waits */
        ck_assert_uint_eq(acquire_number(b, 3), 3);
        ck_assert_int_eq(ipcb_process(b), 2);
    } else {
        (void)ask(b, 3);
        run_until_told(b, 3);
    }
    ck_assert_uint_eq(told[0].number, 1);
    ck_assert_uint_eq(told[1].number, 2);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_and_go(int listener)
{
    int fd = fake_accept(listener);

    answer_next(fd);
    close_fd(listener);
    close_fd(fd);
}

START_TEST(who_does_not_come_back_is_not_there)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_and_go);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 0), 0);
    ck_assert_int_eq(poll(&(struct pollfd){.fd = b->fd, .events = POLLIN}, 1, -1), 1); /* its end */
    (void)ask_with(b, 1, 0, 30000);
    run_until_told(b, 1);
    ck_assert_int_eq(told[0].r, -ENOTCONN);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ENOTCONN); /* at once: it is known to be away */
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_a_change_and_go(int listener)
{
    static struct fake_request request;
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};
    int fd = fake_accept(listener);

    answer_next(fd);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_STATUS);
    close_fd(fd);
    fake_await_sleep(getppid());           /* in waitpid: the call is over */
    FAKE_EXPECT(poll(&pollfd, 1, 0) == 0); /* and was not made again */
}

/* A request as those are that change something. */
static int change(struct ipcb *b)
{
    struct deadline deadline = deadline_from(-1);
    struct wire_writer request;
    struct wire_reader fields;

    request_begin(b, WIRE_STATUS, &request);
    return request_call(b, &request, REQUEST_CHANGES, &deadline, &fields);
}

START_TEST(changes_are_never_repeated)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_a_change_and_go);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 0), 0);
    ck_assert_int_eq(change(b), -ECONNRESET);
    ck_assert_says(b, "is not known");
    fake_stop(&fake);
    (void)ipcb_free(b);
}
END_TEST

static void serve_a_change_after_a_restart(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    answer_next(fd);
    close_fd(fd);
    fd = fake_accept(listener);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_STATUS);
    answer_status(fd, &request, 0);
    fake_await_close(fd);
}

START_TEST(a_change_that_was_not_sent_is_sent)
{
    struct fake fake;
    struct pollfd pollfd;
    struct ipcb *b;

    fake_start(&fake, serve_a_change_after_a_restart);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 0), 0);
    pollfd = (struct pollfd){.fd = b->fd, .events = POLLIN};
    ck_assert_int_eq(poll(&pollfd, 1, -1), 1); /* closed: sending will fail */
    ck_assert_int_eq(change(b), 0);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- until declared ---- */

/* Not there, waited for, there. */
static void serve_declaration(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);
    struct wire_reader fields;
    struct wire_field field;

    FAKE_EXPECT(fake_receive(fd, &request));
    answer_status(fd, &request, ENOENT);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_AWAIT);
    fields = request.fields;
    FAKE_EXPECT(wire_next(&fields, &field) == 1 && field.type == WIRE_FIELD_NAME);
    FAKE_EXPECT(field.size == 1 && *field.value == '5');
    answer_status(fd, &request, 0);
    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(until_declared)
{
    struct ipcb_item item = {.name = "5", .flags = IPCB_UNTIL_DECLARED};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_declaration);
    b = connect_to(&fake);
    if (_i == 0) {
        ck_assert_msg(ipcb_acquire_many(b, &item, 1, -1) == 0, "%s", ipcb_message(b));
        ck_assert_uint_eq(item.inode, 5);
        close_fd(item.fd);
    } else {
        (void)ask_with(b, 5, IPCB_UNTIL_DECLARED, -1);
        run_until_told(b, 1);
        ck_assert_uint_eq(told[0].number, 5);
    }
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_errors_to_patience(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    answer_status(fd, &request, EACCES); /* waiting would not help */
    FAKE_EXPECT(fake_receive(fd, &request));
    answer_status(fd, &request, ENOENT);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_AWAIT);
    answer_status(fd, &request, EBUSY);
    FAKE_EXPECT(fake_receive(fd, &request));
    answer_status(fd, &request, ENOENT);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_AWAIT);
    fake_await_close(fd); /* nobody else waits here */
}

START_TEST(patience_has_its_ends)
{
    struct ipcb_item item = {.name = "5", .flags = IPCB_UNTIL_DECLARED};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_errors_to_patience);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), -EACCES);
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), -EBUSY);
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, 30000), -ETIMEDOUT);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_cancellation(int listener)
{
    static struct fake_request request, await, other;
    int fd = fake_accept(listener);
    struct wire_reader fields;
    struct wire_field field;
    uint32_t serial;

    FAKE_EXPECT(fake_receive(fd, &request) && fake_receive(fd, &other));
    answer_status(fd, &request, ENOENT);
    FAKE_EXPECT(fake_receive(fd, &await) && await.header.type == WIRE_AWAIT);
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_CANCEL);
    fields = request.fields;
    FAKE_EXPECT(wire_next(&fields, &field) == 1 && field.type == WIRE_FIELD_SERIAL);
    FAKE_EXPECT(wire_get_u32(&field, &serial) == 0 && serial == await.header.serial);
    answer_status(fd, &await, ECANCELED);
    answer_status(fd, &request, 0);
    answer(fd, &other);
    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(who_waits_no_longer_says_so)
{
    struct ipcb_call *call;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_cancellation);
    b = connect_to(&fake);
    call = ask_with(b, 1, IPCB_UNTIL_DECLARED, -1);
    (void)ask(b, 2);
    while (!b->calls->next || b->calls->next->type != WIRE_AWAIT || !b->calls->next->sent)
        (void)calls_turn(b);
    (void)ipcb_call_cancel(call);
    run_until_told(b, 1);
    ck_assert_uint_eq(told[0].number, 2);
    ck_assert_uint_eq(acquire_number(b, 3), 3);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* Restarts while one waits, with nothing else said on the connection. */
static void serve_restarts_to_patience(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    answer_status(fd, &request, ENOENT);
    for (int i = 0; i < 7; i++) { /* more than a call that is no wait would bear */
        FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_AWAIT);
        close_fd(fd);
        fd = fake_accept(listener);
    }
    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_AWAIT);
    answer_status(fd, &request, 0);
    answer_next(fd);
    fake_await_close(fd);
}

START_TEST(patience_survives_restarts)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_restarts_to_patience);
    b = connect_to(&fake);
    (void)ask_with(b, 5, IPCB_UNTIL_DECLARED, -1);
    run_until_told(b, 1);
    ck_assert_int_eq(told[0].r, 0);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

TCase *restart_cases(void)
{
    TCase *cases = tcase_create("restart");

    tcase_set_timeout(cases, 30);
    tcase_add_loop_test(cases, a_restart_is_waited_for, 0, 2);
    tcase_add_test(cases, who_does_not_come_back_is_not_there);
    tcase_add_test(cases, changes_are_never_repeated);
    tcase_add_test(cases, a_change_that_was_not_sent_is_sent);
    tcase_add_loop_test(cases, until_declared, 0, 2);
    tcase_add_test(cases, patience_has_its_ends);
    tcase_add_test(cases, who_waits_no_longer_says_so);
    tcase_add_test(cases, patience_survives_restarts);
    return cases;
}
