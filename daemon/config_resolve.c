/* The names of users and groups in a whole configuration: config_resolve(). */
#include "daemon/config.h"
#include "daemon/lookup.h"
#include "daemon/resolve.h"

#include <string.h>

struct names {
    struct resolve_item *items;
    size_t n;
};

static void names_deinit(struct names *names)
{
    free(names->items);
}

static void collect(struct names *names, struct subject *subject, struct place place)
{
    if (subject && subject->name && subject->type != SUBJECT_UNIT)
        names->items[names->n++] = (struct resolve_item){subject, place, 0};
}

static void collect_grants(struct names *names, const struct grants *grants)
{
    for (size_t i = 0; i < grants->n; i++)
        collect(names, &grants->items[i].subject, grants->items[i].place);
}

static int collect_all(struct names *names, const struct config *config)
{
    size_t most = config->admin.n + config->observe.n + config->n_objects;

    for (size_t i = 0; i < config->n_objects; i++)
        most += config->objects[i]->grants.n;
    names->items = calloc(most + 1, sizeof *names->items);
    if (!names->items)
        return -ENOMEM;
    collect_grants(names, &config->admin);
    collect_grants(names, &config->observe);
    for (size_t i = 0; i < config->n_objects; i++) {
        const struct declaration *object = config->objects[i];
        collect_grants(names, &object->grants);
        if (object->kind->settings_subject)
            collect(names, object->kind->settings_subject(object->settings), object->subject_place);
    }
    return 0;
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
