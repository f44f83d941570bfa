/*
 * A broker that does what a test tells it to, good or bad: a child that listens on a real socket.
 *
 * What runs in the child cannot use Check's assertions: it uses FAKE_EXPECT(), whose failure
 * fake_stop() turns into one of the test.
 */
#pragma once

#include "protocol/wire.h"

#include <sys/types.h>

struct fake {
    char directory[64];
    char path[80];
    pid_t pid; /* 0: no child */
};

#define FAKE_EXPECT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* ---- in the test ---- */

/* A directory of its own, and in it a listening socket: its descriptor. */
int fake_listen(struct fake *fake, int backlog);
/* Runs SERVE in a child. */
void fake_start(struct fake *fake, void (*serve)(int listener));
/* Waits for the end of SERVE, which must have been content; removes the directory. */
void fake_stop(struct fake *fake);
/* How many descriptors this process has open. */
size_t count_descriptors(void);

/* ---- in the child ---- */

struct fake_request {
    struct wire_header header;
    struct wire_reader fields;
    uint8_t frame[WIRE_REQUEST_MAX];
};

int fake_accept(int listener);
/* The next request; false: the client has closed. */
bool fake_receive(int fd, struct fake_request *ret);
/* Begins the reply to a request, in a static buffer with room for more than a frame may have. */
void fake_begin(struct wire_writer *reply, const struct fake_request *request, int status);
void fake_send(int fd, const struct wire_writer *reply, const int *fds, size_t n);
/* Waits until the client has closed. */
void fake_await_close(int fd);
/* How many items an acquire has. */
size_t fake_count_items(const struct fake_request *request);
/* N new eventfds, the I-th with the count I + 1. */
void fake_eventfds(int *fds, size_t n);
void fake_close_all(const int *fds, size_t n);
/* The reply to an acquire of eventfds with so many fields and so many descriptors. */
void fake_hand_out(int fd, const struct fake_request *request, size_t n_fields, size_t n_fds);
/* Waits until the process sleeps in the kernel. */
void fake_await_sleep(pid_t pid);
