#include "daemon/check.h"

#include "daemon/limits.h"
#include "daemon/sockets.h"
#include "daemon/store.h"

#include <inttypes.h>
#include <string.h>

uint64_t check_room_for_clients(const struct config *config)
{
    uint64_t taken = config->n_objects + DESCRIPTORS_BESIDES, limit = limits_descriptors();

    return limit > taken ? limit - taken : 0;
}

/* Words that max_clients does not fit. */
static int say_no_room(const struct config *config, struct sentence *why)
{
    return say(
        why, -EINVAL,
        "max_clients = %" PRIu64 " does not fit: with %zu objects and %u descriptors besides "
        "it needs RLIMIT_NOFILE = %" PRIu64 ", which is %" PRIu64
        ": lower it, or raise the limit with LimitNOFILE= in ipcbroker.service or 'ulimit -n'",
        config->max_clients, config->n_objects, DESCRIPTORS_BESIDES,
        config->max_clients + config->n_objects + DESCRIPTORS_BESIDES, limits_descriptors());
}

int check_fit_clients(struct config *config, struct problems *problems)
{
    uint64_t room = check_room_for_clients(config);
    struct sentence why;

    if (config->max_clients <= room)
        return 0;
    (void)say_no_room(config, &why);
    if (config->max_clients_place.line || room == 0) {
        problems_add(problems, SEVERITY_ERROR, config->max_clients_place, "%s", why.text);
        return config->max_clients_place.line ? -EBADMSG : -EMFILE;
    }
    problems_add(problems, SEVERITY_WARNING, config->max_clients_place,
                 "max_clients is %" PRIu64 " instead of %" PRIu64 ": %s", room, config->max_clients,
                 why.text);
    config->max_clients = room;
    if (config->max_clients_per_user > room)
        config->max_clients_per_user = room;
    return 0;
}

static struct need add_up(const struct config *config)
{
    struct need need = {0};

    for (size_t i = 0; i < config->n_objects; i++)
        config->objects[i]->kind->weigh(config->objects[i]->settings, &need);
    return need;
}

static void check_sysctl(const char *name, uint64_t needed, enum severity severity,
                         struct problems *problems)
{
    uint64_t limit;

    if (limits_read_sysctl(name, &limit) < 0 || needed <= limit)
        return;
    problems_add(problems, severity, (struct place){NULL, 0},
                 "%s = %" PRIu64 " is too low, %" PRIu64
                 " is needed: raise it with 'sysctl %s=%" PRIu64
                 "', and for good with that line in a file of /etc/sysctl.d",
                 name, limit, needed, name, needed);
}

/* Whether there is one is known where the service runs. */
static void check_store(const struct config *config, struct problems *problems)
{
    size_t limit = store_needs_limit(store_weight(config->n_objects));

    if (limit > limits_descriptors())
        problems_add(problems, SEVERITY_WARNING, (struct place){NULL, 0},
                     "RLIMIT_NOFILE = %" PRIu64
                     " is too low for a descriptor store, %zu is needed: raise it with "
                     "LimitNOFILE=%zu in ipcbroker.service or 'ulimit -n'",
                     limits_descriptors(), limit, limit);
}

static void check_limits(const struct config *config, const struct need *need,
                         enum severity severity, struct problems *problems)
{
    struct sentence why;

    for (size_t i = 0; i < need->n_sysctls; i++)
        check_sysctl(need->sysctls[i].name, need->sysctls[i].value, severity, problems);
    if (need->msgqueue_bytes > limits_msgqueue_bytes())
        problems_add(problems, severity, (struct place){NULL, 0},
                     "RLIMIT_MSGQUEUE = %" PRIu64 " is too low, %" PRIu64
                     " bytes are needed: raise it with LimitMSGQUEUE=%" PRIu64
                     " in ipcbroker.service or 'ulimit -q'",
                     limits_msgqueue_bytes(), need->msgqueue_bytes, need->msgqueue_bytes);
    check_store(config, problems);
    if (config->max_clients > check_room_for_clients(config)) {
        (void)say_no_room(config, &why);
        problems_add(problems, config->max_clients_place.line ? severity : SEVERITY_WARNING,
                     config->max_clients_place, "%s", why.text);
    }
}

static void check_sockets(const struct options *options, const struct config *config,
                          struct problems *problems)
{
    _cleanup_(sockets_deinit) struct sockets sockets = {0};
    struct sentence why;

    if (sockets_choose(options, config, &sockets, &why) == -EINVAL)
        problems_add(problems, SEVERITY_ERROR, (struct place){NULL, 0}, "%s", why.text);
}

static void print_problems(struct problems *problems)
{
    char line[4096];

    problems_sort(problems);
    for (size_t i = 0; i < problems->n; i++)
        (void)fprintf(stderr, "%s\n", problem_format(&problems->items[i], line, sizeof line));
    if (problems->n_dropped > 0)
        (void)fprintf(stderr, "and %zu more problems\n", problems->n_dropped);
    if (problems->out_of_memory)
        (void)fprintf(stderr, "out of memory: not all problems are listed\n");
}

static void print_sysctl(const char *name, uint64_t needed)
{
    uint64_t limit;

    if (limits_read_sysctl(name, &limit) == 0)
        (void)printf("%s: %" PRIu64 " needed, %" PRIu64 " allowed\n", name, needed, limit);
}

static void print_sums(const struct config *config, const struct need *need)
{
    (void)printf("objects: %zu\n", config->n_objects);
    (void)printf("descriptors: %" PRIu64 " needed (%zu objects, %" PRIu64
                 " clients, %u besides), %" PRIu64 " allowed by RLIMIT_NOFILE\n",
                 config->n_objects + config->max_clients + DESCRIPTORS_BESIDES, config->n_objects,
                 config->max_clients, DESCRIPTORS_BESIDES, limits_descriptors());
    (void)printf(
        "descriptors in a descriptor store: %zu needed (each twice while a bag is renewed), "
        "%zu allowed, three quarters of RLIMIT_NOFILE\n",
        store_weight(config->n_objects), (size_t)limits_descriptors() / 4 * 3);
    (void)printf("bytes of message queues: %" PRIu64 " needed, %" PRIu64
                 " allowed by RLIMIT_MSGQUEUE\n",
                 need->msgqueue_bytes, limits_msgqueue_bytes());
    for (size_t i = 0; i < need->n_sysctls; i++)
        print_sysctl(need->sysctls[i].name, need->sysctls[i].value);
}

static int judge(const struct options *options, struct config *config, struct problems *problems)
{
    enum severity severity = options->source.offline ? SEVERITY_WARNING : SEVERITY_ERROR;
    struct need need = add_up(config);
    int r = config_resolve(config, &options->source, false, problems);

    if (r < 0)
        return r;
    check_sockets(options, config, problems);
    limits_raise();
    check_limits(config, &need, severity, problems);
    print_sums(config, &need);
    return 0;
}

int check_config(const struct options *options)
{
    struct config_source source = options->source;
    struct config *config = NULL;
    struct problems problems = {0};
    size_t n_errors;
    int r;

    source.strict = source.judge = true;
    r = config_load(&source, &config, &problems);
    if (config) {
        int judged = judge(options, config, &problems);

        r = judged < 0 ? judged : r;
    }
    print_problems(&problems);
    n_errors = problems.n_errors;
    problems_deinit(&problems);
    config_free(config);
    if (r < 0 && r != -EBADMSG)
        (void)fprintf(stderr, "the configuration cannot be judged: %s\n", strerror(-r));
    if (r < 0 || n_errors > 0)
        return EXIT_CONFIG;
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
