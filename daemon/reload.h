/*
 * Reload, and the plan of one, which is the same without doing it.
 *
 * Files and names are read in a thread; what follows is done in the loop, in slices, so that
 * clients are answered meanwhile; then everything changes in one step. One runs at a time. Whoever
 * asks during a run waits for one that begins after it.
 */
#pragma once

#include "daemon/loop.h"
#include "daemon/plan.h"
#include "daemon/problems.h"
#include "daemon/server.h"

/* The two sorts of runs. */
enum run_sort {
    RUN_RELOAD,
    RUN_PLAN,
    N_RUN_SORTS,
};

/* What the last run of a sort came to. */
struct outcome {
    uint64_t run;        /* its number, 0: there was none */
    const char *state;   /* "applied" (of a plan: "planned"), "refused", "failed"; NULL: it runs */
    struct sentence why; /* of a failure */
    struct problems problems;
    struct changes changes;
    size_t n_left_out, n_stale; /* files */
};

struct reload {
    struct loop *loop; /* these are borrowed */
    struct notifier *notifier;
    struct server *server;
    struct desk *desk;
    struct config **in_force; /* what the desk has, too; the new one takes its place */
    struct environment *environment;
    const struct config_source *source;
    void (*applied)(struct reload *reload); /* after a real run, whatever came of it */

    struct source wake; /* readable while there is something to do */
    struct outcome outcomes[N_RUN_SORTS];
    uint64_t n_begun; /* runs of both sorts, which are numbered from 1 */
    bool wanted[N_RUN_SORTS];
    enum { RUN_IDLE, RUN_LOADING, RUN_WALKING, RUN_TELLING } phase;
    enum run_sort sort; /* of the run */
    struct reading *reading;
    struct config *config; /* that was read, owned */
    struct plan plan;
    size_t told; /* of the changes, to the log */
};

/* Everything but `wake` must be set before. -EMFILE and the like. */
int reload_init(struct reload *reload) _must_check_;
/* False: a thread still reads, whom nothing can call back; he uses the configuration in force and
 * the descriptor, which are left to the end of the process. */
bool reload_deinit(struct reload *reload);

/* What is wrong with a configuration, and which files count otherwise than they stand there, to the
 * log. */
void reload_log_problems(const struct problems *problems);
void reload_log_files(const struct config *config);
/* What a plan has come to, to the log. */
void reload_log_changes(const struct changes *changes);

/* Wants a run. Returns how many had begun before: one with a greater number will do. */
uint64_t reload_want(struct reload *reload, enum run_sort sort);
/* What the last run of that sort came to. NULL: there was none, or it runs. */
const struct outcome *reload_outcome(const struct reload *reload, enum run_sort sort);
/* Whether the registry must be left as it is, since a run goes through it. */
bool reload_is_walking(const struct reload *reload);
