#include "client/internal.h"

#include "base/address.h"

#define DEFAULT_TIMEOUT_US 10000000

/* What the environment says is for the user's own programs: secure_getenv() hides it from one that
 * runs with somebody else's rights. */
static const char *default_socket(void)
{
    const char *socket = secure_getenv("IPCBROKER_SOCKET");

    return socket && *socket ? socket : DEFAULT_SOCKET;
}

_public_ int ipcb_new(struct ipcb **ret, const char *socket)
{
    _cleanup_(ipcb_freep) struct ipcb *b = NULL;
    int size;

    if (!ret)
        return -EINVAL;
    b = malloc(sizeof *b);
    if (!b)
        return -ENOMEM;
    *b = (struct ipcb){.fd = -1, .epoll = -1, .timer = -1, .timeout_us = DEFAULT_TIMEOUT_US};
    size = address_from_path(socket ? socket : default_socket(), &b->address);
    if (size < 0)
        return size;
    b->address_size = (socklen_t)size;
    b->frames = malloc(sizeof *b->frames);
    if (!b->frames)
        return -ENOMEM;
    *ret = TAKE_PTR(b);
    return 0;
}

_public_ struct ipcb *ipcb_free(struct ipcb *b)
{
    if (b) {
        if (b->freed)
            *b->freed = true;
        asyncs_free(b);
        watch_free(b);
        calls_fail(b, -ECANCELED); /* what is left is of our own */
        connection_close(b);
        b->timer = close_fd(b->timer);
        b->epoll = close_fd(b->epoll);
        free(b->frames);
        free(b);
    }
    return NULL;
}

_public_ const char *ipcb_message(const struct ipcb *b)
{
    return b ? b->message.text : "";
}

_public_ const char *ipcb_socket(const struct ipcb *b)
{
    return b ? b->address.sun_path : "";
}

_public_ int ipcb_set_timeout(struct ipcb *b, int64_t timeout_us)
{
    if (!b)
        return -EINVAL;
    if (!timeout_is_valid(timeout_us))
        return say(&b->message, -EINVAL, "a timeout is -1, 0 or a number of microseconds");
    b->timeout_us = timeout_us;
    return 0;
}

int handle_check_process(struct ipcb *b)
{
    if ((b->fd >= 0 || b->epoll >= 0) && b->pid != getpid())
        return say(&b->message, -ECHILD,
                   "this handle was connected by the parent process: after fork() a child makes "
                   "one of its own with ipcb_new()");
    return 0;
}
