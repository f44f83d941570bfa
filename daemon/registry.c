#include "daemon/registry.h"

#include "daemon/clock.h"
#include "daemon/service.h"

#include <string.h>

/* ---- life ---- */

int registry_init(struct registry *registry, const struct config *config,
                  const struct environment *environment)
{
    *registry = (struct registry){NULL};
    if (registry_reserve(registry, config->n_objects, 0) < 0) {
        registry_deinit(registry);
        return -ENOMEM;
    }
    for (; registry->n < config->n_objects; registry->n++) {
        struct object *object = object_new(config->objects[registry->n], environment);

        if (!object) {
            registry_deinit(registry);
            return -ENOMEM;
        }
        registry->objects[registry->n] = object;
    }
    registry_index(registry);
    return 0;
}

void registry_deinit(struct registry *registry)
{
    struct object *object;

    for (size_t i = 0; (object = registry_at(registry, i)); i++)
        object_free(object);
    free(registry->objects);
    free(registry->retired);
    names_deinit(&registry->index);
    *registry = (struct registry){NULL};
}

void registry_create(struct registry *registry, struct notifier *notifier)
{
    uint64_t now = now_us();

    for (size_t i = 0; i < registry->n; i++) {
        object_create(registry->objects[i], now);
        service_starting(notifier);
    }
}

uint64_t registry_retry(struct registry *registry)
{
    uint64_t now = now_us(), next = 0;

    for (size_t i = 0; i < registry->n; i++) {
        struct object *object = registry->objects[i];

        object_retry(object, now);
        if (object_is_failed(object) && (next == 0 || object->retry_at_us < next))
            next = object->retry_at_us;
    }
    return next;
}

/* ---- finding ---- */

/* As strcmp(), of a name that is not terminated, and may hold what no object's name can, and one
 * that is. Byte by byte: names differ within their first bytes, and a search has many of them. */
static int compare(const char *name, size_t size, const char *other)
{
    for (size_t i = 0; i < size; i++) {
        if (other[i] == '\0')
            return 1;
        if (name[i] != other[i])
            return (unsigned char)name[i] < (unsigned char)other[i] ? -1 : 1;
    }
    return other[size] == '\0' ? 0 : -1;
}

/* The index of the first of N objects whose name is greater. */
static size_t after(struct object *const *objects, size_t n, const char *name, size_t size)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(name, size, objects[middle]->declaration->name) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void registry_index(struct registry *registry)
{
    names_clear(&registry->index);
    for (size_t i = 0; i < registry->n; i++)
        (void)names_add(&registry->index, registry->objects[i]->declaration->name,
                        registry->objects[i]);
}

struct object *registry_find(const struct registry *registry, const char *name, size_t size)
{
    return names_find(&registry->index, name, size);
}

/* The last one to retire of those called NAME, and its number; NULL and 0. */
static struct object *find_last(const struct registry *registry, const char *name, size_t size,
                                const struct kind *kind, unsigned *ret_number)
{
    struct object *last = NULL;

    *ret_number = 0;
    for (size_t i = after(registry->retired, registry->n_retired, name, size);
         i < registry->n_retired; i++) {
        const char *is = registry->retired[i]->declaration->name;
        unsigned number;

        if (strncmp(is, name, size) != 0)
            break;
        if (is[size] != '@') /* a name that is longer */
            continue;
        if (kind && registry->retired[i]->declaration->kind != kind)
            continue;
        number = (unsigned)strtoul(is + size + 1, NULL, 10);
        if (number > *ret_number) {
            *ret_number = number;
            last = registry->retired[i];
        }
    }
    return last;
}

/* The retired object of that name with its number. */
static struct object *find_numbered(const struct registry *registry, const char *name, size_t size)
{
    size_t next = after(registry->retired, registry->n_retired, name, size);
    struct object *object = next > 0 ? registry->retired[next - 1] : NULL;

    return object && compare(name, size, object->declaration->name) == 0 ? object : NULL;
}

struct object *registry_find_retired(const struct registry *registry, const char *name, size_t size)
{
    unsigned number;

    if (size == 0)
        return NULL;
    if (memchr(name, '@', size))
        return find_numbered(registry, name, size);
    return find_last(registry, name, size, NULL, &number);
}

struct object *registry_find_last(const struct registry *registry, const char *name,
                                  const struct kind *kind)
{
    unsigned number;

    return find_last(registry, name, strlen(name), kind, &number);
}

unsigned registry_next_number(const struct registry *registry, const char *name)
{
    unsigned number;

    (void)find_last(registry, name, strlen(name), NULL, &number);
    return number + 1;
}

int registry_reserve(struct registry *registry, size_t n, size_t n_retired)
{
    size_t most = registry->n > n ? registry->n : n;
    struct object **objects = reallocarray(registry->objects, most + 1, sizeof *objects), **retired;

    if (objects)
        registry->objects = objects;
    retired = reallocarray(registry->retired, registry->n_retired + n_retired + 1, sizeof *retired);
    if (retired)
        registry->retired = retired;
    return objects && retired ? names_reserve(&registry->index, most) : -ENOMEM;
}

static int compare_objects(const void *a, const void *b)
{
    const struct object *const *left = a, *const *right = b;

    return strcmp((*left)->declaration->name, (*right)->declaration->name);
}

void registry_sort_retired(struct registry *registry)
{
    size_t kept = 0;

    for (size_t i = 0; i < registry->n_retired; i++)
        if (object_is_retired(registry->retired[i]))
            registry->retired[kept++] = registry->retired[i];
    registry->n_retired = kept;
    if (kept > 0)
        qsort(registry->retired, kept, sizeof(struct object *), compare_objects);
}

void registry_drop_retired(struct registry *registry, struct object *object)
{
    size_t kept = 0;

    for (size_t i = 0; i < registry->n_retired; i++)
        if (registry->retired[i] != object)
            registry->retired[kept++] = registry->retired[i];
    registry->n_retired = kept;
    object_free(object);
}

void registry_add_retired(struct registry *registry, struct object *object)
{
    registry->retired[registry->n_retired++] = object;
    registry_sort_retired(registry);
}

struct object *registry_holder(const struct registry *registry, const char *name)
{
    struct object *object;

    for (size_t i = 0; (object = registry_at(registry, i)); i++)
        if (object->kernel_name && strcmp(object->kernel_name, name) == 0)
            return object;
    return NULL;
}

/* ---- all of them ---- */

struct object *registry_at(const struct registry *registry, size_t i)
{
    if (i < registry->n)
        return registry->objects[i];
    i -= registry->n;
    return i < registry->n_retired ? registry->retired[i] : NULL;
}

size_t registry_after(const struct registry *registry, const char *name, size_t size)
{
    if (size > 0 && memchr(name, '@', size))
        return registry->n + after(registry->retired, registry->n_retired, name, size);
    return after(registry->objects, registry->n, name, size);
}

struct registry_counts registry_count(const struct registry *registry)
{
    struct registry_counts counts = {0};

    for (size_t i = 0; i < registry->n; i++) {
        counts.failed += object_is_failed(registry->objects[i]);
        counts.differing += registry->objects[i]->difference != NULL;
    }
    return counts;
}
