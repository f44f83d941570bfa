/* The kinds that there are, for the table in object.c: a row each. */
#pragma once

#include "daemon/object.h"

extern const struct kind kind_queue;
extern const struct kind kind_eventfd;
extern const struct kind kind_pipe;
