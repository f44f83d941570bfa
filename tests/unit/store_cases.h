/* The cases of test-store, and what they share: a broker's objects and store, beside a service
 * manager that the test plays. */
#pragma once

#include "tests/check_main.h"

#include "daemon/bag.h"
#include "daemon/recover.h"
#include "tests/manager.h"

void add_busy(Suite *suite);

/* From now on the manager has no room for more messages, until it reads. */
void manager_fill(void);
/* A bag that another version may have stored. */
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
