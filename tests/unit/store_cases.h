/* The cases of test-store, and what they share: a service manager that the test plays, which
 * receives what is to be kept and hands it in again, as it was after any of the messages; and a
 * broker's objects and store. */
#pragma once

#include "tests/check_main.h"

#include "daemon/bag.h"
#include "daemon/recover.h"

void add_busy(Suite *suite);

/* ---- the service manager ---- */

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

/* Reads at most MOST messages, as if the sender had been killed after them: the rest is lost. */
void manager_read(size_t most);
bool manager_has(const char *name);
/* From now on it has no room for more messages, until it reads. */
void manager_fill(void);
/* Something that another version may have stored. */
void manager_put(const char *name, int one, int other);
void manager_put_bag(const char *name, const int *fds, size_t n, const char *text);

/* ---- a broker: its objects and its store ---- */

extern struct notifier notifier;
extern struct quota quota;
extern struct store store;
extern struct registry registry;
extern struct recovered_list list;
extern struct environment environment;

/* A new object, and its declaration, which is freed by die(). */
struct object *add(const char *kind, const char *name);
/* The same for a declaration that the test has made. */
void own(struct declaration *declaration);
struct object *find(const char *name);
void save(void);
void die(void);
/* What a broker that starts now gets back. */
int come_back(void);

void set_up(void);
void tear_down(void);
