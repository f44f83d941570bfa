#include "daemon/recover.h"

#include "daemon/log.h"

#include <string.h>

/* ---- what is wrong ---- */

static void refuse(struct store *store, struct recovered *item, const char *why)
{
    char name[256];

    log_event(&(struct log_event){.priority = LOG_ERR,
                                  .id = LOG_STORE_REFUSED,
                                  .object = item->declaration->name},
              "%s, which came back from the descriptor store, is refused: %s",
              declaration_format(item->declaration, name, sizeof name), why);
    item->fd = close_fd(item->fd);
    store_spoil(store, item->bag);
}

static int compare_names(const void *a, const void *b)
{
    const struct recovered *left = a, *right = b;

    return strcmp(left->declaration->name, right->declaration->name);
}

/* Of two with a name the older bag's comes first: the other was made while that could not be read.
 */
static int compare_items(const void *a, const void *b)
{
    const struct recovered *left = a, *right = b;
    int names = compare_names(a, b);

    return names != 0 ? names : (left->bag > right->bag) - (left->bag < right->bag);
}

/* In the order of names, which is the registry's. */
static void refuse_double_names(struct store *store, struct recovered_list *list)
{
    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, compare_items);
    for (size_t i = 1; i < list->n; i++)
        if (compare_names(&list->items[i - 1], &list->items[i]) == 0)
            refuse(store, &list->items[i], "there is another one of that name");
}

static int compare_identities(const void *a, const void *b)
{
    const struct object *left = *(struct object *const *)a, *right = *(struct object *const *)b;
    const struct wire_identity *l = &left->identity, *r = &right->identity;

    if (left->declaration->kind != right->declaration->kind)
        return left->declaration->kind < right->declaration->kind ? -1 : 1;
    if (l->device != r->device)
        return l->device < r->device ? -1 : 1;
    return (l->inode > r->inode) - (l->inode < r->inode);
}

/* ---- objects ---- */

static void object_freep(struct object **object)
{
    *object = object_free(*object);
}

/* -EBADMSG: it is not what its line says. */
static int make_object(struct recovered *item, const struct environment *environment,
                       struct object **ret, struct sentence *why)
{
    _cleanup_(object_freep) struct object *object = object_new(item->declaration, environment);
    int r;

    if (!object)
        return say(why, -ENOMEM, "out of memory");
    object->bag = item->bag;
    object->stored = true;
    object->traits = (unsigned)item->traits;
    object->adopted = true;
    r = item->declaration->kind->recover(object, item->fd, item->kernel_name, why);
    if (r < 0)
        return r;
    item->fd = -1; /* the object's now */
    if (item->identity.inode != 0 &&
        memcmp(&item->identity, &object->identity, sizeof item->identity) != 0)
        return say(why, -EBADMSG, "it is another one than was stored");
    *ret = TAKE_PTR(object);
    return 0;
}

/* What cannot be looked at now is not refused, which would be its end: the start is, and the store
 * stays as it was for the next one. */
static int make_objects(struct store *store, struct recovered_list *list,
                        const struct environment *environment, struct object **objects,
                        size_t *ret_n)
{
    struct sentence why;
    char name[256];

    for (size_t i = 0; i < list->n; i++) {
        struct recovered *item = &list->items[i];
        int r;

        if (item->fd < 0)
            continue;
        r = make_object(item, environment, &objects[*ret_n], &why);
        *ret_n += r >= 0;
        if (r == -EBADMSG)
            refuse(store, item, why.text);
        else if (r < 0) {
            log_error("%s, which came back from the descriptor store, cannot be taken: %s",
                      declaration_format(item->declaration, name, sizeof name), why.text);
            return r;
        }
    }
    return 0;
}

/* The kernel's object twice, under two names: which is right cannot be told, and either is its own
 * object's data. The first by name is kept. */
static size_t drop_doubles(struct store *store, struct object **objects, size_t n)
{
    size_t kept = 0;
    char name[256], first[256];

    if (n > 0)
        qsort(objects, n, sizeof *objects, compare_identities);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_identities(&objects[kept - 1], &objects[i]) == 0) {
            log_event(
                &(struct log_event){.priority = LOG_ERR,
                                    .id = LOG_STORE_REFUSED,
                                    .object = objects[i]->declaration->name},
                "%s, which came back from the descriptor store, is refused: it is the same as "
                "%s",
                declaration_format(objects[i]->declaration, name, sizeof name),
                declaration_format(objects[kept - 1]->declaration, first, sizeof first));
            store_spoil(store, objects[i]->bag);
            object_free(objects[i]);
        } else {
            objects[kept++] = objects[i];
        }
    }
    return kept;
}

/* ---- into the registry ---- */

static int compare_objects(const void *a, const void *b)
{
    const struct object *const *left = a, *const *right = b;

    return strcmp((*left)->declaration->name, (*right)->declaration->name);
}

/* The declaration of a retired object becomes its own. */
static void let_own(struct recovered_list *list, struct object *object)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].declaration == object->declaration)
            object_retire(object, TAKE_PTR(list->items[i].declaration));
}

static bool is_retired(const struct object *object)
{
    return strchr(object->declaration->name, '@');
}

static void enter(struct recovered_list *list, struct registry *registry, struct object **objects,
                  size_t n)
{
    if (n > 0)
        qsort(objects, n, sizeof *objects, compare_objects);
    for (size_t i = 0; i < n; i++) {
        if (is_retired(objects[i])) {
            let_own(list, objects[i]);
            registry->retired[registry->n_retired++] = objects[i];
        } else {
            registry->objects[registry->n++] = objects[i];
        }
    }
    registry_index(registry);
}

int recover_objects(struct store *store, struct recovered_list *list, struct registry *registry,
                    const struct environment *environment)
{
    struct object **objects = calloc(list->n + 1, sizeof(struct object *));
    size_t n = 0;
    int r;

    if (!objects || registry_reserve(registry, list->n, list->n) < 0) {
        free(objects);
        return -ENOMEM;
    }
    refuse_double_names(store, list);
    r = make_objects(store, list, environment, objects, &n);
    if (r >= 0) {
        n = drop_doubles(store, objects, n);
        enter(list, registry, objects, n);
    }
    for (size_t i = 0; r < 0 && i < n; i++)
        object_free(objects[i]);
    free(objects);
    return r;
}
