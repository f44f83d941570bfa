/* The cases of test-config, and what they share: a directory of their own to work in, the last
 * configuration that was loaded, and its problems. */
#pragma once

#include "tests/check_main.h"

#include "daemon/config.h"

/* Of the test that runs, in its own process. */
extern char *directory;
extern struct config *config;
extern struct problems problems;

#define TEXT(literal) (literal), sizeof(literal) - 1
#define QUEUE         "[queue:a]\nuse = any\n"
#define EVENTFD       "[eventfd:e]\nuse = any\n"
#define HUNDRED                                                                                    \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EIGHTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

void set_up(void);
void tear_down(void);

/* Writes a file, of the working directory or of main.conf.d. */
void put_bytes(const char *path, const char *text, size_t size);
void put(const char *path, const char *text);
void put_drop_in(const char *name, const char *text);

/* Loads main.conf, or what SOURCE says, or main.conf with that text. */
int load(void);
int load_strict(void);
int load_source(const struct config_source *source);
int load_text(const char *text);

size_t count(enum severity severity);
/* Fails unless the N-th problem of that severity is at that place, with that in its text. */
void expect(enum severity severity, size_t n, const char *path, unsigned line,
            const char *fragment);
void expect_one_error(const char *path, unsigned line, const char *fragment);
/* Fails unless R is 0 and there is no error. */
void expect_none(int r);

const struct declaration *get_object(const char *name);
bool has_object(const char *name);
/* What an object needs of the system, which tells what its settings are. */
uint64_t needed(const char *name, const char *sysctl);
unsigned access_of(const char *name, uid_t uid);

void add_error_cases(TCase *cases);
void add_text_cases(TCase *cases);
void add_merge_cases(TCase *cases);
void add_file_cases(TCase *cases);
