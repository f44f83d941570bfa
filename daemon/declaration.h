/* Declarations: making, copying and freeing them. What one is stands in object.h. */
#pragma once

#include "daemon/object.h"

/* A new one with the kind's defaults; NAME is copied, the path of PLACE is borrowed. NULL: out of
 * memory. */
struct declaration *declaration_new(const struct kind *kind, const char *name, struct place place);
struct declaration *declaration_free(struct declaration *declaration);

static inline void declaration_freep(struct declaration **declaration)
{
    *declaration = declaration_free(*declaration);
}

/* Sets a plain key from its text, as a configuration has it. -EINVAL with a sentence: no such key
 * or no such value; -ENOMEM. */
int declaration_set(struct declaration *declaration, const char *key, const char *value,
                    struct sentence *why) _must_check_;

/* One with the same kind, settings and place under the name NAME, that needs nothing of the
 * configuration and grants nothing. Its settings are those in force: what NAMING makes of a queue's
 * name is said. NULL: out of memory. */
struct declaration *declaration_copy(const struct declaration *declaration, const char *name,
                                     enum naming naming);
