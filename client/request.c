#include "client/internal.h"

#include <string.h>

/* Results of a try beside 0 and -errno. */
#define LOST    1 /* the connection turned out to be dead, and is closed */
#define IGNORED 2 /* a frame that is not for us */

/* A greater status is no errno. */
#define STATUS_MAX 4095u

static int drop(struct ipcb *b, int r)
{
    connection_close(b);
    return r;
}

int request_nonsense(struct ipcb *b)
{
    return drop(b, say(&b->message, -EPROTO,
                       "what answered at %s does not keep to the protocol of ipcbrokerd",
                       b->address.sun_path));
}

void request_begin(struct ipcb *b, enum wire_type type, struct wire_writer *ret)
{
    struct wire_header header = {.version = WIRE_VERSION, .type = (uint8_t)type};

    if (++b->serial == 0) /* 0 is for events */
        b->serial = 1;
    header.serial = b->serial;
    wire_writer_init(ret, b->frames->request, sizeof b->frames->request);
    wire_put_header(ret, &header);
}

int request_name(struct ipcb *b, const char *name, const char **ret, size_t *ret_size)
{
    size_t size;

    if (!name)
        return say(&b->message, -EINVAL, "no name was given");
    size = strnlen(name, WIRE_NAME_MAX + 2);
    if (size > WIRE_NAME_MAX + (*name == '/')) /* which the broker ignores */
        return say(&b->message, -EINVAL, "'%.40s...' is no name of an object: over %u bytes", name,
                   WIRE_NAME_MAX);
    *ret = name;
    *ret_size = size;
    return 0;
}

/* Keeps the broker's sentence: one line, whatever was sent. */
static void keep_sentence(struct ipcb *b, const struct wire_field *field)
{
    char *text = b->message.text;
    size_t size = field->size < sizeof b->message.text ? field->size : sizeof b->message.text - 1;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = field->value[i];
        text[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    text[size] = '\0';
}

/* An error reply: its status, and its sentence if there is one. */
static int status_error(struct ipcb *b, uint32_t status, struct wire_reader *fields)
{
    struct wire_field field;

    if (status > STATUS_MAX)
        return request_nonsense(b);
    errno = (int)status;
    (void)say(&b->message, 0, "the broker at %s said: %m", b->address.sun_path);
    while (wire_next(fields, &field) > 0)
        if (field.type == WIRE_FIELD_SENTENCE && field.size > 0)
            keep_sentence(b, &field);
    return -(int)status;
}

static int other_version(struct ipcb *b, unsigned version)
{
    return drop(b, say(&b->message, -EPROTONOSUPPORT,
                       "the broker at %s speaks version %u of the protocol, this program's "
                       "libipcbroker version %u: upgrade the older of the two",
                       b->address.sun_path, version, WIRE_VERSION));
}

/* Finds out what the frame is that has come: the reply, or IGNORED, or an error. */
static int judge_frame(struct ipcb *b, size_t size, unsigned type, struct wire_reader *ret)
{
    struct wire_header header;

    if (wire_read_header(ret, b->frames->received, size, &header) < 0)
        return request_nonsense(b);
    if (header.version != WIRE_VERSION)
        return other_version(b, header.version);
    if (!(header.flags & WIRE_REPLY)) {
        if (header.serial != 0)
            return request_nonsense(b);
        if (header.type != WIRE_EVENT || header.status == 0)
            return IGNORED;
        return drop(b, status_error(b, header.status, ret)); /* it wants none of us */
    }
    if (header.serial != b->serial || header.type != type)
        return request_nonsense(b);
    return header.status == 0 ? 0 : status_error(b, header.status, ret);
}

/* Words what sending or receiving failed with. All but EMFILE leave a connection that is of no more
 * use: a late answer must never be taken for another's. */
static int explain(struct ipcb *b, int r)
{
    const char *path = b->address.sun_path;

    switch (r) {
    case -EPIPE:
    case -ECONNRESET:
        return drop(b, LOST);
    case -EAGAIN:
        return drop(b, say(&b->message, r, "the broker at %s has not answered yet", path));
    case -ETIMEDOUT:
        return drop(b, say(&b->message, r, "the broker at %s did not answer in time", path));
    case -EMFILE:
        return say(&b->message, r,
                   "this process has no room for the descriptors that came: raise RLIMIT_NOFILE "
                   "(ulimit -n, LimitNOFILE=) or close some");
    case -EPROTO:
        return request_nonsense(b);
    default:
        errno = -r;
        return drop(b, say(&b->message, r, "cannot speak with the broker at %s: %m", path));
    }
}

static int await_reply(struct ipcb *b, unsigned type, const struct deadline *deadline,
                       struct wire_reader *ret, struct descriptors *descriptors)
{
    for (;;) {
        ssize_t size = connection_receive(b, deadline, descriptors);
        int r;

        if (size < 0)
            return explain(b, (int)size);
        r = judge_frame(b, (size_t)size, type, ret);
        if (r == 0)
            return 0;
        descriptors_deinit(descriptors);
        if (r != IGNORED)
            return r;
        r = deadline_check(deadline); /* nobody holds us with events */
        if (r < 0)
            return explain(b, r);
    }
}

static int attempt(struct ipcb *b, const struct wire_writer *request,
                   const struct deadline *deadline, struct wire_reader *ret,
                   struct descriptors *descriptors)
{
    int r;

    r = connection_open(b, deadline);
    if (r < 0)
        return r;
    r = connection_send(b, request->data, request->size, deadline);
    /* A broker that has closed may have said why before: that can be read all the same. */
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return explain(b, r);
    return await_reply(b, request->data[1], deadline, ret, descriptors);
}

static bool changes_something(unsigned type)
{
    return type == WIRE_RELOAD || type == WIRE_REPLACE || type == WIRE_PURGE;
}

static int call(struct ipcb *b, const struct wire_writer *request, const struct deadline *deadline,
                struct wire_reader *ret, struct descriptors *descriptors)
{
    bool established = b->fd >= 0;
    int r;

    if (established && b->pid != getpid())
        return say(&b->message, -ECHILD,
                   "this handle was connected by the parent process: after fork() a child makes "
                   "one of its own with ipcb_new()");
    r = attempt(b, request, deadline, ret, descriptors);
    /* The broker has been restarted since the last call. What changes something may have been done
     * already, and is not repeated. */
    if (r == LOST && established && !changes_something(request->data[1]))
        r = attempt(b, request, deadline, ret, descriptors);
    if (r == LOST)
        r = say(&b->message, -ECONNRESET,
                "the broker at %s closed the connection without an answer: try again",
                b->address.sun_path);
    return r;
}

int request_call(struct ipcb *b, const struct wire_writer *request, const struct deadline *deadline,
                 struct wire_reader *ret_fields, struct descriptors *descriptors)
{
    _cleanup_(descriptors_deinit) struct descriptors unwanted = {0};
    int r;

    if (request->overflow)
        return say(&b->message, -EMSGSIZE, "the request does not fit into a frame");
    r = call(b, request, deadline, ret_fields, descriptors ? descriptors : &unwanted);
    if (r < 0)
        return r;
    return unwanted.n > 0 ? request_nonsense(b) : 0;
}
