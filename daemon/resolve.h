/* Names of users and groups, looked up. */
#pragma once

#include "daemon/grants.h"

/* A name that is to become a number, and who says so. */
struct resolve_item {
    struct subject *subject; /* a user or group with a name; borrowed */
    struct place place;
    int error; /* 0: found, or not tried; -ENOENT: there is no such name; else the look-up failed */
};

/* Looks up each distinct name once, and sets all its subjects; the items' order changes. -ENOMEM.
 */
int resolve(struct resolve_item *items, size_t n) _must_check_;
