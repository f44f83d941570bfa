/* The tests of objects, in several files: what they share. */
#pragma once

#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/declaration.h"
#include "daemon/kinds.h"
#include "daemon/limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <mqueue.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* One object at a time. Root gets an IPC name space, and a user whose RLIMIT_MSGQUEUE nobody else
 * eats; others make nameless queues only. */
extern struct environment environment;
extern struct declaration declaration;
extern struct object object;
extern struct sentence why;
extern struct handout handout;

#define assert_why(part) ck_assert_msg(strstr(why.text, part), "no \"%s\" in: %s", part, why.text)

bool is_root(void);
void make_queue(const char *name, mode_t mode);
void declare(const char *kind, const char *name, ...);
void create(void);
void small_queue(const char *name);
int acquire(unsigned access, unsigned flags);
void send_text(int fd, const char *text);
void expect_text(int fd, const char *text);
size_t describe(bool detail);
bool find_fact(bool detail, const char *key, struct wire_fact *ret);
uint64_t number_fact(const char *key);
const char *text_fact(const char *key);
int set_key(const char *key, const char *value);
void undeclare(void);

/* A case with that fixture. */
TCase *new_cases(const char *name);

void add_settings(Suite *suite);
void add_named(Suite *suite);
void add_nameless(Suite *suite);
void add_eventfds(Suite *suite);
