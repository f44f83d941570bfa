/*
 * What the text of a bag says: a line of the version, a line of the bag, and for each descriptor
 * a line with kind, name, state, the kernel's identity, the name in the kernel, and the settings.
 */
#pragma once

#include "daemon/declaration.h"

/* What is known of one descriptor. */
struct recovered {
    struct declaration *declaration; /* owned; of a retired one under its name NAME@NUMBER */
    char *kernel_name;               /* owned; NULL: it had none */
    struct wire_identity identity;   /* 0:0 where it was not known */
    uint64_t traits;
    bool retired;
    int fd; /* owned, -1: none (any more) */
    unsigned bag;
};

struct recovered_list {
    struct recovered *items;
    size_t n;
};

void recovered_list_deinit(struct recovered_list *list);

/* Releases all but the first N. */
void recovered_list_cut(struct recovered_list *list, size_t n);

/* Writes the table's head, or an object's line. */
void bag_table_begin(FILE *file, unsigned bag, size_t n);
void bag_table_add(FILE *file, const struct object *object);
/* Reads the table of a bag into the list, without descriptors. Returns how many lines it added.
 * -EBADMSG with a sentence: not all of it is understood, and the list is as it was; -ENOMEM. */
int bag_table_read(const char *text, unsigned bag, struct recovered_list *list,
                   struct sentence *why) _must_check_;
