/* Accounts: what each user has of the broker at this moment. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

/* One user, for as long as he has a connection. */
struct user {
    uid_t uid;
    size_t n_clients;
};

struct users {
    void *tree; /* of tsearch(3), by uid */
};

/* Counts one more client of UID; returns his account, borrowed until users_leave(). -EBUSY: he has
 * MOST already; -ENOMEM. */
int users_enter(struct users *users, uid_t uid, size_t most, struct user **ret) _must_check_;
/* Counts one client less; the account goes with the last. */
void users_leave(struct users *users, struct user *user);
