/* What a holder of a queue can try with it. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>

#define HIGHEST 32767
#define ORDERS                                                                                     \
    "[queue:orders]\nmax_messages = 4\nmessage_size = 64\n"                                        \
    "use = user:$C0, user:$C1\nsend = user:$C2\n"

static uint64_t depth(void)
{
    struct ipcb *b = connect_as(user(1));
    struct ipcb_facts *facts = show(b, "orders");
    uint64_t n = fact_number(facts, "depth");

    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return n;
}

/* One sends and another receives, each with a descriptor that he gets now. */
static void expect_works(void)
{
    struct ipcb_queue *one = queue_of(user(0), "orders"), *other = queue_of(user(1), "orders");

    put(one, "after all");
    ck_assert_uint_eq(depth(), 1);
    expect_next(other, "after all");
    (void)ipcb_queue_free(one);
    (void)ipcb_queue_free(other);
}

/* As another would: the siege of the one that ends is over. */
static void restart_broker(int signal)
{
    end_siege();
    ck_assert_int_eq(fixture_end(&broker, signal), signal == SIGKILL ? 128 + SIGKILL : 0);
    fixture_start(&broker);
}

/* ---- what is the owner's ---- */

static int seize(int fd)
{
    EXPECT(fchmod(fd, 0666) < 0 && errno == EPERM);
    EXPECT(fchown(fd, geteuid(), getegid()) < 0 && errno == EPERM);
    EXPECT(mq_unlink("/orders") < 0 && errno == EACCES);
    EXPECT(mq_open("/orders", O_RDONLY) < 0 && errno == EACCES);
    EXPECT(mq_open("/orders", O_WRONLY) < 0 && errno == EACCES);
    /* This one would make the broker wait when it opens the queue. */
    EXPECT(fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EACCES);
    return 0;
}

START_TEST(a_holder_neither_owns_nor_removes_a_queue)
{
    struct attacker attacker;
    struct stat status;
    int fd;

    besiege(ORDERS);
    attacker = attack_begin(user(0), "orders", seize);
    expect_works();
    fd = mq_open("/orders", O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_uid, broker.broker_uid);
    close(fd);
    attack_end(&attacker);
}
END_TEST

/* ---- what every holder can do ---- */

static int lock_and_resize(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    EXPECT(ftruncate(fd, 1 << 30) == 0);
    EXPECT(flock(fd, LOCK_EX | LOCK_NB) == 0);
    EXPECT(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    return 0;
}

START_TEST(locks_and_sizes_reach_nobody)
{
    struct attacker attacker;

    besiege(ORDERS);
    attacker = attack_begin(user(0), "orders", lock_and_resize);
    expect_works();
    restart_broker(SIGKILL);
    expect_works();
    attack_end(&attacker);
}
END_TEST

/* The kernel has one place for a queue, and lets a sender have it too. */
static int take_the_notification(int fd)
{
    const struct sigevent quietly = {.sigev_notify = SIGEV_NONE};

    EXPECT(mq_notify(fd, &quietly) == 0);
    return 0;
}

START_TEST(who_takes_the_notification_hinders_nobody)
{
    const struct sigevent quietly = {.sigev_notify = SIGEV_NONE};
    struct attacker attacker;
    struct ipcb_queue *q;

    besiege(ORDERS);
    attacker = attack_begin(user(2), "orders", take_the_notification);
    q = queue_of(user(0), "orders");
    ck_assert_int_lt(mq_notify(ipcb_queue_fd(q), &quietly), 0);
    ck_assert_int_eq(errno, EBUSY);
    (void)ipcb_queue_free(q);
    restart_broker(SIGTERM); /* before a message comes, which frees the place */
    expect_works();
    attack_end(&attacker);
}
END_TEST

static int fill(int fd)
{
    const struct mq_attr nonblocking = {.mq_flags = O_NONBLOCK};
    int n = 0;

    EXPECT(mq_setattr(fd, &nonblocking, NULL) == 0);
    while (mq_send(fd, "more", 4, HIGHEST) == 0)
        n++;
    EXPECT(errno == EAGAIN && n == 4);
    return 0;
}

START_TEST(a_full_queue_is_full_for_its_senders_only)
{
    struct attacker attacker;
    struct ipcb_queue *q;

    besiege(ORDERS);
    attacker = attack_begin(user(2), "orders", fill);
    q = queue_of(user(0), "orders");
    ck_assert_int_eq(ipcb_queue_send(q, "mine", 4, 0, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_queue_send(q, "mine", 4, 0, 1000), -ETIMEDOUT);
    ck_assert_uint_eq(depth(), 4);
    for (int i = 0; i < 4; i++)
        expect_next(q, "more");
    (void)ipcb_queue_free(q);
    expect_works();
    attack_end(&attacker);
}
END_TEST

/* ---- passing it on ---- */

static int use_anothers(void *argument)
{
    int fd = *(int *)argument;
    struct ipcb *b = fixture_handle(&broker);
    char path[64], message[64];

    EXPECT(mq_send(fd, "passed on", 9, 0) == 0);
    EXPECT(mq_receive(fd, message, sizeof message, NULL) < 0 && errno == EBADF);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT(open(path, O_RDONLY) < 0 && errno == EACCES);
    EXPECT(open(path, O_RDWR) < 0 && errno == EACCES);
    EXPECT(open(path, O_WRONLY) < 0 && errno == EACCES);
    EXPECT(ipcb_acquire(b, "orders", 0) == -EACCES);
    (void)ipcb_free(b);
    return 0;
}

START_TEST(what_is_passed_on_works_and_is_no_more_than_it_was)
{
    struct ipcb_queue *mine;
    struct ipcb *b;
    int fd;

    besiege(ORDERS);
    b = connect_as(user(2));
    fd = acquire(b, "orders", 0);
    ck_assert_int_eq(as_user(user(5), use_anothers, &fd), 0);
    mine = queue_of(user(0), "orders");
    expect_next(mine, "passed on");
    (void)ipcb_queue_free(mine);
    close(fd);
    (void)ipcb_free(b);
}
END_TEST

static int send_from_another_name_space(void *argument)
{
    uid_t uid = *(uid_t *)argument;
    struct ipcb *b = fixture_handle(&broker);
    int fd;

    EXPECT(unshare(CLONE_NEWIPC) == 0);
    EXPECT(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
    EXPECT(mq_open("/orders", O_WRONLY) < 0 && errno == ENOENT);
    fd = ipcb_acquire(b, "orders", 0);
    EXPECT(fd >= 0);
    EXPECT(mq_send(fd, "from far away", 13, 0) == 0);
    (void)ipcb_free(b);
    return 0;
}

START_TEST(another_ipc_name_space_has_what_is_granted)
{
    uid_t uid = user(2).uid;
    struct ipcb_queue *q;

    besiege(ORDERS);
    ck_assert_int_eq(as_user(root(), send_from_another_name_space, &uid), 0);
    q = queue_of(user(0), "orders");
    expect_next(q, "from far away");
    (void)ipcb_queue_free(q);
}
END_TEST

TCase *hostile_queue_case(void)
{
    TCase *tcase = hostile_case("queue");

    tcase_add_test(tcase, a_holder_neither_owns_nor_removes_a_queue);
    tcase_add_test(tcase, locks_and_sizes_reach_nobody);
    tcase_add_test(tcase, who_takes_the_notification_hinders_nobody);
    tcase_add_test(tcase, a_full_queue_is_full_for_its_senders_only);
    tcase_add_test(tcase, what_is_passed_on_works_and_is_no_more_than_it_was);
    tcase_add_test(tcase, another_ipc_name_space_has_what_is_granted);
    return tcase;
}
