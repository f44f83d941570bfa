/* Names of users and groups become numbers, each file's within a limited time. */
#pragma once

#include "daemon/grants.h"

/* A name that is to become a number, and who says so. */
struct resolve_item {
    struct subject *subject; /* a user or group with a name; borrowed */
    struct place place;
    int error; /* 0: found; -ENOENT: there is no such name; -ETIME: the name service did not answer
                  in time; else the look-up failed */
};

/* Looks up the names of each file beside those of the others, each distinct one once, and sets all
 * their subjects; the items' order changes. Returns after LOOKUP_SECONDS a file at the latest; may
 * be called in any thread. -ENOMEM. */
int resolve(struct resolve_item *items, size_t n) _must_check_;
