#include "client/internal.h"

#include <string.h>

int request_nonsense(struct ipcb *b)
{
    int r =
        say(&b->message, -EPROTO, "what answered at %s does not keep to the protocol of ipcbrokerd",
            b->address.sun_path);

    connection_close(b);
    calls_fail(b, r);
    return r;
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

/* A call that somebody waits for. */
struct waiting {
    struct call call;
    bool finished;
    int r;
    struct wire_reader fields;
};

static void waiting_done(struct ipcb *b, struct call *call, int r, struct wire_reader fields,
                         struct descriptors *descriptors)
{
    struct waiting *waiting = CONTAINER_OF(call, struct waiting, call);

    if (r == 0 && descriptors->n > 0) /* nobody asked for them */
        r = request_nonsense(b);
    waiting->r = r;
    waiting->fields = fields;
    waiting->finished = true;
}

int request_call(struct ipcb *b, const struct wire_writer *request, unsigned flags,
                 const struct deadline *deadline, struct wire_reader *ret_fields)
{
    struct waiting waiting = {
        .call = {.done = waiting_done, .never_twice = flags & REQUEST_CHANGES},
    };
    int r;

    r = call_start(b, &waiting.call, request);
    if (r < 0)
        return r;
    r = calls_run(b, &waiting.finished, deadline);
    if (r < 0)
        call_abandon(b, &waiting.call);
    else
        r = waiting.r;
    process_settle(b);
    if (r == 0)
        *ret_fields = waiting.fields;
    return r;
}
