#include "daemon/peer.h"

#include "daemon/unit.h"

#include <string.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

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
    groups_sort(groups, size / sizeof *groups);
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

/* A pidfd of the process that connected, whatever has become of it. */
static int open_process(int fd)
{
    int pidfd = -1;
    socklen_t size = sizeof pidfd;

    return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

/* PIDFD is the process that connected, or a negative errno: then he is in no unit. */
static int settle_unit(struct peer *peer, int pidfd, const struct unit_source *source)
{
    int r = pidfd < 0 ? pidfd : unit_of_process(pidfd, source->user, &peer->unit);

    if (is_shortage(r))
        return -EAGAIN;
    peer->credentials.unit = peer->unit;
    peer->unit_known = true;
    return 0;
}

static int ask(struct peer *peer, int fd, const struct unit_source *source, bool may_ask)
{
    int r;

    if (peer->proof)
        return -ENOKEY;
    r = may_ask ? proof_new(&peer->proof, fd, peer->pid) : -EAGAIN;
    if (r == -ESRCH)
        return settle_unit(peer, r, source);
    return r < 0 ? r : -ENOKEY;
}

int peer_learn_unit(struct peer *peer, int fd, const struct unit_source *source, bool may_ask)
{
    _cleanup_close_ int pidfd = -1;

    if (peer->unit_known)
        return 0;
    pidfd = source->without_peerpidfd ? -ENOPROTOOPT : open_process(fd);
    return pidfd == -ENOPROTOOPT ? ask(peer, fd, source, may_ask)
                                 : settle_unit(peer, pidfd, source);
}

int peer_prove(struct peer *peer, int fd, const void *nonce, size_t size,
               const struct unit_source *source)
{
    struct proof *proof = peer->proof;
    bool good;
    int r;

    if (!proof)
        return -EINVAL;
    good = peer->sender == peer->pid && size == sizeof proof->nonce &&
           memcmp(nonce, proof->nonce, size) == 0;
    r = settle_unit(peer, good ? proof->pidfd : -EACCES, source);
    peer->proof = proof_free(proof, fd);
    return good || r < 0 ? r : -EACCES;
}

ssize_t peer_receive(struct peer *peer, int fd, void *frame, size_t size, int flags)
{
    if (peer->proof)
        return proof_receive(fd, frame, size, flags, &peer->sender);
    return recv(fd, frame, size, flags);
}

void peer_deinit(struct peer *peer)
{
    peer->proof = proof_free(peer->proof, -1);
    free(peer->unit);
    peer->unit = NULL;
    peer->credentials.unit = NULL;
    free(peer->groups);
    peer->groups = NULL;
    peer->credentials.groups = NULL;
    peer->credentials.n_groups = 0;
}
