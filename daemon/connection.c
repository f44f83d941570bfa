#include "daemon/connection.h"

#include <string.h>
#include <sys/socket.h>

#define SEND_BUFFER  65536
#define DRAIN_FRAMES 64 /* the most that is read away before a close */

#define EVENTS_READING (EPOLLIN | EPOLLRDHUP)
/* While parked: an edge at each frame that the client takes, and whether he is gone. */
#define EVENTS_PARKED (EPOLLOUT | EPOLLET)

/* ---- sending ---- */

static void attach(struct msghdr *message, const struct reply *reply)
{
    struct cmsghdr *header = message->msg_control;
    int *fds = (int *)(void *)CMSG_DATA(header); /* aligned, as the header is */

    message->msg_controllen = CMSG_SPACE(reply->n_handouts * sizeof *fds);
    memset(message->msg_control, 0, message->msg_controllen);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(reply->n_handouts * sizeof *fds);
    for (size_t i = 0; i < reply->n_handouts; i++)
        fds[i] = reply->handouts[i].fd;
}

static int send_reply(int fd, struct reply *reply)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec bytes = {reply->writer.data, reply->writer.size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (reply->n_handouts > 0) {
        message.msg_control = &control;
        attach(&message, reply);
    }
    for (;;) {
        if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

void connection_tell(struct connection *connection, const void *frame, size_t size)
{
    ssize_t ignored = send(connection->source.fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)ignored;
}

/* ---- the end ---- */

static void drain(int fd)
{
    char ignored;

    for (int i = 0; i < DRAIN_FRAMES; i++)
        if (recv(fd, &ignored, sizeof ignored, MSG_DONTWAIT) < 0)
            return;
}

void connection_refuse(int fd, struct guard *guard, struct reply *reply, int error,
                       const char *sentence)
{
    reply_error(reply, WIRE_EVENT, 0, error, sentence);
    (void)send_reply(fd, reply); /* a courtesy: he is closed anyway */
    if (guard) {
        (void)guard_close(guard, fd);
        return;
    }
    drain(fd);
    (void)close_fd(fd);
}

/* ---- what is kept for him ---- */

static void count_parked(const struct connection *connection, size_t bytes)
{
    if (!connection->user)
        return;
    connection->user->kept.parked += bytes;
    connection->context->quota->kept.parked += bytes;
}

static void count_waiting(struct connection *connection, size_t n)
{
    connection->n_waiting += n;
    if (!connection->user)
        return;
    connection->user->kept.waiting += n;
    connection->context->quota->kept.waiting += n;
}

/* Whether a copy of any request of his may be kept. */
static bool may_keep(const struct connection *connection)
{
    const struct user *user = connection->user;

    return !user || (user->kept.parked + WIRE_REQUEST_MAX <= KEPT_PARKED_USER &&
                     connection->context->quota->kept.parked + WIRE_REQUEST_MAX <= KEPT_PARKED_ALL);
}

static bool is_parked(const struct connection *connection)
{
    return connection->parked || connection->left;
}

/* The request that was parked, which is the caller's now; NULL: none, or it is in the socket. */
static struct kept *unpark(struct connection *connection)
{
    struct kept *kept = TAKE_PTR(connection->parked);

    if (kept)
        count_parked(connection, -kept->size);
    connection->left = false;
    return kept;
}

/* Takes a request off the lists of those that wait. */
static void stop_waiting(struct kept *kept)
{
    LIST_REMOVE(kept, entry);
    LIST_REMOVE(kept, sibling);
    count_waiting(kept->connection, (size_t)-1);
}

static void forget(struct kept *kept)
{
    stop_waiting(kept);
    free(kept);
}

/* Forgets all that was asked for. */
static void forget_requests(struct connection *connection)
{
    unread_stop_awaiting(connection);
    free(unpark(connection));
    while (!LIST_EMPTY(&connection->waiting))
        forget(LIST_FIRST(&connection->waiting));
}

/* A proof that he is asked for holds a descriptor. */
static void count_proof(struct connection *connection)
{
    bool asked = connection->peer.proof;

    if (asked == connection->asked || !connection->user)
        return;
    connection->asked = asked;
    connection->user->n_proofs += asked ? 1 : (size_t)-1;
    connection->context->quota->n_proofs += asked ? 1 : (size_t)-1;
}

static void forget_peer(struct connection *connection)
{
    peer_deinit(&connection->peer);
    count_proof(connection);
}

static bool close_socket(struct connection *connection)
{
    struct loop *loop = connection->context->loop;
    bool held_up = false;

    if (connection->source.fd < 0)
        return false;
    loop_remove(loop, &connection->source);
    if (connection->unguarded) {
        held_up = guard_close(&loop->guard, connection->source.fd);
        guard_leave(&loop->guard);
        connection->source.fd = -1;
    }
    connection->source.fd = close_fd(connection->source.fd);
    return held_up;
}

bool connection_deinit(struct connection *connection)
{
    bool held_up = close_socket(connection);

    unread_clear(connection);
    forget_requests(connection);
    forget_peer(connection);
    return held_up;
}

/* What the client has not read goes on being counted by the kernel, also when we close. So he
 * stays, shut down, until he has read or is gone. */
static void end(struct connection *connection)
{
    if (connection->unread == 0 || connection->ended || unread_is_none(connection)) {
        connection->context->gone(connection);
        return;
    }
    forget_requests(connection);
    forget_peer(connection);
    connection->ended = connection->held = true;
    unread_hide(connection);
    (void)shutdown(connection->source.fd, SHUT_RDWR);
    if (loop_change(connection->context->loop, &connection->source, EVENTS_PARKED) < 0)
        connection->context->gone(connection);
}

/* ---- back pressure ---- */

/* Listens to the client, or waits for him to read. */
static int watch(struct connection *connection)
{
    bool waits = is_parked(connection) || connection->held || connection->ended;

    return loop_change(connection->context->loop, &connection->source,
                       waits ? EVENTS_PARKED : EVENTS_READING);
}

void connection_hold(struct connection *connection)
{
    connection->held = true;
    if (!is_parked(connection))
        connection_poke(connection);
}

void connection_poke(struct connection *connection)
{
    (void)watch(connection); /* a change of what is watched: it needs no memory */
}

/* Keeps the request until the client has read. Its descriptors are given back: whoever does not
 * read holds none of ours. *KEPT is taken over; NULL: it is in the socket still, and stays there.
 */
static void park(struct connection *connection, struct kept **kept)
{
    connection->parked_handouts = (unsigned)connection->context->reply->n_handouts;
    connection->left = !*kept;
    connection->parked = TAKE_PTR(*kept);
    if (connection->parked)
        count_parked(connection, connection->parked->size);
}

/* Keeps the request until the event. *KEPT is taken over. */
static void wait(struct connection *connection, struct kept **kept)
{
    struct kept *waiting = TAKE_PTR(*kept);

    waiting->connection = connection;
    waiting->serial = connection->context->reply->serial;
    waiting->run = connection->context->reply->run;
    waiting->due = false;
    LIST_INSERT_HEAD(&connection->context->waiting, waiting, entry);
    LIST_INSERT_HEAD(&connection->waiting, waiting, sibling);
    count_waiting(connection, 1);
}

/* ---- one request ---- */

/* Sends what is in the context's reply. -EAGAIN: it has to wait. */
static int deliver(struct connection *connection)
{
    struct reply *reply = connection->context->reply;
    int r;

    r = unread_check(connection, reply->n_handouts);
    if (r == -EAGAIN)
        return r;
    if (r >= 0)
        r = send_reply(connection->source.fd, reply);
    if (reply->n_handouts > 0 &&
        (r == -EDQUOT || r == -ETOOMANYREFS)) { /* ours, or the kernel's limit for all together */
        reply_turn_error(reply, -EAGAIN,
                         "too many descriptors are on their way to clients that do not read; ask "
                         "again later");
        r = send_reply(connection->source.fd, reply);
    }
    if (r >= 0)
        unread_add(connection, reply->n_handouts);
    return r;
}

/* One that was to be cancelled, or whose event came while another reply was in the way. */
static struct kept *find_due(const struct connection *connection)
{
    struct kept *kept;

    LIST_FOREACH (kept, &connection->waiting, sibling)
        if (kept->due)
            return kept;
    return NULL;
}

static void note_cancel(struct connection *connection, uint32_t serial)
{
    struct kept *kept = serial ? kept_find(&connection->waiting, serial) : NULL;

    if (kept)
        kept->cancelled = kept->due = true;
}

/* Takes off the socket what was only looked at, since it is answered, or kept. */
static void take_off(struct connection *connection)
{
    char ignored;

    if (connection->context->peeked && !connection->left)
        (void)recv(connection->source.fd, &ignored, sizeof ignored, MSG_DONTWAIT);
}

/* KEPT, or FRAME where that is NULL, has no reply yet, or one that does not go out. Of what changes
 * something the reply is kept: asked again it would be done again. */
static int keep(struct connection *connection, struct kept **kept, const void *frame, size_t size)
{
    const struct connection_context *context = connection->context;
    const struct reply *reply = context->reply;
    bool leave = !*kept && context->peeked && !reply->later && !reply->done;

    if (!leave && !*kept) {
        *kept = reply->done ? kept_new(reply->frame, reply->writer.size) : kept_new(frame, size);
        if (!*kept)
            return -ENOMEM;
        (*kept)->answered = reply->done;
    }
    if (reply->later)
        wait(connection, kept);
    else
        park(connection, kept);
    return 0;
}

/* The reply in the context is for KEPT, or for FRAME where that is NULL. Keeps the request if there
 * is none yet, or if it does not go out. */
static int settle(struct connection *connection, struct kept **kept, const void *frame, size_t size)
{
    struct reply *reply = connection->context->reply;
    int r = reply->later ? -EAGAIN : deliver(connection);

    if (r == -EAGAIN)
        return keep(connection, kept, frame, size);
    if (r < 0)
        return r;
    note_cancel(connection, reply->cancel);
    return reply->close ? -ESHUTDOWN : 0;
}

/* False: the connection has ended. */
static bool answer_one(struct connection *connection, struct kept *kept, const void *frame,
                       size_t size)
{
    _cleanup_(kept_freep) struct kept *mine = kept;
    const struct connection_context *context = connection->context;
    const struct caller caller = {
        .peer = &connection->peer,
        .fd = connection->source.fd,
        .user = connection->user,
        .admin = connection->admin,
        .waiting = &connection->waiting,
        .n_waiting = connection->n_waiting,
        .kept = kept,
    };
    int r;

    if (kept && kept->answered)
        reply_restore(context->reply, frame, size);
    else
        request_answer(context->desk, &caller, frame, size, context->reply);
    count_proof(connection);
    r = settle(connection, &mine, frame, size);
    reply_deinit(context->reply);
    if (r >= 0 && !kept)
        take_off(connection);
    if (r >= 0)
        return true;
    if (r == -ESHUTDOWN && !connection->unguarded)
        drain(connection->source.fd);
    end(connection);
    return false;
}

/* Answers KEPT, or FRAME where that is NULL, and then those that waited for this one. */
static void answer(struct connection *connection, struct kept *kept, const void *frame, size_t size,
                   bool was_parked)
{
    unread_stop_awaiting(connection);
    if (!answer_one(connection, kept, frame, size))
        return;
    while (!is_parked(connection) && (kept = find_due(connection))) {
        stop_waiting(kept);
        if (!answer_one(connection, kept, kept->frame, kept->size))
            return;
    }
    if (was_parked == is_parked(connection)) /* changing nothing would make an edge */
        return;
    if (watch(connection) < 0)
        end(connection);
}

void connection_resume(struct kept *kept)
{
    struct connection *connection = kept->connection;

    kept->due = true;
    if (is_parked(connection)) {
        LIST_REMOVE(kept, entry);
        LIST_INSERT_HEAD(&connection->context->waiting, kept, entry);
        return;
    }
    stop_waiting(kept);
    answer(connection, kept, kept->frame, kept->size, false);
}

/* Not read: what comes with it would be closed now, which is the trap. */
static void refuse_descriptors(struct connection *connection)
{
    struct reply *reply = connection->context->reply;

    reply_error(reply, WIRE_EVENT, 0, -EPERM, "the broker takes no descriptors from clients");
    (void)send_reply(connection->source.fd, reply);
    end(connection);
}

/* One whose copy could not be kept is only looked at. */
static ssize_t receive(struct connection *connection)
{
    struct connection_context *context = connection->context;
    ssize_t size;

    context->peeked = !may_keep(connection);
    size = peer_receive(&connection->peer, connection->source.fd, context->frame, WIRE_REQUEST_MAX,
                        MSG_DONTWAIT | MSG_TRUNC | (context->peeked ? MSG_PEEK : 0));
    return size < 0 ? -errno : size;
}

/* The frame in the context, of SIZE bytes. */
static void answer_frame(struct connection *connection, ssize_t size, bool was_parked)
{
    answer(connection, NULL, connection->context->frame,
           size <= WIRE_REQUEST_MAX ? (size_t)size : 0, was_parked);
}

static void read_request(struct connection *connection, uint32_t events)
{
    const struct peer *peer = &connection->peer;
    ssize_t size = connection->unguarded ? guard_peek(connection->source.fd, peer->proof) : 0;

    if (size == -EPERM) {
        refuse_descriptors(connection);
        return;
    }
    if (size >= 0) /* what was not looked at is not read: an error may come before it */
        size = receive(connection);
    if (size == -EAGAIN || size == -EINTR)
        return;
    if (size < 0 || (size == 0 && events & (EPOLLRDHUP | EPOLLHUP)))
        end(connection);
    else
        answer_frame(connection, size, false);
}

/* At each frame that he takes. */
static void release_held(struct connection *connection)
{
    if (!unread_is_none(connection))
        return;
    connection->held = false;
    unread_clear(connection);
    if (!is_parked(connection) && watch(connection) < 0)
        end(connection);
}

/* It is where it was, and had no descriptors with it then. */
static void retry_left(struct connection *connection)
{
    ssize_t size = receive(connection);

    (void)unpark(connection);
    if (size < 0)
        end(connection);
    else
        answer_frame(connection, size, true);
}

static void retry_parked(struct connection *connection)
{
    struct kept *kept;

    if (connection->held)
        release_held(connection);
    if (unread_check(connection, connection->parked_handouts) == -EAGAIN)
        return;
    if (connection->left) {
        retry_left(connection);
        return;
    }
    kept = unpark(connection);
    answer(connection, kept, kept->frame, kept->size, true);
}

static void release_ended(struct connection *connection)
{
    if (unread_is_none(connection))
        connection->context->gone(connection);
}

/* Gone, or deaf and dumb: he gets no answer any more. What an administrator has asked for is done
 * all the same, if it can be. */
static bool is_lost(const struct connection *connection, uint32_t events)
{
    return events & (EPOLLHUP | EPOLLERR) &&
           (!connection->admin || connection->held || is_parked(connection));
}

static void ready(struct source *source, uint32_t events)
{
    struct connection *connection = CONTAINER_OF(source, struct connection, source);

    if (connection->ended)
        release_ended(connection);
    else if (is_lost(connection, events))
        end(connection);
    else if (is_parked(connection))
        retry_parked(connection);
    else if (connection->held)
        release_held(connection);
    else
        read_request(connection, events);
}

int connection_open(struct connection *connection, int fd)
{
    int size = SEND_BUFFER, r;

    /* Not inherited from the listener. Too small is only slow. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    connection->source = (struct source){fd, ready};
    r = loop_add(connection->context->loop, &connection->source, EVENTS_READING);
    if (r >= 0 && connection->unguarded) {
        r = guard_enter(&connection->context->loop->guard);
        if (r < 0)
            loop_remove(connection->context->loop, &connection->source);
    }
    if (r < 0)
        connection->source.fd = -1;
    return r;
}
