#include "daemon/fdinfo.h"

#include <fcntl.h>
#include <string.h>

int fdinfo_number(int fd, const char *key, int base, uint64_t *ret)
{
    _cleanup_close_ int info = -1;
    char path[64], text[1024];
    const char *at;
    ssize_t size;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return -errno;
    size = read(info, text, sizeof text - 1);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    at = strstr(text, key);
    if (!at)
        return -ENODATA;
    *ret = strtoull(at + strlen(key), NULL, base);
    return 0;
}
