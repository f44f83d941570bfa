/* Whom a verb is about: from words to numbers, by this host's name service. */
#pragma once

#include "client/ipcbroker.h"

/* Parses "user:NAME|UID", "group:NAME|GID" or "any". A user gets his groups. *ret_groups is what
 * *ret points to, to be freed. Returns an exit code; the error is said. */
int subject_from(const char *text, struct ipcb_subject *ret, gid_t **ret_groups);
