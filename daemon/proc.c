#include "daemon/proc.h"

#include <fcntl.h>
#include <string.h>

int proc_text(const char *path, char *ret, size_t size)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return -errno;
    length = read(fd, ret, size - 1);
    if (length < 0)
        return -errno;
    ret[length] = '\0';
    return 0;
}

int proc_fdinfo(int fd, const char *key, int base, uint64_t *ret)
{
    char path[64], text[1024];
    const char *at;
    int r;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    r = proc_text(path, text, sizeof text);
    if (r < 0)
        return r;
    at = strstr(text, key);
    if (!at)
        return -ENODATA;
    *ret = strtoull(at + strlen(key), NULL, base);
    return 0;
}
