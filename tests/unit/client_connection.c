/* Connections that fail, stall, end, come back. */
#include "client/internal.h"
#include "tests/unit/client_cases.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void serve_one(int fd)
{
    static struct fake_request request;

    FAKE_EXPECT(fake_receive(fd, &request));
    fake_hand_out(fd, &request, 1, 1);
}

static void acquire_ok(struct ipcb *b)
{
    int fd = ipcb_acquire(b, "x", 0);

    ck_assert_msg(fd >= 0, "%s", ipcb_message(b));
    close_fd(fd);
}

/* ---- nobody there ---- */

START_TEST(no_broker)
{
    struct fake fake;
    struct ipcb *b;

    close_fd(fake_listen(&fake, 1)); /* the socket is left behind, as after a crash */
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ENOTCONN);
    ck_assert_says(b, fake.path);
    ck_assert_says(b, strerror(ECONNREFUSED));
    (void)ipcb_free(b);
    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ENOTCONN);
    ck_assert_says(b, "/nonexistent/socket");
    ck_assert_says(b, "IPCBROKER_SOCKET");
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

START_TEST(a_socket_that_one_may_not_open)
{
    struct fake fake;
    struct ipcb *b;
    int status, listener = fake_listen(&fake, 1);
    pid_t pid;

    ck_assert_int_eq(chmod(fake.path, 0), 0);
    b = connect_to(&fake);
    pid = fork();
    if (pid == 0) { /* root may open anything */
        FAKE_EXPECT(geteuid() != 0 || setuid(65534) == 0);
        FAKE_EXPECT(ipcb_acquire(b, "x", 0) == -EACCES);
        FAKE_EXPECT(strstr(ipcb_message(b), fake.path));
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    (void)ipcb_free(b);
    close_fd(listener);
    fake_stop(&fake);
}
END_TEST

START_TEST(a_full_backlog_is_waited_for)
{
    struct fake fake;
    struct ipcb *b, *others[3];
    int listener = fake_listen(&fake, 0), full = 0;

    for (size_t i = 0; i < 3; i++) {
        others[i] = connect_to(&fake);
        full += connection_open(others[i]) < 0;
    }
    ck_assert_int_ge(full, 1);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, &(struct ipcb_item){.name = "x"}, 1, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_set_timeout(b, 30000), 0);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ETIMEDOUT);
    ck_assert_says(b, fake.path);
    close_fd(accept(listener, NULL, NULL)); /* now there is room */
    ck_assert_int_eq(connection_open(b), 0);
    for (size_t i = 0; i < 3; i++)
        (void)ipcb_free(others[i]);
    (void)ipcb_free(b);
    close_fd(listener);
    fake_stop(&fake);
}
END_TEST

/* ---- silence ---- */

static void serve_silence(int listener)
{
    static struct fake_request request;

    for (int i = 0; i < 2; i++) { /* each connection that timed out is closed by the client */
        int fd = fake_accept(listener);
        FAKE_EXPECT(fake_receive(fd, &request));
        fake_await_close(fd);
        close_fd(fd);
    }
    serve_one(fake_accept(listener));
}

START_TEST(silence_times_out)
{
    struct ipcb_item item = {.name = "x"};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_silence);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_set_timeout(b, 30000), 0);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ETIMEDOUT);
    ck_assert_says(b, fake.path);
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_set_timeout(b, -1), 0);
    acquire_ok(b);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_endless_events(int listener)
{
    struct fake_request event = {.header = {.version = WIRE_VERSION}};
    struct wire_writer frame;
    int fd = fake_accept(listener);

    fake_begin(&frame, &event, 0);
    frame.data[2] = 0;
    while (send(fd, frame.data, frame.size, MSG_NOSIGNAL) > 0)
        ;
}

START_TEST(endless_events_time_out)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_endless_events);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_set_timeout(b, 30000), 0);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ETIMEDOUT);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- signals ---- */

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
    (void)number;
    n_signals++;
}

static void serve_after_signal(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    fake_await_sleep(getppid());
    FAKE_EXPECT(kill(getppid(), SIGUSR1) == 0);
    fake_await_sleep(getppid()); /* it waits again */
    fake_hand_out(fd, &request, 1, 1);
    fake_await_close(fd);
}

START_TEST(signals_do_not_end_a_request)
{
    struct sigaction action = {.sa_handler = count_signal}; /* without SA_RESTART */
    struct fake fake;
    struct ipcb *b;

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    fake_start(&fake, serve_after_signal);
    b = connect_to(&fake);
    acquire_ok(b);
    ck_assert_int_eq(n_signals, 1);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- ends ---- */

static void serve_end_without_answer(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};

    FAKE_EXPECT(fake_receive(fd, &request));
    close_fd(fd);
    fake_await_sleep(getppid());           /* in waitpid: the call is over */
    FAKE_EXPECT(poll(&pollfd, 1, 0) == 0); /* a first connection is not made twice */
}

START_TEST(an_end_without_answer)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_end_without_answer);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ECONNRESET);
    ck_assert_says(b, fake.path);
    fake_stop(&fake);
    (void)ipcb_free(b);
}
END_TEST

static void serve_restarts(int listener)
{
    int fd = fake_accept(listener);

    serve_one(fd);
    close_fd(fd);
    fd = fake_accept(listener);
    serve_one(fd);
    close_fd(fd);
    close_fd(fake_accept(listener)); /* one or two may be made to a broker that ends */
    fd = fake_accept(listener);
    serve_one(fd);
    close_fd(fd);
    for (int i = 0; i < 5; i++)
        close_fd(fake_accept(listener)); /* but not for ever */
    fd = fake_accept(listener);
    serve_one(fd);
    fake_await_close(fd);
}

START_TEST(a_dead_connection_is_made_again)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_restarts);
    b = connect_to(&fake);
    acquire_ok(b);
    acquire_ok(b);
    acquire_ok(b);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ECONNRESET);
    acquire_ok(b);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- refusals: the sentence comes before the end, and must be had ---- */

static void refuse(int fd)
{
    struct fake_request event = {.header = {.version = WIRE_VERSION}};
    struct wire_writer frame;

    fake_begin(&frame, &event, EBUSY);
    frame.data[2] = 0; /* not a reply */
    wire_put_text(&frame, WIRE_FIELD_SENTENCE, "too many clients");
    fake_send(fd, &frame, NULL, 0);
    close_fd(fd);
}

static void serve_refusals(int listener)
{
    struct pollfd pollfd = {.fd = fake_accept(listener), .events = POLLIN};

    refuse(pollfd.fd); /* before anything was asked */
    pollfd.fd = fake_accept(listener);
    FAKE_EXPECT(poll(&pollfd, 1, -1) == 1);
    refuse(pollfd.fd); /* with the request unread: the client's first read is ECONNRESET */
}

START_TEST(refusals_are_heard)
{
    struct fake fake;
    struct ipcb *b;
    struct pollfd pollfd = {0};

    fake_start(&fake, serve_refusals);
    b = connect_to(&fake);
    ck_assert_int_eq(connection_open(b), 0);
    pollfd.fd = b->fd;
    ck_assert_int_eq(poll(&pollfd, 1, -1), 1); /* closed: sending will fail */
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -EBUSY);
    ck_assert_str_eq(ipcb_message(b), "too many clients");
    (void)ipcb_free(b);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -EBUSY);
    ck_assert_str_eq(ipcb_message(b), "too many clients");
    ck_assert_int_eq(b->fd, -1);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* ---- fork ---- */

static void serve_two(int listener)
{
    int fd = fake_accept(listener);

    serve_one(fd);
    serve_one(fd);
    fake_await_close(fd);
}

START_TEST(a_child_must_not_speak)
{
    struct fake fake;
    struct ipcb *b;
    int status;
    pid_t pid;

    fake_start(&fake, serve_two);
    b = connect_to(&fake);
    acquire_ok(b);
    pid = fork();
    if (pid == 0) {
        FAKE_EXPECT(ipcb_acquire(b, "x", 0) == -ECHILD);
        FAKE_EXPECT(strstr(ipcb_message(b), "fork"));
        (void)ipcb_free(b);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    acquire_ok(b); /* the parent's connection is untouched */
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

TCase *connection_cases(void)
{
    TCase *cases = tcase_create("connection");

    tcase_add_test(cases, no_broker);
    tcase_add_test(cases, a_socket_that_one_may_not_open);
    tcase_add_test(cases, a_full_backlog_is_waited_for);
    tcase_add_test(cases, silence_times_out);
    tcase_add_test(cases, endless_events_time_out);
    tcase_add_test(cases, signals_do_not_end_a_request);
    tcase_add_test(cases, an_end_without_answer);
    tcase_add_test(cases, a_dead_connection_is_made_again);
    tcase_add_test(cases, refusals_are_heard);
    tcase_add_test(cases, a_child_must_not_speak);
    return cases;
}
