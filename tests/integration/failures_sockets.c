/* Sockets and locks that somebody else has, or had. */
#include "tests/integration/failures_cases.h"

#include "base/base.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ORDERS "[queue:orders]\nuse = user:0\n"

static char path[160];

/* The path of the lock, in a static buffer. */
static const char *lock_path(void)
{
    (void)snprintf(path, sizeof path, "%s.lock", broker.admin);
    return path;
}

/* A second broker on the same socket, with a configuration and a log of its own. */
static struct fixture second_broker(const char *configuration)
{
    struct fixture second = broker;

    second.broker = 0;
    (void)snprintf(second.config, sizeof second.config, "%s/second.conf", broker.directory);
    (void)snprintf(second.log, sizeof second.log, "%s/second.log", broker.directory);
    fixture_configure(&second, configuration);
    return second;
}

static void expect_first_unharmed(struct ipcb *connected, ino_t inode)
{
    close(acquire(connected, "orders", 0));
    ck_assert_uint_eq(inode_for(root(), "orders"), inode);
    ck_assert_int_eq(admin_acquire_as(&broker, root(), "orders", 0), O_RDWR);
}

/* _i is 1: somebody has removed the lock's file from under the first one. */
START_TEST(a_second_broker_is_refused_and_makes_nothing)
{
    struct fixture second;
    struct ipcb *connected;
    ino_t inode;

    serve(ORDERS);
    connected = connect_as(root());
    inode = inode_for(root(), "orders");
    if (_i == 1)
        ck_assert_int_eq(unlink(lock_path()), 0);
    second = second_broker("[queue:late]\n");
    ck_assert_int_eq(fixture_start_refused(&second, NULL), 1);
    assert_has(fixture_log(&second),
               _i == 0 ? "another ipcbrokerd (pid " : "somebody is listening at");
    ck_assert_int_lt(mq_open("/late", O_RDONLY), 0);
    ck_assert_int_eq(errno, ENOENT);
    expect_first_unharmed(connected, inode);
    (void)ipcb_free(connected);
}
END_TEST

START_TEST(the_sockets_of_a_killed_broker_are_replaced)
{
    for (int i = 0; i < 3; i++) {
        serve(ORDERS);
        ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
        ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
        ck_assert_int_eq(access(broker.socket, F_OK), 0);
        ck_assert_int_eq(access(lock_path(), F_OK), 0);
    }
    fixture_start(&broker);
    ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
}
END_TEST

/* ---- what is no socket of ours ---- */

static void make_file(const char *at)
{
    int fd = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void make_directory(const char *at)
{
    ck_assert_int_eq(mkdir(at, 0755), 0);
}

static void make_link(const char *at)
{
    ck_assert_int_eq(symlink("elsewhere", at), 0);
}

/* Root's, to which nobody listens. */
static void make_socket(const char *at)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", at);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static const struct {
    void (*make)(const char *at);
    const char *sentence;
} obstacles[] = {
    {make_file, "is there and is no socket: remove it"},
    {make_directory, "is there and is no socket: remove it"},
    {make_link, "is there and is no socket: remove it"},
    {make_socket, "is a socket of uid 0: remove it"},
};
#define OBSTACLES_N 4

/* Each at the main socket's path, then at the admin socket's. */
START_TEST(what_is_no_socket_of_ours_is_left_in_place)
{
    const char *at = _i < OBSTACLES_N ? broker.socket : broker.admin;
    struct stat before, after;

    obstacles[_i % OBSTACLES_N].make(at);
    ck_assert_int_eq(lstat(at, &before), 0);
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), obstacles[_i % OBSTACLES_N].sentence);
    assert_has(fixture_log(&broker), at);
    ck_assert_int_eq(lstat(at, &after), 0);
    ck_assert_uint_eq(after.st_ino, before.st_ino);
    ck_assert_uint_eq(after.st_mode, before.st_mode);
    ck_assert_int_lt(access(at == broker.socket ? broker.admin : broker.socket, F_OK), 0);
    ck_assert_int_lt(mq_open("/orders", O_RDONLY), 0);
}
END_TEST

START_TEST(a_directory_that_others_may_write_is_refused)
{
    char run[96];

    (void)snprintf(run, sizeof run, "%s/run", broker.directory);
    ck_assert_int_eq(chmod(run, 0777), 0);
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), "has mode 0777, so that others could replace");
    assert_has(fixture_log(&broker), "chmod go-w");
}
END_TEST

/* ---- what a service manager hands in ---- */

static const struct {
    int domain, type;
    bool listens;
    const char *sentence;
} strangers[] = {
    {AF_INET, SOCK_STREAM, true, "has the wrong type: its socket unit must have ListenSequ"},
    {AF_UNIX, SOCK_STREAM, true, "has the wrong type: its socket unit must have ListenSequ"},
    {AF_UNIX, SOCK_SEQPACKET, true, "hands in a socket at "},
    {AF_UNIX, SOCK_SEQPACKET, false, "does not listen: it must come from a socket unit"},
};

START_TEST(a_socket_that_is_not_the_brokers_is_refused)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(strangers[_i].domain, strangers[_i].type | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (strangers[_i].domain == AF_UNIX) /* the kernel gives it a name */
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    if (strangers[_i].listens)
        ck_assert_int_eq(listen(fd, 1), 0);
    broker.handed[broker.n_handed++] = (struct handed_in){fd, "ipcbroker"};
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), strangers[_i].sentence);
    ck_assert_int_lt(access(broker.socket, F_OK), 0);
    ck_assert_int_lt(mq_open("/orders", O_RDONLY), 0);
    close(fd);
}
END_TEST

/* ---- where it is told that the broker is ready ---- */

START_TEST(a_service_manager_without_a_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    char variable[64];

    close(broker.notify);
    broker.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(broker.notify, (struct sockaddr *)&address, sizeof address.sun_family),
                     0);
    ck_assert_int_eq(getsockname(broker.notify, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(variable, sizeof variable, "NOTIFY_SOCKET=@%.*s",
                   (int)(size - sizeof address.sun_family - 1), address.sun_path + 1);
    broker.environment[0] = variable;
    serve(ORDERS);
}
END_TEST

static bool is_served(void *ignored)
{
    (void)ignored;
    return get(root(), "orders", 0) == O_RDWR;
}

static const char *const no_addresses[] = {"NOTIFY_SOCKET=", "NOTIFY_SOCKET=/",
                                           "NOTIFY_SOCKET=relative"};

/* There is none then, and what only it can keep is said to be lost. */
START_TEST(a_service_manager_that_has_no_address)
{
    fixture_configure(&broker, ORDERS "[eventfd:wake]\nuse = any\n");
    broker.environment[0] = no_addresses[_i];
    broker.environment[1] = "FDSTORE=100";
    fixture_spawn(&broker, NULL);
    await(is_served, NULL);
    assert_has(fixture_log(&broker), "there is no descriptor store");
}
END_TEST

/* ---- the lock ---- */

START_TEST(a_lock_that_another_holds_is_respected)
{
    int fd = open(lock_path(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchown(fd, broker.broker_uid, broker.broker_uid), 0);
    ck_assert_int_eq(write(fd, "4711\n", 5), 5);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), "another ipcbrokerd (pid 4711) is running");
    ck_assert_int_eq(access(lock_path(), F_OK), 0);
    close(fd); /* gives it back: the file alone means nothing */
    fixture_start(&broker);
}
END_TEST

START_TEST(a_lock_that_is_a_link_is_not_followed)
{
    char target[160];
    struct stat status;

    (void)snprintf(target, sizeof target, "%s/precious", broker.directory);
    make_file(target);
    ck_assert_int_eq(chown(target, broker.broker_uid, broker.broker_uid), 0);
    ck_assert_int_eq(symlink(target, lock_path()), 0);
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), "it is a symbolic link");
    ck_assert_int_eq(stat(target, &status), 0);
    ck_assert_int_eq(status.st_size, 0);
    ck_assert_int_eq(lstat(lock_path(), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
}
END_TEST

START_TEST(a_lock_of_another_user_is_not_taken)
{
    make_file(lock_path());
    ck_assert_int_eq(chmod(lock_path(), 0666), 0);
    fixture_configure(&broker, ORDERS);
    ck_assert_int_eq(fixture_start_refused(&broker, NULL), 1);
    assert_has(fixture_log(&broker), "is not a file of uid");
    ck_assert_int_eq(access(lock_path(), F_OK), 0);
}
END_TEST

/* ---- two at once ---- */

/* Waits until one of the two has ended, who must be the only one: returns the other. */
static struct fixture *one_that_stays(struct fixture *one, struct fixture *other)
{
    struct pollfd ends[] = {{one->pidfd, POLLIN, 0}, {other->pidfd, POLLIN, 0}};
    struct fixture *loser;

    ck_assert_int_eq(poll(ends, 2, 60000), 1);
    loser = ends[0].revents ? one : other;
    ck_assert_int_eq(fixture_reap(loser), 1);
    return loser == one ? other : one;
}

START_TEST(of_two_brokers_started_at_once_one_serves)
{
    struct fixture second, *winner;

    fixture_configure(&broker, ORDERS);
    second = second_broker(ORDERS);
    for (int i = 0; i < 20; i++) {
        fixture_spawn(&broker, NULL);
        fixture_spawn(&second, NULL);
        winner = one_that_stays(&broker, &second);
        fixture_await_ready(winner);
        ck_assert_int_eq(get(root(), "orders", 0), O_RDWR);
        ck_assert_int_eq(fixture_end(winner, i % 2 ? SIGTERM : SIGKILL), i % 2 ? 0 : 128 + SIGKILL);
    }
}
END_TEST

TCase *sockets_case(void)
{
    TCase *tcase = broker_case("sockets");

    tcase_add_loop_test(tcase, a_second_broker_is_refused_and_makes_nothing, 0, 2);
    tcase_add_test(tcase, the_sockets_of_a_killed_broker_are_replaced);
    tcase_add_loop_test(tcase, what_is_no_socket_of_ours_is_left_in_place, 0, 2 * OBSTACLES_N);
    tcase_add_test(tcase, a_directory_that_others_may_write_is_refused);
    tcase_add_loop_test(tcase, a_socket_that_is_not_the_brokers_is_refused, 0,
                        (int)ARRAY_SIZE(strangers));
    tcase_add_test(tcase, a_service_manager_without_a_path);
    tcase_add_loop_test(tcase, a_service_manager_that_has_no_address, 0,
                        (int)ARRAY_SIZE(no_addresses));
    tcase_add_test(tcase, a_lock_that_another_holds_is_respected);
    tcase_add_test(tcase, a_lock_that_is_a_link_is_not_followed);
    tcase_add_test(tcase, a_lock_of_another_user_is_not_taken);
    tcase_add_test(tcase, of_two_brokers_started_at_once_one_serves);
    return tcase;
}
