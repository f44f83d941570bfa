/* What the files of the library share. Nothing here is visible outside it. */
#pragma once

#include "base/base.h"
#include "client/ipcbroker.h"
#include "protocol/wire.h"

#include <sys/socket.h>
#include <sys/un.h>

#define _public_ __attribute__((visibility("default")))

/* ---- wait.c: relative timeouts, by CLOCK_MONOTONIC ---- */

struct deadline {
    int64_t timeout_us; /* as the caller gave it: -1 for ever, 0 not at all */
    int64_t at_us;      /* when it is over; of no meaning for ever */
};

/* -1 is the least timeout there is. */
static inline bool timeout_is_valid(int64_t timeout_us)
{
    return timeout_us >= -1;
}

/* A deadline that starts now. */
struct deadline deadline_from(int64_t timeout_us);
/* 0: there is time left; else what a caller is told: -EAGAIN when the timeout was 0, -ETIMEDOUT. */
int deadline_check(const struct deadline *deadline) _must_check_;
/* Waits until FD has one of EVENTS, or an error, which the next call on it will tell: 0. Nothing
 * came in time: as deadline_check(). -EINTR: a signal handler ran. */
int wait_for(int fd, short events, const struct deadline *deadline) _must_check_;
/* Waits for a short while, at most until the deadline. */
void wait_a_little(const struct deadline *deadline);

/* ---- handle.c ---- */

struct ipcb {
    int fd;    /* -1: not connected */
    pid_t pid; /* who connected: a child that was forked since then must not speak here */
    uint32_t serial;
    int64_t timeout_us;
    struct sockaddr_un address;
    socklen_t address_size;
    struct sentence message;
    uint8_t nonce[64]; /* that the broker wants to have proved, of `nonce_size` bytes; 0: none */
    size_t nonce_size;
    struct frames *frames; /* owned */
};

/* Room for the request that is being made and for the last frame that came. */
struct frames {
    uint8_t request[WIRE_REQUEST_MAX];
    uint8_t received[WIRE_REPLY_MAX];
};

static inline void ipcb_freep(struct ipcb **b)
{
    *b = ipcb_free(*b);
}

/* ---- connection.c: packets, in and out ---- */

/* Descriptors that came with a packet. Those that nobody took are closed with it. */
struct descriptors {
    size_t n;
    int fds[WIRE_DESCRIPTORS_MAX];
};

void descriptors_deinit(struct descriptors *descriptors);

/* Connects, unless it is connected. The sentence of a failure is said. */
int connection_open(struct ipcb *b, const struct deadline *deadline) _must_check_;
void connection_close(struct ipcb *b);
int connection_send(struct ipcb *b, const void *frame, size_t size,
                    const struct deadline *deadline) _must_check_;
/* Puts one packet into frames->received and returns its size, over 0; *DESCRIPTORS, which must be
 * empty, gets what came with it. -ECONNRESET: the peer is gone; -EMFILE: there was no room for
 * descriptors, and the packet is lost; -EPROTO: a packet over WIRE_REPLY_MAX. */
ssize_t connection_receive(struct ipcb *b, const struct deadline *deadline,
                           struct descriptors *descriptors) _must_check_;

/* ---- request.c: a request and its reply ---- */

/* Starts a request in frames->request. */
void request_begin(struct ipcb *b, enum wire_type type, struct wire_writer *ret);

/* Sends the request, awaits its reply, and sets *ret_fields to the reply's fields, which are valid
 * until the next request. DESCRIPTORS: NULL where none may come. The sentence of any failure is
 * said, an error reply is its -errno. */
int request_call(struct ipcb *b, const struct wire_writer *request, const struct deadline *deadline,
                 struct wire_reader *ret_fields, struct descriptors *descriptors) _must_check_;

/* The reply makes no sense: closes the connection. Returns -EPROTO. */
int request_nonsense(struct ipcb *b);

/* The name of an object as it goes into a request: not terminated; the broker judges it.
 * -EINVAL, with the sentence, for what no request can hold. */
int request_name(struct ipcb *b, const char *name, const char **ret, size_t *ret_size) _must_check_;

/* ---- acquire.c ---- */

/* Acquires one object into the wrapper that ITEM wishes for, by B, or by a handle for this one call
 * if B is NULL. -EINVAL: it wishes for none. */
int acquire_wrapper(struct ipcb *b, struct ipcb_item *item) _must_check_;

/* ---- queue.c ---- */

struct ipcb_queue {
    int fd;
    size_t message_size, max_messages;
    char *buffer;           /* of message_size + 1, from the first receive on */
    ssize_t last_size;      /* of the message in it; -ENOMSG: none has come yet */
    unsigned last_priority; /* its priority */
};

static inline void queue_freep(struct ipcb_queue **q)
{
    *q = ipcb_queue_free(*q);
}

/* ---- event.c ---- */

/* What can be wrapped as an event. */
#define EVENT_KINDS (IPCB_ONLY(IPCB_EVENTFD) | IPCB_ONLY(IPCB_PIPE))

static inline void event_freep(struct ipcb_event **e)
{
    *e = ipcb_event_free(*e);
}

/* ---- clone.c ---- */

/* A second descriptor of what FD is, in the same mode. 1: its description is its own; 0: they share
 * one, because it cannot be opened anew. */
int clone_fd(int fd, int *ret) _must_check_;

/* ---- event_pipe.c ---- */

/* Writes N bytes, at most PIPE_BUF, all or none; never raises SIGPIPE. -EAGAIN, -EPIPE, -EBADF. */
int pipe_put(int fd, uint64_t n) _must_check_;
/* Reads what is there, and counts it. FLAGS: of preadv2(2). -EAGAIN; -EPIPE: nobody can write. */
int pipe_take(int fd, int flags, uint64_t *ret) _must_check_;

/* ---- facts.c ---- */

/* The facts among FIELDS, yours to free. -EPROTO: fields that make no sense; -ENOMEM. */
int facts_from(struct wire_reader fields, struct ipcb_facts **ret) _must_check_;
/* Words why a reply could not be turned into facts: R is what facts_from() returned. Returns R. */
int facts_refuse(struct ipcb *b, int r);
