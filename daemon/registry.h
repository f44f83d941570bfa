/* The registry: name -> object. What is declared is sorted by name, so that paging needs no state;
 * behind it come the retired ones, which are called NAME@NUMBER. Requests find what is declared by
 * a hash of its name. */
#pragma once

#include "daemon/config.h"
#include "daemon/names.h"

struct notifier;

struct registry {
    struct object **objects; /* that are declared, by name, bytewise; owned */
    size_t n;
    struct object **retired; /* by name, too; owned */
    size_t n_retired;
    struct names index; /* of the names of what is declared */
};

/* Takes every declaration of CONFIG in; makes nothing yet. CONFIG and ENVIRONMENT are borrowed for
 * the registry's life. -ENOMEM. */
int registry_init(struct registry *registry, const struct config *config,
                  const struct environment *environment) _must_check_;
/* Gives the broker's descriptors up; removes nothing from the kernel. */
void registry_deinit(struct registry *registry);

/* Makes every object; those that cannot be made are failed. NOTIFIER, which may be NULL, hears that
 * it goes on. */
void registry_create(struct registry *registry, struct notifier *notifier);
/* Tries the failed ones again whose time has come. Returns when the next one is due, by the clock
 * of now_us(); 0: none is failed. */
uint64_t registry_retry(struct registry *registry);

/* To be called when `objects` has changed: from now on these are found. */
void registry_index(struct registry *registry);
/* The object that is declared under NAME, which is not terminated. NULL: there is none. */
struct object *registry_find(const struct registry *registry, const char *name, size_t size);
/* The retired object NAME@NUMBER, or the last one to retire of those called NAME. NULL: there is
 * none. */
struct object *registry_find_retired(const struct registry *registry, const char *name,
                                     size_t size);
/* The last one to retire of those called NAME that is of KIND. NULL: there is none. */
struct object *registry_find_last(const struct registry *registry, const char *name,
                                  const struct kind *kind);
/* Takes a retired object over; there must be room, see registry_reserve(). */
void registry_add_retired(struct registry *registry, struct object *object);
/* Frees one of them. */
void registry_drop_retired(struct registry *registry, struct object *object);
/* Makes room for N objects that are declared, and for N_RETIRED more that are retired. -ENOMEM. */
int registry_reserve(struct registry *registry, size_t n, size_t n_retired) _must_check_;
/* Puts the list of retired ones right, of which some may have been added at its end, and some be
 * retired no more. */
void registry_sort_retired(struct registry *registry);
/* The number that the next object to retire as NAME gets, 1 for the first. */
unsigned registry_next_number(const struct registry *registry, const char *name);

/* The object that lives under NAME in the kernel. NULL: none of ours. */
struct object *registry_holder(const struct registry *registry, const char *name);

/* All objects in the order of pages: the I-th; NULL past the end. */
struct object *registry_at(const struct registry *registry, size_t i);
/* The index of the first object that comes after NAME in that order; 0 for an empty one. */
size_t registry_after(const struct registry *registry, const char *name, size_t size);

struct registry_counts {
    size_t failed, differing;
};

struct registry_counts registry_count(const struct registry *registry);
