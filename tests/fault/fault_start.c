/* Start and stop of the broker, a fresh one for each point. */
#include "tests/fault/start.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LOOK_MS 50
#define LOOKS   200 /* far more than a start takes */

static const char *const objects[] = {"orders", "hidden", "wake", "done"};

enum outcome start_await(void)
{
    struct pollfd wait[2] = {{broker.notify, POLLIN, 0}, {broker.pidfd, POLLIN, 0}};

    for (int looks = 0; looks < LOOKS; looks++) {
        int n = poll(wait, 2, LOOK_MS);

        if (fixture_says_ready(&broker))
            return READY;
        if (wait[1].revents)
            return ENDED;
        if (n > 0 || !strstr(fixture_log(&broker), "serving "))
            continue;
        disarm(); /* it could not say it, and might not answer */
        if (get(user(0), "wake", 0) >= 0)
            return READY;
    }
    return HANGS;
}

void start_check_refusal(const struct way *way)
{
    int status = fixture_reap(&broker);
    const char *log = fixture_log(&broker);
    bool could_speak = !plan_fails(FAULT_dprintf) && !plan_fails(FAULT_write);
    bool tells_its_own = way->cause && strstr(log, way->cause);

    WANT(status == 1 || status == 78, "the start ends with %d; log: %s", status, log);
    WANT(page->failed > 0 || (status == way->refused && tells_its_own),
         "it ends with %d although nothing failed; %s", status, log);
    WANT(!could_speak || *log, "the start ends with %d and says nothing", status);
    WANT(!could_speak || !plan_fails_memory() || tells_its_own || strstr(log, "memory") ||
             strstr(log, "allocate"),
         "the cause is not told: %s", log);
    WANT(way->keeps_socket || access(broker.socket, F_OK) < 0 || plan_fails(FAULT_unlink) ||
             plan_fails(FAULT_lstat) || plan_fails(FAULT_stat),
         "a refused start leaves its socket; log: %s", log);
}

/* Of what is there KEY must be as declared. */
static void check_fact(const char *name, const char *key, const char *expected)
{
    struct ipcb *b = connect_as(user(0));
    struct ipcb_facts *facts = NULL;
    const struct ipcb_fact *fact =
        ipcb_show(b, name, &facts) >= 0 ? ipcb_facts_find(facts, key) : NULL;

    WANT(!fact || strcmp(fact->text, expected) == 0, "%s has %s = %s; log: %s", name, key,
         fact->text, fixture_log(&broker));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

/* It serves: each object, whole, or the cause why not. */
static void check_service(const struct way *way)
{
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        int r = get(user(0), objects[i], 0);
        bool fails = way->failed && strcmp(way->failed, objects[i]) == 0;

        WANT(r >= 0 || ((r == -ENXIO || r == -EACCES || r == -ENOENT) && *said()),
             "%s: %s (%s); log: %s", objects[i], strerror(-r), said(), fixture_log(&broker));
        WANT(page->failed > 0 || (r < 0) == fails, "%s: %s (%s)", objects[i],
             r < 0 ? strerror(-r) : "made", said());
    }
    check_fact("orders", "mode", "0660");
    check_fact("wake", "count", "3");
    check_fact("done", "count", "5");
}

void start_stop(void)
{
    int status = fixture_end(&broker, SIGTERM);

    WANT(status == 0, "it ends with %d; log: %s", status, fixture_log(&broker));
}

void start_forget(void)
{
    ck_assert(truncate(broker.log, 0) == 0 || errno == ENOENT);
    (void)fixture_says_ready(&broker);
}

void start_spawn(void)
{
    start_forget();
    fixture_spawn(&broker, NULL);
}

bool start_cannot_wait(void)
{
    return plan_fails(FAULT_epoll_wait) && page->error != EINTR && page->failed > 0;
}

void start_judge(const struct way *way, enum outcome outcome, void (*check)(const struct way *))
{
    WANT(outcome != READY || !way->refused || plan_fails(FAULT_connect), "it starts; log: %s",
         fixture_log(&broker));
    if (outcome == READY && !start_cannot_wait()) {
        check(way);
        start_stop();
    } else if (outcome != HANGS) {
        start_check_refusal(way);
    } else {
        plan_wrong("the start hangs; log: %s", fixture_log(&broker));
        (void)fixture_end(&broker, SIGKILL);
    }
}

/* What sanitizers and valgrind say of it. */
static void check_log(void)
{
    const char *left = fixture_left_open(&broker);

    WANT(!left, "left open: %.1000s", left);
    WANT(!strstr(fixture_log(&broker), "Sanitizer"), "%s", fixture_log(&broker));
}

void start_play(const struct way *way)
{
    enum outcome outcome;

    arm();
    start_spawn();
    outcome = start_await();
    if (!start_cannot_wait())
        disarm();
    start_judge(way, outcome, check_service);
    disarm();
    check_log();
}

/* Queues with a name outlive their broker, and would be adopted by the next. */
static void start_once(void)
{
    ck_assert(mq_unlink("/orders") == 0 || errno == ENOENT);
    start_play(&(struct way){0});
}

START_TEST(a_start)
{
    plan_open();
    fixture_configure(&broker, START_OBJECTS);
    plan_play("start", start_once);
}
END_TEST

START_TEST(a_start_with_drop_ins)
{
    plan_open();
    fixture_configure(&broker, "[broker]\nmax_clients = 20\nadmin = group:root\nobserve =\n");
    fixture_drop_in(&broker, "10-objects.conf", START_OBJECTS);
    fixture_drop_in(&broker, "20-grants.conf", "[grant:orders]\nsend = user:root\n");
    fixture_drop_in(&broker, "30-bad.conf", "[queue:bad]\nno = key\n");
    plan_play("start-drop-ins", start_once);
}
END_TEST

/* Somebody has changed who may open the queue by its name. */
static void meddle(void)
{
    mqd_t queue = mq_open("/orders", O_RDONLY);

    ck_assert_int_ge(queue, 0);
    ck_assert_int_eq(fchown(queue, (uid_t)-1, user(1).gid), 0);
    ck_assert_int_eq(fchmod(queue, 0644), 0);
    ck_assert_int_eq(mq_close(queue), 0);
}

/* A second start finds a queue and a stale socket. */
static void start_again_once(void)
{
    disarm();
    start_spawn();
    fixture_await_ready(&broker);
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    meddle();
    start_play(&(struct way){.keeps_socket = true});
}

START_TEST(a_start_after_a_crash)
{
    plan_open();
    fixture_configure(&broker, START_OBJECTS);
    plan_play("start-after-crash", start_again_once);
}
END_TEST

/* So that both come before the broker looks: the stop finds the files being read. */
static void signal_together(int first, int second)
{
    siginfo_t info;

    ck_assert_int_eq(kill(broker.broker, SIGSTOP), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)broker.broker, &info, WSTOPPED), 0);
    ck_assert_int_eq(kill(broker.broker, first), 0);
    ck_assert_int_eq(kill(broker.broker, second), 0);
    arm();
    ck_assert_int_eq(kill(broker.broker, SIGCONT), 0);
}

static bool reloads; /* when it is stopped */

static void stop_once(void)
{
    struct pollfd wait;
    int status;

    disarm();
    start_spawn();
    fixture_await_ready(&broker);
    signal_together(reloads ? SIGHUP : SIGTERM, SIGTERM);
    wait = (struct pollfd){broker.pidfd, POLLIN, 0};
    /* Who cannot read the signal takes it when he can. */
    WANT(poll(&wait, 1, LOOKS * LOOK_MS / 2) == 1 || plan_fails(FAULT_read), "it does not stop");
    disarm();
    status = fixture_reap(&broker);
    WANT(status == start_cannot_wait(), "it ends with %d; log: %s", status, fixture_log(&broker));
    check_log();
}

START_TEST(a_stop)
{
    reloads = _i;
    plan_open();
    fixture_configure(&broker, START_OBJECTS);
    plan_play(reloads ? "stop-reading" : "stop", stop_once);
}
END_TEST

TCase *start_case(void)
{
    TCase *tcase = broker_case("start");

    tcase_set_timeout(tcase, 3000);
    tcase_add_test(tcase, a_start);
    tcase_add_test(tcase, a_start_with_drop_ins);
    tcase_add_test(tcase, a_start_after_a_crash);
    tcase_add_loop_test(tcase, a_stop, 0, 2);
    start_add_ways(tcase);
    return tcase;
}
