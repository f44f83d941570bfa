/* Clients that die at any moment, beside reloads, stops and too few descriptors. */
#include "tests/storm/storm.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define AT_A_TIME 16
#define RELOAD_MS 50 /* between two reloads */
#define STOP_MS   700

#define HEAD                                                                                       \
    "[broker]\nmax_clients = 60\nmax_clients_per_user = 20\n[queue:q]\nuse = any\n"                \
    "[eventfd:e]\nuse = any\n"

/* Asks, and reads half of the answers, or less, until a signal ends it. What it is told is no
 * matter: there are too many of it for its share. */
static int ask_until_death(void *argument)
{
    unsigned which = *(unsigned *)argument;
    struct itimerval soon = {.it_value.tv_usec = 1 + which * 7919 % 40000};
    static struct answer answer;
    struct frame frame;
    size_t n;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGALRM, SIG_DFL); /* Check has a use for it, but not here */
    EXPECT(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    for (;;) {
        int fd = raw_connect(broker.socket);

        for (uint32_t serial = 1; fd >= 0 && serial < 20 + which % 50; serial++) {
            (void)valid_request((int)(serial % N_VALID), &frame, serial);
            if (send(fd, frame.bytes, frame.writer.size, MSG_NOSIGNAL) < 0)
                break;
            if (which % 3 && raw_receive(fd, answer.bytes, sizeof answer.bytes, answer.fds, &n) > 0)
                while (n > 0)
                    close(answer.fds[--n]);
        }
        close(fd);
    }
}

struct mortals {
    pid_t alive[AT_A_TIME];
    unsigned born, died;
};

static void bury(struct mortals *mortals, size_t i, int options)
{
    int status;
    pid_t pid = mortals->alive[i];

    if (!pid || waitpid(pid, &status, options) == 0)
        return;
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM, "one ended with %d", status);
    mortals->alive[i] = 0;
    mortals->died++;
}

/* For each that has died another one comes. */
static void replace_the_dead(struct mortals *mortals)
{
    for (size_t i = 0; i < AT_A_TIME; i++) {
        bury(mortals, i, WNOHANG);
        if (!mortals->alive[i]) {
            mortals->alive[i] =
                as_user_begin(user(mortals->born % 2), ask_until_death, &mortals->born);
            mortals->born++;
        }
    }
}

static void reload_another(unsigned n)
{
    fixture_drop_in(&broker, "sometimes.conf",
                    n % 2 ? "[queue:sometimes]\nposix_name = none\nuse = any\n" : "# none\n");
    (void)fixture_says_ready(&broker); /* as a service manager does, who must not be a stopper */
    ck_assert_int_eq(kill(broker.broker, SIGHUP), 0);
}

static void stop_for_a_moment(void)
{
    const struct timespec a_moment = {.tv_nsec = 30000000};

    freeze();
    (void)ppoll(NULL, 0, &a_moment, NULL);
    thaw();
}

/* Whether it has applied what it was told last: `sometimes` is there. */
static bool has_sometimes(void *b)
{
    struct ipcb_facts *facts = NULL;
    bool has = ipcb_show(b, "sometimes", &facts) == 0;

    (void)fixture_says_ready(&broker);
    has = has && strcmp(fact_text(facts, "state"), "ready") == 0;
    (void)ipcb_facts_free(facts);
    return has;
}

static void end_with(unsigned n_reloads)
{
    struct ipcb *b = handle_as(&broker, root());

    reload_another(n_reloads | 1);
    await(has_sometimes, b);
    (void)ipcb_free(b);
}

/* No jump of the wall clock means anything to a broker that never looks at it. */
static void forbid_the_wall_clock(void)
{
    static char preload[4096];

    ck_assert_ptr_nonnull(getenv("TEST_WALL"));
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("TEST_WALL"));
    broker.environment[0] = preload;
}

/* The most that the broker had, to be looked at: max_clients and the caps of unread descriptors are
 * what keeps it below its limit. */
struct peak {
    uint64_t descriptors, unread;
};

static void look(struct peak *peak)
{
    struct ipcb_facts *facts;
    struct ipcb *b;
    uint64_t descriptors = count_descriptors(broker.broker), unread;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    facts = status(b);
    unread = fact_number(facts, "unread_descriptors");
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    peak->descriptors = descriptors > peak->descriptors ? descriptors : peak->descriptors;
    peak->unread = unread > peak->unread ? unread : peak->unread;
}

START_TEST(nothing_is_lost_while_clients_die)
{
    const unsigned n = wanted("STORM_CLIENTS", (unsigned)load(400));
    const uint64_t least_ms = 1000 * (uint64_t)wanted("STORM_SECONDS", 1), begin = clock_ms();
    const struct timespec a_bit = {.tv_nsec = 2000000};
    unsigned n_reloads = 0, n_stops = 0;
    struct mortals mortals = {};
    struct peak peak = {};

    forbid_the_wall_clock();
    fixture_limit(&broker, RLIMIT_NOFILE, 600);
    traffic_declare();
    fixture_drop_in(&broker, "sometimes.conf", "[queue:sometimes]\nposix_name = none\nuse = any\n");
    besiege(HEAD);
    traffic_begin();
    while (mortals.born < n || clock_ms() - begin < least_ms) {
        uint64_t age = clock_ms() - begin;

        replace_the_dead(&mortals);
        if (age / RELOAD_MS > n_reloads)
            reload_another(n_reloads++);
        if (age / STOP_MS > n_stops && ++n_stops) {
            look(&peak);
            stop_for_a_moment();
        }
        (void)ppoll(NULL, 0, &a_bit, NULL);
    }
    for (size_t i = 0; i < AT_A_TIME; i++)
        bury(&mortals, i, 0);
    ck_assert_uint_eq(mortals.died, mortals.born);
    traffic_end();
    end_with(n_reloads);
    (void)dprintf(STDOUT_FILENO,
                  "# %u clients died, %u reloads, %u stops, in %ju ms; at most %ju of 600 "
                  "descriptors, %ju unread\n",
                  mortals.died, n_reloads, n_stops, (uintmax_t)(clock_ms() - begin),
                  (uintmax_t)peak.descriptors, (uintmax_t)peak.unread);
}
END_TEST

TCase *storm_clients_case(void)
{
    TCase *tcase = hostile_case("clients");

    tcase_set_timeout(tcase, 120 + 10.0 * wanted("STORM_SECONDS", 1) +
                                 wanted("STORM_CLIENTS", 400) / 10.0);
    tcase_add_test(tcase, nothing_is_lost_while_clients_die);
    return tcase;
}
