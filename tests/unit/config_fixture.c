/* What the cases of test-config share. */
#include "tests/unit/config_cases.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

char *directory;
struct config *config;
struct problems problems;

/* ---- fixture ---- */

void set_up(void)
{
    const char *base = getenv("TMPDIR");

    umask(022);
    ck_assert_int_ge(asprintf(&directory, "%s/test-config.XXXXXX", base ? base : "/tmp"), 0);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

void tear_down(void)
{
    char *command;

    config = config_free(config);
    problems_deinit(&problems);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_ge(asprintf(&command, "rm -rf '%s'", directory), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
    free(directory);
}

void put_bytes(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    close_fd(fd);
}

void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

void put_drop_in(const char *name, const char *text)
{
    char path[300];

    (void)mkdir("main.conf.d", 0755);
    (void)snprintf(path, sizeof path, "main.conf.d/%s", name);
    put(path, text);
}

int load_source(const struct config_source *source)
{
    config = config_free(config);
    problems_deinit(&problems);
    return config_load(source, &config, &problems);
}

int load(void)
{
    return load_source(&(struct config_source){.file = "main.conf"});
}

int load_strict(void)
{
    return load_source(&(struct config_source){.file = "main.conf", .strict = true});
}

int load_text(const char *text)
{
    put("main.conf", text);
    return load();
}

/* ---- looking at the result ---- */

static void dump(void)
{
    char line[2048];

    for (size_t i = 0; i < problems.n; i++)
        (void)fprintf(stderr, "# %s\n", problem_format(&problems.items[i], line, sizeof line));
}

/* The N-th problem of that severity. */
static const struct problem *get_problem(enum severity severity, size_t n)
{
    for (size_t i = 0; i < problems.n; i++)
        if (problems.items[i].severity == severity && n-- == 0)
            return &problems.items[i];
    dump();
    ck_abort_msg("too few problems");
    return NULL;
}

size_t count(enum severity severity)
{
    size_t n = 0;

    for (size_t i = 0; i < problems.n; i++)
        n += problems.items[i].severity == severity;
    return n;
}

void expect(enum severity severity, size_t n, const char *path, unsigned line, const char *fragment)
{
    const struct problem *problem = get_problem(severity, n);

    if (strcmp(problem->path, path) != 0 || problem->line != line ||
        !strstr(problem->text, fragment)) {
        dump();
        ck_abort_msg("problem %zu is not '%s:%u: %s'", n, path, line, fragment);
    }
}

void expect_one_error(const char *path, unsigned line, const char *fragment)
{
    if (problems.n_errors != 1) {
        dump();
        ck_abort_msg("%zu errors instead of one", problems.n_errors);
    }
    expect(SEVERITY_ERROR, 0, path, line, fragment);
}

void expect_none(int r)
{
    if (r != 0 || problems.n_errors > 0) {
        dump();
        ck_abort_msg("refused: %d", r);
    }
}

const struct declaration *get_object(const char *name)
{
    for (size_t i = 0; i < config->n_objects; i++)
        if (strcmp(config->objects[i]->name, name) == 0)
            return config->objects[i];
    dump();
    ck_abort_msg("no object '%s'", name);
    return NULL;
}

bool has_object(const char *name)
{
    for (size_t i = 0; i < config->n_objects; i++)
        if (strcmp(config->objects[i]->name, name) == 0)
            return true;
    return false;
}

uint64_t needed(const char *name, const char *sysctl)
{
    const struct declaration *object = get_object(name);
    struct need need = {0};

    object->kind->weigh(object->settings, &need);
    for (size_t i = 0; i < need.n_sysctls; i++)
        if (strcmp(need.sysctls[i].name, sysctl) == 0)
            return need.sysctls[i].value;
    return 0;
}

unsigned access_of(const char *name, uid_t uid)
{
    return grants_access(&get_object(name)->grants, &(struct credentials){.uid = uid, .gid = 99});
}
