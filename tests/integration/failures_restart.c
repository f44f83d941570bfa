/* The broker stops, dies, comes back: what its queues and its clients notice. */
#include "tests/integration/failures_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/stat.h>

#define ORDERS   "[queue:orders]\nmessage_size = 100\nuse = user:0, user:$C0, user:$C1\n"
#define MESSAGES 10000
#define MIDDLE   1000

static const int ends[] = {SIGTERM, SIGKILL};

static void fill(struct ipcb_queue *q)
{
    char text[16];

    for (int i = 0; i < 10; i++) {
        (void)snprintf(text, sizeof text, "order %d", i);
        put(q, text);
    }
    ck_assert_int_eq(ipcb_queue_send(q, "x", 1, 0, 0), -EAGAIN);
}

static void expect_full(struct ipcb_queue *q)
{
    char text[16];

    for (int i = 0; i < 10; i++) {
        (void)snprintf(text, sizeof text, "order %d", i);
        expect_next(q, text);
    }
    ck_assert_int_eq(ipcb_queue_receive(q, &(const void *){NULL}, NULL, 0), -EAGAIN);
}

START_TEST(a_full_queue_is_adopted_with_all_its_messages)
{
    struct ipcb_queue *before, *after;

    serve(ORDERS);
    before = queue_of(user(0), "orders");
    fill(before);
    restart(ends[_i]);
    after = queue_of(user(1), "orders");
    ck_assert_uint_eq(inode_of(ipcb_queue_fd(after)), inode_of(ipcb_queue_fd(before)));
    expect_full(after);
    put(before, "still the same"); /* a sender of before reaches a receiver of after */
    expect_next(after, "still the same");
    (void)ipcb_queue_free(before);
    (void)ipcb_queue_free(after);
}
END_TEST

/* ---- the data path ---- */

struct exchange {
    int half_way[2]; /* pipes: the receiver tells, */
    int go_on[2];    /* and is told */
};

static struct ipcb_queue *own_queue(void)
{
    struct ipcb *b = fixture_handle(&broker);
    struct ipcb_queue *q = NULL;

    (void)ipcb_queue_acquire(&q, b, "orders", 0);
    (void)ipcb_free(b);
    return q;
}

static int send_numbers(void *ignored)
{
    struct ipcb_queue *q = own_queue();
    (void)ignored;

    EXPECT(q);
    for (int i = 0; i < MESSAGES; i++)
        EXPECT(ipcb_queue_send(q, &i, sizeof i, 0, -1) == 0);
    (void)ipcb_queue_free(q);
    return 0;
}

static int receive_numbers(void *argument)
{
    const struct exchange *exchange = argument;
    struct ipcb_queue *q = own_queue();
    const void *message;

    EXPECT(q);
    for (int i = 0; i < MESSAGES; i++) {
        if (i == MIDDLE) {
            EXPECT(write(exchange->half_way[1], "!", 1) == 1);
            EXPECT(read(exchange->go_on[0], &(char){0}, 1) == 1);
        }
        EXPECT(ipcb_queue_receive(q, &message, NULL, -1) == sizeof i);
        EXPECT(memcmp(message, &i, sizeof i) == 0);
    }
    EXPECT(ipcb_queue_depth(q) == 0);
    (void)ipcb_queue_free(q);
    return 0;
}

START_TEST(what_clients_hold_works_on_when_the_broker_is_killed)
{
    struct exchange exchange;
    pid_t sender, receiver;
    ino_t inode;

    serve(ORDERS);
    inode = inode_for(root(), "orders");
    ck_assert_int_eq(pipe(exchange.half_way), 0);
    ck_assert_int_eq(pipe(exchange.go_on), 0);
    sender = as_user_begin(user(0), send_numbers, NULL);
    receiver = as_user_begin(user(1), receive_numbers, &exchange);
    ck_assert_int_eq(read(exchange.half_way[0], &(char){0}, 1), 1);
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    ck_assert_int_eq(write(exchange.go_on[1], "!", 1), 1);
    ck_assert_int_eq(as_user_end(sender), 0);
    ck_assert_int_eq(as_user_end(receiver), 0);
    fixture_start(&broker);
    ck_assert_uint_eq(inode_for(root(), "orders"), inode);
}
END_TEST

/* ---- handles ---- */

START_TEST(a_handle_finds_the_restarted_broker)
{
    struct ipcb *b;

    serve(ORDERS);
    b = fixture_handle(&broker);
    close(acquire(b, "orders", 0));
    restart(ends[_i]);
    close(acquire(b, "orders", 0)); /* without an error in between */
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_handle_says_that_there_is_no_broker_and_goes_on_when_there_is)
{
    struct ipcb *b = fixture_handle(&broker);

    ck_assert_int_eq(ipcb_acquire(b, "orders", 0), -ENOTCONN);
    assert_has(ipcb_message(b), "no broker at");
    assert_has(ipcb_message(b), broker.socket);
    serve(ORDERS);
    close(acquire(b, "orders", 0));
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    ck_assert_int_eq(ipcb_set_timeout(b, 30000), 0); /* it might come back in that time */
    ck_assert_int_eq(ipcb_acquire(b, "orders", 0), -ENOTCONN);
    assert_has(ipcb_message(b), "no broker at");
    ck_assert_int_eq(ipcb_set_timeout(b, -1), 0);
    ck_assert_int_eq(ipcb_acquire(b, "orders", 0), -ENOTCONN); /* known to be away */
    fixture_start(&broker);
    close(acquire(b, "orders", 0));
    (void)ipcb_free(b);
}
END_TEST

/* A queue with a name is adopted; an eventfd and a private queue are others after a restart that
 * keeps nothing. */
#define BOTH "use = user:0, user:$C0\n" /* who connects, and who connects again */
#define TWINS                                                                                      \
    ORDERS "[queue:secret]\nmax_messages = 2\nmessage_size = 16\nposix_name = none\n" BOTH         \
           "[eventfd:wake]\n" BOTH

static char told[64];

static void on_changed(struct ipcb *b, const char *name, void *unused)
{
    (void)b, (void)unused;
    ck_assert_uint_lt(strlen(told) + strlen(name) + 2, sizeof told);
    strcat(strcat(told, name), " ");
}

static void process_until_told(struct ipcb *b, size_t size)
{
    struct pollfd ready = {.fd = ipcb_get_fd(b), .events = POLLIN};

    while (strlen(told) < size) {
        ck_assert_int_eq(poll(&ready, 1, -1), 1);
        ck_assert_int_ge(ipcb_process(b), 0);
    }
}

START_TEST(a_dead_twin_is_told_and_renewed)
{
    struct ipcb_queue *orders, *secret;
    struct ipcb_event *wake, *other;
    struct ipcb *b;
    int fd;

    serve(TWINS);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_watch(b, on_changed, NULL), 0);
    ck_assert_int_eq(ipcb_queue_acquire(&orders, b, "orders", 0), 0);
    ck_assert_int_eq(ipcb_queue_acquire(&secret, b, "secret", 0), 0);
    ck_assert_int_eq(ipcb_event_acquire(&wake, b, "wake"), 0);
    ck_assert_int_eq(ipcb_queue_renew(secret, b, "secret"), 0); /* nothing has happened yet */
    ck_assert_int_eq(ipcb_event_renew(wake, b, "wake"), 0);
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    fixture_start(&broker);
    process_until_told(b, strlen("secret wake "));
    ck_assert_ptr_nonnull(strstr(told, "secret "));
    ck_assert_ptr_nonnull(strstr(told, "wake "));
    ck_assert_int_eq(ipcb_queue_renew(orders, b, "orders"), 0); /* it was adopted */
    fd = ipcb_event_fd(wake);
    ck_assert_int_eq(ipcb_event_renew(wake, b, "wake"), 1);
    ck_assert_int_eq(ipcb_event_fd(wake), fd);
    ck_assert_int_eq(ipcb_event_acquire(&other, b, "wake"), 0);
    ck_assert_int_eq(ipcb_event_signal(other, 3), 0);
    ck_assert_int_eq(ipcb_event_wait(wake, NULL, 0), 0);
    put(secret, "lost"); /* to the dead twin */
    ck_assert_int_eq(ipcb_queue_renew(secret, b, "secret"), 1);
    ck_assert_int_eq(ipcb_queue_depth(secret), 0);
    ck_assert_int_eq(ipcb_queue_renew(secret, b, "secret"), 0);
    ck_assert_int_eq(ipcb_queue_renew(secret, b, "wake"), -EINVAL); /* another kind */
    put(secret, "found");
    expect_next(secret, "found");
    (void)ipcb_queue_free(orders);
    (void)ipcb_queue_free(secret);
    (void)ipcb_event_free(wake);
    (void)ipcb_event_free(other);
    (void)ipcb_free(b);
}
END_TEST

static void on_acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *name)
{
    ck_assert_msg(r == 0, "%s", ipcb_message(b));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(items[0].name, name);
    on_changed(b, items[0].name, NULL);
}

/* The configuration that declares it is only read by the next broker. */
START_TEST(who_waits_for_a_declaration_waits_over_restarts)
{
    static char name[] = "later";
    struct ipcb_event *later = NULL;
    struct ipcb_item item = {.name = name, .flags = IPCB_UNTIL_DECLARED, .event = &later};
    struct ipcb *b;

    serve(ORDERS);
    b = connect_as(user(0));
    ck_assert_int_eq(ipcb_acquire_async(b, NULL, &item, 1, -1, on_acquired, name), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(ipcb_process(b), 0);
        ck_assert_str_eq(told, "");
        ck_assert_int_eq(fixture_end(&broker, ends[i]), ends[i] == SIGTERM ? 0 : 128 + SIGKILL);
        fixture_configure(&broker, i == 0 ? ORDERS : TWINS "[eventfd:later]\n" BOTH);
        fixture_start(&broker);
    }
    process_until_told(b, strlen("later "));
    ck_assert_int_eq(ipcb_event_signal(later, 1), 0);
    (void)ipcb_event_free(later);
    (void)ipcb_free(b);
}
END_TEST

/* ---- adoption of what is not as declared ---- */

START_TEST(a_queue_of_other_limits_is_kept_and_said)
{
    struct ipcb *b;
    struct ipcb_queue *q;
    struct ipcb_facts *facts;
    ino_t inode;

    serve(ORDERS);
    inode = inode_for(user(0), "orders");
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    serve("[queue:orders]\nmax_messages = 4\nmessage_size = 200\nuse = user:$C0\n");
    assert_has(fixture_log(&broker), "queue 'orders' differs from its declaration");
    b = connect_as(user(0));
    facts = show(b, "orders");
    ck_assert_str_eq(fact_text(facts, "state"), "differs");
    ck_assert_str_eq(fact_text(facts, "difference"),
                     "it holds 10 messages of 100 bytes, declared are 4 of 200");
    (void)ipcb_facts_free(facts);
    facts = status(b);
    ck_assert_uint_eq(fact_number(facts, "differing"), 1);
    ck_assert_uint_eq(fact_number(facts, "failed"), 0);
    (void)ipcb_facts_free(facts);
    q = queue_of(user(0), "orders");
    ck_assert_uint_eq(inode_of(ipcb_queue_fd(q)), inode);
    fill(q);
    (void)ipcb_queue_free(q);
    (void)ipcb_free(b);
}
END_TEST

static void make_mode(mode_t mode)
{
    mqd_t q = mq_open("/orders", O_RDWR);

    ck_assert_int_ge(q, 0);
    ck_assert_int_eq(fchmod(q, mode), 0);
    close(q);
}

static mode_t mode_for(struct who who)
{
    struct ipcb_queue *q = queue_of(who, "orders");
    struct stat status;

    ck_assert_int_eq(fstat(ipcb_queue_fd(q), &status), 0);
    (void)ipcb_queue_free(q);
    return status.st_mode & 07777;
}

/* A queue with a message, of that mode when the broker comes to adopt it. */
static void restart_with_mode(mode_t mode)
{
    struct ipcb_queue *q;
    ino_t inode;

    serve(ORDERS);
    q = queue_of(user(0), "orders");
    inode = inode_of(ipcb_queue_fd(q));
    put(q, "kept");
    (void)ipcb_queue_free(q);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    make_mode(mode);
    fixture_start(&broker);
    q = queue_of(user(0), "orders");
    ck_assert_msg(inode_of(ipcb_queue_fd(q)) == inode, "it is another queue; log:\n%s",
                  fixture_log(&broker));
    expect_next(q, "kept");
    (void)ipcb_queue_free(q);
    ck_assert_uint_eq(mode_for(user(0)), 0600);
}

static const mode_t modes[] = {0600, 0666, 0640, 0622};

START_TEST(an_adopted_queue_has_the_declared_mode_again)
{
    char expected[64];

    restart_with_mode(modes[_i]);
    (void)snprintf(expected, sizeof expected, "had mode %04o, now 0600 as declared", modes[_i]);
    if (modes[_i] == 0600)
        assert_has_not(fixture_log(&broker), "had mode");
    else
        assert_has(fixture_log(&broker), expected);
}
END_TEST

static const mode_t narrow_modes[] = {0400, 0200};

START_TEST(a_queue_of_the_brokers_user_is_adopted_whatever_its_mode)
{
    restart_with_mode(narrow_modes[_i]);
}
END_TEST

START_TEST(an_adopted_queue_is_opened_as_is_declared_now)
{
    serve(ORDERS);
    ck_assert_uint_eq(mode_for(user(0)), 0600);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    serve(ORDERS "mode = 0660\ngroup = $B\n");
    ck_assert_uint_eq(mode_for(user(0)), 0660);
    assert_has(fixture_log(&broker), "had mode 0600, now 0660 as declared");
}
END_TEST

TCase *restart_case(void)
{
    TCase *tcase = broker_case("restart");

    tcase_add_loop_test(tcase, a_full_queue_is_adopted_with_all_its_messages, 0, 2);
    tcase_add_test(tcase, what_clients_hold_works_on_when_the_broker_is_killed);
    tcase_add_loop_test(tcase, a_handle_finds_the_restarted_broker, 0, 2);
    tcase_add_test(tcase, a_handle_says_that_there_is_no_broker_and_goes_on_when_there_is);
    tcase_add_test(tcase, a_dead_twin_is_told_and_renewed);
    tcase_add_test(tcase, who_waits_for_a_declaration_waits_over_restarts);
    tcase_add_test(tcase, a_queue_of_other_limits_is_kept_and_said);
    tcase_add_loop_test(tcase, an_adopted_queue_has_the_declared_mode_again, 0,
                        sizeof modes / sizeof *modes);
    tcase_add_loop_test(tcase, a_queue_of_the_brokers_user_is_adopted_whatever_its_mode, 0,
                        sizeof narrow_modes / sizeof *narrow_modes);
    tcase_add_test(tcase, an_adopted_queue_is_opened_as_is_declared_now);
    return tcase;
}
