/* Requests that are kept to be answered later: each a copy of its frame, owned by its connection.
 */
#pragma once

#include "base/base.h"

#include <string.h>
#include <sys/queue.h>

#define KEPT_WAITING_MAX  16    /* of a connection, those that wait for an event in the broker */
#define KEPT_WAITING_SIZE 1024u /* bytes of each, so that they are no way to fill its memory */
#define KEPT_WAITING_USER 256   /* of all connections of a user */
#define KEPT_WAITING_ALL  4096  /* of all users */

/* Bytes of requests whose replies did not go out: of a user, and of all. Over that they are left in
 * their sockets, where they take none of ours. */
#define KEPT_PARKED_USER (1u << 20)
#define KEPT_PARKED_ALL  (16u << 20)

/* What is kept of them. */
struct kept_sum {
    size_t parked; /* bytes */
    size_t waiting;
};

struct connection;

struct kept {
    struct connection *connection;
    uint32_t serial;
    uint64_t run;           /* of the reload that answers it, 0: none was asked for yet */
    bool cancelled;         /* by the client: that is its answer */
    bool answered;          /* it is the reply: what was asked for is done, and not done twice */
    bool due;               /* the event has come; the answer waits for its connection to be free */
    LIST_ENTRY(kept) entry; /* of all connections' */
    LIST_ENTRY(kept) sibling; /* of the connection's own */
    size_t size;
    uint8_t frame[];
};

LIST_HEAD(kept_list, kept);

/* A copy of FRAME, in no list. NULL: out of memory. */
static inline struct kept *kept_new(const void *frame, size_t size)
{
    struct kept *kept = calloc(1, sizeof *kept + size);

    if (kept) {
        memcpy(kept->frame, frame, size);
        kept->size = size;
    }
    return kept;
}

static inline void kept_freep(struct kept **kept)
{
    free(*kept);
    *kept = NULL;
}

/* The one with that serial among a connection's. NULL: there is none. */
static inline struct kept *kept_find(const struct kept_list *siblings, uint32_t serial)
{
    struct kept *kept;

    LIST_FOREACH (kept, siblings, sibling)
        if (kept->serial == serial && !kept->cancelled)
            return kept;
    return NULL;
}
