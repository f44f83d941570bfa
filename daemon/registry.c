#include "daemon/registry.h"

#include "daemon/clock.h"

#include <string.h>

int registry_init(struct registry *registry, const struct config *config,
                  const struct environment *environment)
{
    struct object *objects = calloc(config->n_objects ? config->n_objects : 1, sizeof *objects);

    if (!objects)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_objects; i++)
        object_init(&objects[i], config->objects[i], environment);
    *registry = (struct registry){objects, config->n_objects};
    return 0;
}

void registry_deinit(struct registry *registry)
{
    for (size_t i = 0; i < registry->n; i++)
        object_deinit(&registry->objects[i]);
    free(registry->objects);
    *registry = (struct registry){NULL, 0};
}

void registry_create(struct registry *registry)
{
    uint64_t now = now_us();

    for (size_t i = 0; i < registry->n; i++)
        object_create(&registry->objects[i], now);
}

uint64_t registry_retry(struct registry *registry)
{
    uint64_t now = now_us(), next = 0;

    for (size_t i = 0; i < registry->n; i++) {
        struct object *object = &registry->objects[i];

        object_retry(object, now);
        if (object_is_failed(object) && (next == 0 || object->retry_at_us < next))
            next = object->retry_at_us;
    }
    return next;
}

/* As strcmp(), of a name that is not terminated and one that is. */
static int compare(const char *name, size_t size, const char *other)
{
    size_t length = strlen(other), common = size < length ? size : length;
    int r = common ? memcmp(name, other, common) : 0; /* an empty name may be NULL */

    return r != 0 ? r : (size > length) - (size < length);
}

size_t registry_after(const struct registry *registry, const char *name, size_t size)
{
    size_t low = 0, high = registry->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(name, size, registry->objects[middle].declaration->name) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct object *registry_find(const struct registry *registry, const char *name, size_t size)
{
    size_t after = registry_after(registry, name, size);
    struct object *object;

    if (after == 0)
        return NULL;
    object = &registry->objects[after - 1];
    return compare(name, size, object->declaration->name) == 0 ? object : NULL;
}

struct registry_counts registry_count(const struct registry *registry)
{
    struct registry_counts counts = {0};

    for (size_t i = 0; i < registry->n; i++) {
        counts.failed += object_is_failed(&registry->objects[i]);
        counts.differing += registry->objects[i].difference != NULL;
    }
    return counts;
}
