/*
 * calls WHAT: one of the things that a request is made of, alone and in one process, so that the
 * sum can be told from what the scheduler adds.
 */
#include "bench/worker.h"

#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct {
    char name[64]; /* of a queue */
    int queue, pair[2], epoll;
} calls;

static size_t bare_call(void *state)
{
    (void)state;
    return syscall(SYS_getppid) > 0;
}

static size_t look(void *state)
{
    struct stat status;

    (void)state;
    return fstat(calls.queue, &status) == 0;
}

static size_t open_and_close(void *state)
{
    mqd_t queue = mq_open(calls.name, O_WRONLY | O_CLOEXEC);

    (void)state;
    if (queue < 0)
        give_up(calls.name);
    (void)mq_close(queue);
    return 1;
}

static size_t wait_for_what_is_there(void *state)
{
    struct epoll_event event;

    (void)state;
    return epoll_wait(calls.epoll, &event, 1, -1) == 1;
}

static size_t packet(void *state)
{
    char bytes[32] = {0};

    (void)state;
    return send(calls.pair[0], bytes, sizeof bytes, 0) > 0 &&
           recv(calls.pair[1], bytes, sizeof bytes, 0) > 0;
}

/* As packet(), with a descriptor, which is closed. */
static size_t packet_with_descriptor(void *state)
{
    static const uint8_t frame[16]; /* as long as a header, status 0 */
    int fd;

    (void)state;
    send_descriptors(calls.pair[0], frame, sizeof frame, &calls.queue, 1);
    receive_descriptors(calls.pair[1], &fd, 1);
    close(fd);
    return 1;
}

static const struct {
    const char *name;
    worker_step step;
} steps[] = {
    {"getppid", bare_call},
    {"fstat", look},
    {"mq_open, close", open_and_close},
    {"epoll_wait", wait_for_what_is_there},
    {"send, recv", packet},
    {"sendmsg, recvmsg, close", packet_with_descriptor},
};

static void set_up(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int ready[2];

    (void)snprintf(calls.name, sizeof calls.name, "/calls-%d", getpid());
    calls.queue = mq_open(calls.name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
    calls.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (calls.queue < 0 || calls.epoll < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, calls.pair) < 0 ||
        pipe2(ready, O_CLOEXEC) < 0 || write(ready[1], "", 1) != 1 ||
        epoll_ctl(calls.epoll, EPOLL_CTL_ADD, ready[0], &event) < 0)
        give_up("setting up");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(steps); i++)
        if (strcmp(argv[1], steps[i].name) == 0) {
            set_up();
            worker_serve(steps[i].step, NULL);
            (void)mq_unlink(calls.name);
            return 0;
        }
    (void)fputs("usage: calls WHAT\n", stderr);
    return 2;
}
