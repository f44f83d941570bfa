/*
 * peer SOCKET NAME STEP...: a client of the broker that does what a client should not.
 *
 *   connect     to the broker
 *   acquire     object NAME; prints "granted", or "denied: " and the sentence
 *   gap=FILE    acquires until FILE is there; prints how often, and what the longest took
 *   move=FILE   into another control group, by its cgroup.procs
 *   heir        ends the process; a child of it goes on with its connection
 *   zombie      the same, but nobody has asked yet how it ended
 *   reuse=FILE  behind heir: a stranger gets the process id of who has ended, in another control
 * group
 *
 * What the steps are done by is a child: the main process of a unit must not end before.
 */
#include "protocol/wire.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

struct state {
    const char *socket, *name;
    int fd;
    int reap;       /* a byte makes the main process reap one */
    int reaped;     /* and a byte comes when it has */
    pid_t gone;     /* who has ended */
    pid_t stranger; /* who has his number */
    uint8_t frame[WIRE_REPLY_MAX];
};

static void check(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static void do_connect(struct state *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    state->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", state->socket);
    check(connect(state->fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
}

static void begin(struct state *state, enum wire_type type, struct wire_writer *ret)
{
    const struct wire_header header = {.version = WIRE_VERSION, .type = (uint8_t)type, .serial = 1};

    wire_writer_init(ret, state->frame, sizeof state->frame);
    wire_put_header(ret, &header);
}

/* The reply's status; a descriptor that comes is closed by the kernel. */
static uint32_t ask(struct state *state, const struct wire_writer *request, struct wire_reader *ret)
{
    struct wire_header header;
    ssize_t size;

    check(send(state->fd, request->data, request->size, MSG_NOSIGNAL) >= 0, "send");
    size = recv(state->fd, state->frame, sizeof state->frame, 0);
    check(size > 0 && wire_read_header(ret, state->frame, (size_t)size, &header) == 0, "reply");
    return header.status;
}

static uint32_t ask_for_object(struct state *state, struct wire_reader *ret)
{
    const struct wire_item item = {.name = state->name, .name_size = strlen(state->name)};
    struct wire_writer request;

    begin(state, WIRE_ACQUIRE, &request);
    wire_put_item(&request, &item);
    return ask(state, &request, ret);
}

static bool find(struct wire_reader fields, unsigned type, struct wire_field *ret)
{
    while (wire_next(&fields, ret) > 0)
        if (ret->type == type)
            return true;
    return false;
}

static void prove(struct state *state, struct wire_field *nonce)
{
    struct wire_writer request;
    struct wire_reader ignored;
    uint8_t copy[64];

    check(nonce->size <= sizeof copy, "nonce");
    memcpy(copy, nonce->value, nonce->size);
    begin(state, WIRE_PROVE, &request);
    wire_put(&request, WIRE_FIELD_NONCE, copy, nonce->size);
    (void)ask(state, &request, &ignored);
}

static void do_acquire(struct state *state)
{
    struct wire_reader fields;
    struct wire_field field;
    uint32_t status = ask_for_object(state, &fields);

    if (status == ENOKEY && find(fields, WIRE_FIELD_NONCE, &field)) {
        prove(state, &field);
        status = ask_for_object(state, &fields);
    }
    if (status == 0)
        (void)puts("granted");
    else if (status == EACCES && find(fields, WIRE_FIELD_SENTENCE, &field))
        (void)printf("denied: %.*s\n", (int)field.size, (const char *)field.value);
    else
        (void)printf("status %u\n", status);
    (void)fflush(stdout);
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void do_gap(struct state *state, const char *path)
{
    uint64_t longest = 0, n = 0;
    struct wire_reader fields;

    for (; access(path, F_OK) != 0; n++) {
        uint64_t begin = now_us(), took;

        check(ask_for_object(state, &fields) == 0, "acquire");
        took = now_us() - begin;
        longest = took > longest ? took : longest;
    }
    (void)printf("%llu acquires, the longest took %llu us\n", (unsigned long long)n,
                 (unsigned long long)longest);
}

static void do_move(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    check(fd >= 0 && write(fd, "0", 1) == 1, path);
    (void)close_fd(fd);
}

/* The child that goes on. */
static void do_zombie(struct state *state)
{
    struct pollfd end = {.events = POLLIN};
    pid_t child;

    state->gone = getpid();
    end.fd = (int)syscall(SYS_pidfd_open, state->gone, 0);
    child = fork();
    check(child >= 0 && end.fd >= 0, "fork");
    if (child > 0)
        exit(EXIT_SUCCESS);
    check(poll(&end, 1, -1) == 1, "poll");
    (void)close_fd(end.fd);
}

/* Goes on when its number is nobody's. */
static void do_heir(struct state *state)
{
    char byte;

    do_zombie(state);
    check(write(state->reap, "", 1) == 1, "write");
    check(read(state->reaped, &byte, 1) == 1, "read");
    check(kill(state->gone, 0) < 0, "another was reaped");
}

static void do_reuse(struct state *state, const char *path)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD,
        .set_tid = (uint64_t)(uintptr_t)&state->gone,
        .set_tid_size = 1,
    };
    int ready[2];
    char byte;

    check(pipe(ready) == 0, "pipe");
    state->stranger = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    check(state->stranger >= 0, "clone3");
    if (state->stranger == 0) {
        do_move(path);
        check(write(ready[1], "", 1) == 1, "write");
        for (;;)
            (void)pause();
    }
    check(state->stranger == state->gone && read(ready[0], &byte, 1) == 1, "a stranger");
}

static void do_step(struct state *state, const char *step)
{
    const char *value = strchr(step, '=');

    if (strcmp(step, "connect") == 0)
        do_connect(state);
    else if (strcmp(step, "acquire") == 0)
        do_acquire(state);
    else if (strcmp(step, "heir") == 0)
        do_heir(state);
    else if (strcmp(step, "zombie") == 0)
        do_zombie(state);
    else if (value && strncmp(step, "gap=", 4) == 0)
        do_gap(state, value + 1);
    else if (value && strncmp(step, "move=", 5) == 0)
        do_move(value + 1);
    else if (value && strncmp(step, "reuse=", 6) == 0)
        do_reuse(state, value + 1);
    else
        check(false, step);
}

int main(int argc, char **argv)
{
    static struct state state;
    pid_t child;
    int reap[2], reaped[2], status, worst = 0;
    char byte;

    check(argc > 3, "peer SOCKET NAME STEP...");
    state.socket = argv[1];
    state.name = argv[2];
    check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe(reap) == 0 && pipe(reaped) == 0, "prepare");
    state.reap = reap[1];
    state.reaped = reaped[0];
    child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        (void)close_fd(reaped[1]);
        for (int i = 3; i < argc; i++)
            do_step(&state, argv[i]);
        if (state.stranger > 0)
            (void)kill(state.stranger, SIGKILL);
        return EXIT_SUCCESS;
    }
    (void)close_fd(reap[1]);
    do { /* until nobody is left who could ask */
        ssize_t asked = read(reap[0], &byte, 1);

        if (wait(&status) < 0)
            break;
        worst |= WIFEXITED(status) && WEXITSTATUS(status) != 0;
        check(asked <= 0 || write(reaped[1], "", 1) == 1, "write");
    } while (true);
    return worst;
}
