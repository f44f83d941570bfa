/* Sending and receiving messages, whoever made the queue. Errors are said; exit codes are returned.
 */
#pragma once

#include "tools/ctl.h"

/* ---- sending ---- */

struct sending {
    struct ipcb_queue *queue;
    const char *name; /* for errors */
    unsigned priority;
    int64_t timeout_us;
};

#define SENDING_OPTIONS                                                                            \
    {"priority", required_argument, NULL, 'p'},                                                    \
    {                                                                                              \
        "timeout", required_argument, NULL, 't'                                                    \
    }

/* Takes the option C if it is one of SENDING_OPTIONS. False: it is not, or its error is said. */
bool sending_option(struct sending *s, int c);

int send_message(const struct sending *s, const void *message, size_t size);

/* Sends what stdin has: a message up to each DELIMITER, which is no part of it, and one for what
 * stands behind the last; or, with EOF, all of it as one message, byte for byte. */
int send_stdin(const struct sending *s, int delimiter);

/* ---- receiving ---- */

struct receiving {
    struct ipcb_queue *queue;
    const char *name; /* for errors */
    uint64_t count;   /* of messages */
    bool counted;     /* that was said */
    bool follow;      /* for ever */
    int64_t timeout_us;
};

#define RECEIVING_OPTIONS                                                                          \
    {"timeout", required_argument, NULL, 't'}, {"count", required_argument, NULL, 'N'},            \
    {                                                                                              \
        "follow", no_argument, NULL, 'f'                                                           \
    }

/* Takes the option C if it is one of RECEIVING_OPTIONS. False: it is not, or its error is said. */
bool receiving_option(struct receiving *r, int c);

/* Whether what was said goes together; the error is said. */
bool receiving_is_clear(const struct receiving *r);

/* Receives as many as wished for, and prints each at once, as whoever reads may act on it; PRINT
 * returns an exit code. */
int receive_messages(const struct receiving *r,
                     int (*print)(const struct ctl *ctl, const void *message, size_t size,
                                  unsigned priority),
                     const struct ctl *ctl);
