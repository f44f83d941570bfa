/* Names, each with what it is the name of; found by a hash. Names and items are borrowed. */
#pragma once

#include "base/base.h"

struct names {
    struct name_place *places;
    size_t n_places; /* a power of two, and more than twice as many as names; 0: room for none */
};

/* Makes room for MOST names in all. What is there stays. -ENOMEM. */
int names_reserve(struct names *names, size_t most) _must_check_;
void names_deinit(struct names *names);

/* Adds ITEM, which is not NULL, if the name is free; there must be room. Returns whose it is: ITEM,
 * or another that has it already. */
void *names_add(struct names *names, const char *name, void *item);
/* Whose the name of SIZE bytes is. NULL: nobody's. */
void *names_find(const struct names *names, const char *name, size_t size);
/* Takes the name off ITEM, unless it is another's. Only in the order in which the last ones were
 * added, backwards: who came later may have looked at its place, and gone on. */
void names_drop(struct names *names, const char *name, const void *item);
/* Forgets all, and keeps the room. */
void names_clear(struct names *names);
