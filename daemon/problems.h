/* What is wrong with a configuration: collected, sorted, printed once. */
#pragma once

#include "daemon/grants.h"

enum severity {
    SEVERITY_ERROR,
    SEVERITY_WARNING,
};

/* More than a person reads. Beyond this many, problems are counted and not kept, so that a file of
 * rubbish does not take the memory of the host. */
#define PROBLEMS_KEPT_MAX 1000u

struct problem {
    enum severity severity;
    char *path;    /* owned; NULL: not of a file */
    unsigned line; /* 0: of the file as a whole */
    char *text;
    size_t file; /* rank of its file, by the first problem of each */
    size_t turn; /* of its coming */
};

struct problems {
    struct problem *items;
    size_t n;
    size_t n_errors; /* of all, the ones that were not kept too */
    size_t n_dropped;
    bool out_of_memory; /* some could not be kept: judge nothing by the list */
};

/* Adds one; never fails, see out_of_memory. PROBLEMS may be NULL: nothing is kept. */
void problems_add(struct problems *problems, enum severity severity, struct place place,
                  const char *format, ...) _printf_(4, 5);
/* By file in the order of their first problem, then by line, then as they came. */
void problems_sort(struct problems *problems);
/* "path:line: text", "path: text" or "text", with "warning: " before the text of a warning; into
 * BUFFER, cut if too long; returns it. */
const char *problem_format(const struct problem *problem, char *buffer, size_t size);
/* The same without "warning: ". */
const char *problem_format_bare(const struct problem *problem, char *buffer, size_t size);
/* Frees all, and leaves an empty list. */
void problems_deinit(struct problems *problems);
