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

/* In the order of names, which is the registry's. */
static void refuse_double_names(struct store *store, struct recovered_list *list)
{
    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, compare_names);
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

/* NULL with a sentence: it is not what its line says. */
static struct object *make_object(struct recovered *item, const struct environment *environment,
                                  struct sentence *why)
{
    struct object *object = object_new(item->declaration, environment);

    if (!object) {
        (void)say(why, 0, "out of memory");
        return NULL;
    }
    object->bag = item->bag;
    object->stored = true;
    object->traits = (unsigned)item->traits;
    object->adopted = true;
    if (item->declaration->kind->recover(object, item->fd, item->kernel_name, why) < 0)
        return object_free(object);
    item->fd = -1; /* the object's now */
    if (item->identity.inode != 0 &&
        memcmp(&item->identity, &object->identity, sizeof item->identity) != 0) {
        (void)say(why, 0, "it is another one than was stored");
        return object_free(object);
    }
    return object;
}

static size_t make_objects(struct store *store, struct recovered_list *list,
                           const struct environment *environment, struct object **objects)
{
    struct sentence why;
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct recovered *item = &list->items[i];

        if (item->fd < 0)
            continue;
        objects[n] = make_object(item, environment, &why);
        if (objects[n])
            n++;
        else
            refuse(store, item, why.text);
    }
    return n;
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
    size_t n;

    if (!objects || registry_reserve(registry, list->n, list->n) < 0) {
        free(objects);
        return -ENOMEM;
    }
    refuse_double_names(store, list);
    n = make_objects(store, list, environment, objects);
    n = drop_doubles(store, objects, n);
    enter(list, registry, objects, n);
    free(objects);
    return 0;
}
