#include "daemon/names.h"

#include <string.h>

struct name_place {
    const char *name;
    void *item; /* NULL: the place is free */
};

/* NAME may hold what no name does, a NUL among it. Byte by byte: names differ within their first.
 */
static bool is_same(const char *name, size_t size, const char *other)
{
    for (size_t i = 0; i < size; i++)
        if (name[i] != other[i] || name[i] == '\0')
            return false;
    return other[size] == '\0';
}

/* The place that has the name, or the free one that it would get: the first from where its FNV-1a
 * hash says. */
static struct name_place *place_of(const struct names *names, const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    size_t at;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    at = hash & (names->n_places - 1);
    while (names->places[at].item && !is_same(name, size, names->places[at].name))
        at = (at + 1) & (names->n_places - 1);
    return &names->places[at];
}

int names_reserve(struct names *names, size_t most)
{
    struct names more = {.n_places = 8};

    while (more.n_places <= 2 * most)
        more.n_places *= 2;
    if (more.n_places <= names->n_places)
        return 0;
    more.places = calloc(more.n_places, sizeof *more.places);
    if (!more.places)
        return -ENOMEM;
    for (size_t i = 0; i < names->n_places; i++)
        if (names->places[i].item)
            (void)names_add(&more, names->places[i].name, names->places[i].item);
    names_deinit(names);
    *names = more;
    return 0;
}

void names_deinit(struct names *names)
{
    free(names->places);
    *names = (struct names){NULL, 0};
}

void *names_add(struct names *names, const char *name, void *item)
{
    struct name_place *place = place_of(names, name, strlen(name));

    if (!place->item)
        *place = (struct name_place){name, item};
    return place->item;
}

void *names_find(const struct names *names, const char *name, size_t size)
{
    return names->n_places ? place_of(names, name, size)->item : NULL;
}

void names_drop(struct names *names, const char *name, const void *item)
{
    struct name_place *place = place_of(names, name, strlen(name));

    if (place->item == item)
        place->item = NULL;
}

void names_clear(struct names *names)
{
    if (names->n_places)
        memset(names->places, 0, names->n_places * sizeof *names->places);
}
