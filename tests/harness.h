/*
 * A broker of its own for each test: an IPC name space, a user and a directory that no other test
 * has, so that tests run in parallel and leave nothing. Needs root, which gives it away again for
 * the broker and for the clients.
 *
 * Everything here fails the running test when it cannot do what it says.
 */
#pragma once

#include "client/ipcbroker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fixture {
    char directory[64];   /* root's, 0755 */
    char config[96];      /* directory/broker.conf */
    char socket[96];      /* directory/run/ipcbroker.sock */
    char admin[112];      /* socket.admin */
    char log[96];         /* what the broker writes to stderr */
    uid_t broker_uid;     /* nobody else's on this machine */
    uid_t client_uid;     /* the first of 8 that are nobody else's either */
    pid_t broker;         /* 0: not running */
    int pidfd;
    int notify; /* what the broker tells the service manager */
};

/* A fresh IPC name space for this process, a directory, users; no broker yet. */
void fixture_setup(struct fixture *f);
/* Ends the broker, which must still be alive and end well, and removes the directory. */
void fixture_teardown(struct fixture *f);

/* Writes the main file. "$C0" to "$C7" become the numbers of the client users, "$B" the broker's. */
void fixture_configure(struct fixture *f, const char *text);
/* Writes a drop-in beside it. */
void fixture_drop_in(struct fixture *f, const char *name, const char *text);

/* Starts the broker and waits until it says that it is ready. */
void fixture_start(struct fixture *f);
/* Starts the broker, which must refuse: waits for its end and returns the exit status. ARGUMENTS
 * (NULL-terminated, may be NULL) come after --config and --socket. */
int fixture_start_refused(struct fixture *f, const char *const *arguments);
/* Sends a signal and waits for the end: the exit status, or 128 and the signal's number. */
int fixture_end(struct fixture *f, int signal);
/* All that the broker has written so far, in a static buffer. */
const char *fixture_log(struct fixture *f);
/* The STATUS= that the broker told last, in a static buffer. */
const char *fixture_status(void);

/* Runs BODY in a child with these credentials; returns what it returns. BODY must not use Check's
 * assertions: it returns 0, or see EXPECT(). */
int as_user(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, int (*body)(void *),
            void *argument);
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return expect_failed(__FILE__, __LINE__, #condition);                                  \
    } while (0)
int expect_failed(const char *file, int line, const char *condition);

/* A handle for the fixture's socket. */
struct ipcb *fixture_handle(const struct fixture *f);
/* Sets a limit of this IPC name space: "msg_max", "queues_max", ... */
void set_mqueue_limit(const char *name, uint64_t value);
/* How many descriptors a process has open. */
size_t count_descriptors(pid_t pid);

/* Plain frames. */
int raw_connect(const char *path);
ssize_t raw_receive(int fd, void *buffer, size_t size, int *fds, size_t *n_fds);
