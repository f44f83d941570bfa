#include "tests/fault/plan.h"

#include "base/base.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CALLS_MORE 50  /* than were counted, in case a run makes more */
#define WRONG_MAX  25u /* that are told; more are only counted */

#define NAME(name, ...)   #name,
#define ERRORS(name, ...) {__VA_ARGS__},

static const char *const names[] = {FAULT_CALLS(NAME)};
#define ERRORS_MAX 28
static const int errors[][ERRORS_MAX] = {FAULT_CALLS(ERRORS)};

struct fault_page *page;
/* What was made to fail with what, by any of the scenarios, which are processes of their own. */
static bool (*tried)[ERRORS_MAX];

static const char *scenario_name;
static unsigned n_wrong, n_points;
char shim[2][256];

void plan_share(void)
{
    tried = mmap(NULL, sizeof *tried * FAULT_N, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    if (tried == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
}

void plan_open(void)
{
    char path[128];
    int fd;

    ck_assert_ptr_nonnull(getenv("TEST_FAULT"));
    (void)snprintf(path, sizeof path, "%s/page", broker.directory);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, 0666), 0);
    ck_assert_int_eq(ftruncate(fd, sizeof *page), 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(page != MAP_FAILED);
    close(fd);
    (void)snprintf(shim[0], sizeof shim[0], FAULT_VARIABLE "=%s", path);
    (void)snprintf(shim[1], sizeof shim[1], "LD_PRELOAD=%s", getenv("TEST_FAULT"));
    broker.environment[0] = shim[0];
    broker.environment[1] = shim[1];
}

/* ---- points ---- */

void disarm(void)
{
    __atomic_store_n(&page->armed, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 10000 && __atomic_load_n(&page->lock, __ATOMIC_SEQ_CST); i++)
        (void)sched_yield(); /* not for ever: its holder may have been killed */
}

static void set_point(int call, int error, bool persistent, long at)
{
    disarm();
    page->call = call;
    page->error = error;
    page->persistent = persistent;
    page->at = at;
    page->seen = page->failed = 0;
    page->lock = 0; /* a broker may have been killed with it */
}

bool plan_fails(enum fault_call call)
{
    return page->call == (int)call;
}

bool plan_fails_memory(void)
{
    return page->call >= 0 && page->call < FAULT_N_ALLOCATORS;
}

void plan_wrong(const char *format, ...)
{
    char text[4096];
    va_list arguments;

    if (++n_wrong > WRONG_MAX)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)dprintf(STDOUT_FILENO, "# %s: %s number %ld fails with %s%s: %s\n", scenario_name,
                  page->call < 0 ? "nothing" : names[page->call], page->at,
                  page->call < 0 ? "nothing" : strerrorname_np(page->error),
                  page->persistent ? " from then on" : "", text);
}

/* In builds with sanitizers their malloc() comes before ours. */
static bool is_out_of_reach(int call)
{
    const char *flags = getenv("TEST_CFLAGS");

    return call < FAULT_N_ALLOCATORS && flags && strstr(flags, "sanitize");
}

static bool is_asked_for(int call)
{
    return call < FAULT_N_ALLOCATORS || !getenv("FAULT_MEMORY");
}

static unsigned every(void)
{
    const char *text = getenv("FAULT_EVERY");
    unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : 17;

    return n ? n : 1;
}

/* Whether it comes at all depends on which side is quicker. */
static bool is_by_chance(int call)
{
    return call == FAULT_epoll_wait || call == FAULT_ppoll || call == FAULT_poll ||
           call == FAULT_shutdown || call == FAULT_recv || call == FAULT_sd_watchdog_enabled;
}

/* Returns whether something failed. */
static bool play_point(int call, size_t i, bool persistent, long at, void (*run)(void))
{
    set_point(call, errors[call][i], persistent, at);
    run();
    disarm();
    n_points += page->failed > 0;
    tried[call][i] = tried[call][i] || page->failed > 0;
    return page->failed > 0;
}

/* The points of one call and one error: N = 1, 2, ... until a run makes none fail. */
static void play_all(int call, size_t i, bool persistent, long calls, void (*run)(void))
{
    for (long at = 1; at <= calls + CALLS_MORE; at++)
        if (!play_point(call, i, persistent, at, run)) {
            WANT(at > 1 || is_by_chance(call), "nothing fails of %ld calls", calls);
            return;
        }
}

/* A part of them, and one at least of each error that no scenario before has tried. */
static void play_some(int call, size_t i, bool persistent, long calls, void (*run)(void))
{
    static unsigned turn;
    unsigned begin = turn;

    for (long at = 1; at <= calls; at++) {
        bool first = !tried[call][i] && at == 1 + begin % calls;

        if ((turn++ % every() == 0 || first) && !play_point(call, i, persistent, at, run))
            WANT(at > 1 || is_by_chance(call), "nothing fails of %ld calls", calls);
    }
}

/* No kernel interrupts for ever: EINTR comes once. */
static void play_call(int call, long calls, void (*run)(void))
{
    for (size_t i = 0; i < ERRORS_MAX && errors[call][i]; i++)
        for (int persistent = 0; persistent <= (errors[call][i] != EINTR); persistent++)
            (every() == 1 ? play_all : play_some)(call, i, persistent, calls, run);
}

static unsigned count_sites(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < page->n_sites; i++)
        n += page->sites[i].n_failed > 0;
    return n;
}

void plan_report(const char *scenario)
{
    const char *directory = getenv("FAULT_REPORT");
    char path[512];
    FILE *file;

    if (!directory)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", directory, scenario);
    file = fopen(path, "we");
    ck_assert_msg(file, "%s: %s", path, strerror(errno));
    (void)fprintf(file, "points %u\n", n_points);
    for (unsigned i = 0; i < page->n_sites; i++)
        (void)fprintf(file, "site %s %s %#lx %lu %lu\n", names[page->sites[i].call],
                      page->sites[i].file, page->sites[i].offset, page->sites[i].n_calls,
                      page->sites[i].n_failed);
    ck_assert_int_eq(fclose(file), 0);
}

/* The sites stay known: a broker that lives on remembers where it has found them. */
static void forget_counts(void)
{
    memset(page->counts, 0, sizeof page->counts);
    for (unsigned i = 0; i < page->n_sites; i++)
        page->sites[i].n_calls = page->sites[i].n_failed = 0;
}

void plan_play(const char *scenario, void (*run)(void))
{
    long counts[FAULT_N];
    bool any = false; /* a stop asks for no memory */

    scenario_name = scenario;
    set_point(-1, 0, false, 0);
    run(); /* what is done only once in a broker's life is done here */
    forget_counts();
    run();
    ck_assert_msg(n_wrong == 0, "something is wrong although nothing failed");
    memcpy(counts, page->counts, sizeof counts);
    for (int call = 0; call < FAULT_N; call++)
        if (counts[call] > 0 && is_asked_for(call) && !is_out_of_reach(call)) {
            play_call(call, counts[call], run);
            any = true;
        }
    set_point(-1, 0, false, 0);
    (void)dprintf(STDOUT_FILENO, "# %s: %u points, %u sites\n", scenario, n_points, count_sites());
    plan_report(scenario);
    ck_assert_msg(n_points > 0 || (!any && getenv("FAULT_MEMORY")), "nothing was made to fail");
    ck_assert_msg(n_wrong == 0, "%u things are wrong", n_wrong);
}

START_TEST(each_call_fails_with_each_of_its_errors)
{
    unsigned n = 0;

    for (int call = 0; call < FAULT_N; call++) {
        bool any = false;

        for (size_t i = 0; i < ERRORS_MAX; i++)
            any = any || tried[call][i];
        if (!any)
            (void)dprintf(STDOUT_FILENO, "# never: %s\n", names[call]);
        for (size_t i = 0; any && i < ERRORS_MAX && errors[call][i]; i++) {
            if (tried[call][i] || is_by_chance(call))
                continue;
            (void)dprintf(STDOUT_FILENO, "# %s was never made to fail with %s\n", names[call],
                          strerrorname_np(errors[call][i]));
            n++;
        }
    }
    ck_assert_uint_eq(n, 0);
}
END_TEST

TCase *plan_case(void)
{
    TCase *tcase = tcase_create("plan");

    tcase_add_test(tcase, each_call_fails_with_each_of_its_errors);
    return tcase;
}
