/* A service manager that a test plays: it takes what is to be kept in its descriptor store, and
 * hands it in again. Whatever it does not understand ends the test by an abort, with a line. */
#pragma once

#include "daemon/service.h"

#define KEPT_MAX 64
#define BUSY     "WATCHDOG=1" /* what keeps the manager from taking more */

struct stored {
    char name[64];
    int fds[2];
    unsigned n;
};

struct manager {
    int socket;
    char path[64];
    struct stored kept[KEPT_MAX];
    size_t n;
    size_t n_messages;
};

extern struct manager manager;

/* Whoever looks into the environment now finds it, and a store of 64. */
void manager_start(void);
void manager_stop(void);

/* Reads at most MOST messages, as if the sender had been killed after them: the rest is lost. */
void manager_read(size_t most);
bool manager_has(const char *name);
/* All that it keeps, the newest first, as systemd does; to be given to handed_deinit(). */
struct handed manager_hand_in(void);
/* Keeps something that was not told; what it takes over. OTHER may be -1. */
void manager_put(const char *name, int one, int other);
/* Closes all that it keeps. */
void manager_empty(void);
