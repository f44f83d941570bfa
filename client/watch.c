/*
 * Dead twins: a broker that was restarted without its objects, or that replaced one, hands out
 * another object under the same name. Who holds the old one is told.
 */
#include "client/internal.h"

#include <string.h>

/* An object that was acquired through the handle. */
struct watched {
    struct watched *next;
    struct call call; /* asks for what the broker has now */
    bool asking;
    bool changed; /* and not told of yet */
    struct wire_identity identity;
    char name[WIRE_NAME_MAX + 1];
};

/* ---- remembering ---- */

static struct watched *find(const struct ipcb *b, const char *name, size_t size)
{
    struct watched *watched = b->watched;

    while (watched && (strlen(watched->name) != size || memcmp(watched->name, name, size) != 0))
        watched = watched->next;
    return watched;
}

static struct watched *add(struct ipcb *b, const char *name)
{
    struct watched *watched = calloc(1, sizeof *watched);

    if (watched) {
        (void)snprintf(watched->name, sizeof watched->name, "%s", name);
        watched->next = b->watched;
        b->watched = watched;
    }
    return watched;
}

int watch_remember(struct ipcb *b, const char *name, const struct wire_identity *identity)
{
    struct watched *watched;

    if (!b->changed)
        return 0;
    name += *name == '/';
    watched = find(b, name, strlen(name));
    if (!watched)
        watched = add(b, name);
    if (!watched)
        return say(&b->message, -ENOMEM, "out of memory");
    watched->identity = *identity;
    watched->changed = false;
    return 0;
}

void watch_free(struct ipcb *b)
{
    struct watched *watched;

    while ((watched = b->watched)) {
        b->watched = watched->next;
        if (watched->asking)
            call_abandon(b, &watched->call);
        free(watched);
    }
}

_public_ int ipcb_watch(struct ipcb *b, ipcb_changed_fn *changed, void *userdata)
{
    int r;

    if (!b)
        return -EINVAL;
    r = handle_check_process(b);
    if (r < 0)
        return r;
    b->changed = changed;
    b->changed_userdata = userdata;
    if (!changed)
        watch_free(b);
    process_settle(b);
    return 0;
}

/* ---- comparing ---- */

static void compare(struct ipcb *b, struct watched *watched, struct wire_reader fields)
{
    const struct ipcb_fact *device, *inode;
    struct ipcb_facts *facts;
    int r = facts_from(fields, &facts);

    if (r < 0) {
        (void)facts_refuse(b, r);
        return;
    }
    device = ipcb_facts_find(facts, "device");
    inode = ipcb_facts_find(facts, "inode");
    if (device && inode) /* it has none while it is failed */
        watched->changed =
            device->number != watched->identity.device || inode->number != watched->identity.inode;
    (void)ipcb_facts_free(facts);
}

static void show_done(struct ipcb *b, struct call *call, int r, struct wire_reader fields,
                      struct descriptors *descriptors)
{
    struct watched *watched = CONTAINER_OF(call, struct watched, call);

    watched->asking = false;
    if (r == 0 && descriptors->n > 0) /* nobody asked for them */
        (void)request_nonsense(b);
    else if (r == 0)
        compare(b, watched, fields);
    else if (r == -ENOENT)
        watched->changed = true;
    else if (b->fd < 0) /* there was no answer: once more, at the next connection */
        b->unwatched = true;
}

static void ask(struct ipcb *b, struct watched *watched)
{
    struct wire_writer request;

    watched->call = (struct call){.done = show_done, .patient = true};
    request_begin(b, WIRE_SHOW, &request);
    wire_put(&request, WIRE_FIELD_NAME, watched->name, strlen(watched->name));
    watched->asking = call_start(b, &watched->call, &request) == 0;
    b->unwatched = b->unwatched || !watched->asking;
}

void watch_turn(struct ipcb *b)
{
    if (!b->unwatched || !b->watched)
        return;
    b->unwatched = false;
    if (b->fd < 0)
        calls_await_return(b); /* whoever watches wants it to come back */
    for (struct watched *watched = b->watched; watched; watched = watched->next)
        if (!watched->asking)
            ask(b, watched);
}

void watch_replaced(struct ipcb *b, const char *name, size_t size)
{
    struct watched *watched = find(b, name, size);

    if (watched)
        watched->changed = true;
}

/* ---- telling ---- */

static struct watched *find_changed(const struct ipcb *b)
{
    struct watched *watched = b->watched;

    while (watched && !watched->changed)
        watched = watched->next;
    return watched;
}

bool watch_has_news(const struct ipcb *b)
{
    return find_changed(b) != NULL;
}

bool watch_tell(struct ipcb *b)
{
    struct watched *watched = find_changed(b);
    char name[sizeof watched->name];

    if (!watched)
        return false;
    watched->changed = false;
    memcpy(name, watched->name, sizeof name); /* what is told may end what is watched */
    b->changed(b, name, b->changed_userdata);
    return true;
}
