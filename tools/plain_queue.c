#include "tools/plain_queue.h"

#include <fcntl.h>

#define MODE 0660 /* of a queue that is created: for the user and his group */

/* What is said of a queue that there is, or that shall not be created. */
static int explain_open(int r, const char *name)
{
    switch (r) {
    case -ENOENT:
        return ctl_error(r, "there is no queue '%s'; `mqsend --create` makes one", name);
    case -EACCES:
        return ctl_error(r, "the owner or the mode of the queue '%s' does not let you in", name);
    case -ENAMETOOLONG:
        return ctl_usage("the name of a queue has at most 255 bytes behind the slash");
    case -EINVAL:
        return ctl_usage("'%s' is no name of a queue, which has one slash, at the start", name);
    default:
        return ctl_error(r, "cannot open the queue '%s': %m", name);
    }
}

/* Names are judged in the same way when nothing is to be created. */
static bool is_name(const char *name)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;

    return ipcb_queue_open(&q, name, O_WRONLY, 0, NULL) != -EINVAL;
}

static int explain_create(int r, const char *name)
{
    switch (r) {
    case -EINVAL:
        if (!is_name(name))
            return explain_open(r, name);
        return ctl_error(r,
                         "the queue '%s' cannot be created: its limits are over "
                         "/proc/sys/fs/mqueue/msg_max or msgsize_max",
                         name);
    case -EMFILE:
        return ctl_error(r, "the queue '%s' is over RLIMIT_MSGQUEUE, see `prlimit --msgqueue`",
                         name);
    case -ENOSPC:
        return ctl_error(r, "there are as many queues as /proc/sys/fs/mqueue/queues_max allows");
    default:
        return explain_open(r, name);
    }
}

int plain_queue_open(const char *name, int oflag, const struct ipcb_queue_limits *limits,
                     struct ipcb_queue **ret)
{
    int r = ipcb_queue_open(ret, name, oflag, MODE, limits);

    if (r >= 0)
        return EXIT_DONE;
    return oflag & O_CREAT ? explain_create(r, name) : explain_open(r, name);
}

int plain_queue_unlink(const char *name)
{
    int r = ipcb_queue_unlink(name);

    return r < 0 ? ctl_error(r, "cannot remove the queue '%s': %m", name) : EXIT_DONE;
}
