/* One configuration file as it was read, before anything is known of the others. */
#pragma once

#include "daemon/object.h"
#include "daemon/problems.h"

/* [broker]. What was not said is NULL, 0, or of line 0. */
struct broker_section {
    struct place place;
    unsigned key_lines[KIND_KEYS_MAX]; /* of socket, admin_socket, max_clients and ..._per_user */
    char *socket, *admin_socket;
    uint64_t max_clients, max_clients_per_user;
    struct place max_clients_place, max_clients_per_user_place;
    struct grants admin, observe;
    struct place observe_place; /* said and empty is not the same as not said */
};

/* One subject of a [grant:NAME]. Which access its word means is known once NAME's kind is. */
struct foreign_grant {
    const char *word; /* a constant */
    struct subject subject;
    struct place place;
};

/* [grant:NAME] */
struct grant_section {
    char *name;
    struct place place;
    struct foreign_grant *items;
    size_t n;
};

struct config_file {
    char *path;       /* the place of all that follows */
    bool main;        /* else a drop-in */
    bool bad;         /* has errors: not to be applied */
    bool names_known; /* of users and groups: they have been looked up */
    bool stale;       /* as it was when it was last applied, since it has errors now */
    char *text;       /* that was read, owned; NULL: it could not be read */
    size_t size;
    struct broker_section broker;
    struct declaration **objects;
    size_t n_objects;
    struct grant_section *grants;
    size_t n_grants;
};

/* Reads one file and judges it by itself. 0: *ret is the file, bad or not; -ENOMEM and the like:
 * could not be judged. */
int config_file_read(const char *path, bool main, bool offline, struct problems *problems,
                     struct config_file **ret) _must_check_;
/* The file as TEMPLATE was read, once more. */
int config_file_read_again(const struct config_file *template,
                           struct config_file **ret) _must_check_;
struct config_file *config_file_free(struct config_file *file);
/* Takes in what TEXT says. 0, whatever the problems; -ENOMEM and the like. */
int config_file_take(struct config_file *file, const char *text, size_t size,
                     struct problems *problems) _must_check_;

/* Appends an object with the kind's defaults, or a section of grants; the new one is the last. */
int config_file_add_object(struct config_file *file, const struct kind *kind, const char *name,
                           unsigned line) _must_check_;
int config_file_add_grants(struct config_file *file, const char *name, unsigned line) _must_check_;
/* Appends to the last section of grants. SUBJECT is taken over on success. */
int config_file_add_grant(struct config_file *file, const char *word, struct subject *subject,
                          unsigned line) _must_check_;
