/*
 * A broker of its own for each test: an IPC name space, a user and a directory that no other test
 * has, so that tests run in parallel and leave nothing. Needs root, which gives it away again for
 * the broker and for the clients.
 *
 * Everything here fails the running test when it cannot do what it says. A test that fails leaves
 * its directory, with the broker's log, in /tmp.
 */
#pragma once

#include "client/ipcbroker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fixture {
    char directory[64]; /* root's, 0755 */
    char config[96];    /* directory/broker.conf */
    char socket[96];    /* directory/run/ipcbroker.sock */
    char admin[112];    /* socket.admin */
    char log[96];       /* what the broker writes to stderr */
    uid_t broker_uid;   /* nobody else's on this machine */
    uid_t client_uid;   /* the first of 8 that are nobody else's either */
    pid_t broker;       /* 0: not running */
    int pidfd;
    int notify; /* what the broker tells the service manager */

    /* How the broker is started; set them before. */
    struct {
        int resource; /* RLIMIT_... */
        uint64_t most;
    } limits[4];
    size_t n_limits;
    const char *without; /* a feature of the kernel; NULL: it uses all */
    unsigned inherited;  /* descriptors that it is given and knows nothing of */
    struct handed_in {   /* what it is handed in, as by a service manager */
        int fd;          /* borrowed */
        const char *name;
    } handed[8];
    size_t n_handed;
    /* What it tells the service manager, with descriptors to be taken over; NULL: they are closed.
     */
    void (*told)(const char *text, const int *fds, size_t n);
    const char *environment[4]; /* "NAME=VALUE", added to ours; borrowed */
    bool of_user;               /* see fixture_set_of_user() */
    char config_home[96];
    bool admin_apart; /* see fixture_set_admin_apart() */
};

/* The environment: TEST_WRAPPER is a command that runs the broker, such as valgrind with options,
 * and TEST_LOAD is how many percent of their size tests of many have (100; 25 with sanitizers). */

/* N, or less of it where everything is slower; never 0. */
int load(int n);
/* Whether the broker's memory says nothing, since a sanitizer or a wrapper keeps some of it. */
bool memory_is_inflated(void);

/* A fresh IPC name space for this process, a directory, users; no broker yet. */
void fixture_setup(struct fixture *f);
/* Ends the broker, which must still be alive and end well, and removes the directory. */
void fixture_teardown(struct fixture *f);
/* Limits the broker, soft and hard, from its next start on. */
void fixture_limit(struct fixture *f, int resource, uint64_t most);

/* Listens at the fixture's socket before the broker does, which gets it handed in. */
void fixture_listen(struct fixture *f);

/* Gives the admin socket a directory of its own, as containers need it. The configuration has to
 * say `socket = $D/run/ipcbroker.sock` and `admin_socket = $D/admin/admin.sock` then. */
void fixture_set_admin_apart(struct fixture *f);

/* The broker is one of a user, who has his files where XDG_CONFIG_HOME says. */
void fixture_set_of_user(struct fixture *f);

/* Writes the main file. "$C0" to "$C7" become the numbers of the client users, "$B" the broker's,
 * and "$D" the fixture's directory. */
void fixture_configure(struct fixture *f, const char *text);
/* Writes a drop-in beside it. */
void fixture_drop_in(struct fixture *f, const char *name, const char *text);

/* Starts the broker and waits until it says that it is ready. */
void fixture_start(struct fixture *f);
/* The same in steps: start, wait until it is ready. A copy of a fixture can start a second broker
 * on the same socket. */
void fixture_spawn(struct fixture *f, const char *const *arguments);
void fixture_await_ready(struct fixture *f);
/* Whether the broker has said that it is ready since this was last asked. */
bool fixture_says_ready(struct fixture *f);
/* Waits for the broker's end: the exit status, or 128 and the signal's number. */
int fixture_reap(struct fixture *f);
/* Starts the broker, which must refuse: waits for its end and returns the exit status. ARGUMENTS
 * (NULL-terminated, may be NULL) come after --config and --socket. */
int fixture_start_refused(struct fixture *f, const char *const *arguments);
/* Sends a signal and waits for the end: the exit status, or 128 and the signal's number. */
int fixture_end(struct fixture *f, int signal);
/* All that the broker has written so far, in a static buffer. */
const char *fixture_log(struct fixture *f);
/* Where that says what descriptors were open at the end, which makes no exit status under valgrind;
 * NULL: none but inherited ones. */
const char *fixture_left_open(struct fixture *f);
/* The STATUS= that the broker told last, in a static buffer. */
const char *fixture_status(void);

/* ---- being somebody ---- */

struct who {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary ones, borrowed */
    size_t n_groups;
};

/* The client user $C0 to $C7, of a group with the same number and no others. */
struct who client(const struct fixture *f, unsigned which);
struct who root(void);

/* Makes this process that user as far as the kernel asks, for connecting: whoever is at the other
 * end sees him for the whole life of the connection. */
void become(struct who who);
void become_root(void);

/* A handle that is connected as that user. */
struct ipcb *handle_as(const struct fixture *f, struct who who);
/* What that user gets, over a new connection: the access mode of the descriptor (O_RDONLY, O_WRONLY
 * or O_RDWR), which is closed again, or -errno; said() then has the sentence. */
int acquire_as(const struct fixture *f, struct who who, const char *name, unsigned access);
/* The same at the admin socket. */
int admin_acquire_as(const struct fixture *f, struct who who, const char *name, unsigned access);
const char *said(void);

/* Runs BODY in a child that is that user for good; returns what it returns. BODY must not use
 * Check's assertions: it returns 0, or see EXPECT(). */
int as_user(struct who who, int (*body)(void *), void *argument);
/* The same in two steps, for children that run beside each other. */
pid_t as_user_begin(struct who who, int (*body)(void *), void *argument);
int as_user_end(pid_t child);
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return expect_failed(__FILE__, __LINE__, #condition);                                  \
    } while (0)
int expect_failed(const char *file, int line, const char *condition);

/* ---- looking ---- */

/* A handle for the fixture's socket. */
struct ipcb *fixture_handle(const struct fixture *f);
/* Sets a limit of this IPC name space: "msg_max", "queues_max", ... */
void set_mqueue_limit(const char *name, uint64_t value);
/* How many descriptors a process has open. */
size_t count_descriptors(pid_t pid);
/* A number of /proc/PID/status, such as "VmRSS:"; BASE as for strtoull(). */
uint64_t process_number(pid_t pid, const char *key, int base);
/* How long anything may take before a test calls it a hang. */
#define PATIENCE_MS 60000
/* Looks again and again until CONDITION holds; fails the test if that takes far too long. */
void await(bool (*condition)(void *argument), void *argument);
/* Values of facts; the test fails where there is none. */
uint64_t fact_number(const struct ipcb_facts *facts, const char *key);
const char *fact_text(const struct ipcb_facts *facts, const char *key);
/* What a handle's user is told of an object, to be freed. */
struct ipcb_facts *show(struct ipcb *b, const char *name);
struct ipcb_facts *status(struct ipcb *b);

#define assert_has(text, part)     ck_assert_msg(strstr(text, part), "no \"%s\" in: %s", part, text)
#define assert_has_not(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" in: %s", part, text)

/* Plain frames. */
int raw_connect(const char *path);
ssize_t raw_receive(int fd, void *buffer, size_t size, int *fds, size_t *n_fds);
