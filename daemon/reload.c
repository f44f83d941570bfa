#include "daemon/reload.h"

#include "daemon/store.h"

#include "daemon/check.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/service.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#define SLICE_US 1000 /* of the loop's time, before others have their turn */
#define AGAIN_MS 10   /* until an end that could not be told is told again */
#define READING_MS                                                                                 \
    1000 /* that a stop waits for files that are being read: a name service may hang */

/* What the thread works on. It alone touches it until it has written to `done`. */
struct reading {
    struct config_source source;
    int done;
    pthread_t thread;
    int result;
    struct config *config; /* owned */
    struct problems problems;
};

static void run_next(struct reload *reload);

/* ---- reading, in the thread ---- */

static void write_one(int fd)
{
    ssize_t ignored = write(fd, &(uint64_t){1}, sizeof(uint64_t));

    (void)ignored; /* an eventfd that is far from full */
}

static void *read_files(void *argument)
{
    struct reading *reading = argument;

    reading->result = config_load(&reading->source, &reading->config, &reading->problems);
    /* No reload could ever begin after one whose end is not told. */
    while (write(reading->done, &(uint64_t){1}, sizeof(uint64_t)) < 0)
        (void)poll(NULL, 0, AGAIN_MS);
    return NULL;
}

/* The thread takes no signal: those are the business of the loop. */
static int start_thread(struct reading *reading)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&reading->thread, NULL, read_files, reading);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

static int start_reading(struct reload *reload)
{
    struct reading *reading = calloc(1, sizeof *reading);
    int r = reading ? 0 : -ENOMEM;

    if (r >= 0) {
        reading->source = *reload->source;
        reading->source.previous = reload->desk->config;
        reading->done = reload->wake.fd;
        r = start_thread(reading);
    }
    if (r < 0)
        free(reading);
    else
        reload->reading = reading;
    return r;
}

/* ---- the end of a run ---- */

void reload_log_problems(const struct problems *problems)
{
    char line[4096];

    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *problem = &problems->items[i];

        log_event(&(struct log_event){.priority = problem->severity == SEVERITY_ERROR ? LOG_ERR
                                                                                      : LOG_WARNING,
                                      .id = LOG_CONFIG_PROBLEM,
                                      .file = problem->path,
                                      .line = problem->line},
                  "%s", problem_format_bare(problem, line, sizeof line));
    }
    if (problems->n_dropped > 0)
        log_error("and %zu more problems", problems->n_dropped);
    if (problems->out_of_memory)
        log_error("out of memory: not all problems are listed");
}

void reload_log_files(const struct config *config)
{
    const char *path;

    for (size_t i = 0; i < config->n_left_out; i++)
        log_event(&(struct log_event){.priority = LOG_ERR,
                                      .id = LOG_FILE_LEFT_OUT,
                                      .file = config->left_out[i]},
                  "%s is left out as a whole, for the errors above", config->left_out[i]);
    for (size_t i = 0; i < config->n_files; i++)
        if (config_file_is_stale(config, i, &path))
            log_event(
                &(struct log_event){.priority = LOG_ERR, .id = LOG_FILE_LEFT_OUT, .file = path},
                "%s counts as it was before, for the errors above", path);
}

/* The outcome is complete: those who wait for it are answered, among others who wait. */
static void begin_telling(struct reload *reload)
{
    plan_deinit(&reload->plan);
    reload->config = config_free(reload->config); /* which the plan's objects used */
    reload->phase = RUN_TELLING;
    reload->told = 0;
    if (reload->sort == RUN_RELOAD)
        reload->applied(reload);
    server_wake(reload->server);
}

static void end_badly(struct reload *reload, const char *state, const char *why)
{
    struct outcome *outcome = &reload->outcomes[reload->sort];

    outcome->state = state;
    (void)say(&outcome->why, 0, "%s", why);
    if (reload->sort == RUN_RELOAD)
        log_event(&(struct log_event){.priority = LOG_ERR, .id = LOG_RELOAD_REFUSED},
                  "the reload is %s, nothing was changed: %s", state, why);
    begin_telling(reload);
}

/* From here on the new configuration is in force. */
static void commit(struct reload *reload)
{
    plan_commit(&reload->plan);
    store_save(reload->desk->store, reload->desk->registry);
    (void)config_free(*reload->in_force);
    reload->desk->config = *reload->in_force = TAKE_PTR(reload->config);
    server_open_to_admins(reload->server);
}

static void end_well(struct reload *reload)
{
    struct outcome *outcome = &reload->outcomes[reload->sort];

    outcome->n_left_out = reload->config->n_left_out;
    outcome->n_stale = reload->config->n_stale;
    outcome->changes = reload->plan.changes;
    reload->plan.changes = (struct changes){NULL, 0};
    outcome->state = "planned";
    if (reload->sort == RUN_RELOAD) {
        reload_log_files(reload->config);
        commit(reload);
        outcome->state = "applied";
    }
    begin_telling(reload);
}

/* ---- the steps of a run ---- */

static void warn_of_socket(const char *key, const char *old, const char *new,
                           struct problems *problems)
{
    if (!old != !new || (old && strcmp(old, new) != 0))
        problems_add(problems, SEVERITY_WARNING, (struct place){NULL, 0},
                     "%s has changed, which a restart will apply", key);
}

static int judge(struct reload *reload, struct problems *problems)
{
    const struct config *old = reload->desk->config;
    int r = check_fit_clients(reload->config, problems);

    if (!reload->desk->socket_given) {
        warn_of_socket("socket", old->socket, reload->config->socket, problems);
        warn_of_socket("admin_socket", old->admin_socket, reload->config->admin_socket, problems);
    }
    problems_sort(problems);
    return r;
}

/* What the thread has come to, which is at its end. */
static int end_reading(struct reload *reload)
{
    struct reading *reading = TAKE_PTR(reload->reading);
    int r;

    (void)pthread_join(reading->thread, NULL);
    r = reading->result;
    reload->outcomes[reload->sort].problems = reading->problems;
    reload->config = reading->config;
    free(reading);
    return r;
}

static void take_reading(struct reload *reload)
{
    struct outcome *outcome = &reload->outcomes[reload->sort];
    int r = end_reading(reload);

    if (r >= 0)
        r = judge(reload, &outcome->problems);
    if (reload->sort == RUN_RELOAD)
        reload_log_problems(&outcome->problems);
    if (r >= 0)
        r = plan_init(&reload->plan, reload->desk->registry, reload->config, reload->environment,
                      reload->sort == RUN_PLAN);
    if (r == -EBADMSG)
        end_badly(reload, "refused", "the configuration has errors");
    else if (r < 0)
        end_badly(reload, "failed", strerror(-r));
    else
        reload->phase = RUN_WALKING;
}

static bool has_time(uint64_t since)
{
    return now_us() - since < SLICE_US;
}

static void walk(struct reload *reload)
{
    uint64_t since = now_us();
    int r;

    do
        r = plan_step(&reload->plan);
    while (r > 0 && has_time(since));
    if (r < 0)
        end_badly(reload, "failed", strerror(-r));
    else if (r == 0)
        end_well(reload);
}

static void log_change(const struct change *change)
{
    if (strcmp(change->what, "created") == 0 || strcmp(change->detail, "grants") == 0)
        return; /* they are counted */
    log_write(strcmp(change->what, "two-way") == 0 || strcmp(change->what, "differs") == 0
                  ? LOG_WARNING
                  : LOG_INFO,
              "%s '%s': %s%s%s", change->kind, change->name, change->what,
              change->detail[0] ? ", " : "", change->detail);
}

void reload_log_changes(const struct changes *changes)
{
    for (size_t i = 0; i < changes->n; i++)
        log_change(&changes->items[i]);
}

static void tell(struct reload *reload)
{
    const struct changes *changes = &reload->outcomes[reload->sort].changes;
    uint64_t since = now_us();

    while (reload->sort == RUN_RELOAD && reload->told < changes->n) {
        log_change(&changes->items[reload->told++]);
        if (!has_time(since))
            return;
    }
    while (server_answer_woken(reload->server))
        if (!has_time(since))
            return;
    reload->phase = RUN_IDLE;
    run_next(reload);
}

/* ---- runs ---- */

static void outcome_deinit(struct outcome *outcome)
{
    problems_deinit(&outcome->problems);
    changes_deinit(&outcome->changes);
    *outcome = (struct outcome){0};
}

static void begin(struct reload *reload, enum run_sort sort)
{
    struct outcome *outcome = &reload->outcomes[sort];
    int r;

    reload->wanted[sort] = false;
    reload->sort = sort;
    outcome_deinit(outcome);
    outcome->run = ++reload->n_begun;
    if (sort == RUN_RELOAD)
        service_reloading(reload->notifier);
    r = start_reading(reload);
    if (r >= 0) {
        reload->phase = RUN_LOADING;
        return;
    }
    end_badly(reload, "failed", strerror(-r));
    write_one(reload->wake.fd);
}

/* Begins what is wanted. While something runs the descriptor stays readable, but while the thread
 * reads. */
static void run_next(struct reload *reload)
{
    uint64_t ignored;
    ssize_t r = read(reload->wake.fd, &ignored, sizeof ignored);

    (void)r; /* it may be 0 already */
    if (reload->wanted[RUN_RELOAD])
        begin(reload, RUN_RELOAD);
    else if (reload->wanted[RUN_PLAN])
        begin(reload, RUN_PLAN);
}

static void ready(struct source *source, uint32_t events)
{
    struct reload *reload = CONTAINER_OF(source, struct reload, wake);

    (void)events;
    switch (reload->phase) {
    case RUN_IDLE:
        break;
    case RUN_LOADING:
        take_reading(reload);
        break;
    case RUN_WALKING:
        walk(reload);
        break;
    case RUN_TELLING:
        tell(reload);
        break;
    }
}

uint64_t reload_want(struct reload *reload, enum run_sort sort)
{
    uint64_t begun = reload->n_begun;

    reload->wanted[sort] = true;
    if (reload->phase == RUN_IDLE)
        run_next(reload);
    return begun;
}

const struct outcome *reload_outcome(const struct reload *reload, enum run_sort sort)
{
    return reload->outcomes[sort].state ? &reload->outcomes[sort] : NULL;
}

bool reload_is_walking(const struct reload *reload)
{
    return reload->phase == RUN_WALKING;
}

/* ---- life ---- */

int reload_init(struct reload *reload)
{
    int r;

    reload->wake = (struct source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ready};
    if (reload->wake.fd < 0)
        return -errno;
    r = loop_add(reload->loop, &reload->wake, EPOLLIN);
    if (r < 0)
        reload->wake.fd = close_fd(reload->wake.fd);
    return r;
}

bool reload_deinit(struct reload *reload)
{
    struct pollfd done = {reload->wake.fd, POLLIN, 0};
    bool reads;

    if (reload->reading && poll(&done, 1, READING_MS) > 0)
        (void)end_reading(reload);
    reads = reload->reading;
    if (reload->wake.fd >= 0 && reload->loop)
        loop_remove(reload->loop, &reload->wake);
    if (!reads)
        reload->wake.fd = close_fd(reload->wake.fd);
    plan_deinit(&reload->plan);
    reload->config = config_free(reload->config);
    for (int i = 0; i < N_RUN_SORTS; i++)
        outcome_deinit(&reload->outcomes[i]);
    return !reads;
}
