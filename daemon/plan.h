/*
 * From one configuration to another: what a reload would do, and doing it.
 *
 * A plan goes through both, name by name, in as many steps as one likes, while the registry serves
 * on. Unless it is only to be looked at, it makes the new objects on its way. Committing it is one
 * step that cannot fail.
 */
#pragma once

#include "daemon/registry.h"

/* One line of what is told: "created", "changed", "differs", "retired", "revived", "removed",
 * "two-way". */
struct change {
    char *name; /* owned, as is `detail` */
    const char *kind;
    const char *what; /* a constant */
    char *detail;     /* "" for none */
};

struct changes {
    struct change *items;
    size_t n;
};

void changes_deinit(struct changes *changes);

struct plan {
    struct registry *registry; /* borrowed, like the configuration */
    const struct config *config;
    const struct environment *environment;
    bool dry;        /* makes nothing */
    size_t old, new; /* how far it has gone in each */
    struct plan_item *items;
    size_t n;
    struct changes changes;
};

/* -ENOMEM. */
int plan_init(struct plan *plan, struct registry *registry, const struct config *config,
              const struct environment *environment, bool dry) _must_check_;
/* Does the next name. 1: there are more; 0: that was the last; -errno: there is not enough of
 * descriptors or memory, and the plan cannot be carried out. */
int plan_step(struct plan *plan) _must_check_;
/* Makes the registry what the configuration says, at once; what is no more declared is retired. The
 * plan is empty then, but for its changes. */
void plan_commit(struct plan *plan);
/* Takes back what was made and not committed. */
void plan_deinit(struct plan *plan);
