/* The names of users and groups in a whole configuration: config_resolve(). */
#include "daemon/config.h"
#include "daemon/config_settle.h"
#include "daemon/lookup.h"
#include "daemon/resolve.h"

#include <string.h>

struct names {
    struct resolve_item *items;
    size_t n;
    bool out_of_memory;
};

static void names_deinit(struct names *names)
{
    free(names->items);
}

static void collect(struct names *names, struct subject *subject, struct place place)
{
    struct resolve_item *items = names->items;

    if (!subject || !subject->name || subject->type == SUBJECT_UNIT)
        return;
    if ((names->n & (names->n - 1)) == 0)
        items = reallocarray(items, names->n ? names->n * 2 : 1, sizeof *items);
    if (!items) {
        names->out_of_memory = true;
        return;
    }
    names->items = items;
    items[names->n++] = (struct resolve_item){subject, place, 0};
}

static void collect_grants(struct names *names, const struct grants *grants)
{
    for (size_t i = 0; i < grants->n; i++)
        collect(names, &grants->items[i].subject, grants->items[i].place);
}

static void collect_object(struct names *names, const struct declaration *object)
{
    collect_grants(names, &object->grants);
    if (object->kind->settings_subject)
        collect(names, object->kind->settings_subject(object->settings), object->subject_place);
}

static int collect_all(struct names *names, const struct config *config)
{
    collect_grants(names, &config->admin);
    collect_grants(names, &config->observe);
    for (size_t i = 0; i < config->n_objects; i++)
        collect_object(names, config->objects[i]);
    return names->out_of_memory ? -ENOMEM : 0;
}

/* Of a file by itself, whose grants for others' objects are with it yet. */
static void collect_file(struct names *names, const struct config_file *file)
{
    collect_grants(names, &file->broker.admin);
    collect_grants(names, &file->broker.observe);
    for (size_t i = 0; i < file->n_objects; i++)
        collect_object(names, file->objects[i]);
    for (size_t i = 0; i < file->n_grants; i++)
        for (size_t k = 0; k < file->grants[i].n; k++)
            collect(names, &file->grants[i].items[k].subject, file->grants[i].items[k].place);
}

static void say_unknown(const struct resolve_item *item, enum severity severity,
                        struct problems *problems)
{
    const char *noun = item->subject->type == SUBJECT_USER ? "user" : "group";

    if (item->error == 0 || item->place.line == 0) /* a default gives way to the host */
        return;
    if (item->error == -ENOENT)
        problems_add(problems, severity, item->place,
                     "unknown %s '%s': create it, or give its number", noun, item->subject->name);
    else if (item->error == -ETIME)
        problems_add(problems, severity, item->place,
                     "%s '%s' cannot be looked up: the name service did not answer within %d s; "
                     "try again, or give its number",
                     noun, item->subject->name, LOOKUP_SECONDS);
    else
        problems_add(problems, severity, item->place,
                     "%s '%s' cannot be looked up: %s; try again, or give its number", noun,
                     item->subject->name, strerror(-item->error));
}

int config_resolve(struct config *config, const struct config_source *source, bool lenient,
                   struct problems *problems)
{
    enum severity severity = lenient || source->offline ? SEVERITY_WARNING : SEVERITY_ERROR;
    _cleanup_(names_deinit) struct names names = {0};
    int r = collect_all(&names, config);

    if (r >= 0)
        r = resolve(names.items, names.n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < names.n; i++)
        say_unknown(&names.items[i], severity, problems);
    problems_sort(problems);
    return problems->out_of_memory ? -ENOMEM : 0;
}

/* ---- file by file ---- */

static int compare_subjects(const void *a, const void *b)
{
    const struct subject *left = ((const struct resolve_item *)a)->subject;
    const struct subject *right = ((const struct resolve_item *)b)->subject;

    if (left->type != right->type)
        return left->type < right->type ? -1 : 1;
    return strcmp(left->name, right->name);
}

int config_names_from(struct config_file *file, const struct config *previous)
{
    _cleanup_(names_deinit) struct names known = {0}, wanted = {0};

    collect_file(&wanted, file);
    if (collect_all(&known, previous) < 0 || wanted.out_of_memory)
        return -ENOMEM;
    if (known.n > 0)
        qsort(known.items, known.n, sizeof *known.items, compare_subjects);
    for (size_t i = 0; i < wanted.n && known.n > 0; i++) {
        const struct resolve_item *found =
            bsearch(&wanted.items[i], known.items, known.n, sizeof *known.items, compare_subjects);

        if (found) {
            wanted.items[i].subject->id = found->subject->id;
            wanted.items[i].subject->resolved = found->subject->resolved;
        }
    }
    return 0;
}

int config_names_of(struct config_file *const *files, size_t n, struct problems *problems)
{
    _cleanup_(names_deinit) struct names names = {0};
    int r = 0;

    for (size_t i = 0; i < n; i++)
        if (!files[i]->bad && !files[i]->names_known)
            collect_file(&names, files[i]);
    r = names.out_of_memory ? -ENOMEM : resolve(names.items, names.n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        files[i]->names_known = true;
    for (size_t i = 0; i < names.n; i++) {
        say_unknown(&names.items[i], SEVERITY_ERROR, problems);
        for (size_t k = 0; names.items[i].error && k < n; k++)
            files[k]->bad |= files[k]->path == names.items[i].place.path;
    }
    return 0;
}

int config_names_of_defaults(struct config *config, const struct config *previous)
{
    _cleanup_(names_deinit) struct names names = {0};
    int r;

    if (config->observe_place.line != 0)
        return 0;
    collect_grants(&names, &config->observe);
    r = names.out_of_memory ? -ENOMEM : resolve(names.items, names.n);
    if (r < 0 || previous->observe_place.line != 0)
        return r;
    for (size_t i = 0; i < names.n && i < previous->observe.n; i++)
        if (names.items[i].error && names.items[i].error != -ENOENT) {
            names.items[i].subject->id = previous->observe.items[i].subject.id;
            names.items[i].subject->resolved = previous->observe.items[i].subject.resolved;
        }
    return 0;
}
