/* The sections of a configuration file and their keys: what is known, and into what it goes. */
#pragma once

#include "daemon/config_file.h"

#define CONFIG_MAX_CLIENTS          4096u
#define CONFIG_MAX_CLIENTS_PER_USER 256u

#define SECTION_KEYS_MAX KIND_KEYS_MAX

/* The section that is being read. Zero but for file and problems at first. */
struct section {
    struct config_file *file;
    struct problems *problems;
    enum {
        SECTION_UNKNOWN, /* its keys are not judged: they would be wrong for its sake alone */
        SECTION_BROKER,
        SECTION_OBJECT,
        SECTION_GRANT,
    } type;
    char header[200];
    const struct kind_key *keys; /* the plain ones */
    size_t n_keys;
    void *target;                     /* of the plain keys' offsets */
    unsigned lines[SECTION_KEYS_MAX]; /* where each was said, 0: was not */
    size_t errors;                    /* of the problems, when it began */
};

/* For struct config_sink; USER is a struct section. */
int config_section_begin(void *user, const char *text, unsigned line);
int config_section_key(void *user, const char *key, const char *value, unsigned line);
/* Judges the last section as a whole: once, after all. */
void config_section_end(struct section *section);

/* The access that WORD gives on an object of that KIND; 0, with a sentence, if none. */
unsigned config_word_access(const struct kind *kind, const char *word, struct sentence *why);
