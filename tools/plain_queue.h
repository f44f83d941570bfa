/* Queues by their name in the kernel, for mqsend and mqrecv. Errors are said; exit codes are
 * returned. */
#pragma once

#include "tools/ctl.h"

/* Opens NAME, for a direction, with O_CREAT also creates it. Its slash may be missing. */
int plain_queue_open(const char *name, int oflag, const struct ipcb_queue_limits *limits,
                     struct ipcb_queue **ret);

/* Removes the name. */
int plain_queue_unlink(const char *name);
