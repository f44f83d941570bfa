/* A broker's core without a process of its own: objects of every kind, and the model of who may
 * what. */
#pragma once

#include "daemon/request.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_USERS     4u          /* who ask */
#define FUZZ_FIRST_UID 1000000000u /* nobody else's */

#define FUZZ_CLIENTS          6u /* limits of the configuration */
#define FUZZ_CLIENTS_PER_USER 3u

/* Made at the first call; lives until the end. */
const struct desk *fuzz_desk(void);
struct config *fuzz_config(void);

/* The numbers of user I. */
uid_t fuzz_uid(unsigned i);

/* The names that requests are made of: the I-th of a repeating list, of which some are not
 * declared. */
const char *fuzz_name(unsigned i);

/* What the model says that a user holds on an object. NAME is not terminated, and may have a '/'
 * before it. 0: nothing, or there is no such object. */
unsigned fuzz_rights(unsigned user, const char *name, size_t size);
/* 0: there is no such object. */
enum wire_kind fuzz_kind(const char *name, size_t size);
/* Whether the model lets an administrator, or that user, have this item. */
bool fuzz_may(bool admin, unsigned user, const struct wire_item *item);

/* A descriptor that came must be what was said, and no more than the model allows. */
void fuzz_check_descriptor(bool admin, unsigned user, const struct wire_item *item, int fd,
                           const struct wire_descriptor *descriptor);
