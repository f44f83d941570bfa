#include "daemon/peer.h"

#include <sys/socket.h>

#define GROUPS_MAX 65536u /* the kernel's NGROUPS_MAX */

int peer_init(struct peer *peer, int fd)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -errno;
    *peer = (struct peer){
        .pid = credentials.pid,
        .credentials = {.uid = credentials.uid, .gid = credentials.gid},
    };
    return 0;
}

/* SO_PEERGROUPS tells the size it needs when it does not get it. */
static int read_groups(int fd, gid_t **ret, size_t *ret_n)
{
    gid_t *groups;
    socklen_t size = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0)
        return 0;
    if (errno != ERANGE)
        return -errno;
    if (size > GROUPS_MAX * sizeof *groups)
        return -ERANGE;
    groups = malloc(size);
    if (!groups)
        return -ENOMEM;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        int r = -errno;
        free(groups);
        return r;
    }
    *ret = groups;
    *ret_n = size / sizeof *groups;
    return 0;
}

void peer_learn_groups(struct peer *peer, int fd)
{
    if (peer->groups_known)
        return;
    peer->groups_known = read_groups(fd, &peer->groups, &peer->credentials.n_groups) != -ENOMEM;
    peer->credentials.groups = peer->groups;
}

void peer_deinit(struct peer *peer)
{
    free(peer->groups);
    peer->groups = NULL;
    peer->credentials.groups = NULL;
    peer->credentials.n_groups = 0;
}
