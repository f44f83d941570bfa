#include "tools/sandbox_dir.h"

#include "base/address.h"

#include <ftw.h>
#include <string.h>

/* The longest name of a socket that a broker makes there. */
#define LONGEST_SOCKET "/ipcbroker.sock.admin"

#define WALK_DESCRIPTORS 8

static int make_below(const char *parent, char **ret)
{
    _cleanup_free_ char *path = NULL;
    struct sockaddr_un room;

    if (parent[0] != '/')
        return -EINVAL;
    if (asprintf(&path, "%s/ipcbroker-XXXXXX", parent) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    if (strlen(path) + sizeof LONGEST_SOCKET > sizeof room.sun_path)
        return -ENAMETOOLONG;
    if (!mkdtemp(path))
        return -errno;
    *ret = TAKE_PTR(path);
    return 0;
}

int sandbox_dir_make(char **ret)
{
    const char *parents[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    int r = -ENOENT;

    for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
        if (!parents[i])
            continue;
        r = make_below(parents[i], ret);
        if (r == 0)
            break;
    }
    return r;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path) < 0 ? -errno : 0;
}

int sandbox_dir_remove(const char *path)
{
    int r = nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

    return r == -1 ? -errno : r;
}

int sandbox_dir_listen(const char *path)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un address;
    int size = address_from_path(path, &address);

    if (size < 0)
        return size;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, (socklen_t)size) < 0)
        return -errno;
    return TAKE_FD(fd);
}
