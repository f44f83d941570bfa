/* An acquire under way: from the request, by waiting for what is not declared yet, to its end. */
#include "client/internal.h"

#include <string.h>

static int ask(struct ipcb *b, struct acquisition *a)
{
    struct wire_writer request;
    int r;

    request_begin(b, WIRE_ACQUIRE, &request);
    r = items_put(b, a->items, a->n, &request);
    if (r < 0)
        return r;
    a->awaiting = a->call.patient = false;
    return call_start(b, &a->call, &request);
}

/* Asks to be told when the item is declared, which may take long. */
static int await(struct ipcb *b, struct acquisition *a, const struct ipcb_item *item)
{
    struct wire_writer request;
    const char *name;
    size_t size;
    int r;

    r = request_name(b, item->name, &name, &size);
    if (r < 0)
        return r;
    request_begin(b, WIRE_AWAIT, &request);
    wire_put(&request, WIRE_FIELD_NAME, name, size);
    a->awaiting = a->call.patient = true;
    return call_start(b, &a->call, &request);
}

/* The item that the error is about, if it can be waited for. */
static const struct ipcb_item *find_missing(const struct acquisition *a, struct wire_reader fields)
{
    struct wire_field field;
    uint32_t index;

    while (wire_next(&fields, &field) > 0)
        if (field.type == WIRE_FIELD_INDEX && wire_get_u32(&field, &index) == 0 && index < a->n)
            return a->items[index].flags & IPCB_UNTIL_DECLARED ? &a->items[index] : NULL;
    return NULL;
}

static void finish(struct ipcb *b, struct acquisition *a, int r)
{
    a->r = r;
    a->finished = true;
    if (r < 0)
        a->message = b->message;
}

static void acquire_done(struct ipcb *b, struct acquisition *a, int r, struct wire_reader fields,
                         struct descriptors *descriptors)
{
    const struct ipcb_item *missing = r == -ENOENT ? find_missing(a, fields) : NULL;

    if (r == 0)
        r = items_take(b, a->items, a->n, fields, descriptors);
    if (missing)
        r = await(b, a, missing);
    if (!missing || r < 0)
        finish(b, a, r);
}

static void await_done(struct ipcb *b, struct acquisition *a, int r,
                       const struct descriptors *descriptors)
{
    if (r == 0 && descriptors->n > 0) /* nobody asked for them */
        r = request_nonsense(b);
    if (r == 0)
        r = ask(b, a);
    if (r < 0)
        finish(b, a, r);
}

static void acquisition_done(struct ipcb *b, struct call *call, int r, struct wire_reader fields,
                             struct descriptors *descriptors)
{
    struct acquisition *a = CONTAINER_OF(call, struct acquisition, call);

    if (a->awaiting)
        await_done(b, a, r, descriptors);
    else
        acquire_done(b, a, r, fields, descriptors);
}

int acquisition_start(struct ipcb *b, struct acquisition *a, struct ipcb_item *items, size_t n)
{
    if (!items || n == 0)
        return say(&b->message, -EINVAL, "no items were given");
    if (n > IPCB_ITEMS_MAX)
        return say(&b->message, -E2BIG, "%zu items are more than one request can have (%d)", n,
                   IPCB_ITEMS_MAX);
    a->call.done = acquisition_done;
    a->items = items;
    a->n = n;
    a->finished = false;
    return ask(b, a);
}

int acquisition_run(struct ipcb *b, struct acquisition *a, int64_t timeout_us)
{
    struct deadline deadline = deadline_from(timeout_us);
    int r = calls_run(b, &a->finished, &deadline);

    if (r < 0)
        call_abandon(b, &a->call);
    else
        r = a->r;
    process_settle(b);
    return r;
}
