#include "daemon/config_paths.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SUFFIX ".conf"

static void closedir_p(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

void config_paths_deinit(struct config_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++)
        free(paths->items[i]);
    free(paths->items);
    *paths = (struct config_paths){0};
}

/* PATH is taken over on success. */
static int add(struct config_paths *paths, char **path)
{
    char **items = reallocarray(paths->items, paths->n + 1, sizeof *items);

    if (!items)
        return -ENOMEM;
    paths->items = items;
    items[paths->n++] = TAKE_PTR(*path);
    return 0;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1; /* all drop-ins are written with their directory */
}

static int compare(const void *a, const void *b)
{
    char *const *left = a, *const *right = b;

    return strcmp(base_name(*left), base_name(*right));
}

static bool is_drop_in(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > strlen(SUFFIX) &&
           strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static bool is_masked(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return false; /* reading it will say why */
    if (S_ISCHR(status.st_mode))
        return status.st_rdev == makedev(1, 3); /* /dev/null */
    return S_ISREG(status.st_mode) && status.st_size == 0;
}

static bool is_hidden(const struct config_paths *paths, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(base_name(paths->items[i]), name) == 0)
            return true;
    return false;
}

/* Adds the directory's files but for those that an earlier directory's hide. */
static int scan(const char *path, DIR *directory, struct config_paths *paths)
{
    size_t earlier = paths->n;

    for (;;) {
        _cleanup_free_ char *file = NULL;
        const struct dirent *entry;

        errno = 0;
        entry = readdir(directory);
        if (!entry)
            return -errno;
        if (!is_drop_in(entry->d_name) || is_hidden(paths, earlier, entry->d_name))
            continue;
        if (asprintf(&file, "%s/%s", path, entry->d_name) < 0) {
            file = NULL; /* undefined after a failure */
            return -ENOMEM;
        }
        if (add(paths, &file) < 0)
            return -ENOMEM;
    }
}

static int add_directory(const char *path, struct problems *problems, struct config_paths *paths)
{
    _cleanup_(closedir_p) DIR *directory = opendir(path);
    int r;

    if (!directory && errno == ENOENT)
        return 0;
    r = directory ? scan(path, directory, paths) : -errno;
    if (r == 0 || r == -ENOMEM)
        return r;
    problems_add(problems, SEVERITY_ERROR, (struct place){path, 0},
                 "the directory cannot be read: %s", strerror(-r));
    return -EBADMSG;
}

static void drop_masked(struct config_paths *paths)
{
    size_t kept = 0;

    for (size_t i = 0; i < paths->n; i++) {
        if (is_masked(paths->items[i]))
            free(paths->items[i]);
        else
            paths->items[kept++] = paths->items[i];
    }
    paths->n = kept;
}

static int add_drop_ins(const char *const *directories, struct problems *problems,
                        struct config_paths *paths)
{
    int r = 0;

    for (; *directories && r >= 0; directories++)
        r = add_directory(*directories, problems, paths);
    if (r < 0)
        return r;
    drop_masked(paths);
    if (paths->n > 0)
        qsort(paths->items, paths->n, sizeof *paths->items, compare);
    return 0;
}

/* Puts the main file before the others. */
static int add_main(const char *main, bool required, struct config_paths *paths)
{
    _cleanup_free_ char *path = NULL;
    struct stat status;
    int r;

    if (!required && lstat(main, &status) < 0 && errno == ENOENT)
        return 0; /* any other trouble is said when it is read */
    path = strdup(main);
    if (!path)
        return -ENOMEM;
    r = add(paths, &path);
    if (r < 0)
        return r;
    path = paths->items[paths->n - 1];
    memmove(paths->items + 1, paths->items, (paths->n - 1) * sizeof *paths->items);
    paths->items[0] = TAKE_PTR(path);
    paths->has_main = true;
    return 0;
}

int config_paths_collect(const char *main, bool required, const char *const *directories,
                         struct problems *problems, struct config_paths *ret)
{
    _cleanup_(config_paths_deinit) struct config_paths paths = {0};
    int r = add_drop_ins(directories, problems, &paths);

    if (r >= 0)
        r = add_main(main, required, &paths);
    if (r < 0)
        return r;
    *ret = paths;
    paths = (struct config_paths){0};
    return 0;
}

/* MAIN and MAIN.d. */
static int find_beside(const char *main, bool required, struct problems *problems,
                       struct config_paths *ret)
{
    _cleanup_free_ char *directory = NULL;

    if (asprintf(&directory, "%s.d", main) < 0) {
        directory = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    return config_paths_collect(main, required, (const char *const[]){directory, NULL}, problems,
                                ret);
}

static int find_of_user(struct problems *problems, struct config_paths *ret)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool given =
        base && base[0] == '/'; /* a relative one is to be ignored, says its specification */
    _cleanup_free_ char *main = NULL;

    if (!given && (!home || home[0] != '/')) {
        problems_add(problems, SEVERITY_ERROR, (struct place){NULL, 0},
                     "neither XDG_CONFIG_HOME nor HOME is an absolute path; expected one of them, "
                     "or --config FILE");
        return -EBADMSG;
    }
    if (asprintf(&main, "%s%s/ipcbroker/ipcbroker.conf", given ? base : home,
                 given ? "" : "/.config") < 0) {
        main = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    return find_beside(main, false, problems, ret);
}

int config_paths_find(const struct config_source *source, struct problems *problems,
                      struct config_paths *ret)
{
    static const char *const directories[] = {
        SYSCONFDIR "/ipcbroker/ipcbroker.conf.d",
        PKGLIBDIR "/ipcbroker.conf.d",
        NULL,
    };

    if (source->file)
        return find_beside(source->file, true, problems, ret);
    if (source->user)
        return find_of_user(problems, ret);
    return config_paths_collect(SYSCONFDIR "/ipcbroker/ipcbroker.conf", false, directories,
                                problems, ret);
}
