/* Subjects: whom a grant is for. Parsing and matching; names become numbers in resolve.c. */
#pragma once

#include "base/base.h"
#include "daemon/unit_name.h"

#include <sys/types.h>

enum subject_type {
    SUBJECT_ANY,
    SUBJECT_USER,
    SUBJECT_GROUP,
    SUBJECT_UNIT,
};

struct subject {
    enum subject_type type;
    char *name;    /* of a user or group given by name, or a unit's pattern; owned; NULL when given
                      by number */
    uint32_t id;   /* uid or gid, once resolved */
    bool resolved; /* false: matches nobody */
    struct unit_pattern pattern; /* of a unit's name */
};

/* Parses "user:NAME|UID", "group:NAME|GID", "unit:PATTERN" or "any". -EINVAL with a sentence;
 * -ENOMEM. *ret is to be deinitialised. */
int subject_parse(const char *text, struct subject *ret, struct sentence *why) _must_check_;
void subject_deinit(struct subject *subject);

/* Writes the subject as it is written in the configuration; returns BUFFER. */
const char *subject_format(const struct subject *subject, char *buffer, size_t size);

/* The number of no user and no group, which the kernel uses for "nobody in particular". */
#define ID_NOBODY UINT32_MAX

/* The caller's numbers, as the kernel told them when he connected, and his unit. `groups` are the
 * supplementary ones, without the primary one, in ascending order: groups_sort(). */
struct credentials {
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t n_groups;
    const char *unit; /* NULL: none, or not looked at, since no grant depends on it */
};

/* Room for what credentials_format() writes, with some twenty groups. */
#define CREDENTIALS_SIZE 512u

/* "uid 1000 (gid 1000, groups 27,100), unit shop.service", as much of it as there is: what grants
 * are decided by. Returns BUFFER. */
const char *credentials_format(const struct credentials *who, char *buffer, size_t size);

void groups_sort(gid_t *groups, size_t n);

bool subject_matches(const struct subject *subject, const struct credentials *who);
