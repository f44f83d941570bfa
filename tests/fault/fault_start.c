/* Start and stop of the broker, a fresh one for each point. */
#include "tests/fault/start.h"

#include <poll.h>
#include <sys/wait.h>

#define OBJECTS                                                                                    \
    "[queue:orders]\nmax_messages = 4\nmessage_size = 64\nuse = user:$C0\n"                        \
    "[queue:hidden]\nposix_name = none\nmax_messages = 1\nmessage_size = 8\nuse = user:$C0\n"      \
    "[eventfd:wake]\nuse = user:$C0, group:root\n"                                                 \
    "[pipe:done]\nuse = user:$C0\n"

#define LOOK_MS 50
#define LOOKS   200 /* far more than a start takes */

static const char *const objects[] = {"orders", "hidden", "wake", "done"};

static bool stale; /* an earlier broker has left its sockets */

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

void start_check_refusal(void)
{
    int status = fixture_reap(&broker);
    const char *log = fixture_log(&broker);
    bool could_speak = !plan_fails(FAULT_dprintf) && !plan_fails(FAULT_write);

    WANT(status == 1 || status == 78, "the start ends with %d; log: %s", status, log);
    WANT(!could_speak || *log, "the start ends with %d and says nothing", status);
    WANT(!could_speak || !plan_fails_memory() || strstr(log, "memory") || strstr(log, "allocate"),
         "the cause is not told: %s", log);
    WANT(stale || access(broker.socket, F_OK) < 0 || plan_fails(FAULT_unlink) ||
             plan_fails(FAULT_lstat) || plan_fails(FAULT_stat),
         "a refused start leaves its socket; log: %s", log);
}

/* It serves: each object, or the cause why not. Then it stops well. */
static void check_service(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        int r = get(user(0), objects[i], 0);

        WANT(r >= 0 || ((r == -ENXIO || r == -EACCES || r == -ENOENT) && *said()),
             "%s: %s (%s); log: %s", objects[i], strerror(-r), said(), fixture_log(&broker));
    }
}

void start_stop(void)
{
    int status = fixture_end(&broker, SIGTERM);

    WANT(status == 0, "it ends with %d; log: %s", status, fixture_log(&broker));
}

void start_spawn(void)
{
    ck_assert(unlink(broker.log) == 0 || errno == ENOENT);
    (void)fixture_says_ready(&broker);
    fixture_spawn(&broker, NULL);
}

bool start_cannot_wait(void)
{
    return plan_fails(FAULT_epoll_wait) && page->error != EINTR && page->failed > 0;
}

void start_judge(enum outcome outcome, void (*check)(void))
{
    if (outcome == READY && !start_cannot_wait()) {
        check();
        start_stop();
    } else if (outcome != HANGS) {
        start_check_refusal();
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

static void start_once(void)
{
    enum outcome outcome;

    arm();
    start_spawn();
    outcome = start_await();
    if (!start_cannot_wait())
        disarm();
    start_judge(outcome, check_service);
    disarm();
    check_log();
}

START_TEST(a_start)
{
    plan_open();
    fixture_configure(&broker, OBJECTS);
    plan_play("start", start_once);
}
END_TEST

START_TEST(a_start_with_drop_ins)
{
    plan_open();
    fixture_configure(&broker, "[broker]\nmax_clients = 20\nadmin = group:root\nobserve =\n");
    fixture_drop_in(&broker, "10-objects.conf", OBJECTS);
    fixture_drop_in(&broker, "20-grants.conf", "[grant:orders]\nsend = user:root\n");
    fixture_drop_in(&broker, "30-bad.conf", "[queue:bad]\nno = key\n");
    plan_play("start-drop-ins", start_once);
}
END_TEST

/* A second start finds a queue and a stale socket. */
static void start_again_once(void)
{
    stale = true;
    disarm();
    start_spawn();
    fixture_await_ready(&broker);
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    start_once();
}

START_TEST(a_start_after_a_crash)
{
    plan_open();
    fixture_configure(&broker, OBJECTS);
    plan_play("start-after-crash", start_again_once);
}
END_TEST

static void stop_once(void)
{
    struct pollfd wait;
    int status;

    disarm();
    start_spawn();
    fixture_await_ready(&broker);
    arm();
    ck_assert_int_eq(kill(broker.broker, SIGTERM), 0);
    wait = (struct pollfd){broker.pidfd, POLLIN, 0};
    /* Who cannot read the signal takes it when he can. */
    WANT(poll(&wait, 1, LOOKS * LOOK_MS / 10) == 1 || plan_fails(FAULT_read), "it does not stop");
    disarm();
    status = fixture_reap(&broker);
    WANT(status == 0, "it ends with %d; log: %s", status, fixture_log(&broker));
    check_log();
}

START_TEST(a_stop)
{
    plan_open();
    fixture_configure(&broker, OBJECTS);
    plan_play("stop", stop_once);
}
END_TEST

TCase *start_case(void)
{
    TCase *tcase = broker_case("start");

    tcase_set_timeout(tcase, 3000);
    tcase_add_test(tcase, a_start);
    tcase_add_test(tcase, a_start_with_drop_ins);
    tcase_add_test(tcase, a_start_after_a_crash);
    tcase_add_test(tcase, a_stop);
    return tcase;
}
