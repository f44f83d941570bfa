/* What the command line of ipcbrokerd says. */
#pragma once

#include "daemon/config.h"

struct options {
    struct config_source source;
    const char *socket; /* NULL: not given */
    bool check;
    bool quiet; /* only warnings and errors are said */
};

/* What a run of the daemon ends with. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};
