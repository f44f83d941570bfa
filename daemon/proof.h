/*
 * The proof that a client still is the process that connected, where the kernel cannot tell.
 *
 * A number of a process may be another's by now. So a pidfd of its present owner is opened first,
 * then the client is asked to send a frame that could not be known before; with it the kernel tells
 * who sends it. If that is the number, and the pidfd has not ended by then, all three are one.
 */
#pragma once

#include "base/base.h"

#include <sys/types.h>

#define PROOF_NONCE_SIZE 16u

struct proof {
    int pidfd; /* owned */
    uint8_t nonce[PROOF_NONCE_SIZE];
};

/* Begins to ask the client at FD, who connected as PID. -ESRCH: that is no process of ours;
 * -EAGAIN: not now. */
int proof_new(struct proof **ret, int fd, pid_t pid) _must_check_;
/* Receives a frame as recv(2) does, and who sent it; a frame with descriptors leaves them behind.
 * For a connection that is being asked; its frames tell their senders. */
ssize_t proof_receive(int fd, void *frame, size_t size, int flags, pid_t *ret_sender);
/* Asks FD no longer (-1: it is closed), and closes the pidfd. Takes NULL; returns NULL. */
struct proof *proof_free(struct proof *proof, int fd);
