#include "base/address.h"

#include <string.h>

int address_from_path(const char *path, struct sockaddr_un *ret)
{
    size_t length = strlen(path);

    if (path[0] != '/')
        return -EINVAL;
    if (length >= sizeof ret->sun_path)
        return -ENAMETOOLONG;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, length + 1);
    return (int)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

char *admin_path_from(const char *socket)
{
    char *path;

    if (strcmp(socket, DEFAULT_SOCKET) == 0)
        return strdup(DEFAULT_ADMIN_SOCKET);
    return asprintf(&path, "%s.admin", socket) < 0 ? NULL : path;
}

int user_socket_path(char **ret)
{
    const char *directory = getenv("XDG_RUNTIME_DIR");

    if (!directory || directory[0] != '/')
        return -ENXIO;
    return asprintf(ret, "%s/ipcbroker/ipcbroker.sock", directory) < 0 ? -ENOMEM : 0;
}
