#include "daemon/config_file.h"

#include "daemon/config_reader.h"
#include "daemon/config_section.h"
#include "daemon/config_text.h"
#include "daemon/declaration.h"
#include "daemon/names.h"

#include <string.h>

/* ---- life ---- */

static void grant_section_deinit(struct grant_section *section)
{
    for (size_t i = 0; i < section->n; i++)
        subject_deinit(&section->items[i].subject);
    free(section->items);
    free(section->name);
}

static void broker_section_deinit(struct broker_section *broker)
{
    free(broker->socket);
    free(broker->admin_socket);
    grants_deinit(&broker->admin);
    grants_deinit(&broker->observe);
}

struct config_file *config_file_free(struct config_file *file)
{
    if (!file)
        return NULL;
    for (size_t i = 0; i < file->n_objects; i++)
        declaration_free(file->objects[i]);
    free(file->objects);
    for (size_t i = 0; i < file->n_grants; i++)
        grant_section_deinit(&file->grants[i]);
    free(file->grants);
    broker_section_deinit(&file->broker);
    free(file->path);
    free(file->text);
    free(file);
    return NULL;
}

static void config_file_freep(struct config_file **file)
{
    *file = config_file_free(*file);
}

/* ---- growth ---- */

/* Room for one more than N; doubled, since a file may declare thousands. */
static void *grow(void *items, size_t n, size_t size)
{
    if (n & (n - 1))
        return items;
    return reallocarray(items, n ? n * 2 : 1, size);
}

int config_file_add_object(struct config_file *file, const struct kind *kind, const char *name,
                           unsigned line)
{
    _cleanup_(declaration_freep) struct declaration *declaration =
        declaration_new(kind, name, (struct place){file->path, line});
    struct declaration **objects = grow(file->objects, file->n_objects, sizeof *objects);

    if (objects)
        file->objects = objects;
    if (!objects || !declaration)
        return -ENOMEM;
    file->objects[file->n_objects++] = TAKE_PTR(declaration);
    return 0;
}

int config_file_add_grants(struct config_file *file, const char *name, unsigned line)
{
    struct grant_section *grants = grow(file->grants, file->n_grants, sizeof *grants);
    char *copy = strdup(name);

    if (grants)
        file->grants = grants;
    if (!grants || !copy) {
        free(copy);
        return -ENOMEM;
    }
    grants[file->n_grants++] = (struct grant_section){.name = copy, .place = {file->path, line}};
    return 0;
}

int config_file_add_grant(struct config_file *file, const char *word, struct subject *subject,
                          unsigned line)
{
    struct grant_section *section = &file->grants[file->n_grants - 1];
    struct foreign_grant *items = grow(section->items, section->n, sizeof *items);

    if (!items)
        return -ENOMEM;
    section->items = items;
    items[section->n++] = (struct foreign_grant){word, *subject, {file->path, line}};
    *subject = (struct subject){.type = subject->type};
    return 0;
}

/* ---- what is to be seen in the whole file only ---- */

struct named {
    const char *kind, *name;
    struct place place;
};

static void named_freep(struct named **sections)
{
    free(*sections);
}

static void check_repeat(struct names *names, struct named *again, struct problems *problems)
{
    const struct named *first = names_add(names, again->name, again);

    if (first != again)
        problems_add(problems, SEVERITY_ERROR, again->place,
                     "[%s:%s] repeats a name; [%s:%s] is at line %u already", again->kind,
                     again->name, first->kind, first->name, first->place.line);
}

static int check_names(const struct config_file *file, struct problems *problems)
{
    size_t most = file->n_objects > file->n_grants ? file->n_objects : file->n_grants;
    _cleanup_(named_freep) struct named *sections = calloc(most + 1, sizeof *sections);
    _cleanup_(names_deinit) struct names names = {NULL, 0};

    if (!sections || names_reserve(&names, most) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < file->n_objects; i++) {
        const struct declaration *object = file->objects[i];
        sections[i] = (struct named){object->kind->name, object->name, object->place};
        check_repeat(&names, &sections[i], problems);
    }
    names_clear(&names);
    for (size_t i = 0; i < file->n_grants; i++) {
        sections[i] = (struct named){"grant", file->grants[i].name, file->grants[i].place};
        check_repeat(&names, &sections[i], problems);
    }
    return 0;
}

static void check_broker(const struct broker_section *broker, struct problems *problems)
{
    uint64_t most = broker->max_clients ? broker->max_clients : CONFIG_MAX_CLIENTS;

    if (broker->max_clients_per_user > most)
        problems_add(problems, SEVERITY_ERROR, broker->max_clients_per_user_place,
                     "max_clients_per_user is %llu, max_clients %llu; expected it to be no more "
                     "than that",
                     (unsigned long long)broker->max_clients_per_user, (unsigned long long)most);
    if (broker->socket && broker->admin_socket && strcmp(broker->socket, broker->admin_socket) == 0)
        problems_add(problems, SEVERITY_ERROR, broker->place,
                     "socket and admin_socket are the same; expected two paths");
}

/* ---- reading ---- */

int config_file_take(struct config_file *file, const char *text, size_t size,
                     struct problems *problems)
{
    struct section section = {.file = file, .problems = problems};
    const struct config_sink sink = {config_section_begin, config_section_key, &section};
    int r = config_read(file->path, text, size, &sink, problems);

    if (r < 0)
        return r;
    config_section_end(&section);
    check_broker(&file->broker, problems);
    return check_names(file, problems);
}

static struct config_file *new_file(const char *path, bool main)
{
    _cleanup_(config_file_freep) struct config_file *file = calloc(1, sizeof *file);

    if (!file || !(file->path = strdup(path)))
        return NULL;
    file->main = main;
    return TAKE_PTR(file);
}

int config_file_read(const char *path, bool main, bool offline, struct problems *problems,
                     struct config_file **ret)
{
    _cleanup_(config_file_freep) struct config_file *file = new_file(path, main);
    size_t errors = problems->n_errors;
    int r;

    if (!file)
        return -ENOMEM;
    r = config_text_read(path, offline, problems, &file->text, &file->size);
    if (r >= 0)
        r = config_file_take(file, file->text, file->size, problems);
    if (r < 0 && r != -EBADMSG) /* which has its problems */
        return r;
    file->bad = problems->n_errors > errors;
    *ret = TAKE_PTR(file);
    return 0;
}

int config_file_read_again(const struct config_file *template, struct config_file **ret)
{
    _cleanup_(config_file_freep) struct config_file *file = new_file(template->path, false);
    struct problems none = {0}; /* it had none that matter */
    int r;

    if (!file || !(file->text = malloc(template->size + 1)))
        return -ENOMEM;
    memcpy(file->text, template->text, template->size + 1);
    file->size = template->size;
    file->stale = true;
    r = config_file_take(file, file->text, file->size, &none);
    problems_deinit(&none);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(file);
    return 0;
}
