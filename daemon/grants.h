/* Grants: who may have which access, each with the place that says so. */
#pragma once

#include "daemon/subject.h"

/* A place in a configuration file. The path is borrowed from the configuration. */
struct place {
    const char *path;
    unsigned line; /* 0: nowhere, a default */
};

/* Room for a path of up to 4096 bytes and a line. */
#define PLACE_SIZE 4128u

/* "path:line", "default" for a place that is nowhere; into BUFFER, returns it. */
const char *place_format(struct place place, char *buffer, size_t size);

struct grant {
    struct subject subject;
    unsigned access; /* mask of enum wire_access */
    struct place place;
};

struct grants {
    struct grant *items;
    size_t n;
    bool by_group;    /* some grant is for a group: only then the caller's groups matter */
    unsigned by_unit; /* what grants for units give: only then the caller's unit matters */
};

/* Appends a grant. SUBJECT is taken over on success. -ENOMEM. */
int grants_add(struct grants *grants, struct subject *subject, unsigned access,
               struct place place) _must_check_;
void grants_deinit(struct grants *grants);

/* The union of what all matching grants give; 0: nothing. */
unsigned grants_access(const struct grants *grants, const struct credentials *who);
