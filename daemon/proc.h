/* What small files of /proc tell: proc(5). */
#pragma once

#include "base/base.h"

/* The text of PATH, as much of it as SIZE holds with a NUL behind it. 0 or -errno of open(2) or
 * read(2). */
int proc_text(const char *path, char *ret, size_t size) _must_check_;
/* The number behind KEY in the fdinfo of FD, a descriptor of ours, in that BASE; a negative one is
 * as strtoull(3) has it. -ENODATA: there is no such key; or as proc_text(). */
int proc_fdinfo(int fd, const char *key, int base, uint64_t *ret) _must_check_;
