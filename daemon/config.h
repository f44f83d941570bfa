/*
 * The configuration: which files, what they declare, and every error in them.
 *
 * A file is applied whole or not at all. An error in the main file, or in any file when strict,
 * makes the whole refused; another file with an error is left out and said. Loading touches nothing
 * but the files, and asks the name service only in config_resolve().
 */
#pragma once

#include "daemon/object.h"
#include "daemon/problems.h"

#include <sys/types.h>

/* Where to look. */
struct config_source {
    const char *file; /* FILE and FILE.d/ *.conf only; NULL: the places of `user` or the system */
    bool user;        /* $XDG_CONFIG_HOME/ipcbroker */
    bool strict;      /* an error in any file refuses the whole */
    bool judge;       /* load what is refused, too, to judge it further: apply nothing of it */
    bool offline;     /* owners of files, unknown users and groups: warnings */
    enum naming naming;
    /* At a reload: what is in force, borrowed. A drop-in with errors counts as it stands there, and
     * unknown users and groups are errors of their file. */
    const struct config *previous;
};

struct config_file; /* one file as read; owned by the configuration */

struct config {
    char *socket;       /* NULL: not said */
    char *admin_socket; /* NULL: not said */
    uint64_t max_clients, max_clients_per_user;
    struct place max_clients_place; /* line 0: the default */
    struct grants admin;            /* subjects; the access of each is WIRE_USE */
    struct grants observe;
    struct place observe_place; /* line 0: the default */
    const char *main_path;      /* of the main file, borrowed; NULL: there is none */
    unsigned broker_lines[4];   /* of socket, admin_socket, max_clients, max_clients_per_user */

    struct declaration **objects; /* by name; owned by their files */
    size_t n_objects;

    struct config_file **files; /* that are applied, in the order read */
    size_t n_files;
    char **left_out; /* paths of the others, owned */
    size_t n_left_out;
    size_t n_stale; /* of the applied ones: those that have errors now and count as before */
};

/* Reads everything. *PROBLEMS gets every error and warning. 0: *ret is what is to be applied,
 * without the files that are left out; -EBADMSG: refused, see the problems (*ret is set all the
 * same where `judge` is); -ENOMEM and the like: could not be judged. */
int config_load(const struct config_source *source, struct config **ret,
                struct problems *problems) _must_check_;

/* Whether the I-th of the applied files counts as it was before its errors; its path. */
bool config_file_is_stale(const struct config *config, size_t i, const char **ret_path);

/* Looks up the names of users and groups. What is unknown stays unresolved and is a problem: an
 * error, or a warning when offline or LENIENT (at a start that grant is void). 0, whatever the
 * problems; -ENOMEM. */
int config_resolve(struct config *config, const struct config_source *source, bool lenient,
                   struct problems *problems) _must_check_;

struct config *config_free(struct config *config);
