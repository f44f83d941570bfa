/* What the kernel tells of a descriptor of ours: proc(5), /proc/PID/fdinfo. */
#pragma once

#include "base/base.h"

/* The number behind KEY in the fdinfo of FD, in that BASE; a negative one is as strtoull(3) has it.
 * -ENODATA: there is no such key; or -errno of open(2) or read(2). */
int fdinfo_number(int fd, const char *key, int base, uint64_t *ret) _must_check_;
