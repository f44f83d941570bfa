/* Acquire, for those who go on meanwhile and are told by ipcb_process(). */
#include "client/internal.h"

#include <string.h>

/* One block of memory: the struct, the items, then their names. */
struct ipcb_call {
    struct ipcb_call *next;
    struct ipcb *b; /* borrowed */
    struct acquisition acquisition;
    struct deadline deadline;
    ipcb_acquired_fn *acquired;
    void *userdata;
    size_t n;
    struct ipcb_item items[];
};

/* ---- making one ---- */

/* What is too long or NULL is told by the check of the items. */
static size_t name_size(const struct ipcb_item *item)
{
    return item->name ? strnlen(item->name, WIRE_NAME_MAX + 2) : 0;
}

static struct ipcb_call *new_call(const struct ipcb_item *items, size_t n)
{
    struct ipcb_call *call;
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < n; i++)
        size += name_size(&items[i]) + 1;
    call = calloc(1, sizeof *call + n * sizeof *items + size);
    if (!call)
        return NULL;
    call->n = n;
    at = (char *)&call->items[n];
    for (size_t i = 0; i < n; i++) {
        call->items[i] = items[i];
        if (!items[i].name)
            continue;
        size = name_size(&items[i]);
        memcpy(at, items[i].name, size);
        call->items[i].name = at;
        at += size + 1;
    }
    return call;
}

static void append(struct ipcb *b, struct ipcb_call *call)
{
    struct ipcb_call **end = &b->asyncs;

    while (*end)
        end = &(*end)->next;
    *end = call;
}

static void call_freep(struct ipcb_call **call)
{
    free(*call);
}

_public_ int ipcb_acquire_async(struct ipcb *b, struct ipcb_call **ret,
                                const struct ipcb_item *items, size_t n, int64_t timeout_us,
                                ipcb_acquired_fn *acquired, void *userdata)
{
    _cleanup_(call_freep) struct ipcb_call *call = NULL;
    int r;

    if (!b || !acquired)
        return -EINVAL;
    if (!timeout_is_valid(timeout_us))
        return say(&b->message, -EINVAL, "a timeout is -1, 0 or a number of microseconds");
    call = new_call(items, items && n <= IPCB_ITEMS_MAX ? n : 0);
    if (!call)
        return say(&b->message, -ENOMEM, "out of memory");
    call->b = b;
    call->deadline = deadline_from(timeout_us);
    call->acquired = acquired;
    call->userdata = userdata;
    r = acquisition_start(b, &call->acquisition, items ? call->items : NULL, n);
    if (r < 0)
        return r;
    append(b, call);
    (void)calls_turn(b); /* the request is on its way before anybody waits */
    process_settle(b);
    if (ret)
        *ret = call;
    (void)TAKE_PTR(call);
    return 0;
}

/* ---- ends ---- */

static void detach(struct ipcb *b, const struct ipcb_call *call)
{
    for (struct ipcb_call **at = &b->asyncs; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            return;
        }
}

/* What came and was not told of yet is given back. */
static void drop_items(struct ipcb_call *call)
{
    for (size_t i = 0; i < call->n; i++) {
        struct ipcb_item *item = &call->items[i];

        if (item->queue)
            *item->queue = ipcb_queue_free(*item->queue);
        else if (item->event)
            *item->event = ipcb_event_free(*item->event);
        else
            item->fd = close_fd(item->fd);
    }
}

static void cancel(struct ipcb_call *call)
{
    detach(call->b, call);
    if (!call->acquisition.finished)
        call_abandon(call->b, &call->acquisition.call);
    else if (call->acquisition.r == 0)
        drop_items(call);
    free(call);
}

_public_ struct ipcb_call *ipcb_call_cancel(struct ipcb_call *call)
{
    struct ipcb *b;

    if (call) {
        b = call->b;
        cancel(call);
        process_settle(b);
    }
    return NULL;
}

void asyncs_free(struct ipcb *b)
{
    while (b->asyncs)
        cancel(b->asyncs);
}

/* ---- telling ---- */

static void expire(struct ipcb *b, struct acquisition *a, int r)
{
    a->r = calls_explain_delay(b, r);
    a->message = b->message;
    a->finished = true;
    call_abandon(b, &a->call);
}

void asyncs_expire(struct ipcb *b)
{
    for (struct ipcb_call *call = b->asyncs; call; call = call->next) {
        int r = call->acquisition.finished ? 0 : deadline_check(&call->deadline);
        if (r < 0)
            expire(b, &call->acquisition, r);
    }
}

bool asyncs_tell(struct ipcb *b)
{
    struct ipcb_call *call = b->asyncs;
    int r;

    while (call && !call->acquisition.finished)
        call = call->next;
    if (!call)
        return false;
    detach(b, call);
    r = call->acquisition.r;
    if (r < 0)
        b->message = call->acquisition.message;
    call->acquired(b, r, r < 0 ? NULL : call->items, r < 0 ? 0 : call->n, call->userdata);
    free(call); /* B may be gone */
    return true;
}

int64_t asyncs_next_us(const struct ipcb *b)
{
    int64_t next_us = INT64_MAX;

    for (const struct ipcb_call *call = b->asyncs; call; call = call->next) {
        if (call->acquisition.finished)
            return 0;
        if (call->deadline.timeout_us >= 0 && call->deadline.at_us < next_us)
            next_us = call->deadline.at_us;
    }
    return next_us;
}
