/* Names that others take, remove, or take again. */
#include "tests/integration/failures_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#define ORDERS "[queue:orders]\nuse = user:0, user:$C0, user:$C1\n"
#define SHARED ORDERS "mode = 0660\n"

/* The modes that a squatter can choose from: one that the broker can open, one that it cannot. */
static const mode_t squatted[] = {0666, 0600};
#define SQUATTED_N 2

static int squat(void *mode)
{
    mqd_t q;

    (void)umask(0);
    q = mq_open("/orders", O_RDWR | O_CREAT | O_EXCL, *(const mode_t *)mode, NULL);
    EXPECT(q >= 0);
    EXPECT(mq_send(q, "from the squatter", 17, 0) == 0);
    return 0;
}

/* User $C3 takes the name /orders. */
static void take_the_name(int i)
{
    mode_t mode = squatted[i];

    ck_assert_int_eq(as_user(user(3), squat, &mode), 0);
}

/* Nobody has taken anything from the squatter, or given him anything. */
static void expect_squatter_untouched(int i)
{
    mqd_t q = mq_open("/orders", O_RDONLY);
    struct mq_attr is;
    struct stat status;

    ck_assert_int_ge(q, 0);
    ck_assert_int_eq(mq_getattr(q, &is), 0);
    ck_assert_int_eq(is.mq_curmsgs, 1);
    ck_assert_int_eq(fstat(q, &status), 0);
    ck_assert_uint_eq(status.st_uid, broker.client_uid + 3);
    ck_assert_uint_eq(status.st_mode & 07777, squatted[i]);
    close(q);
}

static void expect_nameless(void)
{
    struct ipcb *b = connect_as(user(0));
    struct ipcb_facts *facts = show(b, "orders");

    ck_assert_str_eq(fact_text(facts, "state"), "ready");
    ck_assert_str_eq(fact_text(facts, "posix_name"), "none");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

static void expect_works(void)
{
    struct ipcb_queue *one = queue_of(user(0), "orders"), *other = queue_of(user(1), "orders");

    put(one, "through the broker");
    expect_next(other, "through the broker");
    (void)ipcb_queue_free(one);
    (void)ipcb_queue_free(other);
}

/* ---- taken before the start ---- */

START_TEST(a_squatted_queue_lives_without_a_name_and_works)
{
    take_the_name(_i);
    serve(ORDERS);
    assert_has(fixture_log(&broker), "the name /orders is taken by a queue");
    assert_has(fixture_log(&broker), "it lives without a name");
    expect_nameless();
    expect_works();
    expect_squatter_untouched(_i);
}
END_TEST

static struct ipcb_facts *status_now(void)
{
    struct ipcb *b = connect_as(user(0));
    struct ipcb_facts *facts = status(b);

    (void)ipcb_free(b);
    return facts;
}

static void expect_state(const char *state)
{
    struct ipcb_facts *facts = status_now();

    ck_assert_str_eq(fact_text(facts, "state"), state);
    (void)ipcb_facts_free(facts);
}

START_TEST(a_squatted_queue_that_must_have_its_name_fails_alone)
{
    char who[64];

    take_the_name(_i);
    serve(SHARED "[eventfd:wake]\nuse = user:$C0\n[queue:zebra]\nuse = user:$C0\n");
    ck_assert_int_eq(get(user(0), "orders", 0), -ENXIO);
    assert_has(said(), "queue 'orders' is declared, but failed");
    (void)snprintf(who, sizeof who, "by a queue of uid %u;", broker.client_uid + 3);
    assert_has(said(), _i == 0 ? who : "by a queue that uid");
    assert_has(said(), "remove the queue, or give another posix_name");
    assert_has(fixture_log(&broker), "error: queue 'orders' failed: the name /orders is taken");
    ck_assert_int_eq(get(user(0), "wake", 0), O_RDWR);
    ck_assert_int_eq(get(user(0), "zebra", 0), O_RDWR);
    ck_assert_int_eq(get(user(4), "orders", 0), -EACCES); /* who may not, is not told why */
    expect_state("degraded");
    expect_squatter_untouched(_i);
}
END_TEST

static bool is_ok(void *ignored)
{
    struct ipcb_facts *facts = status_now();
    bool ok = strcmp(fact_text(facts, "state"), "ok") == 0;
    (void)ignored;

    (void)ipcb_facts_free(facts);
    return ok;
}

START_TEST(a_failed_queue_comes_alive_when_the_squatter_is_gone)
{
    take_the_name(_i);
    serve(SHARED);
    expect_state("degraded");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    await(is_ok, NULL);
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    expect_works();
    assert_has(fixture_log(&broker), "queue 'orders' is there now");
}
END_TEST

/* ---- removed while the broker runs ---- */

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    while ((text = strstr(text, part))) {
        text += strlen(part);
        n++;
    }
    return n;
}

START_TEST(a_queue_whose_name_is_removed_goes_on_with_its_messages)
{
    struct ipcb_queue *before, *after;

    serve(ORDERS);
    before = queue_of(user(0), "orders");
    put(before, "one");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    put(before, "two");
    after = queue_of(user(1), "orders");
    ck_assert_uint_eq(inode_of(ipcb_queue_fd(after)), inode_of(ipcb_queue_fd(before)));
    expect_next(after, "one");
    expect_next(after, "two");
    expect_nameless();
    expect_works();
    ck_assert_uint_eq(count(fixture_log(&broker), "its name /orders was removed from outside"), 1);
    (void)ipcb_queue_free(before);
    (void)ipcb_queue_free(after);
}
END_TEST

/* Looking costs a system call an object: a status does it for those who may observe. */
START_TEST(a_look_notices_that_a_name_is_gone)
{
    struct ipcb *b;
    struct ipcb_facts *facts;

    serve(ORDERS);
    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    facts = _i == 0 ? status(b) : show(b, "orders");
    ck_assert_str_eq(fact_text(facts, "state"), _i == 0 ? "ok" : "ready"); /* it serves as before */
    assert_has(fixture_log(&broker), "its name /orders was removed from outside");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

static int cannot_reopen(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, "orders", IPCB_SEND);
    char path[64];
    (void)ignored;

    EXPECT(fd >= 0);
    EXPECT((fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_WRONLY);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT(open(path, O_RDONLY) < 0 && errno == EACCES);
    EXPECT(open(path, O_RDWR) < 0 && errno == EACCES);
    return 0;
}

START_TEST(without_a_name_too_a_sender_cannot_make_himself_a_receiver)
{
    serve(ORDERS);
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    ck_assert_int_eq(as_user(user(0), cannot_reopen, NULL), 0);
}
END_TEST

START_TEST(a_name_that_another_takes_afterwards_leads_nobody_astray)
{
    struct ipcb_queue *q;

    serve(ORDERS);
    q = queue_of(user(0), "orders");
    put(q, "one");
    ck_assert_int_eq(mq_unlink("/orders"), 0);
    take_the_name(_i);
    ck_assert_uint_eq(inode_for(user(1), "orders"), inode_of(ipcb_queue_fd(q)));
    expect_next(q, "one");
    expect_works();
    expect_nameless();
    expect_squatter_untouched(_i);
    (void)ipcb_queue_free(q);
}
END_TEST

TCase *names_case(void)
{
    TCase *tcase = broker_case("names");

    tcase_add_loop_test(tcase, a_squatted_queue_lives_without_a_name_and_works, 0, SQUATTED_N);
    tcase_add_loop_test(tcase, a_squatted_queue_that_must_have_its_name_fails_alone, 0, SQUATTED_N);
    tcase_add_loop_test(tcase, a_failed_queue_comes_alive_when_the_squatter_is_gone, 0, SQUATTED_N);
    tcase_add_test(tcase, a_queue_whose_name_is_removed_goes_on_with_its_messages);
    tcase_add_loop_test(tcase, a_look_notices_that_a_name_is_gone, 0, 2);
    tcase_add_test(tcase, without_a_name_too_a_sender_cannot_make_himself_a_receiver);
    tcase_add_loop_test(tcase, a_name_that_another_takes_afterwards_leads_nobody_astray, 0,
                        SQUATTED_N);
    return tcase;
}
