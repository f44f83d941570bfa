/* The registry: name -> object, sorted by name, so that finding is a binary search and paging
 * needs no state. */
#pragma once

#include "daemon/config.h"

struct registry {
    struct object *objects; /* by name, bytewise */
    size_t n;
};

/* Takes every declaration of CONFIG in; makes nothing yet. CONFIG and ENVIRONMENT are borrowed for
 * the registry's life. -ENOMEM. */
int registry_init(struct registry *registry, const struct config *config,
                  const struct environment *environment) _must_check_;
/* Gives the broker's descriptors up; removes nothing from the kernel. */
void registry_deinit(struct registry *registry);

/* Makes every object; those that cannot be made are failed. */
void registry_create(struct registry *registry);
/* Tries the failed ones again whose time has come. Returns when the next one is due, by the clock
 * of now_us(); 0: none is failed. */
uint64_t registry_retry(struct registry *registry);

/* NAME is not terminated. NULL: no such object. */
struct object *registry_find(const struct registry *registry, const char *name, size_t size);
/* The index of the first object whose name is greater than NAME; 0 for an empty one. */
size_t registry_after(const struct registry *registry, const char *name, size_t size);

struct registry_counts {
    size_t failed, differing;
};

struct registry_counts registry_count(const struct registry *registry);
