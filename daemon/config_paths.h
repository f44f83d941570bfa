/* Which files make up the configuration. */
#pragma once

#include "daemon/config.h"

struct config_paths {
    char **items; /* the main file, where there is one, then the drop-ins in name order */
    size_t n;
    bool has_main; /* the first is the main file */
};

/* Finds the files of SOURCE; what they hold is not looked at. -EBADMSG: a place cannot be judged,
 * *PROBLEMS says why; -ENOMEM. */
int config_paths_find(const struct config_source *source, struct problems *problems,
                      struct config_paths *ret) _must_check_;

/* The same for any places: the main file MAIN, which may be absent unless REQUIRED, and the
 * directories of drop-ins (NULL-terminated), of which an earlier one's file hides a later one's of
 * the same name. An empty drop-in, or a link to /dev/null, stands for none. */
int config_paths_collect(const char *main, bool required, const char *const *directories,
                         struct problems *problems, struct config_paths *ret) _must_check_;

void config_paths_deinit(struct config_paths *paths);
