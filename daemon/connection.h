/* One client: frames in, frames out, back pressure. One request is answered at each wake-up, so
 * that everybody gets his turn; a reply that does not go out parks its request, and the client's
 * further ones wait in the kernel. */
#pragma once

#include "daemon/loop.h"
#include "daemon/request.h"
#include "daemon/unread.h"
#include "daemon/users.h"

struct connection;

/* What all connections share; owned by the server. */
struct connection_context {
    struct loop *loop;
    const struct desk *desk;
    struct reply *reply;                   /* room for the one reply in the making */
    uint8_t *frame;                        /* WIRE_REQUEST_MAX bytes for the one request */
    bool peeked;                           /* what was read last still is in its socket */
    void (*gone)(struct connection *gone); /* closed: take it off the lists and free it */
    struct quota *quota;
    LIST_HEAD(, connection) unread; /* those who may have read some of theirs */
    struct kept_list waiting;       /* requests that wait for an event, of all connections */
};

struct connection {
    struct source source;
    struct connection_context *context;
    struct peer peer;
    struct user *user; /* his account; NULL on the admin socket */
    bool admin;
    bool unguarded;   /* descriptors may come in */
    void *server;     /* the owner's own */
    unsigned unread;  /* descriptors sent since the client was last seen to have read all */
    bool listed;      /* in the lists of those who may have read some */
    unsigned largest; /* the most of them that one reply had */
    bool held;        /* has not read, and is not listened to until it does */
    bool awaiting;    /* in the list of those who wait for others of their user */
    bool ended;       /* shut down; stays until the client has read or is gone */
    bool asked;       /* for a proof, and counted */
    LIST_ENTRY(connection) unread_entry, unread_sibling;
    TAILQ_ENTRY(connection) awaiting_entry;
    struct kept *parked;      /* the request whose reply did not go out, owned; NULL: none */
    bool left;                /* or that one is left in the socket */
    unsigned parked_handouts; /* how many descriptors its reply had */
    struct kept_list waiting; /* requests that wait for an event, owned */
    size_t n_waiting;
    LIST_ENTRY(connection) entry;
};

/* Watches FD, which it takes over on success. -ENOMEM, -ENOSPC. */
int connection_open(struct connection *connection, int fd) _must_check_;
/* What KEPT waits for may have come: asks again, and puts it back into the context's list if it has
 * to wait on. Its connection may be gone then. */
void connection_resume(struct kept *kept);
/* Sends an event. It is lost for a client that does not read. */
void connection_tell(struct connection *connection, const void *frame, size_t size);
/* It is not listened to until the client reads. */
void connection_hold(struct connection *connection);
/* Makes an event, at which it tries again what waits. */
void connection_poke(struct connection *connection);
/* Closes and forgets all it owns; does not call gone(). True: the client has sent descriptors that
 * held the loop up. */
bool connection_deinit(struct connection *connection);

/* Sends an error to somebody who is no connection yet, reads away what he sent, so that he finds
 * the sentence and not a reset, and closes. GUARD: he may have sent descriptors; or NULL. */
void connection_refuse(int fd, struct guard *guard, struct reply *reply, int error,
                       const char *sentence);
