/*
 * Requests under way: one list for those that somebody waits for and those that are told of later.
 * Nothing waits here but calls_run().
 */
#include "client/internal.h"

#include <poll.h>
#include <string.h>

/* A backlog that is full is emptied by the broker's next turn: this is how long one may take. */
#define LITTLE_US 2000

/* Between two tries to reach a broker that went away: doubled each time. */
#define FIRST_PAUSE_US 5000
#define LAST_PAUSE_US  500000

/* ---- the list ---- */

static void append(struct ipcb *b, struct call *call)
{
    struct call **end = &b->calls;

    while (*end)
        end = &(*end)->next;
    call->next = NULL;
    *end = call;
}

int call_start(struct ipcb *b, struct call *call, const struct wire_writer *request)
{
    int r = handle_check_process(b);

    if (r < 0)
        return r;
    if (request->overflow)
        return say(&b->message, -EMSGSIZE, "the request does not fit into a frame");
    call->frame = malloc(request->size);
    if (!call->frame)
        return say(&b->message, -ENOMEM, "out of memory");
    memcpy(call->frame, request->data, request->size);
    call->size = request->size;
    call->serial = b->serial;
    call->type = request->data[1];
    call->sent = false;
    append(b, call);
    return 0;
}

static bool unlink_call(struct ipcb *b, struct call *call)
{
    for (struct call **at = &b->calls; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            return true;
        }
    return false;
}

void call_again(struct ipcb *b, struct call *call)
{
    call->sent = false;
    append(b, call);
}

static void posted_done(struct ipcb *b, struct call *call, int r, struct wire_reader fields,
                        struct descriptors *descriptors)
{
    (void)b, (void)r, (void)fields, (void)descriptors;
    free(call);
}

bool call_post(struct ipcb *b, const struct wire_writer *request)
{
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        return false;
    call->done = posted_done;
    call->never_twice = true;
    if (call_start(b, call, request) < 0) {
        free(call);
        return false;
    }
    return true;
}

/* A broker keeps few requests that wait: it is told of one that nobody waits for any more. */
static void send_cancel(struct ipcb *b, uint32_t serial)
{
    struct wire_writer request;

    request_begin(b, WIRE_CANCEL, &request);
    wire_put_u32(&request, WIRE_FIELD_SERIAL, serial);
    (void)call_post(b, &request);
}

/* If nobody else waits at this connection it is closed, so that a broker that has stopped answering
 * is left. */
void call_abandon(struct ipcb *b, struct call *call)
{
    if (!unlink_call(b, call))
        return;
    free(TAKE_PTR(call->frame));
    if (!b->calls) {
        connection_close(b);
        b->lost = false;
        b->retry_us = 0;
    } else if (call->sent) {
        b->abandoned++;
        if (call->type == WIRE_AWAIT)
            send_cancel(b, call->serial);
    }
}

/* ---- ends ---- */

static void end(struct ipcb *b, struct call *call, int r)
{
    struct descriptors none = {.n = 0};

    free(TAKE_PTR(call->frame));
    call->done(b, call, r, (struct wire_reader){0}, &none);
}

void calls_fail(struct ipcb *b, int r)
{
    struct sentence message = b->message;
    struct call *call, *list = TAKE_PTR(b->calls);

    b->lost = false;
    b->retry_us = 0;
    while ((call = list)) {
        list = call->next;
        end(b, call, r);
        b->message = message; /* what ends one may have said something else */
    }
}

static int explain_loss(struct ipcb *b, const struct call *call)
{
    if (call->never_twice && call->sent)
        return say(&b->message, -ECONNRESET,
                   "the broker at %s went away before it answered: whether it has done what it was "
                   "asked for is not known",
                   b->address.sun_path);
    return say(&b->message, -ECONNRESET,
               "the broker at %s closed the connection without an answer: try again",
               b->address.sun_path);
}

static void try_again_in(struct ipcb *b, int why, int64_t pause_us)
{
    b->why = why;
    b->retry_us = now_us() + pause_us;
}

/* At once the first time, then after a pause that doubles. */
static void pause_more(struct ipcb *b, int why)
{
    try_again_in(b, why, b->pause_us);
    b->pause_us = b->pause_us == 0 ? FIRST_PAUSE_US : 2 * b->pause_us;
    if (b->pause_us > LAST_PAUSE_US)
        b->pause_us = LAST_PAUSE_US;
}

void calls_await_return(struct ipcb *b)
{
    b->lost = true;
    pause_more(b, -EAGAIN);
}

/* The connection is over. If there were answers before, the broker is being restarted: what does no
 * harm is sent again, once it is back. */
static void lose(struct ipcb *b)
{
    struct call *call, *list = TAKE_PTR(b->calls);

    connection_close(b);
    while ((call = list)) {
        list = call->next;
        if ((b->credit == 0 && !call->patient) || (call->sent && call->never_twice)) {
            end(b, call, explain_loss(b, call));
            continue;
        }
        call->sent = false;
        append(b, call);
    }
    b->credit -= b->credit > 0;
    if (b->calls)
        calls_await_return(b);
}

/* ---- a turn ---- */

static bool is_absence(int r)
{
    return r == -ENOENT || r == -ECONNREFUSED;
}

/* True: connected. */
static bool turn_connect(struct ipcb *b)
{
    int r;

    if (b->fd >= 0)
        return true;
    if (b->retry_us > now_us())
        return false;
    r = connection_open(b);
    if (r == 0) {
        b->lost = false;
        b->retry_us = 0;
        return true;
    }
    if (r == -EAGAIN) {
        try_again_in(b, r, LITTLE_US);
    } else if (b->lost && is_absence(r)) {
        pause_more(b, r);
    } else {
        calls_fail(b, connection_explain(b, r));
    }
    return false;
}

static void fail_connection(struct ipcb *b, int r)
{
    connection_close(b);
    errno = -r;
    calls_fail(b,
               say(&b->message, r, "cannot speak with the broker at %s: %m", b->address.sun_path));
}

/* Whether something was sent. */
static bool turn_send(struct ipcb *b)
{
    bool sent = false;

    for (struct call *call = b->calls; call && !b->deaf; call = call->next) {
        int r = call->sent ? 0 : connection_send(b, call->frame, call->size);

        if (r == -EAGAIN)
            break;
        if (r == -EPIPE || r == -ECONNRESET) {
            b->deaf = true; /* it may have said why: that can be read all the same */
        } else if (r < 0) {
            fail_connection(b, r);
            break;
        } else {
            sent |= !call->sent;
            call->sent = true;
        }
    }
    return sent;
}

static bool turn_receive(struct ipcb *b)
{
    _cleanup_(descriptors_deinit) struct descriptors descriptors = {.n = 0};
    ssize_t n = connection_receive(b, &descriptors);

    if (n == -EAGAIN)
        return false;
    if (n > 0)
        reply_take(b, (size_t)n, &descriptors);
    else if (n == -ECONNRESET)
        lose(b);
    else if (n == -EPROTO)
        (void)request_nonsense(b);
    else
        fail_connection(b, (int)n);
    return true;
}

bool calls_turn(struct ipcb *b)
{
    watch_turn(b);
    if (b->fd < 0 && !b->calls)
        return false;
    if (!turn_connect(b))
        return !b->calls;
    if (turn_send(b) && b->fd >= 0 && !b->deaf)
        return false; /* the answer is not there yet: looking for it is left to who waits */
    return b->fd < 0 || turn_receive(b);
}

bool calls_want_to_send(const struct ipcb *b)
{
    const struct call *call = b->calls;

    while (call && call->sent)
        call = call->next;
    return call && !b->deaf;
}

/* ---- waiting ---- */

int calls_explain_delay(struct ipcb *b, int r)
{
    if (b->fd < 0)
        return connection_explain(b, b->why == -EAGAIN ? r : b->why);
    return say(&b->message, r,
               r == -EAGAIN ? "the broker at %s has not answered yet"
                            : "the broker at %s did not answer in time",
               b->address.sun_path);
}

int calls_run(struct ipcb *b, const bool *finished, const struct deadline *deadline)
{
    bool waited = false;

    while (!*finished) {
        bool more = calls_turn(b);
        int r = 0;

        if (*finished)
            break;
        /* Nobody holds us with events, nor a socket that is ready for less than we have to send. */
        if (more || waited)
            r = deadline_check(deadline);
        if (r == 0 && !more) {
            r = wait_until(b->fd, calls_want_to_send(b) ? POLLIN | POLLOUT : POLLIN, deadline,
                           b->fd < 0 ? b->retry_us : 0);
            waited = true;
        }
        if (r < 0 && r != -EINTR)
            return calls_explain_delay(b, r);
    }
    return 0;
}
