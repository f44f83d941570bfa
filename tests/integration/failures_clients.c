/* More clients than there is room for, and a broker that does not answer. */
#include "tests/integration/failures_cases.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ORDERS "[queue:orders]\nuse = user:0, user:$C0\n[eventfd:wake]\nuse = user:0, user:$C0\n"

static bool gets_in(void *who)
{
    return get(*(struct who *)who, "wake", 0) == O_RDWR;
}

/* ---- numbers of clients ---- */

START_TEST(one_client_too_many_is_told_and_others_are_served)
{
    struct who newcomer = user(0);
    struct ipcb *handles[3];

    serve("[broker]\nmax_clients = 3\n" ORDERS);
    for (int i = 0; i < 3; i++)
        handles[i] = connect_as(user(0));
    ck_assert_int_eq(get(user(0), "wake", 0), -EBUSY);
    assert_has(said(), "the broker has 3 clients, which is the most it may have");
    for (int i = 0; i < 3; i++)
        close(acquire(handles[i], "orders", 0));
    (void)ipcb_free(handles[0]);
    await(gets_in, &newcomer);
    (void)ipcb_free(handles[1]);
    (void)ipcb_free(handles[2]);
}
END_TEST

START_TEST(a_user_with_too_many_clients_takes_no_others_place)
{
    struct who newcomer = user(0);
    struct ipcb *handles[2];

    serve("[broker]\nmax_clients_per_user = 2\n" ORDERS);
    for (int i = 0; i < 2; i++)
        handles[i] = connect_as(user(0));
    ck_assert_int_eq(get(user(0), "wake", 0), -EBUSY);
    assert_has(said(), "2 connections, which is max_clients_per_user");
    ck_assert_int_eq(get(root(), "wake", 0), O_RDWR);
    close(acquire(handles[1], "orders", 0));
    (void)ipcb_free(handles[0]);
    await(gets_in, &newcomer);
    (void)ipcb_free(handles[1]);
}
END_TEST

/* ---- no descriptor left ---- */

/* Connects until the broker has none left for one more; returns how many got in. */
static size_t crowd(struct ipcb **handles, size_t most)
{
    struct ipcb_facts *facts;

    for (size_t n = 0; n < most; n++) {
        int r;

        handles[n] = fixture_handle(&broker);
        r = ipcb_whoami(handles[n], &facts);
        if (r < 0) {
            ck_assert_int_eq(r, -EAGAIN);
            assert_has(ipcb_message(handles[n]), "no descriptor left for a new client");
            handles[n] = ipcb_free(handles[n]);
            return n;
        }
        (void)ipcb_facts_free(facts);
    }
    ck_abort_msg("there is always room");
}

static void start_with_little_room(void)
{
    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    broker.inherited = 360;
    serve("[broker]\nmax_clients = 60\n" ORDERS);
}

START_TEST(without_descriptors_newcomers_are_told_and_others_are_served)
{
    struct ipcb *handles[64];
    struct ipcb_facts *facts;
    struct who newcomer = user(0);
    uint64_t seen = 0;
    size_t n;

    start_with_little_room();
    ck_assert_int_ge(get(user(0), "wake", 0), 0); /* its identity is read once, by a descriptor */
    n = crowd(handles, 64);
    ck_assert_uint_gt(n, 2);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(get(user(0), "wake", 0), -EAGAIN);
    for (size_t i = 0; i < n; i++) {
        facts = status(handles[i]);
        (void)ipcb_facts_free(facts);
        close(acquire(handles[i], "wake", 0)); /* takes none */
        ck_assert_int_eq(ipcb_acquire(handles[i], "orders", 0), -EAGAIN);
        assert_has(ipcb_message(handles[i]), "cannot open queue 'orders' anew");
    }
    await(broker_sleeps, &seen);
    (void)ipcb_free(handles[0]);
    (void)ipcb_free(handles[1]);
    await(gets_in, &newcomer);
    close(acquire(handles[2], "orders", 0));
    for (size_t i = 2; i < n; i++)
        (void)ipcb_free(handles[i]);
}
END_TEST

START_TEST(without_descriptors_an_identity_is_right_or_there_is_an_error)
{
    struct ipcb *handles[64];
    struct ipcb_item item = {.name = "wake"};
    size_t n;
    int r;

    start_with_little_room();
    n = crowd(handles, 64);
    r = ipcb_acquire_many(handles[0], &item, 1, -1);
    if (r == 0) {
        ck_assert_uint_ne(item.inode, 0);
        close(item.fd);
    } else {
        ck_assert_int_eq(r, -EAGAIN);
    }
    for (size_t i = 0; i < n; i++)
        (void)ipcb_free(handles[i]);
}
END_TEST

/* ---- a broker that does not answer ---- */

static void stop(void)
{
    siginfo_t info;

    ck_assert_int_eq(kill(broker.broker, SIGSTOP), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)broker.broker, &info, WSTOPPED), 0);
}

static void go_on(void)
{
    ck_assert_int_eq(kill(broker.broker, SIGCONT), 0);
}

START_TEST(a_broker_that_does_not_answer_is_a_timeout)
{
    struct ipcb *b;
    struct ipcb_item item;

    serve(ORDERS);
    b = fixture_handle(&broker);
    if (_i == 0)
        close(acquire(b, "orders", 0)); /* connected before; else the backlog takes it */
    ck_assert_int_eq(ipcb_set_timeout(b, 50000), 0);
    stop();
    ck_assert_int_eq(ipcb_acquire(b, "orders", 0), -ETIMEDOUT);
    assert_has(ipcb_message(b), "did not answer in time");
    go_on();
    ck_assert_int_eq(ipcb_set_timeout(b, -1), 0);
    item = acquire_item(b, "wake", 0, 0); /* and not the late answer to the other */
    ck_assert_uint_eq(item.kind, IPCB_EVENTFD);
    close(item.fd);
    (void)ipcb_free(b);
}
END_TEST

#define WAITING 20

/* A network name space of our own: there the backlog can be made short for us alone. */
static void shorten_backlogs(void)
{
    FILE *limit;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    limit = fopen("/proc/sys/net/core/somaxconn", "we");
    ck_assert_ptr_nonnull(limit);
    ck_assert_int_gt(fprintf(limit, "16\n"), 0);
    ck_assert_int_eq(fclose(limit), 0);
}

/* Connects until the backlog is full; returns how many that took. */
static size_t fill_backlog(int *fds, size_t most)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", broker.socket);
    for (size_t n = 0; n < most; n++) {
        fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(fds[n], 0);
        if (connect(fds[n], (struct sockaddr *)&address, sizeof address) < 0) {
            ck_assert_int_eq(errno, EAGAIN);
            close(fds[n]);
            return n;
        }
    }
    ck_abort_msg("the backlog is never full");
}

static void *acquire_patiently(void *barrier)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd;

    (void)ipcb_set_timeout(b, -1);
    (void)pthread_barrier_wait(barrier);
    fd = ipcb_acquire(b, "orders", 0);
    if (fd >= 0)
        close(fd);
    (void)ipcb_free(b);
    return fd < 0 ? b : NULL;
}

START_TEST(a_full_backlog_delays_and_refuses_nobody)
{
    pthread_barrier_t barrier;
    pthread_t threads[WAITING];
    int fds[64];
    size_t n, before;
    void *failed;

    shorten_backlogs();
    serve(ORDERS);
    before = descriptors_at_rest();
    stop();
    n = fill_backlog(fds, 64);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, WAITING + 1), 0);
    for (int i = 0; i < WAITING; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, acquire_patiently, &barrier), 0);
    (void)pthread_barrier_wait(&barrier);
    go_on();
    for (int i = 0; i < WAITING; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    await_descriptors(before + n);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    await_descriptors(before);
}
END_TEST

START_TEST(a_full_backlog_is_a_timeout_for_him_who_does_not_wait)
{
    struct ipcb *b;
    int fds[64];
    size_t n;

    shorten_backlogs();
    serve(ORDERS);
    stop();
    n = fill_backlog(fds, 64);
    b = fixture_handle(&broker);
    ck_assert_int_eq(ipcb_set_timeout(b, 50000), 0);
    ck_assert_int_eq(ipcb_acquire(b, "orders", 0), -ETIMEDOUT);
    assert_has(ipcb_message(b), "accepted no connection in time");
    go_on();
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    (void)ipcb_free(b);
}
END_TEST

/* The guard's own come from its timer, and tell whose they are. */
START_TEST(a_stray_alarm_harms_nothing)
{
    broker.without = "passrights";
    serve("[queue:orders]\nuse = user:0\n");
    for (int n = 0; n < 3; n++) {
        ck_assert_int_eq(kill(broker.broker, SIGALRM), 0);
        ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
    }
}
END_TEST

TCase *clients_case(void)
{
    TCase *tcase = broker_case("clients");

    tcase_add_test(tcase, one_client_too_many_is_told_and_others_are_served);
    tcase_add_test(tcase, a_user_with_too_many_clients_takes_no_others_place);
    tcase_add_test(tcase, without_descriptors_newcomers_are_told_and_others_are_served);
    tcase_add_test(tcase, without_descriptors_an_identity_is_right_or_there_is_an_error);
    tcase_add_loop_test(tcase, a_broker_that_does_not_answer_is_a_timeout, 0, 2);
    tcase_add_test(tcase, a_full_backlog_delays_and_refuses_nobody);
    tcase_add_test(tcase, a_full_backlog_is_a_timeout_for_him_who_does_not_wait);
    tcase_add_test(tcase, a_stray_alarm_harms_nothing);
    return tcase;
}
