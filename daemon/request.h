/* One request -> one reply. No I/O but what the objects need to be handed out or looked at. */
#pragma once

#include "daemon/kept.h"
#include "daemon/peer.h"
#include "daemon/registry.h"
#include "daemon/unread.h"
#include "daemon/users.h"

struct reload;
struct server;

/* What requests are answered from; owned by the broker. */
struct desk {
    struct registry *registry;
    struct store *store;
    struct reload *reload;
    struct server *server;
    const struct config *config;
    uint64_t started_us;
    size_t n_clients;                  /* of both sockets */
    const char *socket, *admin_socket; /* where the broker listens */
    bool socket_given;                 /* on the command line */
    struct unit_source units;
    struct quota quota; /* descriptors on their way to clients */
    unsigned without;   /* features of the kernel to do without */
};

/* Whether something of the configuration is not as it says: an object failed, a file left out, or
 * counting as before. */
bool desk_is_degraded(const struct desk *desk);

/* Who asks. */
struct caller {
    struct peer *peer;
    int fd;                          /* the connection, for asking the kernel more about the peer */
    const struct user *user;         /* his account; NULL on the admin socket */
    bool admin;                      /* on the admin socket: needs no grant */
    const struct kept_list *waiting; /* his requests that wait for an event */
    size_t n_waiting;
    const struct kept *kept; /* the request, if it is one that was kept; else NULL */
};

/* The answer. One is enough for all connections: it is sent or dropped before the next request. */
struct reply {
    struct wire_writer writer; /* over `frame` */
    uint8_t frame[WIRE_REPLY_MAX];
    struct handout handouts[WIRE_DESCRIPTORS_MAX];
    size_t n_handouts;
    bool close; /* the request was malformed: close after sending */
    bool later; /* nothing is to be sent yet: keep the request, and ask again after the event */
    bool done;  /* what was asked for has changed something: keep the reply, not the request */
    uint32_t serial; /* of the request */
    uint64_t run;    /* of the reload that such a one waits for, 0: of any */
    uint32_t cancel; /* once sent: cancel this request of the same client; 0: none */
};

/* Answers FRAME, which came from CALLER; SIZE 0 for a packet that is no frame at all. There always
 * is a reply, or `later` is set. */
void request_answer(const struct desk *desk, const struct caller *caller, const void *frame,
                    size_t size, struct reply *reply);
/* A reply of nothing but an error, to SERIAL; serial 0 and type WIRE_EVENT where no request was
 * read. */
void reply_error(struct reply *reply, unsigned type, uint32_t serial, int error,
                 const char *sentence);
/* Makes a reply that could not be sent one of nothing but an error, to the same request. */
void reply_turn_error(struct reply *reply, int error, const char *sentence);
/* Makes it once more the one, without descriptors, that FRAME was. */
void reply_restore(struct reply *reply, const void *frame, size_t size);
/* Closes what was not handed out. */
void reply_deinit(struct reply *reply);
