/*
 * libipcbroker: acquire POSIX message queues, eventfds and pipes by name from the broker, and use
 * them.
 *
 * Words. To acquire is to ask the broker; what comes back is the kernel's own descriptor, which
 * works at the kernel's speed whether the broker goes on living or not.
 *
 * Errors. Every function returns a negative errno on failure, and ipcb_message() then has a
 * sentence for people, where a handle was involved. Nothing is written to an out-parameter on
 * failure.
 *
 * Threads. No globals, no threads, no signals, no printing. A handle or wrapper is used by one
 * thread at a time; different ones at the same time by different threads.
 *
 * Timeouts are relative, in microseconds, by CLOCK_MONOTONIC: -1 waits for ever, 0 not at all (then
 * -EAGAIN says that it would have had to wait); one that elapsed is -ETIMEDOUT.
 *
 * All descriptors are close-on-exec.
 */
#ifndef IPCBROKER_H
#define IPCBROKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- words ---- */

/* Access: a mask of directions. Each kind has its own words for the same two bits. */
#define IPCB_WRITE   1u
#define IPCB_READ    2u
#define IPCB_SEND    IPCB_WRITE /* queues */
#define IPCB_RECEIVE IPCB_READ  /* queues */
#define IPCB_USE     (IPCB_WRITE | IPCB_READ)

/* Kinds of objects. */
#define IPCB_QUEUE   1u
#define IPCB_EVENTFD 2u
#define IPCB_PIPE    3u

/* A set of kinds for struct ipcb_item: IPCB_ONLY(IPCB_QUEUE) | IPCB_ONLY(IPCB_PIPE). */
#define IPCB_ONLY(kind) (1u << (kind))

/* Flags of an item, and of what is created. */
#define IPCB_NONBLOCK       1u /* the new description has O_NONBLOCK; of an item: queues, pipes */
#define IPCB_SEMAPHORE      2u /* of an eventfd that is created: a wait takes 1 */
#define IPCB_UNTIL_DECLARED 4u /* of an item: wait, within the timeout, until it is declared */

/* For struct ipcb_subject: no user, no group. No grant is for this number. */
#define IPCB_NOBODY UINT32_MAX

/* The greatest number of items of one ipcb_acquire_many(): the kernel's for one packet. */
#define IPCB_ITEMS_MAX 253

/* ---- the handle ---- */

/*
 * A connection to a broker, made when first needed and made again after the broker restarted: a
 * request that loses the broker is sent once more when it is back, which is tried after pauses that
 * grow from 5 ms to 500 ms, within the request's timeout. Requests that change something at the
 * broker are never sent twice. A request that finds no broker at the start fails at once.
 *
 * A child may not use a handle that its parent had connected before fork(2): such calls are
 * -ECHILD. It frees it, which does not touch the parent's connection, and makes one of its own.
 * Descriptors and wrappers are not concerned.
 */
struct ipcb;

/*
 * Makes a handle; connects to nothing yet.
 *
 * ret: receives the handle, yours, to be freed with ipcb_free().
 * socket: absolute path of the broker's socket, copied; NULL: $IPCBROKER_SOCKET, unless it is empty
 *   or the program is set-user-ID (secure_getenv(3)), else the system's broker.
 *
 * Returns 0, or -EINVAL (not an absolute path), -ENAMETOOLONG (over 107 bytes), -ENOMEM.
 * Since 0.1.
 */
int ipcb_new(struct ipcb **ret, const char *socket);

/* Closes the connection and frees the handle; descriptors and wrappers got through it live on.
 * Takes NULL; always returns NULL. Since 0.1. */
struct ipcb *ipcb_free(struct ipcb *b);

/* The sentence of the last call on this handle that failed: what went wrong and what to do, one
 * line, no newline; "" when none has failed. Borrowed, until the next call on the handle.
 * Since 0.1. */
const char *ipcb_message(const struct ipcb *b);

/* The path of the socket that this handle uses. Borrowed, for the handle's life. Since 0.1. */
const char *ipcb_socket(const struct ipcb *b);

/*
 * Sets how long the calls without a timeout of their own wait for the broker: connecting, asking
 * and the answer together. The default is 10 seconds. A call whose time runs out closes the
 * connection, so that a late answer is never taken for another's.
 *
 * Returns 0, or -EINVAL (below -1). Since 0.1.
 */
int ipcb_set_timeout(struct ipcb *b, int64_t timeout_us);

/* ---- acquire ---- */

/*
 * Asks the broker for one object.
 *
 * name: the object's; a leading '/' is ignored.
 * access: the directions wanted; the descriptor carries exactly these. 0: all that you are granted.
 *
 * Returns the descriptor (>= 0), yours to close, close-on-exec. A queue's or a pipe's is a new open
 * file description in blocking mode; an eventfd's is common to all its holders. Or:
 *   -ENOENT      no such object
 *   -EACCES      not granted; the sentence says how the broker sees you and what would help
 *   -EINVAL      not a name, or an access that this kind does not have
 *   -ENXIO       declared, but the broker could not make it; the sentence has the cause
 *   -ENOTCONN    no broker at the socket, or it went away and has not come back in time
 *   -ECONNRESET  the broker accepts connections and closes them without an answer
 *   -EBUSY       the broker has as many clients as it may have
 *   -EAGAIN      the broker is short of descriptors for the moment
 *   -EMFILE      this process has no room for the descriptor; what came was closed
 *   -ETIMEDOUT   no answer in time
 *   -ECHILD      the handle was connected before a fork(2)
 *   -EPROTO      the answer was none of this protocol
 *   -EPROTONOSUPPORT  the broker speaks another version
 *   -ENOMEM
 *
 * Source: unix(7), SCM_RIGHTS. Since 0.1.
 */
int ipcb_acquire(struct ipcb *b, const char *name, unsigned access);

struct ipcb_queue;
struct ipcb_event;

/* One wish of ipcb_acquire_many(). Set all of it to 0 first: reserved fields must be 0. */
struct ipcb_item {
    const char *name; /* in: borrowed for the call */
    unsigned access;  /* in: directions, 0 for all that is granted */
    unsigned flags;   /* in: IPCB_NONBLOCK, IPCB_UNTIL_DECLARED, both by |, or 0 */
    unsigned kinds;   /* in: set of kinds that will do, see IPCB_ONLY(); 0: any */

    /* in: where to put a wrapper, at most one of the two; it owns the descriptor, and fd is -1 */
    struct ipcb_queue **queue; /* only a queue will do */
    struct ipcb_event **event; /* only an eventfd or a pipe will do */

    int fd;           /* out: yours */
    unsigned kind;    /* out: IPCB_QUEUE, ... */
    unsigned granted; /* out: the directions that the descriptor carries */
    int nonblocking;  /* out: the description has O_NONBLOCK */
    uint64_t device;  /* out: the object's identity: st_dev and st_ino of a queue or pipe, */
    uint64_t inode;   /*      0 and the eventfd-id of an eventfd */

    uint64_t reserved[4];
};

/*
 * Asks the broker for several objects in one round trip, all or nothing.
 *
 * items: n of them, 1 to IPCB_ITEMS_MAX; the out fields and the wrappers are written on success
 *   only.
 *
 * Returns 0, or as ipcb_acquire(), and -E2BIG (more than IPCB_ITEMS_MAX), -EINVAL (a NULL, n is 0,
 * a reserved field is not 0, both wrappers or a kind that the wrapper is not for). -EAGAIN with a
 * timeout of 0 also means that the answer was not there yet. Since 0.1.
 */
int ipcb_acquire_many(struct ipcb *b, struct ipcb_item *items, size_t n, int64_t timeout_us);

/* ---- acquire in an event loop ---- */

/* An acquire under way. Valid until its callback returns, it is cancelled, or its handle freed. */
struct ipcb_call;

/*
 * What is told of an acquire that has ended, by ipcb_process().
 *
 * r: 0, or as ipcb_acquire_many() would have returned; then ipcb_message() has the sentence.
 * items: a copy of those that were asked for, with their out fields, borrowed for the call; the
 *   descriptors, and the wrappers that they say, are yours. NULL after an error.
 *
 * It may start and cancel other calls on the handle, make calls that wait, call ipcb_process(), and
 * free the handle.
 * Since 0.1.
 */
typedef void ipcb_acquired_fn(struct ipcb *b, int r, struct ipcb_item *items, size_t n,
                              void *userdata);

/*
 * Asks as ipcb_acquire_many() does, and does not wait.
 *
 * ret: receives the call, borrowed, for ipcb_call_cancel(); NULL: it is not needed.
 * items: copied, with their names; where they point to places for wrappers, those must last.
 * timeout_us: when to give up; also when nobody calls ipcb_process() before.
 * acquired: called once by ipcb_process(), whatever happens, unless the call is cancelled before.
 *
 * Returns 0, or -EINVAL (a NULL for b, acquired or items, or as ipcb_acquire_many()), -E2BIG,
 * -ECHILD, -ENOMEM: then nothing will be told. Everything else is told. Since 0.1.
 */
int ipcb_acquire_async(struct ipcb *b, struct ipcb_call **ret, const struct ipcb_item *items,
                       size_t n, int64_t timeout_us, ipcb_acquired_fn *acquired, void *userdata);

/* Forgets a call that was not told of yet; what came for it is closed. Takes NULL; returns NULL.
 * Since 0.1. */
struct ipcb_call *ipcb_call_cancel(struct ipcb_call *call);

/*
 * One descriptor for an event loop: wait for it to be readable (POLLIN), always, then call
 * ipcb_process(). It is an epoll(7) descriptor that waits for the broker and for timeouts; it
 * belongs to the handle and is the same for all its life.
 *
 * Returns the descriptor, borrowed, or -EINVAL (a NULL), -EMFILE, -ENFILE, -ENOMEM, -ENOSPC (too
 * many watches of the user), -ECHILD (the handle was used before a fork(2)). Since 0.1.
 */
int ipcb_get_fd(struct ipcb *b);

/*
 * Does what there is to do without waiting, and tells of what has ended. Also to be called by those
 * who do not use ipcb_get_fd(), now and then.
 *
 * Returns how many callbacks were called, at most 64 (if there is more to tell, ipcb_get_fd() is
 * readable at once), or -EINVAL (a NULL), -ECHILD. Since 0.1.
 */
int ipcb_process(struct ipcb *b);

/* ---- dead twins ---- */

/*
 * What is told, by ipcb_process(), when a name stands for another object than the one that was
 * acquired through the handle: the broker was restarted without it, replaced it, or knows it no
 * more. Who holds the old one shares it with others who do, and with nobody else.
 * ipcb_queue_renew() and ipcb_event_renew() acquire the new one.
 *
 * name: borrowed for the call, in which everything is allowed as in an ipcb_acquired_fn.
 * Since 0.1.
 */
typedef void ipcb_changed_fn(struct ipcb *b, const char *name, void *userdata);

/*
 * From now on remembers what is acquired through the handle, asks for it whenever there was a gap
 * in the connection, and tells what has changed. After the broker has gone the handle connects
 * again by itself, in ipcb_process(), and calls wait for that within their timeouts.
 *
 * changed: NULL ends it, and all is forgotten.
 *
 * Returns 0, or -EINVAL (a NULL for b), -ECHILD. An acquire may now also be -ENOMEM. Since 0.1.
 */
int ipcb_watch(struct ipcb *b, ipcb_changed_fn *changed, void *userdata);

/* ---- facts: what the broker tells ---- */

/* An ordered set of keys with values, read-only. Which keys there are is written in
 * ipcbrokerctl(1); new ones may come with any version. */
struct ipcb_facts;

#define IPCB_FACT_NUMBER  1u
#define IPCB_FACT_TEXT    2u
#define IPCB_FACT_BOOLEAN 3u

struct ipcb_fact {
    const char *key;
    const char *text; /* the value as text, whatever its type; booleans are "yes" and "no" */
    unsigned type;    /* IPCB_FACT_NUMBER, ... */
    int is_list;      /* one element of a list: the key may come again */
    uint64_t number;  /* of a number or a boolean */
};

/* The number of facts. Since 0.1. */
size_t ipcb_facts_count(const struct ipcb_facts *facts);
/* The fact at INDEX, NULL past the end. Borrowed from FACTS. Since 0.1. */
const struct ipcb_fact *ipcb_facts_at(const struct ipcb_facts *facts, size_t index);
/* The first fact of that key, NULL if there is none. Borrowed from FACTS. Since 0.1. */
const struct ipcb_fact *ipcb_facts_find(const struct ipcb_facts *facts, const char *key);
/* Takes NULL; returns NULL. Since 0.1. */
struct ipcb_facts *ipcb_facts_free(struct ipcb_facts *facts);

/* What the broker knows of one object: -ENOENT, -EACCES (no grant on it), else as ipcb_acquire().
 * *ret is yours, for ipcb_facts_free(). Since 0.1. */
int ipcb_show(struct ipcb *b, const char *name, struct ipcb_facts **ret);
/* How the broker does. "state" is "ok" or "degraded". Errors as ipcb_acquire(). Since 0.1. */
int ipcb_status(struct ipcb *b, struct ipcb_facts **ret);
/* Who the broker takes you for. Errors as ipcb_acquire(). Since 0.1. */
int ipcb_whoami(struct ipcb *b, struct ipcb_facts **ret);

/* Whom ipcb_can() asks about. Set all of it to 0 first: reserved fields must be 0. */
struct ipcb_subject {
    uid_t uid;           /* IPCB_NOBODY: somebody whom no grant for a user matches */
    gid_t gid;           /* IPCB_NOBODY: somebody who is in no group but `groups` */
    const gid_t *groups; /* the supplementary ones, borrowed for the call */
    size_t n_groups;
    const char *unit; /* a systemd unit by its full name, borrowed for the call; NULL: none */
    uint64_t reserved[3];
};

/*
 * Asks whether somebody may have an access on an object at the broker's main socket, and why.
 *
 * subject: who; NULL: you, as the broker sees you. Others can be asked about by an administrator,
 *   at the admin socket; at the main one your own uid stands for you and nothing else is looked at.
 * name: the object's; a leading '/' is ignored.
 * access: the directions: not 0.
 * ret: receives the facts, yours, for ipcb_facts_free(). "allowed" is the answer.
 *
 * Returns 0, whatever the answer is, or -ENOENT (no such object), -EACCES (somebody else, at the
 * main socket), -EINVAL (not a name of an object or a unit, an access that this kind does not have,
 * groups of NULL, a reserved field that is not 0), -EMSGSIZE (more groups than a request holds,
 * some 16000), else as ipcb_acquire(). Since 0.1.
 */
int ipcb_can(struct ipcb *b, const struct ipcb_subject *subject, const char *name, unsigned access,
             struct ipcb_facts **ret);

/*
 * For administrators, by a handle of the admin socket: a new kernel object takes the place of the
 * declared one called NAME, which must be empty. *ret, yours, has "retired": the name of the old
 * one. -ENOTEMPTY: something waits in it; -ENXIO: it has failed; -EBUSY: a reload is under way;
 * -EACCES: not the admin socket; -ECONNRESET: the broker went, and may have done it; -EAGAIN, -EIO:
 * there is no new one to be had; else as ipcb_show(). Since 0.1.
 */
int ipcb_replace(struct ipcb *b, const char *name, struct ipcb_facts **ret);
/*
 * The same: takes what waits in the retired object called NAME, or NAME@NUMBER, and ends it when
 * nothing is left; NULL: ends all retired ones that are empty. *ret, yours, has "taken" and "left",
 * or "purged" and "left". At most 4096 are taken at once. -EBUSY: it is declared, or a reload is
 * under way; else as ipcb_replace(). Since 0.1.
 */
int ipcb_purge(struct ipcb *b, const char *name, struct ipcb_facts **ret);

struct ipcb_list;

/* The objects that you hold a grant on (all of them, for those who may observe), by name.
 * *ret is yours, for ipcb_list_free(). Errors as ipcb_acquire(). Since 0.1. */
int ipcb_list(struct ipcb *b, struct ipcb_list **ret);
/* The configuration that is in force, for administrators and those who may observe: a set of facts
 * for each section, with "section", and "setting" and "origin" in turn. A section that is too long
 * for one set goes on in the next, with the same "section". *ret is yours, for ipcb_list_free().
 * -EACCES: you may not observe; else as ipcb_acquire(). Since 0.1. */
int ipcb_config(struct ipcb *b, struct ipcb_list **ret);
/*
 * For administrators, by a handle of the admin socket: the configuration is read anew and applied.
 * The first set of facts is what came of it: "state" ("applied", "refused": the files have errors,
 * "failed"), "why", and how many there are of all that follows: a set for each "problem" of the
 * files, with its "severity", and one for each change, with "name", "kind", "change" and "detail".
 * *ret is yours, for ipcb_list_free(). Returns 0, whatever the state is. -EACCES: not the admin
 * socket; -ECONNRESET: the broker went, and may have done it; -ESTALE: somebody else's came in
 * between; -EBUSY: too much waits already; else as ipcb_acquire(). Since 0.1.
 */
int ipcb_reload(struct ipcb *b, struct ipcb_list **ret);
/* The same without doing it: what a reload would do now. Its state is "planned". It may be asked
 * for again after a broken connection, else as ipcb_reload(). Since 0.1. */
int ipcb_plan(struct ipcb *b, struct ipcb_list **ret);
/* The number of objects. Since 0.1. */
size_t ipcb_list_count(const struct ipcb_list *list);
/* The facts of the object at INDEX, NULL past the end. Borrowed from LIST. Since 0.1. */
const struct ipcb_facts *ipcb_list_at(const struct ipcb_list *list, size_t index);
/* Takes NULL; returns NULL. Since 0.1. */
struct ipcb_list *ipcb_list_free(struct ipcb_list *list);

/* ---- queues ---- */

/* A queue's descriptor with what is needed to use it; needs no handle once made. */
struct ipcb_queue;
struct mq_attr; /* of <mqueue.h> */

/*
 * Acquires a queue and wraps it.
 *
 * b: the handle to ask through; NULL: one is made for this call and freed again.
 * access: IPCB_SEND, IPCB_RECEIVE, both, or 0 for all that is granted.
 *
 * Returns 0, or as ipcb_acquire(); -EINVAL also when the object is not a queue. Without a handle
 * the sentence is lost. *ret is yours, for ipcb_queue_free(). Since 0.1.
 */
int ipcb_queue_acquire(struct ipcb_queue **ret, struct ipcb *b, const char *name, unsigned access);

/*
 * Wraps a descriptor that you have, from ipcb_acquire_many() or anywhere else.
 *
 * fd: a queue's; on success it belongs to the wrapper, on failure it stays yours.
 *
 * Returns 0, or -EBADF (not a queue's), -ENOMEM. Source: mq_getattr(3). Since 0.1.
 */
int ipcb_queue_adopt(struct ipcb_queue **ret, int fd);

/* What a queue holds at most, for ipcb_queue_open(). */
struct ipcb_queue_limits {
    size_t max_messages;
    size_t message_size;
};

/*
 * Opens a queue by its name in the kernel, or creates it, and wraps it. No broker is asked.
 *
 * posix_name: as mq_overview(7) has it; the slash at its start may be missing.
 * oflag: O_RDONLY, O_WRONLY or O_RDWR, and by | O_NONBLOCK, O_CREAT (create it if there is none),
 *   O_CREAT | O_EXCL (create it, and fail if there is one). O_CLOEXEC is always set.
 * mode: of a queue that is created, 0660 for example: the umask takes nothing away from it.
 * limits: of a queue that is created; NULL: the kernel's defaults, 10 messages of 8192 bytes unless
 *   the administrator changed them. An existing queue keeps its own, which
 *   ipcb_queue_message_size() and its like tell.
 *
 * Returns 0, *ret being yours, for ipcb_queue_free(), which leaves the queue in the kernel until
 * ipcb_queue_unlink(). Or:
 *   -ENOENT        no such queue, without O_CREAT
 *   -EEXIST        there is one, with O_EXCL
 *   -EACCES        the mode of the queue does not let you in
 *   -EINVAL        a NULL; no name: empty, with a second slash, "." or ".."; an oflag or mode that
 *                  is not above; limits of 0 or over fs.mqueue.msg_max or msgsize_max
 *   -ENAMETOOLONG  over 255 bytes behind the slash
 *   -EMFILE        no descriptor left, or the queue is over RLIMIT_MSGQUEUE
 *   -ENFILE        no file left in the whole system
 *   -ENOSPC        over fs.mqueue.queues_max
 *   -EAGAIN        others create and remove this name all the time
 *   -ENOSYS        a kernel without message queues
 *   -ENOMEM
 *
 * Source: mq_open(3), fchmod(2). Since 0.1.
 */
int ipcb_queue_open(struct ipcb_queue **ret, const char *posix_name, int oflag, mode_t mode,
                    const struct ipcb_queue_limits *limits);

/* Removes a queue's name; its holders go on. -ENOENT: no such queue; -EACCES: not yours; -EINVAL,
 * -ENAMETOOLONG: no name, as in ipcb_queue_open(). Source: mq_unlink(3). Since 0.1. */
int ipcb_queue_unlink(const char *posix_name);

/*
 * Wraps a second descriptor of the same queue with the same directions.
 *
 * Returns 1: its open file description is its own, so that ipcb_queue_set_nonblocking() on one does
 * not touch the other; 0: they share one, because this process may not open the queue anew, which
 * is so for what a broker hands to other users than its own. Or -EMFILE, -ENFILE, -EBADF (the
 * descriptor was closed behind the wrapper's back), -EINVAL (a NULL), -ENOMEM. *ret is yours.
 *
 * Source: proc(5), /proc/PID/fd; dup(2). Since 0.1.
 */
int ipcb_queue_clone(struct ipcb_queue **ret, const struct ipcb_queue *q);

/*
 * Acquires a queue anew, with the directions that the wrapper has, and if it is another one than
 * the wrapper's, puts it in its place under the same descriptor number. Who waits for the number
 * with epoll(7) adds it again, since the set had the old description.
 *
 * b: the handle to ask through; NULL: one is made for this call.
 * name: under which it was acquired.
 *
 * Returns 1: another one, and a message that was borrowed is gone; 0: it is the same, nothing was
 * changed; or as ipcb_queue_acquire(), or -EBADF (the descriptor was closed behind the wrapper's
 * back): nothing was changed either. Since 0.1.
 */
int ipcb_queue_renew(struct ipcb_queue *q, struct ipcb *b, const char *name);

/* Closes the descriptor and frees the wrapper. Takes NULL; returns NULL. Since 0.1. */
struct ipcb_queue *ipcb_queue_free(struct ipcb_queue *q);

/* The descriptor, borrowed: for poll(2) and its kin. -EINVAL: NULL. Since 0.1. */
int ipcb_queue_fd(const struct ipcb_queue *q);
/* Frees the wrapper and hands its descriptor over, yours to close. -EINVAL: NULL. Since 0.1. */
int ipcb_queue_release(struct ipcb_queue *q);
/* The most bytes that a message of this queue can have: the queue's own limit, whatever was asked
 * for when it was opened. 0: NULL. Since 0.1. */
size_t ipcb_queue_message_size(const struct ipcb_queue *q);
/* The most messages that this queue holds. 0: NULL. Since 0.1. */
size_t ipcb_queue_max_messages(const struct ipcb_queue *q);
/* How many messages wait now. -EBADF: the descriptor was closed behind the wrapper's back; -EINVAL:
 * NULL. Source: mq_getattr(3). Since 0.1. */
ssize_t ipcb_queue_depth(const struct ipcb_queue *q);
/* The attributes as the kernel has them now: flags (O_NONBLOCK), both limits, depth; struct mq_attr
 * is in <mqueue.h>. Returns 0, -EBADF, -EINVAL as ipcb_queue_depth(). Source: mq_getattr(3).
 * Since 0.1. */
int ipcb_queue_attributes(const struct ipcb_queue *q, struct mq_attr *ret);
/* Sets or clears O_NONBLOCK of the description, for those who use the descriptor directly: the
 * calls here go by their timeouts alone. Others who share the description are touched, too. Returns
 * how it was before, 1 or 0; -EBADF, -EINVAL as ipcb_queue_depth(). Source: mq_setattr(3).
 * Since 0.1. */
int ipcb_queue_set_nonblocking(struct ipcb_queue *q, int nonblocking);

/*
 * Sends a message.
 *
 * message, size: borrowed; 0 bytes are a message too. priority: 0 to 32767, greater ones first.
 * timeout_us: how long to wait while the queue is full, whether its description blocks or not.
 *
 * Returns 0, or:
 *   -EAGAIN     full, and the timeout is 0
 *   -ETIMEDOUT  still full after the timeout
 *   -EMSGSIZE   more bytes than the queue takes
 *   -EINVAL     a NULL, a priority over 32767, or a timeout below -1
 *   -EBADF      this descriptor cannot send
 *   -EINTR      a signal handler ran while waiting
 *   -ENOMEM     the kernel has no memory for the message
 *
 * Source: mq_send(3), mq_timedsend(3). Since 0.1.
 */
int ipcb_queue_send(struct ipcb_queue *q, const void *message, size_t size, unsigned priority,
                    int64_t timeout_us);

/*
 * Receives the first message of the highest priority.
 *
 * message: receives a pointer to it, borrowed from the wrapper until its next receive or its end; a
 *   NUL byte stands behind it, so that text can be used as it is.
 * priority: receives its priority; NULL if you do not care.
 *
 * Returns its size in bytes (0 is a message too), or:
 *   -EAGAIN     empty, and the timeout is 0
 *   -ETIMEDOUT  still empty after the timeout
 *   -EINVAL     a NULL but for the priority, or a timeout below -1
 *   -EBADF      this descriptor cannot receive
 *   -EINTR      a signal handler ran while waiting
 *   -ENOMEM     no memory for the buffer
 *
 * Source: mq_receive(3), mq_timedreceive(3). Since 0.1.
 */
ssize_t ipcb_queue_receive(struct ipcb_queue *q, const void **message, unsigned *priority,
                           int64_t timeout_us);

/*
 * Receives into a buffer of your own; no NUL is put behind the message.
 *
 * size: at least ipcb_queue_message_size(), whatever the message has: -EMSGSIZE otherwise, and the
 *   message stays in the queue.
 *
 * Returns and errors as ipcb_queue_receive(), and -EMSGSIZE. Since 0.1.
 */
ssize_t ipcb_queue_receive_into(struct ipcb_queue *q, void *buffer, size_t size, unsigned *priority,
                                int64_t timeout_us);

/* Sends text without its NUL. As ipcb_queue_send(), and -EILSEQ: it is not UTF-8. Since 0.1. */
int ipcb_queue_send_text(struct ipcb_queue *q, const char *text, unsigned priority,
                         int64_t timeout_us);

/*
 * Receives text: as ipcb_queue_receive(), and -EILSEQ: the message is not UTF-8. It is taken then
 * all the same, and ipcb_queue_last() has it. NUL is a character like any other: compare the size
 * with strlen(3) if you do not expect one. Since 0.1.
 */
ssize_t ipcb_queue_receive_text(struct ipcb_queue *q, const char **text, unsigned *priority,
                                int64_t timeout_us);

/* The message that ipcb_queue_receive() or ipcb_queue_receive_text() took last, once more: as the
 * first. -ENOMSG: none has been taken yet; -EINVAL: a NULL. Since 0.1. */
ssize_t ipcb_queue_last(const struct ipcb_queue *q, const void **message, unsigned *priority);

/* ---- events ---- */

/* An event: the descriptor of an eventfd, whose counter it is, or of a pipe, where each byte is one
 * count. Needs no handle once made. */
struct ipcb_event;

/* Acquires an eventfd or a pipe and wraps it, with all the access that you are granted: as
 * ipcb_queue_acquire(). An eventfd has no single direction: whoever may use it may signal and wait.
 * A pipe has: who may write can signal, who may read can wait. Since 0.1. */
int ipcb_event_acquire(struct ipcb_event **ret, struct ipcb *b, const char *name);

/* Wraps an eventfd or one end of a pipe that you have: as ipcb_queue_adopt(). -EBADF: neither.
 * Since 0.1. */
int ipcb_event_adopt(struct ipcb_event **ret, int fd);

/*
 * Creates an eventfd and wraps it. No broker is asked.
 *
 * initial: the count at the start, 0 to 2^64-2.
 * flags: IPCB_SEMAPHORE, IPCB_NONBLOCK, both by |, or 0.
 *
 * Returns 0, *ret being yours, or -EINVAL (a NULL, another flag, 2^64-1), -EMFILE, -ENFILE,
 * -ENOMEM, -ENODEV. Source: eventfd(2). Since 0.1.
 */
int ipcb_event_create(struct ipcb_event **ret, uint64_t initial, unsigned flags);

/*
 * Creates a pipe and wraps its two ends: an event in one direction, or a stream of bytes for
 * read(2) and write(2) on the borrowed descriptors. No broker is asked.
 *
 * flags: IPCB_NONBLOCK (both ends) or 0.
 *
 * Returns 0, both being yours, or -EINVAL (a NULL, another flag), -EMFILE, -ENFILE, -ENOMEM. Once
 * the writer is freed a wait at the empty pipe is -EPIPE, a read(2) is 0. Source: pipe(2).
 * Since 0.1.
 */
int ipcb_event_pipe(struct ipcb_event **ret_writer, struct ipcb_event **ret_reader, unsigned flags);

/* Wraps a second descriptor of the same event: as ipcb_queue_clone(). An eventfd cannot be opened
 * anew, so that the answer is 0; that of a pipe is 1 where the kernel allows it. Since 0.1. */
int ipcb_event_clone(struct ipcb_event **ret, const struct ipcb_event *e);

/* Acquires an event anew and puts it in the wrapper's place if it is another one: as
 * ipcb_queue_renew(). Since 0.1. */
int ipcb_event_renew(struct ipcb_event *e, struct ipcb *b, const char *name);

/* Closes the descriptor and frees the wrapper. Takes NULL; returns NULL. Since 0.1. */
struct ipcb_event *ipcb_event_free(struct ipcb_event *e);

/* The descriptor, borrowed: for poll(2) and its kin. -EINVAL: NULL. Since 0.1. */
int ipcb_event_fd(const struct ipcb_event *e);
/* Frees the wrapper and hands its descriptor over, yours to close. -EINVAL: NULL. Since 0.1. */
int ipcb_event_release(struct ipcb_event *e);

/*
 * Adds N to the counter, or writes N bytes to the pipe, all or none, and so wakes who waits. Never
 * waits for a nonblocking eventfd, which is what the broker makes by default.
 *
 * Returns 0, or -EAGAIN (the counter or the pipe is too full for N), -EINVAL (a NULL; N is 2^64-1;
 * of a pipe: over PIPE_BUF, 4096), -EBADF (this descriptor cannot signal), -EPIPE (of a pipe:
 * nobody can read it any more, not even the broker; SIGPIPE is never raised). A blocking eventfd
 * (as it was when it was wrapped) whose counter is too full for N, but not for 1, makes this call
 * wait; only then is there -EINTR (a signal handler ran while waiting). The same goes for a
 * nonblocking one after another holder has cleared the O_NONBLOCK that all of them share and has
 * filled the counter: an eventfd is for holders who trust each other, a pipe for others.
 *
 * Source: eventfd(2). Since 0.1.
 */
int ipcb_event_signal(struct ipcb_event *e, uint64_t n);

/*
 * Waits until there is something to take, and takes it: all of an eventfd's counter, or 1 from a
 * semaphore; of a pipe what is in it, at most 65536.
 *
 * count: receives what was taken; NULL if you do not care.
 *
 * Returns 0, or -EAGAIN (0, and the timeout is 0), -ETIMEDOUT, -EINVAL (a NULL, a timeout below
 * -1), -EINTR (a signal handler ran while waiting), -EBADF (this descriptor cannot wait), -EPIPE
 * (of a pipe: it is empty and nobody can write to it any more, not even the broker). The flags of
 * the description, which other processes share, are neither needed nor changed: a timeout holds on
 * a blocking one too (of a pipe, and of an eventfd where the kernel is older than 5.8, only as long
 * as nobody else takes the count in the same moment).
 *
 * Source: eventfd(2), preadv2(2) with RWF_NOWAIT. Since 0.1.
 */
int ipcb_event_wait(struct ipcb_event *e, uint64_t *count, int64_t timeout_us);

/* Takes at most so many, which is over 0, from a pipe, and leaves the rest: as ipcb_event_wait(),
 * and -EINVAL (most is 0), -EOPNOTSUPP (of an eventfd: the kernel gives all or, of a semaphore, 1).
 * Since 0.1. */
int ipcb_event_wait_most(struct ipcb_event *e, uint64_t most, uint64_t *count, int64_t timeout_us);

#ifdef __cplusplus
}
#endif

#endif
