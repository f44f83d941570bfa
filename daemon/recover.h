/* From what came back of the store to the objects of the registry. */
#pragma once

#include "daemon/store.h"

/* Makes objects of what came back, each under the declaration that it had: those that are wrong or
 * come twice are refused and said. The registry is empty before; it borrows the declarations of
 * LIST that are not retired, until each object has got another. -ENOMEM. */
int recover_objects(struct store *store, struct recovered_list *list, struct registry *registry,
                    const struct environment *environment) _must_check_;
