/* Where a broker listens: by its command line, its configuration, or by default. */
#pragma once

#include "daemon/options.h"

struct sockets {
    char *main, *admin; /* owned */
};

/* The command line comes before the configuration, and that before the defaults. -EINVAL: no socket
 * can be there; -ENXIO: a user's default without XDG_RUNTIME_DIR; -ENOMEM. Always with a sentence.
 */
int sockets_choose(const struct options *options, const struct config *config, struct sockets *ret,
                   struct sentence *why) _must_check_;
void sockets_deinit(struct sockets *sockets);
