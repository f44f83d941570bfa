/* What the design leans on, of the kernel and of inih: each fact is a test of its own, which says
 * what has changed and who depends on it. They know nothing of the broker. */
#pragma once

#include "base/base.h"
#include "tests/integration/cases.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef SO_PASSRIGHTS /* Linux 6.16 */
#define SO_PASSRIGHTS 83
#endif

/* Fails with a sentence: what this kernel does differently, and what rests on it. */
#define CONTRACT(condition, ...) ck_assert_msg(condition, __VA_ARGS__)
/* The same in a child that is another user. */
#define CHILD_CONTRACT(condition, ...)                                                             \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)dprintf(STDOUT_FILENO, "# " __VA_ARGS__);                                        \
            (void)dprintf(STDOUT_FILENO, "\n");                                                    \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

TCase *queue_contracts(void);
TCase *event_contracts(void);
TCase *descriptor_contracts(void);
TCase *socket_contracts(void);
TCase *inih_contracts(void);

/* The kernel object of FD opened anew through /proc; -errno. */
int reopen(int fd, int flags);
/* A pair of connected SEQPACKET sockets that do not block. */
void make_pair(int ends[2]);
/* Sends a packet of one byte with N copies of FD; 0 or -errno. */
int send_descriptors(int socket, int fd, size_t n);
/* What SIOCOUTQ says that the peer has not read. */
int unread_bytes(int socket);
/* Whether this kernel has SO_PASSRIGHTS; says so where it does not. */
bool has_passrights(void);
