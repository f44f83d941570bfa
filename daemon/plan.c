#include "daemon/plan.h"

#include "daemon/clock.h"
#include "daemon/declaration.h"
#include "daemon/limits.h"
#include "daemon/log.h"

#include <string.h>

enum action {
    KEEP,   /* the object gets the new declaration */
    REVIVE, /* the same, of a retired one */
    CREATE, /* a new object */
    RETIRE,
    DROP, /* it never was there */
};

struct plan_item {
    enum action action;
    struct object *object;                 /* of CREATE it is the plan's until it is committed */
    const struct declaration *declaration; /* the new one */
    struct declaration *own;               /* of one to be retired, owned */
    char *difference;                      /* from the new one, owned */
    bool adjust;
};

/* ---- life ---- */

void changes_deinit(struct changes *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        free(changes->items[i].name);
        free(changes->items[i].detail);
    }
    free(changes->items);
    *changes = (struct changes){NULL, 0};
}

int plan_init(struct plan *plan, struct registry *registry, const struct config *config,
              const struct environment *environment, bool dry)
{
    /* A name of both whose kind has changed makes two. */
    struct plan_item *items = calloc(registry->n + config->n_objects + 1, sizeof *items);

    if (!items || registry_reserve(registry, config->n_objects, registry->n) < 0) {
        free(items);
        return -ENOMEM;
    }
    *plan = (struct plan){
        .registry = registry,
        .config = config,
        .environment = environment,
        .dry = dry,
        .items = items,
    };
    return 0;
}

void plan_deinit(struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct plan_item *item = &plan->items[i];

        if (item->action == CREATE && item->object) {
            const struct kind *kind = item->object->declaration->kind;
            if (!object_is_failed(item->object) && !item->object->adopted && kind->remove)
                (void)kind->remove(item->object);
            object_free(item->object);
        }
        declaration_free(item->own);
        free(item->difference);
    }
    free(plan->items);
    plan->items = NULL;
    plan->n = 0;
    changes_deinit(&plan->changes);
}

/* ---- what is told ---- */

static int tell(struct plan *plan, const struct declaration *declaration, const char *what,
                const char *detail)
{
    struct changes *changes = &plan->changes;
    struct change *items = changes->items;
    struct change change = {.kind = declaration->kind->name, .what = what};

    if ((changes->n & (changes->n - 1)) == 0)
        items = reallocarray(items, changes->n ? changes->n * 2 : 1, sizeof *items);
    if (!items)
        return -ENOMEM;
    changes->items = items;
    change.name = strdup(declaration->name);
    change.detail = strdup(detail);
    items[changes->n++] = change;
    return change.name && change.detail ? 0 : -ENOMEM;
}

/* ---- one name ---- */

static struct plan_item *add(struct plan *plan, enum action action, struct object *object,
                             const struct declaration *declaration)
{
    struct plan_item *item = &plan->items[plan->n++];

    *item = (struct plan_item){.action = action, .object = object, .declaration = declaration};
    return item;
}

static bool is_same_subject(const struct subject *a, const struct subject *b)
{
    return a->type == b->type && a->resolved == b->resolved && (!a->resolved || a->id == b->id) &&
           !a->name == !b->name && (!a->name || strcmp(a->name, b->name) == 0);
}

static bool is_same_grants(const struct grants *a, const struct grants *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].access != b->items[i].access ||
            !is_same_subject(&a->items[i].subject, &b->items[i].subject))
            return false;
    return true;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What of an object that stays, or comes back, is not as DECLARATION says. */
static int compare(struct plan *plan, struct plan_item *item)
{
    const struct object *object = item->object;
    const struct kind *kind = item->declaration->kind;
    char text[128] = "";
    bool two_way = false;
    int r = kind->compare(object, item->declaration, &item->difference);

    if (r < 0)
        return r;
    if (kind->adjustment)
        two_way = kind->adjustment(object, item->declaration, text, sizeof text);
    item->adjust = text[0];
    if (item->adjust)
        r = tell(plan, item->declaration, "changed", text);
    if (r >= 0 && two_way)
        r = tell(plan, item->declaration, "two-way",
                 "holders of one direction can open the other by the new mode");
    if (r >= 0 && item->difference && !is_same_text(item->difference, object->difference))
        r = tell(plan, item->declaration, "differs", item->difference);
    if (r >= 0 && !item->difference && object->difference)
        r = tell(plan, item->declaration, "changed", "no longer differs");
    return r;
}

static int keep(struct plan *plan, struct object *object, const struct declaration *declaration)
{
    struct plan_item *item = add(plan, KEEP, object, declaration);
    int r = 0;

    if (!is_same_grants(&object->declaration->grants, &declaration->grants))
        r = tell(plan, declaration, "changed", "grants");
    return r < 0 ? r : compare(plan, item);
}

static int revive(struct plan *plan, struct object *object, const struct declaration *declaration)
{
    struct plan_item *item = add(plan, REVIVE, object, declaration);
    int r = tell(plan, declaration, "revived", object->declaration->name);

    return r < 0 ? r : compare(plan, item);
}

/* What the kernel does not let this user have is a failed object; a real shortage ends the plan. */
static int create(struct plan *plan, const struct declaration *declaration)
{
    struct plan_item *item = add(plan, CREATE, NULL, declaration);
    int r;

    if (plan->dry)
        return 0;
    item->object = object_new(declaration, plan->environment);
    if (!item->object)
        return -ENOMEM;
    r = object_create(item->object, now_us());
    return limits_is_shortage(r) ? r : 0;
}

static int make(struct plan *plan, const struct declaration *declaration)
{
    struct object *retired =
        registry_find_last(plan->registry, declaration->name, declaration->kind);
    int r;

    if (retired)
        return revive(plan, retired, declaration);
    r = tell(plan, declaration, "created", "");
    return r < 0 ? r : create(plan, declaration);
}

static int leave(struct plan *plan, struct object *object)
{
    const struct declaration *declaration = object->declaration;
    char name[WIRE_NAME_MAX + 16];
    struct plan_item *item;

    if (object_is_failed(object)) {
        add(plan, DROP, object, NULL);
        return tell(plan, declaration, "removed", "it was failed");
    }
    item = add(plan, RETIRE, object, NULL);
    (void)snprintf(name, sizeof name, "%s@%u", declaration->name,
                   registry_next_number(plan->registry, declaration->name));
    item->own = declaration_copy(declaration, name, plan->environment->naming);
    return item->own ? tell(plan, declaration, "retired", name) : -ENOMEM;
}

/* A name that both have. */
static int stay(struct plan *plan, struct object *object, const struct declaration *declaration)
{
    int r;

    if (object->declaration->kind == declaration->kind && !object_is_failed(object))
        return keep(plan, object, declaration);
    if (object->declaration->kind == declaration->kind) { /* one more try */
        add(plan, DROP, object, NULL);
        return create(plan, declaration);
    }
    r = leave(plan, object);
    return r < 0 ? r : make(plan, declaration);
}

int plan_step(struct plan *plan)
{
    struct object *object =
        plan->old < plan->registry->n ? plan->registry->objects[plan->old] : NULL;
    const struct declaration *declaration =
        plan->new < plan->config->n_objects ? plan->config->objects[plan->new] : NULL;
    int order, r;

    if (!object && !declaration)
        return 0;
    order = !object ? 1 : !declaration ? -1 : strcmp(object->declaration->name, declaration->name);
    plan->old += order <= 0;
    plan->new += order >= 0;
    r = order < 0   ? leave(plan, object)
        : order > 0 ? make(plan, declaration)
                    : stay(plan, object, declaration);
    return r < 0 ? r : 1;
}

/* ---- the step that cannot fail ---- */

static void declare(struct plan_item *item)
{
    struct object *object = item->object;
    struct sentence why;
    char name[256];

    object->declaration = item->declaration;
    object->own = declaration_free(object->own);
    free(object->difference);
    object->difference = TAKE_PTR(item->difference);
    object->adjusted = !item->adjust || item->declaration->kind->adjust(object, &why) >= 0;
    if (!object->adjusted)
        log_error("%s stays as it is: %s", declaration_format(item->declaration, name, sizeof name),
                  why.text);
}

/* There is room in the registry, see plan_init(). */
static void carry_out(struct plan *plan, struct plan_item *item)
{
    struct registry *registry = plan->registry;

    switch (item->action) {
    case KEEP:
    case REVIVE:
        declare(item);
        registry->objects[registry->n++] = item->object;
        break;
    case CREATE:
        registry->objects[registry->n++] = item->object;
        break;
    case RETIRE:
        object_retire(item->object, TAKE_PTR(item->own));
        registry->retired[registry->n_retired++] = item->object;
        break;
    case DROP:
        object_free(item->object);
        break;
    }
}

void plan_commit(struct plan *plan)
{
    struct registry *registry = plan->registry;

    registry->n = 0;
    for (size_t i = 0; i < plan->n; i++)
        carry_out(plan, &plan->items[i]);
    registry_index(registry);
    registry_sort_retired(registry);
    plan->n = 0;
}
