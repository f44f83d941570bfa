/* What the verbs of ipcbrokerctl, mqsend and mqrecv share. */
#pragma once

#include "base/base.h"
#include "client/ipcbroker.h"

#include <getopt.h>
#include <signal.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* or degraded */
    EXIT_USAGE = 2,
    EXIT_NO_BROKER = 3,
    EXIT_DENIED = 4,
    EXIT_TIMEOUT = 5, /* or would block */
    EXIT_NO_OBJECT = 6,
};

/* What was said before the verb. */
struct ctl {
    const char *socket; /* NULL: not said */
    bool user, admin, json;
    const char *short_options; /* for getopt_long(3); NULL: none, and options may stand anywhere */
    struct ipcb *broker;       /* from ctl_connect() on */
    sighandler_t on_sigpipe;   /* as it was for us before, and shall be for a program after us */
};

/* Each program says who it is, and how it is used. */
extern const char ctl_program[];
void ctl_help(FILE *file);

/* A verb: its arguments begin at argv[1]. Returns the exit code. */
int verb_list(struct ctl *ctl, int argc, char **argv);
int verb_show(struct ctl *ctl, int argc, char **argv);
int verb_status(struct ctl *ctl, int argc, char **argv);
int verb_whoami(struct ctl *ctl, int argc, char **argv);
int verb_can(struct ctl *ctl, int argc, char **argv);
int verb_config(struct ctl *ctl, int argc, char **argv);
int verb_send(struct ctl *ctl, int argc, char **argv);
int verb_receive(struct ctl *ctl, int argc, char **argv);
int verb_signal(struct ctl *ctl, int argc, char **argv);
int verb_wait(struct ctl *ctl, int argc, char **argv);
int verb_exec(struct ctl *ctl, int argc, char **argv);
int verb_plan(struct ctl *ctl, int argc, char **argv);
int verb_reload(struct ctl *ctl, int argc, char **argv);
int verb_replace(struct ctl *ctl, int argc, char **argv);
int verb_purge(struct ctl *ctl, int argc, char **argv);
int verb_sandbox(struct ctl *ctl, int argc, char **argv);

/* The first thing that a program does. From now on, a reader that has gone is an error of writing,
 * which is reported, rather than our death. Keeps the numbers of standard streams that were closed
 * for us from being taken by descriptors that we get, into which we would then print; they are
 * closed again for a program after us. */
void ctl_start(struct ctl *ctl, int argc, char **argv);

/* ---- options ---- */

/* The options that every verb has; an array of options ends with it. */
#define CTL_OPTIONS                                                                                \
    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'},                            \
    {                                                                                              \
        0                                                                                          \
    }

/* The next option of a verb, -1 after the last one, when optind is the first argument; '?' is an
 * error that has been said. Deals with those of CTL_OPTIONS itself; --help and --version (h and V)
 * end the program. */
int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options);
/* For a verb without options of its own: whether they and the number of arguments are right. */
bool ctl_arguments(struct ctl *ctl, int argc, char **argv, int least, int most);
/* Whether at least LEAST and at most MOST arguments follow the options; the error is said. */
bool ctl_count_is(int argc, int least, int most);
/* A time in seconds, as the value of an option. The error is said. */
bool ctl_timeout(const char *text, int64_t *ret_us);

/* ---- errors: said once, on stderr; the exit code is returned ---- */

/* R is a negative errno and decides on the exit code. */
int ctl_error(int r, const char *format, ...) _printf_(2, 3);
/* The last call on the handle failed with R. */
int ctl_broker_error(const struct ctl *ctl, int r);
int ctl_usage(const char *format, ...) _printf_(1, 2);

/* ---- doing ---- */

/* Makes the handle that was asked for. Returns an exit code. */
int ctl_connect(struct ctl *ctl);
/* Makes the handle and acquires a queue through it. Returns an exit code. */
int ctl_acquire_queue(struct ctl *ctl, const char *name, unsigned access, struct ipcb_queue **ret);
/* The same with an eventfd or a pipe. */
int ctl_acquire_event(struct ctl *ctl, const char *name, struct ipcb_event **ret);
/* Becomes PROGRAM, with its arguments. Returns, if it cannot, the exit code of shells: 127 if it
 * was not found, else 126; the error is said. */
int ctl_become(const struct ctl *ctl, char **program);
/* Whether all that was printed has been written; the error is said. Returns an exit code. */
int ctl_flush(void);
/* Prints facts as lines or as JSON. Returns an exit code. */
int ctl_print_facts(const struct ctl *ctl, const struct ipcb_facts *facts);
/* The text of the first fact of that key, "" if there is none. Borrowed from FACTS. */
const char *ctl_fact(const struct ipcb_facts *facts, const char *key);

/* Whether the fact "name" is one of PATTERN, as glob(7) has it; NULL: all are. */
bool ctl_matches(const struct ipcb_facts *facts, const char *pattern);

static inline void facts_freep(struct ipcb_facts **facts)
{
    *facts = ipcb_facts_free(*facts);
}

static inline void list_freep(struct ipcb_list **list)
{
    *list = ipcb_list_free(*list);
}

static inline void queue_freep(struct ipcb_queue **q)
{
    *q = ipcb_queue_free(*q);
}

static inline void event_freep(struct ipcb_event **e)
{
    *e = ipcb_event_free(*e);
}
