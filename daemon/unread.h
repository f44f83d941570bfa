/*
 * Descriptors on their way: sent, and not seen to have been read. The kernel counts them all
 * against the broker's user, so that whoever does not read would take from everybody.
 *
 * What was sent is added up; the kernel is asked who has read only when a sum would pass its limit,
 * and each connection only once: one that has not read is held, which means that it is not listened
 * to until an edge of EPOLLOUT tells that it does. It sees no difference, as replies come in order.
 */
#pragma once

#include "daemon/kept.h"

/* Of all clients together; owned by the desk. */
struct quota {
    size_t limit;    /* the soft RLIMIT_NOFILE */
    size_t reserved; /* in bags of the service manager's store */
    size_t unread;   /* of clients */
    struct kept_sum kept;
    size_t n_proofs; /* users' connections that are asked for a proof, which takes a descriptor */
};

/* N descriptors lie in bags: they are as unread as any. */
static inline void quota_reserve(struct quota *quota, size_t n)
{
    quota->reserved = n;
}
/* The most that may be on their way, bags included; where these take all, one packet besides. */
size_t quota_most(const struct quota *quota);
/* The most of one user's. */
size_t quota_share(const struct quota *quota);

/* Whether N more may be sent. -EAGAIN: not before the client, or others of his user, have read;
 * -EDQUOT: too many are on their way to all together. */
int unread_check(struct connection *connection, size_t n) _must_check_;
void unread_add(struct connection *connection, size_t n);
/* Whether the client has taken all that was sent. */
bool unread_is_none(const struct connection *connection);
/* He has: takes his off the sums, and wakes who waits for that. Also when he is gone. */
void unread_clear(struct connection *connection);
/* It is not to be asked again. */
void unread_hide(struct connection *connection);
/* Its request waits for its user's other connections, or does so no more. */
void unread_await(struct connection *connection);
void unread_stop_awaiting(struct connection *connection);
