#include "daemon/config.h"

#include "daemon/config_file.h"
#include "daemon/config_merge.h"
#include "daemon/config_paths.h"
#include "daemon/config_section.h"
#include "daemon/config_settle.h"

#include <string.h>

/* ---- life ---- */

struct config *config_free(struct config *config)
{
    if (!config)
        return NULL;
    grants_deinit(&config->admin);
    grants_deinit(&config->observe);
    free(config->socket);
    free(config->admin_socket);
    free(config->objects);
    for (size_t i = 0; i < config->n_files; i++)
        config_file_free(config->files[i]);
    free(config->files);
    for (size_t i = 0; i < config->n_left_out; i++)
        free(config->left_out[i]);
    free(config->left_out);
    free(config);
    return NULL;
}

static void config_freep(struct config **config)
{
    *config = config_free(*config);
}

/* ---- reading ---- */

static int read_files(struct config *config, const struct config_paths *paths, bool offline,
                      struct problems *problems)
{
    config->files = calloc(paths->n + 1, sizeof(struct config_file *));
    if (!config->files)
        return -ENOMEM;
    for (; config->n_files < paths->n; config->n_files++) {
        bool main = paths->has_main && config->n_files == 0;
        int r = config_file_read(paths->items[config->n_files], main, offline, problems,
                                 &config->files[config->n_files]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Takes the bad files out of the list, and keeps their paths. */
static int leave_out(struct config *config, bool *ret_main)
{
    size_t kept = 0;

    config->left_out = calloc(config->n_files + 1, sizeof(char *));
    if (!config->left_out)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_files; i++) {
        struct config_file *file = config->files[i];
        if (!file->bad) {
            config->n_stale += file->stale;
            config->files[kept++] = file;
            continue;
        }
        *ret_main |= file->main;
        config->left_out[config->n_left_out++] = TAKE_PTR(file->path);
        config_file_free(file);
    }
    config->n_files = kept;
    return 0;
}

/* ---- what is to be applied ---- */

static int compare_objects(const void *a, const void *b)
{
    const struct declaration *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static int gather_objects(struct config *config)
{
    size_t total = 0;

    for (size_t i = 0; i < config->n_files; i++)
        total += config->files[i]->n_objects;
    config->objects = calloc(total + 1, sizeof(struct declaration *));
    if (!config->objects)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_files; i++)
        for (size_t k = 0; k < config->files[i]->n_objects; k++)
            config->objects[config->n_objects++] = config->files[i]->objects[k];
    if (config->n_objects > 0)
        qsort(config->objects, config->n_objects, sizeof *config->objects, compare_objects);
    return 0;
}

static struct declaration *find_object(const struct config *config, char *name)
{
    const struct declaration key = {.name = name}, *wanted = &key;
    struct declaration **found;

    if (config->n_objects == 0)
        return NULL;
    found = bsearch(&wanted, config->objects, config->n_objects, sizeof *config->objects,
                    compare_objects);
    return found ? *found : NULL;
}

/* Moves the grants of the sections to the objects that they are for. */
static int apply_grants(struct config *config, struct config_file *file)
{
    for (size_t i = 0; i < file->n_grants; i++) {
        struct grant_section *section = &file->grants[i];
        struct declaration *object = find_object(config, section->name);
        for (size_t k = 0; object && k < section->n; k++) {
            struct foreign_grant *grant = &section->items[k];
            int r = grants_add(&object->grants, &grant->subject,
                               kind_access(object->kind, grant->word), grant->place);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static void warn_of_objects(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->n_objects; i++) {
        const struct declaration *object = config->objects[i];
        const char *warning = NULL;
        if (object->grants.n == 0)
            problems_add(problems, SEVERITY_WARNING, object->place,
                         "[%s:%s] has no grant: nobody but an administrator can acquire it",
                         object->kind->name, object->name);
        if (object->kind->settings_warning)
            warning = object->kind->settings_warning(object->settings);
        if (warning)
            problems_add(problems, SEVERITY_WARNING, object->place, "[%s:%s]: %s",
                         object->kind->name, object->name, warning);
    }
}

/* ---- [broker] ---- */

static int observe_by_default(struct config *config)
{
    _cleanup_(subject_deinit) struct subject group = {0};
    int r = subject_parse("group:adm", &group, NULL);

    if (r < 0)
        return r;
    return grants_add(&config->observe, &group, WIRE_USE, (struct place){NULL, 0});
}

static int apply_broker(struct config *config, struct broker_section *broker)
{
    config->socket = TAKE_PTR(broker->socket);
    config->admin_socket = TAKE_PTR(broker->admin_socket);
    config->admin = broker->admin;
    config->observe = broker->observe;
    broker->admin = broker->observe = (struct grants){0};
    config->observe_place = broker->observe_place;
    config->main_path = broker->place.path;
    memcpy(config->broker_lines, broker->key_lines, sizeof config->broker_lines);
    if (broker->max_clients > 0) {
        config->max_clients = broker->max_clients;
        config->max_clients_place = broker->max_clients_place;
    }
    if (broker->max_clients_per_user > 0)
        config->max_clients_per_user = broker->max_clients_per_user;
    if (config->max_clients_per_user > config->max_clients)
        config->max_clients_per_user = config->max_clients; /* only a default can be */
    return broker->observe_place.line > 0 ? 0 : observe_by_default(config);
}

/* ---- the whole ---- */

static int assemble(struct config *config, struct problems *problems)
{
    struct broker_section none = {0};
    struct broker_section *broker = &none;
    int r = gather_objects(config);

    for (size_t i = 0; i < config->n_files && r >= 0; i++)
        r = apply_grants(config, config->files[i]);
    if (r < 0)
        return r;
    warn_of_objects(config, problems);
    if (config->n_files > 0 && config->files[0]->main)
        broker = &config->files[0]->broker;
    return apply_broker(config, broker);
}

static bool some_are_bad(const struct config *config)
{
    for (size_t i = 0; i < config->n_files; i++)
        if (config->files[i]->bad || config->files[i]->stale)
            return true;
    return config->n_left_out > 0;
}

bool config_file_is_stale(const struct config *config, size_t i, const char **ret_path)
{
    *ret_path = config->files[i]->path;
    return config->files[i]->stale;
}

static int load(struct config *config, const struct config_source *source,
                struct problems *problems)
{
    _cleanup_(config_paths_deinit) struct config_paths paths = {0};
    bool main_is_bad = false;
    int r = config_paths_find(source, problems, &paths);

    if (r >= 0)
        r = read_files(config, &paths, source->offline, problems);
    if (r >= 0 && source->previous)
        r = config_settle(config, source, problems);
    if (r >= 0)
        r = config_merge(config->files, config->n_files, source->naming, problems, problems);
    if (r >= 0 && !source->judge)
        r = leave_out(config, &main_is_bad);
    if (r >= 0)
        r = assemble(config, problems);
    if (r >= 0 && source->previous)
        r = config_names_of_defaults(config, source->previous);
    if (r < 0)
        return r;
    if (problems->out_of_memory)
        return -ENOMEM;
    return main_is_bad || (source->strict && some_are_bad(config)) ? -EBADMSG : 0;
}

int config_load(const struct config_source *source, struct config **ret, struct problems *problems)
{
    _cleanup_(config_freep) struct config *config = calloc(1, sizeof *config);
    int r;

    if (!config)
        return -ENOMEM;
    config->max_clients = CONFIG_MAX_CLIENTS;
    config->max_clients_per_user = CONFIG_MAX_CLIENTS_PER_USER;
    r = load(config, source, problems);
    problems_sort(problems);
    if (r == 0 || (r == -EBADMSG && source->judge))
        *ret = TAKE_PTR(config);
    return r;
}
