#include "daemon/declaration.h"

#include <string.h>

struct declaration *declaration_new(const struct kind *kind, const char *name, struct place place)
{
    _cleanup_(declaration_freep) struct declaration *declaration =
        calloc(1, sizeof *declaration + kind->settings_size);

    if (!declaration)
        return NULL;
    declaration->kind = kind;
    declaration->place = place;
    declaration->settings = declaration + 1; /* behind it, in the same piece of memory */
    kind->settings_init(declaration->settings);
    declaration->name = strdup(name);
    if (!declaration->name)
        return NULL;
    return TAKE_PTR(declaration);
}

struct declaration *declaration_free(struct declaration *declaration)
{
    if (!declaration)
        return NULL;
    declaration->kind->settings_deinit(declaration->settings);
    free(declaration->name);
    free(declaration->own_path);
    grants_deinit(&declaration->grants);
    free(declaration);
    return NULL;
}

int declaration_set(struct declaration *declaration, const char *key, const char *value,
                    struct sentence *why)
{
    const struct kind *kind = declaration->kind;

    for (size_t i = 0; i < kind->n_keys; i++)
        if (strcmp(kind->keys[i].name, key) == 0)
            return kind->keys[i].parse(value, (char *)declaration->settings + kind->keys[i].offset,
                                       why);
    return say(why, -EINVAL, "unknown key '%s'", key);
}

struct declaration *declaration_copy(const struct declaration *declaration, const char *name,
                                     enum naming naming)
{
    const struct kind *kind = declaration->kind;
    _cleanup_(declaration_freep) struct declaration *copy =
        declaration_new(kind, name, declaration->place);
    char value[CLAIM_SIZE];

    if (!copy)
        return NULL;
    for (size_t i = 0; i < kind->n_keys; i++) {
        kind->settings_text(declaration, naming, kind->keys[i].name, value, sizeof value);
        if (value[0] && declaration_set(copy, kind->keys[i].name, value, NULL) < 0)
            return NULL;
    }
    if (declaration->place.path && !(copy->own_path = strdup(declaration->place.path)))
        return NULL;
    copy->place.path = copy->own_path;
    return TAKE_PTR(copy);
}
