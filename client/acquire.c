/* Acquire, for those who wait for it. */
#include "client/internal.h"

_public_ int ipcb_acquire_many(struct ipcb *b, struct ipcb_item *items, size_t n,
                               int64_t timeout_us)
{
    struct acquisition a = {.n = 0};
    int r;

    if (!b)
        return -EINVAL;
    if (!timeout_is_valid(timeout_us))
        return say(&b->message, -EINVAL, "a timeout is -1, 0 or a number of microseconds");
    r = acquisition_start(b, &a, items, n);
    return r < 0 ? r : acquisition_run(b, &a, timeout_us);
}

_public_ int ipcb_acquire(struct ipcb *b, const char *name, unsigned access)
{
    struct ipcb_item item = {.name = name, .access = access};
    int r = b ? ipcb_acquire_many(b, &item, 1, b->timeout_us) : -EINVAL;

    return r < 0 ? r : item.fd;
}

int acquire_wrapper(struct ipcb *b, struct ipcb_item *item)
{
    _cleanup_(ipcb_freep) struct ipcb *own = NULL;
    int r;

    if (!item->queue && !item->event)
        return -EINVAL;
    if (!b) {
        r = ipcb_new(&own, NULL);
        if (r < 0)
            return r;
        b = own;
    }
    return ipcb_acquire_many(b, item, 1, b->timeout_us);
}
