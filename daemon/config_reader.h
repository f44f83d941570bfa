/*
 * From the text of a configuration file to sections and keys.
 *
 * inih does the splitting; all that it would swallow, cut or misread is refused here before, line
 * by line, and inih is given an empty line instead.
 */
#pragma once

#include "daemon/problems.h"

#define CONFIG_LINE_MAX 198u /* bytes; inih splits a line of 200 into two live ones */

/* Takes what a file says, in its order. A negative errno ends the reading. */
struct config_sink {
    /* The text between the brackets of a header. */
    int (*section)(void *user, const char *text, unsigned line);
    /* A key of the last section. VALUE may be "". Never called for the keys under a bad header. */
    int (*key)(void *user, const char *key, const char *value, unsigned line);
    void *user;
};

/* Reads TEXT, adding a problem for each bad line of the file PATH. 0, whatever the problems; or
 * what the sink failed with; -ENOMEM. */
int config_read(const char *path, const char *text, size_t size, const struct config_sink *sink,
                struct problems *problems) _must_check_;
