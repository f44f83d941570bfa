/* Events of the program's own: what needs no broker. */
#include "client/internal.h"

#include <fcntl.h>
#include <sys/eventfd.h>

/* eventfd() takes 32 bits, and a truncated count would be no error there: the rest is written. */
static int create_eventfd(uint64_t initial, int flags)
{
    _cleanup_close_ int fd = eventfd(0, flags | EFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (initial > 0 && write(fd, &initial, sizeof initial) < 0)
        return -errno;
    return TAKE_FD(fd);
}

_public_ int ipcb_event_create(struct ipcb_event **ret, uint64_t initial, unsigned flags)
{
    _cleanup_close_ int fd = -1;
    int r;

    if (!ret || flags & ~(IPCB_NONBLOCK | IPCB_SEMAPHORE))
        return -EINVAL;
    fd = create_eventfd(initial, (flags & IPCB_NONBLOCK ? EFD_NONBLOCK : 0) |
                                     (flags & IPCB_SEMAPHORE ? EFD_SEMAPHORE : 0));
    if (fd < 0)
        return fd;
    r = ipcb_event_adopt(ret, fd);
    if (r < 0)
        return r;
    (void)TAKE_FD(fd);
    return 0;
}

_public_ int ipcb_event_pipe(struct ipcb_event **ret_writer, struct ipcb_event **ret_reader,
                             unsigned flags)
{
    _cleanup_(event_freep) struct ipcb_event *writer = NULL, *reader = NULL;
    _cleanup_close_ int read_end = -1, write_end = -1;
    int fds[2], r;

    if (!ret_writer || !ret_reader || flags & ~IPCB_NONBLOCK)
        return -EINVAL;
    if (pipe2(fds, O_CLOEXEC | (flags & IPCB_NONBLOCK ? O_NONBLOCK : 0)) < 0)
        return -errno;
    read_end = fds[0];
    write_end = fds[1];
    r = ipcb_event_adopt(&writer, write_end);
    if (r < 0)
        return r;
    (void)TAKE_FD(write_end);
    r = ipcb_event_adopt(&reader, read_end);
    if (r < 0)
        return r;
    (void)TAKE_FD(read_end);
    *ret_writer = TAKE_PTR(writer);
    *ret_reader = TAKE_PTR(reader);
    return 0;
}
