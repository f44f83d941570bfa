#include "daemon/broker.h"

#include "daemon/check.h"
#include "daemon/clock.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/losses.h"
#include "daemon/privilege.h"
#include "daemon/recover.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/service.h"
#include "daemon/sockets.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* How long a start and a stop wait for a busy service manager to take what is to be stored. */
#define STORE_PATIENCE_US 5000000u

/* Owns everything. It is one big allocation, made once. */
struct broker {
    const struct options *options;
    struct config *config;
    struct sockets sockets;
    struct lock lock;
    struct environment environment;
    struct registry registry;
    struct store store;
    struct desk desk;
    struct loop loop;
    struct source signals;
    struct timer retry;
    struct notifier notifier;
    struct watchdog watchdog;
    struct handed handed;
    struct server *server; /* NULL until opened */
    struct reload reload;
};

/* ---- configuration ---- */

/* With the first error once more, so that the last line of a failed start says where. */
static void say_refused(const struct problems *problems)
{
    char line[1024] = "";

    for (size_t i = 0; i < problems->n && !line[0]; i++)
        if (problems->items[i].severity == SEVERITY_ERROR)
            (void)problem_format_bare(&problems->items[i], line, sizeof line);
    log_error("the configuration is refused; nothing was changed%s%s", line[0] ? ": " : "", line);
}

static int load(struct broker *broker)
{
    const struct config_source *source = &broker->options->source;
    struct problems problems = {0};
    int r = config_load(source, &broker->config, &problems);

    if (r >= 0)
        r = config_resolve(broker->config, source, !source->strict, &problems);
    if (r >= 0 && source->strict && problems.n_errors > 0)
        r = -EBADMSG;
    if (r >= 0)
        r = check_fit_clients(broker->config, &problems);
    reload_log_problems(&problems);
    if (r == -EBADMSG)
        say_refused(&problems);
    else if (r < 0)
        log_error("the configuration cannot be read: %s", strerror(-r));
    if (r >= 0)
        reload_log_files(broker->config);
    problems_deinit(&problems);
    return r;
}

/* What the configuration says of them is its error. */
static int choose_sockets(struct broker *broker)
{
    struct sentence why;
    int r = sockets_choose(broker->options, broker->config, &broker->sockets, &why);

    if (r < 0)
        log_error("%s", why.text);
    return r == -EINVAL && !broker->options->socket ? -EBADMSG : r;
}

/* ---- signals and timers ---- */

static void signal_ready(struct source *source, uint32_t events)
{
    struct broker *broker = CONTAINER_OF(source, struct broker, signals);
    struct signalfd_siginfo info;

    (void)events;
    if (read(source->fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        (void)reload_want(&broker->reload, RUN_RELOAD);
        return;
    }
    if (!broker->options->quiet)
        losses_say_at_stop(&broker->registry, &broker->store,
                           info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    loop_stop(&broker->loop, 0);
}

static int watch_signals(struct broker *broker)
{
    sigset_t set;
    int r;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    broker->signals = (struct source){signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), signal_ready};
    if (broker->signals.fd < 0)
        return -errno;
    r = loop_add(&broker->loop, &broker->signals, EPOLLIN);
    if (r < 0)
        broker->signals.fd = close_fd(broker->signals.fd);
    return r;
}

static void format_status(const struct broker *broker, char *buffer, size_t size)
{
    struct registry_counts counts = registry_count(&broker->registry);

    (void)snprintf(buffer, size,
                   "serving %zu objects at %s%s; %zu failed, %zu differing, %zu retired, %zu files "
                   "left out, %zu as before",
                   broker->registry.n - counts.failed, broker->sockets.main,
                   desk_is_degraded(&broker->desk) ? " (degraded)" : "", counts.failed,
                   counts.differing, broker->registry.n_retired, broker->config->n_left_out,
                   broker->config->n_stale);
}

static void arm_retry(struct broker *broker, uint64_t due_us)
{
    if (due_us)
        loop_arm(&broker->loop, &broker->retry, due_us);
}

/* Tries the failed ones whose time has come. Returns whether that made any. */
static bool try_failed(struct broker *broker)
{
    size_t before = registry_count(&broker->registry).failed;

    arm_retry(broker, registry_retry(&broker->registry));
    if (registry_count(&broker->registry).failed == before)
        return false;
    store_save(&broker->store, &broker->registry);
    return true;
}

static void retry_failed(struct timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, retry);
    char status[512];

    if (reload_is_walking(&broker->reload)) { /* which tries, too */
        arm_retry(broker, now_us() + 1000000);
        return;
    }
    if (!try_failed(broker))
        return;
    format_status(broker, status, sizeof status);
    service_status(&broker->notifier, status);
}

static void applied(struct reload *reload)
{
    struct broker *broker = CONTAINER_OF(reload, struct broker, reload);
    char status[512];

    (void)try_failed(broker);
    format_status(broker, status, sizeof status);
    if (!broker->options->quiet)
        log_info("%s", status);
    service_ready(&broker->notifier, status);
}

/* ---- start ---- */

static int open_environment(struct broker *broker)
{
    broker->environment = (struct environment){
        .naming = broker->options->source.naming,
        .descriptors_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    if (broker->environment.descriptors_dir >= 0)
        return 0;
    log_error("/proc/self/fd cannot be opened: %s; the broker needs /proc", strerror(errno));
    return -EIO;
}

/* Says what a step of the start failed with. */
static int cannot(int r, const char *what)
{
    if (r < 0)
        log_error("cannot %s: %s", what, strerror(-r));
    return r;
}

/* Everybody may reach the main socket; the admin one's directory, where it is another, is for the
 * broker alone, or for those whom `admin =` names to pass through. */
static int prepare_directories(struct broker *broker, struct sentence *why)
{
    int r = listener_prepare(broker->sockets.main, 0755, why);

    if (r < 0)
        return r;
    return listener_prepare(broker->sockets.admin, broker->config->admin.n ? 0711 : 0700, why);
}

static int take_lock(struct broker *broker, struct sentence *why)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s.lock", broker->sockets.admin) < 0)
        return say(why, -ENOMEM, "out of memory");
    return lock_take(&broker->lock, path, why);
}

static int open_sockets(struct broker *broker)
{
    _cleanup_close_ int handed = -1;
    struct sentence why;
    int r = prepare_directories(broker, &why);

    if (r >= 0)
        r = take_lock(broker, &why);
    if (r >= 0)
        r = handed_take_listener(&broker->handed, broker->sockets.main, &handed, &why);
    if (r >= 0) {
        broker->server = calloc(1, sizeof *broker->server);
        r = broker->server ? server_open(broker->server, &broker->loop, &broker->desk,
                                         broker->sockets.main, broker->sockets.admin, &handed, &why)
                           : say(&why, -ENOMEM, "out of memory");
    }
    if (r < 0)
        log_error("%s", why.text);
    return r;
}

/* From what came back to what is declared is the way of a reload. */
static int adapt(struct broker *broker)
{
    struct plan plan;
    int r = plan_init(&plan, &broker->registry, broker->config, &broker->environment, false);

    if (r < 0)
        return r;
    while ((r = plan_step(&plan)) > 0)
        service_starting(&broker->notifier);
    if (r >= 0) {
        plan_commit(&plan);
        reload_log_changes(&plan.changes);
    }
    plan_deinit(&plan);
    return r;
}

/* Takes what came back, makes the rest, and has all of it stored before anybody is answered. */
static int make_objects(struct broker *broker)
{
    _cleanup_(recovered_list_deinit) struct recovered_list list = {NULL, 0};
    struct sentence why = {.text = ""};
    int r = store_collect(&broker->store, &broker->handed, &list, &why);

    if (r < 0) {
        log_error("what the descriptor store holds cannot be taken: %s", why.text);
        return r;
    }
    broker->environment.registry = &broker->registry;
    broker->environment.holder = registry_holder;
    if (list.n == 0) {
        r = registry_init(&broker->registry, broker->config, &broker->environment);
        if (r >= 0)
            registry_create(&broker->registry, &broker->notifier);
    } else {
        log_info("%zu objects came back from the descriptor store", list.n);
        r = recover_objects(&broker->store, &list, &broker->registry, &broker->environment);
        if (r >= 0)
            r = adapt(broker);
    }
    if (r >= 0) {
        store_save(&broker->store, &broker->registry);
        notifier_drain(&broker->notifier, STORE_PATIENCE_US);
    }
    return cannot(r, "make the objects");
}

static int prepare_reload(struct broker *broker)
{
    broker->reload = (struct reload){
        .loop = &broker->loop,
        .notifier = &broker->notifier,
        .server = broker->server,
        .desk = &broker->desk,
        .in_force = &broker->config,
        .environment = &broker->environment,
        .source = &broker->options->source,
        .applied = applied,
    };
    broker->desk.server = broker->server;
    return cannot(reload_init(&broker->reload), "prepare for reloads");
}

/* Clients that come while the objects are made wait in the backlog: whoever is answered finds them
 * all. The sockets come first, since a start that finds a live broker must touch nothing. */
static int start(struct broker *broker)
{
    char status[512];
    int r;

    broker->desk = (struct desk){
        .registry = &broker->registry,
        .store = &broker->store,
        .reload = &broker->reload,
        .config = broker->config,
        .started_us = now_us(),
        .socket = broker->sockets.main,
        .admin_socket = broker->sockets.admin,
        .socket_given = broker->options->socket,
        .without = broker->options->without,
        .units = {broker->options->source.user, broker->options->without & FEATURE_PEERPIDFD},
    };
    r = cannot(loop_init(&broker->loop), "make an event loop");
    broker->notifier.loop = r >= 0 ? &broker->loop : NULL;
    if (r >= 0)
        r = cannot(watch_signals(broker), "watch signals");
    if (r >= 0)
        r = open_environment(broker);
    if (r >= 0)
        r = open_sockets(broker);
    if (r >= 0)
        r = prepare_reload(broker);
    if (r >= 0)
        r = make_objects(broker);
    if (r < 0)
        return r;
    arm_retry(broker, registry_retry(&broker->registry));
    format_status(broker, status, sizeof status);
    if (!broker->options->quiet) {
        losses_say_at_start(&broker->registry, &broker->store);
        log_info("%s", status);
    }
    service_ready(&broker->notifier, status);
    watchdog_start(&broker->watchdog, &broker->notifier);
    return 0;
}

static void stop(struct broker *broker)
{
    bool whole = reload_deinit(&broker->reload);

    notifier_drain(&broker->notifier, STORE_PATIENCE_US);
    service_stopping(&broker->notifier);
    if (broker->server)
        server_deinit(broker->server);
    free(broker->server);
    lock_deinit(&broker->lock);
    registry_deinit(&broker->registry);
    store_deinit(&broker->store);
    loop_disarm(&broker->retry);
    watchdog_stop(&broker->watchdog);
    notifier_deinit(&broker->notifier);
    handed_deinit(&broker->handed);
    broker->environment.descriptors_dir = close_fd(broker->environment.descriptors_dir);
    broker->signals.fd = close_fd(broker->signals.fd);
    loop_deinit(&broker->loop);
    sockets_deinit(&broker->sockets);
    if (whole)
        broker->config = config_free(broker->config);
}

int broker_run(const struct options *options)
{
    struct broker broker = {
        .options = options,
        .lock = LOCK_NULL,
        .environment.descriptors_dir = -1,
        .loop.epoll = -1,
        .signals.fd = -1,
        .retry.fire = retry_failed,
        .reload.wake.fd = -1,
    };
    bool config_is_wrong;
    int r;

    if (geteuid() == 0 && options->source.naming != NAMING_NONE)
        log_warning("running as root, which it should not: give it a user of its own");
    privilege_give_up();
    (void)mallopt(M_ARENA_MAX, 1); /* what a reload's thread has read is freed by the loop's */
    (void)umask(0);                /* modes of queues are what is declared */
    (void)signal(SIGPIPE, SIG_IGN);
    limits_raise();
    notifier_init(&broker.notifier);
    store_init(&broker.store, &broker.notifier, &broker.desk.quota,
               options->source.naming == NAMING_NONE);
    r = cannot(handed_collect(&broker.handed), "take what the service manager hands in");
    if (r >= 0)
        r = load(&broker);
    if (r >= 0)
        r = choose_sockets(&broker);
    config_is_wrong = r == -EBADMSG;
    if (r >= 0)
        r = start(&broker);
    if (r >= 0)
        r = cannot(loop_run(&broker.loop), "go on");
    stop(&broker);
    if (config_is_wrong)
        return EXIT_CONFIG;
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
