/* What the command line of ipcbrokerd says. */
#pragma once

#include "daemon/config.h"

/* What newer kernels have and older ones lack, each with another way beside it. */
enum feature {
    FEATURE_PASSRIGHTS = 1 << 0, /* SO_PASSRIGHTS: sockets that take no descriptors, 6.16 */
    FEATURE_PEERPIDFD = 1 << 1,  /* SO_PEERPIDFD: a process that cannot be mistaken, 6.5 */
};

struct options {
    struct config_source source;
    const char *socket; /* NULL: not given */
    bool check;
    bool quiet;       /* only warnings and errors are said */
    unsigned without; /* features to do without, as on a kernel that lacks them */
};

/* What a run of the daemon ends with. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};
