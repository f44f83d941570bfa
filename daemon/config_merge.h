/* Many files to one configuration: which of them go together. */
#pragma once

#include "daemon/config_file.h"

/* Marks as bad, with its errors, each file that cannot be applied beside the others: of two that
 * conflict the later one; of a grant that an object cannot have the grant's. What was bad before is
 * as if absent. Warns of grants for objects that are not there. Either list may be NULL. -ENOMEM.
 */
int config_merge(struct config_file *const *files, size_t n, enum naming naming,
                 struct problems *errors, struct problems *warnings) _must_check_;
