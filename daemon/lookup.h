/*
 * Names of users and groups, looked up in a thread of their own: a name service may take for ever,
 * and nothing can call it back. Whoever waits too long goes on without it.
 */
#pragma once

#include "daemon/subject.h"

#define LOOKUP_SECONDS 5

struct lookup;

/* A look-up of at most N names. -ENOMEM. */
int lookup_new(struct lookup **ret, size_t n) _must_check_;
/* Adds the name of a user or a group, which is copied, before the start. Two equal names in a row
 * are looked up once. -ENOMEM. */
int lookup_add(struct lookup *lookup, enum subject_type type, const char *name) _must_check_;
/* Starts the thread, which has to be waited for. -EAGAIN: there may be no more threads. */
int lookup_start(struct lookup *lookup) _must_check_;
/* Waits until all is answered, at most LOOKUP_SECONDS from the start on. */
void lookup_finish(struct lookup *lookup);
/* After that: the number of the name that was added as INDEX. 0; -ENOENT: there is no such name;
 * -ETIME: not answered in time; else what the look-up failed with. */
int lookup_result(const struct lookup *lookup, size_t index, uint32_t *ret) _must_check_;
/* Lets go of it; a thread that is late frees it when its name service lets it go. Takes NULL. */
struct lookup *lookup_free(struct lookup *lookup);
