/* Accounts: what each user has of the broker at this moment. */
#pragma once

#include "daemon/kept.h"

#include <sys/types.h>

struct connection;

/* One user, for as long as he has a connection or is barred. */
struct user {
    uid_t uid;
    size_t n_clients;
    size_t unread;                       /* descriptors on their way to him */
    LIST_HEAD(, connection) unread_list; /* connections of his that may have read some */
    TAILQ_HEAD(, connection) awaiting;   /* connections whose request waits for those */
    struct kept_sum kept;                /* of his requests */
    size_t n_proofs;                     /* connections that are asked for a proof */
    uint64_t barred_until_us;            /* 0: he is not */
    TAILQ_ENTRY(user) barred;
};

struct users {
    void *tree;                /* of tsearch(3), by uid */
    TAILQ_HEAD(, user) barred; /* in the order in which they get in again */
};

#define USERS_BARRED_US 60000000 /* a minute */

void users_init(struct users *users);
void users_deinit(struct users *users);

/* Counts one more client of UID; returns his account, borrowed until users_leave(). -EBUSY: he has
 * MOST already, proofs included; -EPERM: he is barred; -ENOMEM. */
int users_enter(struct users *users, uid_t uid, size_t most, struct user **ret) _must_check_;
/* He gets no new connection for a while. */
void users_bar(struct users *users, struct user *user);
/* Counts one client less; the account goes with the last. */
void users_leave(struct users *users, struct user *user);
