/* Wrappers whose object is another one at the broker by now. */
#include "client/internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* All eventfds share one inode: only fdinfo tells them apart. False: it cannot be told. */
static bool read_eventfd_id(int fd, uint64_t *ret)
{
    _cleanup_fclose_ FILE *file = NULL;
    char path[sizeof "/proc/self/fdinfo/" + 3 * sizeof fd], line[128];

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "eventfd-id: %" SCNu64, ret) == 1)
            return true;
    return false;
}

/* Whether FD is of the object that came. What cannot be told is taken for another. */
static bool is_same(int fd, const struct ipcb_item *item)
{
    struct stat status;
    uint64_t id;

    if (item->kind == IPCB_EVENTFD)
        return read_eventfd_id(fd, &id) && id == item->inode;
    return fstat(fd, &status) == 0 && status.st_dev == item->device && status.st_ino == item->inode;
}

static int cannot(struct ipcb *b, int r, const char *what, const char *name)
{
    return say(b ? &b->message : NULL, r,
               "'%s' stays the one it was: its descriptor cannot be %s: %s", name ? name : "", what,
               strerror(-r));
}

/* What to ask for, to get a descriptor like FD. */
static int wish_from(struct ipcb *b, int fd, const char *name, struct ipcb_item *ret)
{
    static const unsigned access[] = {
        [O_RDONLY] = IPCB_READ, [O_WRONLY] = IPCB_WRITE, [O_RDWR] = IPCB_USE};
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return cannot(b, -errno, "looked at", name);
    *ret = (struct ipcb_item){
        .name = name,
        .access = access[flags & O_ACCMODE],
        .flags = flags & O_NONBLOCK ? IPCB_NONBLOCK : 0,
    };
    return 0;
}

/* The number stays, so that those who borrowed it have the new object. */
static int put_in_place(struct ipcb *b, int fresh, int fd, const char *name)
{
    return dup3(fresh, fd, O_CLOEXEC) < 0 ? cannot(b, -errno, "replaced", name) : 1;
}

_public_ int ipcb_queue_renew(struct ipcb_queue *q, struct ipcb *b, const char *name)
{
    _cleanup_(queue_freep) struct ipcb_queue *fresh = NULL;
    struct ipcb_item item;
    int r;

    if (!q)
        return -EINVAL;
    r = wish_from(b, q->fd, name, &item);
    if (r < 0)
        return r;
    item.queue = &fresh;
    r = acquire_wrapper(b, &item);
    if (r < 0 || is_same(q->fd, &item))
        return r;
    r = put_in_place(b, fresh->fd, q->fd, name);
    if (r < 0)
        return r;
    free(TAKE_PTR(q->buffer));
    q->last_size = -ENOMSG;
    q->message_size = fresh->message_size;
    q->max_messages = fresh->max_messages;
    return 1;
}

_public_ int ipcb_event_renew(struct ipcb_event *e, struct ipcb *b, const char *name)
{
    _cleanup_(event_freep) struct ipcb_event *fresh = NULL;
    struct ipcb_item item;
    int r;

    if (!e)
        return -EINVAL;
    r = wish_from(b, e->fd, name, &item);
    if (r < 0)
        return r;
    item.event = &fresh;
    r = acquire_wrapper(b, &item);
    if (r < 0 || is_same(e->fd, &item))
        return r;
    r = put_in_place(b, fresh->fd, e->fd, name);
    if (r < 0)
        return r;
    e->pipe = fresh->pipe;
    e->mode = fresh->mode;
    e->blocking = fresh->blocking;
    return 1;
}
