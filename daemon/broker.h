/* The whole: start, run, stop. */
#pragma once

#include "daemon/options.h"

/* Serves until SIGTERM or SIGINT. Returns the exit status. */
int broker_run(const struct options *options);
