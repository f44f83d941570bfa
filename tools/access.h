/* Words for accesses, as in a configuration: each kind has its own for the two directions. */
#pragma once

#include "base/base.h"

/* Parses send, receive, write, read or use. *ret_kinds is the set of kinds that have the word, for
 * struct ipcb_item. Returns the access; 0: no such word, which is said. */
unsigned access_from(const char *word, unsigned *ret_kinds);
