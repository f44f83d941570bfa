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
/* Waits the same way, and at most until UNTIL_US by the clock of now_us(); 0: no such limit.
 * Returns 0 then, too. FD of -1: waits for the time only. */
int wait_until(int fd, short events, const struct deadline *deadline,
               int64_t until_us) _must_check_;
/* CLOCK_MONOTONIC in microseconds. */
int64_t now_us(void);

/* ---- handle.c ---- */

struct call;
struct ipcb_call;
struct watched;

struct ipcb {
    pid_t pid; /* who connected: a child that was forked since then must not speak here */
    struct sockaddr_un address;
    socklen_t address_size;
    int64_t timeout_us;
    struct sentence message;
    struct frames *frames; /* owned */

    /* The connection. */
    int fd;           /* -1: not connected */
    bool deaf;        /* nothing can be sent any more: what is left is to hear why */
    size_t abandoned; /* replies that will come and that nobody waits for */

    /* Before the next try to connect. */
    bool lost;        /* calls wait for a broker that went away: it is given time to come back */
    int why;          /* what the last try failed with, -errno */
    int64_t retry_us; /* when to try again */
    int64_t pause_us; /* and how long to wait after that */
    unsigned credit; /* how many connections may end now without an answer: none before the first */

    /* Requests under way. */
    uint32_t serial;
    struct call *calls;       /* oldest first; each belongs to who started it */
    struct ipcb_call *asyncs; /* oldest first, owned */

    /* What was acquired, for those who want to know when it is another object. */
    struct watched *watched;  /* owned */
    ipcb_changed_fn *changed; /* NULL: nobody wants to know */
    void *changed_userdata;
    bool unwatched; /* there may have been another broker since it was compared last */

    /* For somebody's event loop. */
    int epoll, timer;  /* -1 until they are asked for */
    uint32_t listened; /* the events of fd that epoll waits for; 0: it does not have it */
    bool *freed;       /* where to say that a callback has freed the handle */
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

/* -ECHILD, with the sentence: the handle was connected before a fork. */
int handle_check_process(struct ipcb *b) _must_check_;

/* ---- connection.c: the socket, and packets in and out; nothing here waits ---- */

/* Descriptors that came with a packet. Those that nobody took are closed with it. */
struct descriptors {
    size_t n;
    int fds[WIRE_DESCRIPTORS_MAX];
    bool cut; /* there was no room for all of them: those that came are closed */
};

void descriptors_deinit(struct descriptors *descriptors);

/* One try to connect, of a handle that is not: 0 or -errno. */
int connection_open(struct ipcb *b) _must_check_;
/* Words what connection_open() failed with. Returns what a caller is told. */
int connection_explain(struct ipcb *b, int r);
void connection_close(struct ipcb *b);
/* 0 or -errno; -EAGAIN: there is no room now. */
int connection_send(struct ipcb *b, const void *frame, size_t size) _must_check_;
/* Puts one packet into frames->received and returns its size, over 0; *DESCRIPTORS, which must be
 * empty, gets what came with it. -EAGAIN: there is none now; -ECONNRESET: the peer is gone;
 * -EPROTO: a packet over WIRE_REPLY_MAX. */
ssize_t connection_receive(struct ipcb *b, struct descriptors *descriptors) _must_check_;

/* ---- call.c: requests under way ---- */

/* How a call ends: R is 0, and there are the reply's FIELDS and DESCRIPTORS, of which it takes what
 * it wants; or R is -errno, the sentence is said, and there may be FIELDS of an error reply. The
 * call is out of the list by then, and may be started again. */
typedef void call_done(struct ipcb *b, struct call *call, int r, struct wire_reader fields,
                       struct descriptors *descriptors);

struct call {
    struct call *next;
    uint8_t *frame; /* owned, while the call is under way */
    size_t size;
    uint32_t serial;
    uint8_t type;
    bool sent;        /* over the connection that there is */
    bool never_twice; /* it changes something: once it was sent it is not sent again */
    bool proved;      /* the broker has had the proof that it asked for */
    bool patient;     /* its answer may take long: a connection without any may be a good one */
    call_done *done;
};

/* Puts the call at the end of the list; calls_turn() does the rest. On failure it is not there. */
int call_start(struct ipcb *b, struct call *call, const struct wire_writer *request) _must_check_;
/* The same for a request whose answer nobody waits for. False: there is no memory for it. */
bool call_post(struct ipcb *b, const struct wire_writer *request);
/* Puts a call that has been answered back, to be sent again behind all others. */
void call_again(struct ipcb *b, struct call *call);
/* Takes a call out of the list if it is there, and forgets its reply. */
void call_abandon(struct ipcb *b, struct call *call);
/* Does one thing that can be done without waiting: connects, sends, receives a frame. True: a frame
 * was received or calls have ended, so that there may be more to do. */
bool calls_turn(struct ipcb *b);
/* A broker that is not there now is given time to come back. */
void calls_await_return(struct ipcb *b);
/* Whether something waits for room in the socket. */
bool calls_want_to_send(const struct ipcb *b);
/* Runs until *FINISHED, which a call sets that is under way. Else the deadline's error, with the
 * sentence: then the caller abandons its call. */
int calls_run(struct ipcb *b, const bool *finished, const struct deadline *deadline) _must_check_;
/* Ends all calls with R; the sentence is said, and is the sentence of all. */
void calls_fail(struct ipcb *b, int r);
/* Words why a call has not been answered when its deadline was over: R is what deadline_check()
 * returned. Returns what a caller is told. */
int calls_explain_delay(struct ipcb *b, int r);

/* ---- reply.c: what a frame means ---- */

/* Takes the frame of SIZE bytes that has come: ends the call that it is the reply to, or all of
 * them if it makes no sense. */
void reply_take(struct ipcb *b, size_t size, struct descriptors *descriptors);

/* ---- request.c: a request and its reply ---- */

/* Starts a request in frames->request. */
void request_begin(struct ipcb *b, enum wire_type type, struct wire_writer *ret);

/* Flags of request_call(). */
#define REQUEST_CHANGES 1u /* it changes something at the broker: it is never repeated */

/* Sends the request, awaits its reply, and sets *ret_fields to the reply's fields, which are valid
 * until the next request. The sentence of any failure is said, an error reply is its -errno.
 * -ECONNRESET of a request that changes something: whether it did so is not known. */
int request_call(struct ipcb *b, const struct wire_writer *request, unsigned flags,
                 const struct deadline *deadline, struct wire_reader *ret_fields) _must_check_;

/* The reply makes no sense: closes the connection and ends all calls. Returns -EPROTO. */
int request_nonsense(struct ipcb *b);

/* The name of an object as it goes into a request: not terminated; the broker judges it.
 * -EINVAL, with the sentence, for what no request can hold. */
int request_name(struct ipcb *b, const char *name, const char **ret, size_t *ret_size) _must_check_;

/* ---- items.c: the wishes of an acquire ---- */

/* Checks the items and puts them into a request; the sentence of a failure is said. */
int items_put(struct ipcb *b, const struct ipcb_item *items, size_t n,
              struct wire_writer *request) _must_check_;
/* Fills them from the reply. All or nothing: they are touched only when everything is right. */
int items_take(struct ipcb *b, struct ipcb_item *items, size_t n, struct wire_reader fields,
               struct descriptors *descriptors) _must_check_;

/* ---- acquisition.c: an acquire under way, whoever waits for it ---- */

struct acquisition {
    struct call call;
    struct ipcb_item *items; /* borrowed */
    size_t n;
    bool awaiting; /* the call asks to be told when an object is declared */
    bool finished;
    int r;                   /* how it ended */
    struct sentence message; /* why, if it failed */
};

/* Checks the items and asks for them; the sentence of a failure is said. */
int acquisition_start(struct ipcb *b, struct acquisition *a, struct ipcb_item *items,
                      size_t n) _must_check_;
/* Waits for its end: how it ended. When the time is over it is abandoned. */
int acquisition_run(struct ipcb *b, struct acquisition *a, int64_t timeout_us) _must_check_;

/* ---- async.c ---- */

/* Frees all asynchronous calls; none is told. */
void asyncs_free(struct ipcb *b);
/* Ends those whose deadline is over. */
void asyncs_expire(struct ipcb *b);
/* Tells the owner of one that has ended; false: there is none. The handle may be freed meanwhile.
 */
bool asyncs_tell(struct ipcb *b);
/* When the next deadline is over, by the clock of now_us(); 0: one has ended; INT64_MAX: none. */
int64_t asyncs_next_us(const struct ipcb *b);

/* ---- watch.c: dead twins ---- */

/* Remembers what was acquired, if somebody watches. -ENOMEM, with the sentence. */
int watch_remember(struct ipcb *b, const char *name,
                   const struct wire_identity *identity) _must_check_;
void watch_free(struct ipcb *b);
/* If there was a gap in the connection: asks for what is watched. */
void watch_turn(struct ipcb *b);
/* The broker says that the object of that name is another one now. */
void watch_replaced(struct ipcb *b, const char *name, size_t size);
bool watch_has_news(const struct ipcb *b);
/* Tells of one change; false: there is none. The handle may be freed meanwhile. */
bool watch_tell(struct ipcb *b);

/* ---- process.c: fitting into somebody's event loop ---- */

/* After anything was done: lets the epoll descriptor, if there is one, wait for what is next. */
void process_settle(struct ipcb *b);
/* Before the connection's descriptor is closed. */
void process_forget(struct ipcb *b);

/* ---- proof.c ---- */

/* FIELDS answer a call with ENOKEY: sends what the broker asks for, and the call again. False: it
 * asks for nothing, or it has had it. */
bool proof_give(struct ipcb *b, struct call *call, struct wire_reader fields);

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

struct ipcb_event {
    int fd;
    bool pipe;
    int mode;      /* O_RDONLY, O_WRONLY, O_RDWR: poll does not tell a wrong direction */
    bool blocking; /* as it was when wrapped */
};

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
/* The same on kernels before 6.18, which cannot be asked for no signal: three more calls. */
int pipe_put_in_silence(int fd, uint64_t n) _must_check_;
/* Reads what is there, at most MOST, and counts it. FLAGS: of preadv2(2). -EAGAIN; -EPIPE: nobody
 * can write. */
int pipe_take(int fd, int flags, uint64_t most, uint64_t *ret) _must_check_;

/* ---- facts.c ---- */

/* The facts among FIELDS, yours to free. -EPROTO: fields that make no sense; -ENOMEM. */
int facts_from(struct wire_reader fields, struct ipcb_facts **ret) _must_check_;
/* Words why a reply could not be turned into facts: R is what facts_from() returned. Returns R. */
int facts_refuse(struct ipcb *b, int r);
