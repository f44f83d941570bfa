/* The kernel's limits: what they are, what needs them, and how to raise them. */
#pragma once

#include "base/base.h"

/* Raises the soft limits of descriptors and of message queue bytes to the hard ones, which needs no
 * privilege. */
void limits_raise(void);

/* The soft limits in force. */
uint64_t limits_descriptors(void);
uint64_t limits_msgqueue_bytes(void);

/* Bytes of RLIMIT_MSGQUEUE that the kernel charges for a queue (getrlimit(2)). */
uint64_t limits_queue_bytes(uint64_t max_messages, uint64_t message_size);

/* A limit that sysctl(8) calls NAME, such as "fs.mqueue.msg_max". -errno: it cannot be read. */
int limits_read_sysctl(const char *name, uint64_t *ret) _must_check_;

/* Words why mq_open() refused to make such a queue with ERROR (-errno): the limit, its value, and
 * the line that raises it. Returns ERROR. */
int limits_explain_queue(int error, uint64_t max_messages, uint64_t message_size,
                         struct sentence *why);

/* Words that a limit of sysctl(8) is below what WHAT needs, and the line that raises it. Returns
 * ERROR. */
int limits_explain_sysctl(int error, const char *what, const char *name, uint64_t limit,
                          uint64_t needed, struct sentence *why);

/* Whether ERROR (-errno) is a shortage of descriptors or memory, rather than a limit of queues. */
bool limits_is_shortage(int error);

/* Words why no descriptor could be had. Returns ERROR. */
int limits_explain_descriptor(int error, struct sentence *why);
