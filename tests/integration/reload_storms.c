/* Many reloads, large ones, and clients beside them. */
#include "base/base.h"
#include "tests/integration/reload_cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define ORDERS "[queue:orders]\nmessage_size = 100\nuse = any\n"

static bool has_last(void *ignored)
{
    (void)ignored;
    return strcmp(state_of("last"), "ready") == 0;
}

static bool is_told_of_last(void *ignored)
{
    (void)ignored;
    return fixture_says_ready(&broker) && strstr(fixture_status(), "serving 2 objects");
}

/* However many come while one runs, there is one after the last. Nobody reads meanwhile what the
 * service manager is told, which must not stop anything; the last of it comes all the same. */
START_TEST(a_thousand_hangups)
{
    char text[128];

    serve(ORDERS);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof text, ORDERS "[queue:%s]\nmax_messages = 1\nuse = any\n",
                       i < 999 ? "first" : "last");
        if (i % 100 == 0 || i == 999)
            fixture_configure(&broker, text);
        ck_assert_int_eq(kill(broker.broker, SIGHUP), 0);
        if (i % 100 == 0)
            reload_to("applied"); /* so that there are more words than room for them */
    }
    await(has_last, NULL);
    await(is_told_of_last, NULL);
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
}
END_TEST

static int acquire_on(void *argument)
{
    volatile bool *stop = argument;
    struct ipcb *b = fixture_handle(&broker);

    while (!*stop) {
        int fd = ipcb_acquire(b, "orders", 0);

        EXPECT(fd >= 0);
        close(fd);
        fd = ipcb_acquire(b, "sometimes", 0);
        EXPECT(fd >= 0 || fd == -ENOENT || fd == -EACCES);
        if (fd >= 0)
            close(fd);
    }
    (void)ipcb_free(b);
    return 0;
}

static volatile bool *shared_flag(void)
{
    return mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* Whatever is asked for is judged by one configuration or the other; nothing leaks. */
START_TEST(reloads_under_load)
{
    static const char *const texts[] = {
        ORDERS,
        ORDERS "[queue:sometimes]\nmax_messages = 1\nuse = any\n",
        ORDERS "[queue:sometimes]\nmax_messages = 1\nuse = user:$C7\n",
        ORDERS "[eventfd:sometimes]\nuse = any\n",
    };
    volatile bool *stop = shared_flag();
    pid_t children[4];
    size_t before;

    serve(ORDERS);
    for (size_t i = 0; i < ARRAY_SIZE(children); i++)
        children[i] = as_user_begin(user((unsigned)i), acquire_on, (void *)stop);
    for (int i = 0; i < 200; i++) {
        fixture_configure(&broker, texts[i % 4]);
        reload_to("applied");
    }
    fixture_configure(&broker, ORDERS);
    reload_to("applied");
    *stop = true;
    for (size_t i = 0; i < ARRAY_SIZE(children); i++)
        ck_assert_int_eq(as_user_end(children[i]), 0);
    before = descriptors_at_rest();
    for (int i = 0; i < 8; i++) {
        fixture_configure(&broker, texts[i % 4]);
        reload_to("applied");
    }
    fixture_configure(&broker, ORDERS);
    reload_to("applied");
    await_descriptors(before); /* those of the retired ones, which come and go */
}
END_TEST

/* ---- a reload does exactly what a plan says ---- */

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

/* Some of eight names, with kinds, limits, modes, names in the kernel and grants. */
static void configure_at_random(void)
{
    static const char *const kinds[] = {"queue", "queue", "eventfd", "pipe"};
    static const char *const queues[] = {"",
                                         "max_messages = 3\n",
                                         "message_size = 64\n",
                                         "mode = 0660\n",
                                         "posix_name = /shared\n",
                                         "posix_name = none\n"};
    static const char *const eventfds[] = {"", "initial = 2\n", "semaphore = yes\n",
                                           "nonblocking = no\n"};
    static const char *const pipes[] = {"", "capacity = 4096\n", "initial = 5\n"};
    static const char *const grants[] = {"", "use = any\n", "use = user:$C0\n",
                                         "use = user:$C1, group:0\n"};
    char text[4096] = "";
    size_t used = 0;
    bool shared = false;

    for (unsigned i = 0; i < 8; i++) {
        const char *kind = kinds[pick(4)], *keys = "";

        if (pick(4) == 0)
            continue;
        keys = *kind == 'q' ? queues[pick(6)] : *kind == 'e' ? eventfds[pick(4)] : pipes[pick(3)];
        if (strstr(keys, "/shared") && shared) /* one name in the kernel is one object's */
            keys = "";
        shared |= strstr(keys, "/shared") != NULL;
        used += (size_t)snprintf(text + used, sizeof text - used, "[%s:o%u]\n%s%s", kind, i, keys,
                                 grants[pick(4)]);
    }
    fixture_configure(&broker, text);
}

static void expect_same_changes(const struct ipcb_list *planned, const struct ipcb_list *done)
{
    ck_assert_uint_eq(ipcb_list_count(planned), ipcb_list_count(done));
    for (size_t i = 1; i < ipcb_list_count(done); i++) {
        const struct ipcb_facts *a = ipcb_list_at(planned, i), *b = ipcb_list_at(done, i);

        ck_assert_uint_eq(ipcb_facts_count(a), ipcb_facts_count(b));
        for (size_t k = 0; k < ipcb_facts_count(a); k++) {
            ck_assert_str_eq(ipcb_facts_at(a, k)->key, ipcb_facts_at(b, k)->key);
            ck_assert_str_eq(ipcb_facts_at(a, k)->text, ipcb_facts_at(b, k)->text);
        }
    }
}

START_TEST(a_reload_does_exactly_what_a_plan_says)
{
    struct ipcb_list *planned, *done;

    random_state = (uint64_t)_i + 1;
    configure_at_random();
    fixture_start(&broker);
    for (int i = 0; i < 60; i++) {
        configure_at_random();
        planned = plan();
        done = reload();
        ck_assert_str_eq(summary(planned, "state"), "planned");
        ck_assert_str_eq(summary(done, "state"), "applied");
        expect_same_changes(planned, done);
        (void)ipcb_list_free(planned);
        (void)ipcb_list_free(done);
        planned = plan(); /* there is nothing left to do */
        ck_assert_uint_eq(count_changes(planned), 0);
        (void)ipcb_list_free(planned);
        if (i % 20 == 19) {
            struct ipcb *b = administrator();
            struct ipcb_facts *facts = NULL;

            ck_assert_int_eq(ipcb_purge(b, NULL, &facts), 0);
            (void)ipcb_facts_free(facts);
            (void)ipcb_free(b);
        }
    }
}
END_TEST

/* ---- a shortage ---- */

/* A reload that finds no more descriptors changes nothing, and leaves nothing of what it made. */
static void configure_many(size_t n)
{
    char *many = sections("queue", "many", n, "max_messages = 1\nmessage_size = 1\nuse = any\n");
    char *text = NULL;

    ck_assert_int_ge(asprintf(&text,
                              "[broker]\nmax_clients = 50\nmax_clients_per_user = 50\n"
                              "[queue:orders]\nuse = user:$C%d\n%s",
                              n > 0, many),
                     0);
    fixture_configure(&broker, text);
    free(many);
    free(text);
}

START_TEST(a_shortage_of_descriptors_rolls_it_back)
{
    struct ipcb_list *list;
    size_t before;

    fixture_limit(&broker, RLIMIT_NOFILE, 600);
    broker.inherited = 400; /* of which it knows nothing: what looks like room is none */
    configure_many(0);
    fixture_start(&broker);
    before = descriptors_at_rest();
    configure_many(230);
    list = reload();
    ck_assert_str_eq(summary(list, "state"), "failed");
    ck_assert_str_eq(summary(list, "why"), strerror(EMFILE));
    ck_assert_uint_eq(count_changes(list), 0);
    (void)ipcb_list_free(list);
    ck_assert_str_eq(state_of("many0000"), "");
    ck_assert_int_eq(get(user(0), "orders", 0), O_RDWR);
    await_descriptors(before);
    ck_assert_int_eq(mq_open("/many0000", O_RDONLY), -1);
    configure_many(20);
    reload_to("applied");
    ck_assert_str_eq(state_of("many0019"), "ready");
    ck_assert_int_eq(get(user(0), "orders", 0), -EACCES);
}
END_TEST

/* ---- ten thousand ---- */

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct canary {
    volatile bool stop;
    volatile int64_t longest_us;
    volatile uint64_t n;
};

static int sing(void *argument)
{
    struct canary *canary = argument;
    struct ipcb *b = fixture_handle(&broker);

    while (!canary->stop) {
        int64_t begin = now_us(), took;
        int fd = ipcb_acquire(b, "orders", 0);

        EXPECT(fd >= 0);
        close(fd);
        took = now_us() - begin;
        canary->n++;
        if (took > canary->longest_us)
            canary->longest_us = took;
    }
    (void)ipcb_free(b);
    return 0;
}

/* The longest gap is printed; that others were answered at all between the first and the last new
 * object is what is judged. */
START_TEST(clients_are_answered_while_ten_thousand_are_made)
{
    struct canary *canary =
        mmap(NULL, sizeof *canary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *eventfds = sections("eventfd", "e", 10000, "use = any\n");
    char *queues = sections("queue", "q", 1000, "max_messages = 1\nmessage_size = 1\nuse = any\n");
    uint64_t before;
    int64_t begin;
    pid_t child;

    set_mqueue_limit("queues_max", 2000);
    serve(ORDERS);
    child = as_user_begin(user(0), sing, canary);
    fixture_drop_in(&broker, "10-eventfds.conf", eventfds);
    fixture_drop_in(&broker, "20-queues.conf", queues);
    before = canary->n;
    begin = now_us();
    reload_to("applied");
    (void)fprintf(stderr, "# 11000 made in %lld us; %llu acquires meanwhile, the longest %lld us\n",
                  (long long)(now_us() - begin), (unsigned long long)(canary->n - before),
                  (long long)canary->longest_us);
    ck_assert_uint_gt(canary->n - before, 20);
    canary->longest_us = 0;
    before = canary->n;
    fixture_drop_in(&broker, "10-eventfds.conf", "# none\n");
    begin = now_us();
    reload_to("applied");
    (void)fprintf(stderr, "# 10000 retired in %lld us; %llu acquires, the longest %lld us\n",
                  (long long)(now_us() - begin), (unsigned long long)(canary->n - before),
                  (long long)canary->longest_us);
    canary->stop = true;
    ck_assert_int_eq(as_user_end(child), 0);
    ck_assert_str_eq(state_of("e9999"), "retired");
    ck_assert_str_eq(state_of("q0999"), "ready");
    free(eventfds);
    free(queues);
}
END_TEST

void add_storms(Suite *suite)
{
    TCase *cases = broker_case("storms");

    tcase_add_test(cases, a_thousand_hangups);
    tcase_add_test(cases, reloads_under_load);
    tcase_add_loop_test(cases, a_reload_does_exactly_what_a_plan_says, 0, 5);
    tcase_add_test(cases, a_shortage_of_descriptors_rolls_it_back);
    tcase_add_test(cases, clients_are_answered_while_ten_thousand_are_made);
    suite_add_tcase(suite, cases);
}
