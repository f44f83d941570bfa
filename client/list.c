#include "client/internal.h"

struct ipcb_list {
    size_t n, capacity;
    struct ipcb_facts **items; /* each owned */
};

static int list_add(struct ipcb_list *list, const struct wire_field *object)
{
    struct wire_reader inside;
    int r;

    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct ipcb_facts **items = reallocarray(list->items, capacity, sizeof(void *));

        if (!items)
            return -ENOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    wire_enter(object, &inside);
    r = facts_from(inside, &list->items[list->n]);
    if (r < 0)
        return r;
    list->n++;
    return 0;
}

/* Adds a page. CURSOR is what to ask for the next with; of size 0: this was the last. */
static int list_add_page(struct ipcb_list *list, struct wire_reader fields,
                         struct wire_field *ret_cursor)
{
    struct wire_field field, cursor = {0};
    int r;

    while ((r = wire_next(&fields, &field)) > 0) {
        if (field.type == WIRE_FIELD_OBJECT) {
            r = list_add(list, &field);
            if (r < 0)
                return r;
        } else if (field.type == WIRE_FIELD_CURSOR) {
            cursor = field;
        } else if (field.critical) {
            return -EPROTO;
        }
    }
    if (r < 0)
        return -EPROTO;
    *ret_cursor = cursor;
    return 0;
}

/* All pages are under one deadline, so that a broker whose pages never end holds nobody. */
static int list_fill(struct ipcb *b, enum wire_type type, struct ipcb_list *list)
{
    struct deadline deadline = deadline_from(b->timeout_us);
    struct wire_field cursor = {0};
    struct wire_writer request;
    struct wire_reader fields;
    int r;

    do {
        request_begin(b, type, &request);
        if (cursor.size > 0)
            wire_put(&request, WIRE_FIELD_CURSOR, cursor.value, cursor.size);
        r = request_call(b, &request, type == WIRE_RELOAD ? REQUEST_CHANGES : 0, &deadline,
                         &fields);
        if (r < 0)
            return r;
        r = list_add_page(list, fields, &cursor);
        if (r < 0)
            return facts_refuse(b, r);
        r = cursor.size > 0 ? deadline_check(&deadline) : 0;
        if (r < 0)
            return say(&b->message, r, "the broker at %s did not end its list in time",
                       b->address.sun_path);
    } while (cursor.size > 0);
    return 0;
}

static void list_freep(struct ipcb_list **list)
{
    *list = ipcb_list_free(*list);
}

static int list_all(struct ipcb *b, enum wire_type type, struct ipcb_list **ret)
{
    _cleanup_(list_freep) struct ipcb_list *list = NULL;
    int r;

    if (!b || !ret)
        return -EINVAL;
    list = calloc(1, sizeof *list);
    if (!list)
        return facts_refuse(b, -ENOMEM);
    r = list_fill(b, type, list);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(list);
    return 0;
}

_public_ int ipcb_list(struct ipcb *b, struct ipcb_list **ret)
{
    return list_all(b, WIRE_LIST, ret);
}

_public_ int ipcb_config(struct ipcb *b, struct ipcb_list **ret)
{
    return list_all(b, WIRE_CONFIG, ret);
}

_public_ int ipcb_reload(struct ipcb *b, struct ipcb_list **ret)
{
    return list_all(b, WIRE_RELOAD, ret);
}

_public_ int ipcb_plan(struct ipcb *b, struct ipcb_list **ret)
{
    return list_all(b, WIRE_PLAN, ret);
}

_public_ size_t ipcb_list_count(const struct ipcb_list *list)
{
    return list ? list->n : 0;
}

_public_ const struct ipcb_facts *ipcb_list_at(const struct ipcb_list *list, size_t index)
{
    return list && index < list->n ? list->items[index] : NULL;
}

_public_ struct ipcb_list *ipcb_list_free(struct ipcb_list *list)
{
    if (list) {
        for (size_t i = 0; i < list->n; i++)
            (void)ipcb_facts_free(list->items[i]);
        free(list->items);
        free(list);
    }
    return NULL;
}
