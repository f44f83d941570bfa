/* The cases of test-reload, a file each, and what they share. */
#pragma once

#include "tests/integration/cases.h"

void add_files(Suite *suite);
void add_rules(Suite *suite);
void add_storms(Suite *suite);
void add_watch(Suite *suite);

/* A handle of the admin socket, as root. */
struct ipcb *administrator(void);

/* What a reload or a plan came to; the test fails when there is no answer. */
struct ipcb_list *reload(void);
struct ipcb_list *plan(void);
/* The same, freed: its state is returned. Fails the test unless that is STATE. */
void reload_to(const char *state);

/* What the summary says. */
const char *summary(const struct ipcb_list *list, const char *key);
/* Whether the list has such a change; NULL: any detail. */
bool has_change(const struct ipcb_list *list, const char *change, const char *name,
                const char *detail);
size_t count_changes(const struct ipcb_list *list);
/* Fails unless some error of the files has both in its text. */
void expect_problem(const struct ipcb_list *list, const char *place, const char *text);

/* The state that an administrator sees an object in; "" for none. */
const char *state_of(const char *name);
/* A number that he sees. */
uint64_t number_of(const char *name, const char *key);
void remove_drop_in(const char *name);
