/* Who is at the other end of a connection, as the kernel knew it when he connected. */
#pragma once

#include "daemon/proof.h"
#include "daemon/subject.h"

struct peer {
    pid_t pid; /* for people, and to begin a proof: it may be another's by now */
    struct credentials credentials;
    gid_t *groups; /* owned; what the credentials point to */
    bool groups_known;
    char *unit; /* owned; what the credentials point to */
    bool unit_known;
    struct proof *proof; /* owned; he is asked for it; NULL: not, or no longer */
    pid_t sender;        /* who sent the last frame, while he is asked */
};

/* How units are told. */
struct unit_source {
    bool user;              /* of this user's manager, not of the system's */
    bool without_peerpidfd; /* as on a kernel that lacks SO_PEERPIDFD */
};

/* Asks for uid, gid and pid. -errno: the connection is of no use. */
int peer_init(struct peer *peer, int fd) _must_check_;
/* Asks for the supplementary groups, once, when a grant depends on them. When they cannot be had
 * the peer is in none: he gets less, never more. */
void peer_learn_groups(struct peer *peer, int fd);
/* Asks for the unit, once, when a grant depends on it. He is in none if he has ended since he
 * connected. -ENOKEY: he has to prove who he is, which he is asked for only with MAY_ASK, as it
 * takes a descriptor until he has; -EAGAIN: it cannot be told now. */
int peer_learn_unit(struct peer *peer, int fd, const struct unit_source *source,
                    bool may_ask) _must_check_;
/* Takes the proof: NONCE came in the last frame. Right or wrong, he is asked once. -EACCES: it is
 * none, and he is in no unit; -EINVAL: he was not asked; -EAGAIN: it cannot be told now. */
int peer_prove(struct peer *peer, int fd, const void *nonce, size_t size,
               const struct unit_source *source) _must_check_;
/* Receives a frame as recv(2) does. */
ssize_t peer_receive(struct peer *peer, int fd, void *frame, size_t size, int flags);
void peer_deinit(struct peer *peer);
