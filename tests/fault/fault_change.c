/* Reloads, replacing and purging in a broker that lives on: afterwards all is as it was, or as it
 * shall be, and never half of it. */
#include "tests/fault/living.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>

#define BROKER              "[broker]\nmax_clients = 40\n"
#define QUEUE(name, grants) "[queue:" name "]\nmax_messages = 4\nmessage_size = 64\n" grants "\n"
#define BOTH                "use = user:$C0, user:$C1\n"
#define STAYS               "[eventfd:wake]\n" BOTH "[pipe:done]\n" BOTH
#define LEAVES              "[eventfd:left]\nuse = user:$C0\n[pipe:drained]\nuse = user:$C0\n"
/* For the kernel, which is no reason to refuse the rest. */
#define TOO_LARGE "[queue:large]\nposix_name = none\nuse = user:$C1\n"
#define ROOM      20000 /* bytes for queues: for all but that one */
#define FIRST     "use = user:$C0"
#define OLD       BROKER QUEUE("orders", FIRST) QUEUE("gone", FIRST) STAYS LEAVES
#define NEW                                                                                        \
    BROKER "admin = user:$C2\n" QUEUE("orders", "use = user:$C1\nmode = 0640")                     \
        QUEUE("fresh", "use = user:$C1") STAYS TOO_LARGE "[eventfd:more]\nuse = user:$C1\n"        \
                                                         "[pipe:next]\nuse = user:$C1\n"

/* A drop-in with names, and what becomes of it: as it was is how it counts then. */
#define DROP_IN     "[eventfd:named]\nuse = user:$C0, user:root, group:root\n"
#define BAD_DROP_IN "[eventfd:named]\nuse = user:$C1\nno = key\n"

#define FAULTY_TIMEOUT (4 * CLIENT_TIMEOUT) /* a reload takes longer than an answer */

enum told { NOTHING, DONE, NOT_DONE }; /* what the client was told */

static size_t n_changes;           /* from OLD to NEW */
static const size_t n_of_mode = 2; /* of these: what it becomes, and what that means */

static struct ipcb *administrator(int64_t timeout)
{
    struct ipcb *b = NULL;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    ck_assert_int_eq(ipcb_set_timeout(b, timeout), 0);
    return b;
}

static const char *text_of(const struct ipcb_list *list, const char *key)
{
    const struct ipcb_fact *fact = list ? ipcb_facts_find(ipcb_list_at(list, 0), key) : NULL;

    return fact ? fact->text : "";
}

static void configure(const char *configuration, const char *drop_in)
{
    fixture_configure(&broker, configuration);
    fixture_drop_in(&broker, "10-named.conf", drop_in);
}

/* Without a fault: must be applied. */
static void reload_to(const char *configuration)
{
    struct ipcb *b = administrator(NO_TIMEOUT);
    struct ipcb_list *list = NULL;
    int r;

    configure(configuration, DROP_IN);
    r = ipcb_reload(b, &list);
    WANT(r >= 0 && strcmp(text_of(list, "state"), "applied") == 0,
         "the next reload: %s %s %s; log: %s", r < 0 ? ipcb_message(b) : "", text_of(list, "state"),
         text_of(list, "why"), fixture_log(&broker));
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}

/* How much is left to do from what is in force to what the files say. It is answered when no reload
 * is under way any more. */
static size_t count_planned(void)
{
    struct ipcb *b = administrator(NO_TIMEOUT);
    struct ipcb_list *list = NULL;
    size_t n = 0;

    if (ipcb_plan(b, &list) < 0)
        plan_wrong("no plan: %s; log: %s", ipcb_message(b), fixture_log(&broker));
    for (size_t i = 1; list && i < ipcb_list_count(list); i++)
        n += ipcb_facts_find(ipcb_list_at(list, i), "change") != NULL;
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
    return n;
}

/* -1: there is none of that name. 0 also where nobody can see what waits. */
static int64_t depth_of(const char *name)
{
    struct ipcb *b = administrator(NO_TIMEOUT);
    struct ipcb_facts *facts = NULL;
    const struct ipcb_fact *fact;
    int64_t depth = -1;

    if (ipcb_show(b, name, &facts) >= 0) {
        fact = ipcb_facts_find(facts, "depth");
        fact = fact ? fact : ipcb_facts_find(facts, "count");
        depth = fact ? (int64_t)fact->number : 0;
    }
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return depth;
}

static void purge_all(void)
{
    struct ipcb *b = administrator(NO_TIMEOUT);
    struct ipcb_facts *facts = NULL;

    if (ipcb_purge(b, NULL, &facts) < 0)
        plan_wrong("purge: %s", ipcb_message(b));
    else
        WANT(fact_number(facts, "left") == 0, "what is empty is not purged");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

/* The client's part: asks, and judges what he is told. */
static enum told ask(int (*request)(struct ipcb *b))
{
    struct ipcb *b = administrator(FAULTY_TIMEOUT);
    int r;

    WANT(truncate(broker.log, 0) == 0, "%s", strerror(errno));
    arm();
    r = request(b);
    WANT(r >= 0 || (r > -4096 && *ipcb_message(b)), "%d without a sentence", r);
    WANT(r >= 0 || page->failed > 0 || r == -ETIMEDOUT, "refused although nothing failed: %s",
         ipcb_message(b));
    living_settle();
    disarm();
    (void)ipcb_free(b);
    if (living_has_ended())
        return NOTHING;
    if (r >= 0)
        return DONE;
    /* By the library, which does not know what became of it, or by the broker. */
    return r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -EPROTO
               ? NOTHING
               : NOT_DONE;
}

static void put_into(const char *name, unsigned n)
{
    struct ipcb_queue *q = queue_of(user(0), name);
    const void *message;

    while (ipcb_queue_receive(q, &message, NULL, 0) >= 0)
        ;
    while (n-- > 0)
        put(q, "text");
    (void)ipcb_queue_free(q);
}

/* ---- reload ---- */

static char reload_state[32];

static bool has_problem(const struct ipcb_list *list)
{
    for (size_t i = 1; i < ipcb_list_count(list); i++)
        if (ipcb_facts_find(ipcb_list_at(list, i), "problem"))
            return true;
    return false;
}

static int request_reload(struct ipcb *b)
{
    struct ipcb_list *list = NULL;
    int r = ipcb_reload(b, &list);

    (void)snprintf(reload_state, sizeof reload_state, "%s", text_of(list, "state"));
    WANT(r < 0 || strcmp(reload_state, "applied") == 0 ||
             (strcmp(reload_state, "failed") == 0 && *text_of(list, "why")) ||
             (strcmp(reload_state, "refused") == 0 && has_problem(list)),
         "a reload ends '%s', %s", reload_state, text_of(list, "why"));
    (void)ipcb_list_free(list);
    return r < 0 || strcmp(reload_state, "applied") == 0 ? r : 1;
}

/* One that the new configuration makes: there, or failed with a cause. */
static void check_made(const char *name)
{
    int r = get(user(1), name, 0);

    WANT(r >= 0 || (r == -ENXIO && *said()), "%s: %s (%s); log: %s", name, strerror(-r), said(),
         fixture_log(&broker));
}

/* It is said, and left to do for the next reload. */
static bool is_mode_refused(void)
{
    return strstr(fixture_log(&broker), "queue 'orders' stays as it is");
}

static void check_mode(bool is_new)
{
    struct ipcb *b = administrator(NO_TIMEOUT);
    struct ipcb_facts *facts = show(b, "orders");

    WANT(strcmp(fact_text(facts, "mode"), is_new ? "0640" : "0600") == 0 || is_mode_refused(),
         "mode %s; log: %s", fact_text(facts, "mode"), fixture_log(&broker));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

/* Of a file that has an error in the new configuration: as it was, and nothing for a broker that
 * was started with it. */
static void check_named(void)
{
    int r = get(user(0), "named", 0);

    WANT(r >= 0 || strstr(fixture_log(&broker), "is left out as a whole"), "named: %s; log: %s",
         said(), fixture_log(&broker));
    r = get(user(1), "named", 0) == (r >= 0 ? -EACCES : -ENOENT);
    WANT(r, "half a file is in force");
}

static void check_grants(bool is_new)
{
    WANT(get(user(is_new), "orders", 0) >= 0, "orders is refused to whom it is granted: %s",
         said());
    WANT(get(user(!is_new), "orders", 0) == -EACCES, "orders is given to whom it is not granted");
    for (unsigned i = 0; i < 2; i++) {
        WANT(get(user(i), "wake", 0) >= 0, "wake: %s", said());
        WANT(get(user(i), "done", 0) >= 0, "done: %s", said());
    }
}

static void check_configuration(bool is_new)
{
    static const char *const made[] = {"fresh", "large", "more", "next"}, *const left[] = {
                                                                              "gone", "left",
                                                                              "drained"};

    check_grants(is_new);
    check_mode(is_new);
    check_named();
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        if (is_new)
            check_made(made[i]);
        else
            WANT(get(user(1), made[i], 0) == -ENOENT, "%s is there before its time", made[i]);
    for (size_t i = 0; i < ARRAY_SIZE(left); i++)
        WANT(get(user(0), left[i], 0) == (is_new ? -ENOENT : O_RDWR), "%s: %s", left[i], said());
}

/* A reload that was rolled back leaves no queue in the kernel; if it cannot remove it, it says so.
 */
static void check_kernel(bool is_new)
{
    bool is_there = mq_unlink("/fresh") == 0;

    WANT(is_new || !is_there || strstr(fixture_log(&broker), "cannot be removed"),
         "a queue is left behind; log: %s", fixture_log(&broker));
}

static void reload_once(void)
{
    size_t planned;
    enum told told;
    bool is_new;

    configure(NEW, BAD_DROP_IN);
    reload_state[0] = '\0';
    told = ask(request_reload);
    planned = count_planned();
    is_new = planned == 0 || (planned == n_of_mode && is_mode_refused());
    WANT(is_new || planned == n_changes, "%zu of %zu changes are left to do; log: %s", planned,
         n_changes, fixture_log(&broker));
    WANT(told != DONE || is_new == (strcmp(reload_state, "applied") == 0), "told '%s'; log: %s",
         reload_state, fixture_log(&broker));
    check_configuration(is_new);
    reload_to(OLD);
    check_kernel(is_new);
    check_configuration(false);
    WANT(depth_of("gone") == 1 && depth_of("orders") == 1, "messages are lost");
    purge_all();
    living_check_descriptors();
}

START_TEST(a_reload)
{
    fixture_limit(&broker, RLIMIT_MSGQUEUE, ROOM);
    fixture_drop_in(&broker, "10-named.conf", DROP_IN);
    living_start(OLD);
    put_into("orders", 1);
    put_into("gone", 1);
    configure(NEW, BAD_DROP_IN);
    n_changes = count_planned();
    ck_assert_uint_eq(n_changes, 10);
    plan_play("reload", reload_once);
    living_end();
}
END_TEST

/* ---- replace ---- */

static const char *const replaced[] = {"orders", "wake", "done"};
static const char *victim;

static int request_replace(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_replace(b, victim, &facts);

    (void)ipcb_facts_free(facts);
    return r;
}

static uint64_t identity_of(const char *name)
{
    struct ipcb *b = connect_as(user(0));
    struct ipcb_item item = {.name = name, .fd = -1};

    if (ipcb_acquire_many(b, &item, 1, -1) < 0)
        plan_wrong("%s cannot be had: %s; log: %s", name, ipcb_message(b), fixture_log(&broker));
    (void)close_fd(item.fd);
    (void)ipcb_free(b);
    return item.inode;
}

static void replace_once(void)
{
    uint64_t before = identity_of(victim);
    pid_t lived = broker.broker;
    enum told told = ask(request_replace);
    bool is_done = identity_of(victim) != before;
    char retired[32];
    struct ipcb *b;

    (void)snprintf(retired, sizeof retired, "%s@1", victim);
    if (broker.broker == lived) { /* another one has lost what had no name */
        WANT((depth_of(retired) >= 0) == is_done, "%s is %sthere; log: %s", retired,
             is_done ? "not " : "", fixture_log(&broker));
        WANT(told == NOTHING || (told == DONE) == is_done, "told %sdone; log: %s",
             told == DONE ? "" : "not ", fixture_log(&broker));
    }
    b = administrator(NO_TIMEOUT);
    WANT(is_done || request_replace(b) >= 0, "once more: %s", ipcb_message(b));
    (void)ipcb_free(b);
    purge_all();
    living_check_descriptors();
}

START_TEST(a_replace)
{
    char scenario[32];

    victim = replaced[_i];
    living_start(OLD);
    (void)snprintf(scenario, sizeof scenario, "replace-%s", victim);
    plan_play(scenario, replace_once);
    living_end();
}
END_TEST

/* ---- purge ---- */

#define WAITING 2
#define LESS    BROKER QUEUE("orders", "use = user:$C0") STAYS "[eventfd:left]\nuse = user:$C0\n"

static uint64_t n_taken;

static void put_into_pipe(const char *name, unsigned n)
{
    struct ipcb *b = connect_as(user(0));
    int fd = acquire(b, name, IPCB_SEND | IPCB_RECEIVE);
    char text[16];

    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (read(fd, text, sizeof text) > 0)
        ;
    ck_assert_int_eq(write(fd, "text", n), n);
    close(fd);
    (void)ipcb_free(b);
}

static const struct {
    const char *name, *retired;
    void (*put_into)(const char *name, unsigned n);
} purged[] = {
    {"gone", "gone@1", put_into},
    {"drained", "drained@1", put_into_pipe},
};
static unsigned which;

static int request_purge(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_purge(b, purged[which].name, &facts);

    n_taken = r >= 0 ? fact_number(facts, "taken") : 0;
    (void)ipcb_facts_free(facts);
    return r;
}

/* Something waits in it when it is declared no more. */
static void fill_and_retire(void)
{
    purged[which].put_into(purged[which].name, WAITING);
    reload_to(LESS);
}

/* What was taken is told; what could not be stays. */
static void purge_once(void)
{
    const char *retired = purged[which].retired;
    enum told told = ask(request_purge);
    int64_t depth = depth_of(retired), left = depth < 0 ? 0 : depth;

    WANT(told != DONE || (int64_t)n_taken == WAITING - left, "%d are taken, and %d left",
         (int)n_taken, (int)depth);
    WANT(told != NOT_DONE || depth == WAITING, "told not done, and %d left; log: %s", (int)depth,
         fixture_log(&broker));
    reload_to(OLD);
    fill_and_retire();
    WANT(depth_of(retired) == WAITING, "%s is not what was retired", retired);
    WANT(get(user(0), "orders", 0) >= 0, "orders: %s", said());
    living_check_descriptors();
}

START_TEST(a_purge)
{
    char scenario[32];

    which = (unsigned)_i;
    fixture_drop_in(&broker, "10-named.conf", DROP_IN);
    living_start(OLD);
    fill_and_retire();
    (void)snprintf(scenario, sizeof scenario, "purge-%s", purged[which].name);
    plan_play(scenario, purge_once);
    living_end();
}
END_TEST

TCase *change_case(void)
{
    TCase *tcase = broker_case("change");

    tcase_set_timeout(tcase, 3000);
    tcase_add_test(tcase, a_reload);
    tcase_add_loop_test(tcase, a_replace, 0, (int)ARRAY_SIZE(replaced));
    tcase_add_loop_test(tcase, a_purge, 0, (int)ARRAY_SIZE(purged));
    return tcase;
}
