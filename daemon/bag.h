/*
 * Bags: descriptors that outlive the process.
 *
 * A bag is a pair of sockets. In the queue of one end lie packets: the first holds a sealed memfd
 * with the text that names what follows, the others hold the descriptors, up to 253 each. Whoever
 * keeps both ends keeps all of it. Reading is peeking: it copies the descriptors, and the bag stays
 * full.
 */
#pragma once

#include "base/base.h"

#define BAG_MOST 2000u /* descriptors; more would not fit the queue of a socket */

/* Packs N descriptors, which stay the caller's, and the text that names them. -ETOOMANYREFS: the
 * user has too many under way. */
int bag_pack(const int *fds, size_t n, const char *text, int ret_ends[2],
             struct sentence *why) _must_check_;

struct bag_content {
    int *fds; /* owned, as is the text */
    size_t n;
    char *text;
};

/* Copies what is in a bag, out of the end that has it. -EAGAIN: this end is empty; -EBADMSG: it is
 * no bag that this version knows; all else, as -EMFILE, is that it cannot be read now. */
int bag_peek(int fd, struct bag_content *ret, struct sentence *why) _must_check_;
void bag_content_deinit(struct bag_content *content);
