/* The wishes of an acquire: checked, put into a request, and filled from its reply. */
#include "client/internal.h"

#include <string.h>

/* ---- asking ---- */

/* What will do: the kinds that were named, or else those that the wrapper takes. */
static unsigned kinds_of(const struct ipcb_item *item)
{
    if (item->kinds != 0)
        return item->kinds;
    if (item->queue)
        return IPCB_ONLY(IPCB_QUEUE);
    return item->event ? EVENT_KINDS : 0;
}

static bool wrapper_is_valid(const struct ipcb_item *item)
{
    if (item->queue && item->event)
        return false;
    if (item->queue)
        return !(kinds_of(item) & ~IPCB_ONLY(IPCB_QUEUE));
    return !item->event || !(kinds_of(item) & ~EVENT_KINDS);
}

static int check_item(struct ipcb *b, const struct ipcb_item *item)
{
    if (item->access & ~IPCB_USE)
        return say(&b->message, -EINVAL, "the access of an item is a mask of write and read");
    if (item->flags & ~(IPCB_NONBLOCK | IPCB_UNTIL_DECLARED))
        return say(&b->message, -EINVAL, "an item has flags that this library does not know");
    if (item->kinds > UINT16_MAX)
        return say(&b->message, -EINVAL, "an item has kinds that this library does not know");
    if (!wrapper_is_valid(item))
        return say(&b->message, -EINVAL, "an item has one wrapper, and only kinds that it is for");
    for (size_t i = 0; i < ARRAY_SIZE(item->reserved); i++)
        if (item->reserved[i] != 0)
            return say(&b->message, -EINVAL, "the reserved fields of an item must be 0");
    return 0;
}

static int put_item(struct ipcb *b, const struct ipcb_item *item, struct wire_writer *request)
{
    struct wire_item wish = {
        .access = (uint8_t)item->access,
        .flags = (uint8_t)(item->flags & IPCB_NONBLOCK),
        .kinds = (uint16_t)kinds_of(item),
    };
    int r;

    r = check_item(b, item);
    if (r < 0)
        return r;
    r = request_name(b, item->name, &wish.name, &wish.name_size);
    if (r < 0)
        return r;
    wire_put_item(request, &wish);
    return 0;
}

int items_put(struct ipcb *b, const struct ipcb_item *items, size_t n, struct wire_writer *request)
{
    for (size_t i = 0; i < n; i++) {
        int r = put_item(b, &items[i], request);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the answer ---- */

/* The descriptors that the reply speaks of, at most N. -EPROTO: not N, or bytes that are none. */
static int read_descriptors(struct wire_reader fields, struct wire_descriptor *ret, size_t n)
{
    struct wire_field field;
    size_t found = 0;
    int r;

    while ((r = wire_next(&fields, &field)) > 0) {
        if (field.type != WIRE_FIELD_DESCRIPTOR) {
            if (field.critical)
                return -EPROTO;
            continue;
        }
        if (found == n || wire_get_descriptor(&field, &ret[found++]) < 0)
            return -EPROTO;
    }
    return r < 0 || found < n ? -EPROTO : 0;
}

/* Whether what came is what was asked for. */
static bool fulfils(const struct ipcb_item *item, const struct wire_descriptor *descriptor)
{
    if (item->access != 0 && item->access != descriptor->access)
        return false;
    if (kinds_of(item) == 0)
        return true;
    return descriptor->kind < 16 && (kinds_of(item) & IPCB_ONLY(descriptor->kind));
}

/* The wrappers that the items of one reply wish for: each owned, NULL where none is. */
struct wrappers {
    size_t n;
    struct {
        struct ipcb_queue *queue;
        struct ipcb_event *event;
    } items[WIRE_DESCRIPTORS_MAX];
};

static void wrappers_deinit(struct wrappers *wrappers)
{
    for (size_t i = 0; i < wrappers->n; i++) {
        wrappers->items[i].queue = ipcb_queue_free(wrappers->items[i].queue);
        wrappers->items[i].event = ipcb_event_free(wrappers->items[i].event);
    }
}

/* Wraps *FD as the item wishes, and takes it then. */
static int wrap(struct ipcb *b, const struct ipcb_item *item, struct wrappers *wrappers, int *fd)
{
    size_t i = wrappers->n;
    int r = 0;

    wrappers->items[i].queue = NULL;
    wrappers->items[i].event = NULL;
    if (item->queue)
        r = ipcb_queue_adopt(&wrappers->items[i].queue, *fd);
    else if (item->event)
        r = ipcb_event_adopt(&wrappers->items[i].event, *fd);
    if (r < 0)
        return say(&b->message, r, "'%s' came, but cannot be used as %s", item->name,
                   item->queue ? "a queue" : "an event");
    if (item->queue || item->event)
        (void)TAKE_FD(*fd);
    wrappers->n++;
    return 0;
}

static void fill_item(struct ipcb_item *item, const struct wire_descriptor *descriptor, int fd,
                      struct wrappers *wrappers, size_t i)
{
    if (item->queue)
        *item->queue = TAKE_PTR(wrappers->items[i].queue);
    if (item->event)
        *item->event = TAKE_PTR(wrappers->items[i].event);
    item->fd = fd;
    item->kind = descriptor->kind;
    item->granted = descriptor->access;
    item->nonblocking = !!(descriptor->flags & WIRE_NONBLOCK);
    item->device = descriptor->identity.device;
    item->inode = descriptor->identity.inode;
}

/* All or nothing: the items are touched only when everything about the reply is right. */
int items_take(struct ipcb *b, struct ipcb_item *items, size_t n, struct wire_reader fields,
               struct descriptors *descriptors)
{
    _cleanup_(wrappers_deinit) struct wrappers wrappers = {.n = 0};
    struct wire_descriptor told[WIRE_DESCRIPTORS_MAX];

    if (descriptors->n != n || read_descriptors(fields, told, n) < 0)
        return request_nonsense(b);
    for (size_t i = 0; i < n; i++)
        if (!fulfils(&items[i], &told[i]))
            return request_nonsense(b);
    for (size_t i = 0; i < n; i++) {
        int r = wrap(b, &items[i], &wrappers, &descriptors->fds[i]);
        if (r >= 0)
            r = watch_remember(b, items[i].name, &told[i].identity);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n; i++)
        fill_item(&items[i], &told[i], TAKE_FD(descriptors->fds[i]), &wrappers, i);
    return 0;
}
