/*
 * Handing descriptors down to the program that this process becomes, as a service manager hands
 * them to its service, see sd_listen_fds(3): they are numbered from 3 on without a gap, and
 * LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell of them. For programs that know of no such thing,
 * IPCB_FD_NAME is the number of each.
 */
#pragma once

#include "base/base.h"

#define HAND_DOWN_NAME_MAX 255 /* bytes of a name */
#define VARIABLE_PREFIX    "IPCB_FD_"
#define VARIABLE_SIZE      (sizeof VARIABLE_PREFIX + HAND_DOWN_NAME_MAX)

struct hand_down {
    size_t inherited;            /* descriptors that were handed to us, and stay as they are */
    const char *inherited_names; /* of the environment; NULL: they have none */
};

/* What was handed to this process. What was meant for another one is forgotten: its variables are
 * taken out of the environment. Fails when what the environment says is not so. */
int hand_down_init(struct hand_down *ret, struct sentence *why) _must_check_;

/* The variable for NAME: letters are made capital, what is neither a letter nor a digit becomes
 * '_'. */
void hand_down_variable(const char *name, char ret[VARIABLE_SIZE]);

/* Moves descriptors of ours behind those that were inherited, and lets the next program have them.
 * FDS are their numbers, and become the new ones. They rise, as the kernel gives the lowest number
 * that is free: so each moves down, to where none of those behind it is. */
int hand_down_place(const struct hand_down *h, int *fds, size_t n,
                    struct sentence *why) _must_check_;

/* Writes into the environment what was placed, each under its name. -ENOMEM. */
int hand_down_announce(const struct hand_down *h, const int *fds, const char *const *names,
                       size_t n) _must_check_;
