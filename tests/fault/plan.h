/* Plays a scenario with one call after the other failing. */
#pragma once

#include "base/base.h"
#include "tests/fault/fault.h"
#include "tests/integration/cases.h"

extern struct fault_page *page;
/* What a program's environment needs to be under the shim. */
extern char shim[2][256];

/* In main(): what has been tried is known to all tests of the program. */
void plan_share(void);
/* Maps a page and puts the shim into the broker's environment. */
void plan_open(void);

/* Plays RUN for each call that it makes, each error of that call, once and from then on; the N-th
 * of the calls for N = 1, 2, ... until a run makes none fail. RUN arms the page where it begins to
 * be of interest, and disarms it. Tells how many points and sites there were, on the standard
 * output. FAULT_EVERY in the environment: only every so many of the points (17; 1: all), and
 * besides one of each call with each of its errors in the whole of the program. FAULT_MEMORY: only
 * the family of malloc(). */
void plan_play(const char *scenario, void (*run)(void));

/* A run found something wrong: says it, with the point, and goes on; the test fails at the end. */
void plan_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define WANT(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            plan_wrong(__VA_ARGS__);                                                               \
    } while (0)

/* Whether a call of that name is failing in this run. */
bool plan_fails(enum fault_call call);
bool plan_fails_memory(void);

static inline void arm(void)
{
    __atomic_store_n(&page->armed, 1, __ATOMIC_SEQ_CST);
}

/* What failed is final then: a call in the middle of the shim is waited for. */
void disarm(void);

/* Writes what was reached to $FAULT_REPORT/SCENARIO, if that is set. */
void plan_report(const char *scenario);

TCase *start_case(void);
TCase *serve_case(void);
TCase *library_case(void);
TCase *change_case(void);
TCase *store_case(void);
/* Comes last: whether all that was reached was tried with all of its errors. */
TCase *plan_case(void);
