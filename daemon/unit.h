/* Which systemd unit a process is in, told by its control group. */
#pragma once

#include "base/base.h"

/* Of descriptors or memory: it may go over. */
static inline bool is_shortage(int r)
{
    return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

/*
 * The unit of the process behind PIDFD: of the system's manager, or with USER a unit of the manager
 * of this process's own user. A new string in *ret; NULL: none, or the process is gone, or not of
 * our process id name space. The number is only used while the pidfd says that it is still his.
 * -EMFILE, -ENFILE, -ENOMEM: it cannot be told now.
 */
int unit_of_process(int pidfd, bool user, char **ret) _must_check_;
