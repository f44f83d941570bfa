/*
 * data-path KIND bare|library: what passes through an object, in one process, so that nothing but
 * the calls is measured. KIND: queue, a message sent and received; eventfd, pipe: one count
 * signalled and waited for.
 */
#include "bench/worker.h"

#include "client/ipcbroker.h"

#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/eventfd.h>

#define MESSAGE_SIZE 64

struct path {
    int fd, writer; /* writer: of the pipe */
    struct ipcb_queue *queue;
    struct ipcb_event *event, *signaller;
};

static size_t queue_bare(void *state)
{
    static char message[MESSAGE_SIZE];
    struct path *path = state;
    unsigned priority;

    if (mq_send(path->fd, message, sizeof message, 0) < 0 ||
        mq_receive(path->fd, message, sizeof message, &priority) < 0)
        give_up("queue");
    return 1;
}

static size_t queue_library(void *state)
{
    static const char message[MESSAGE_SIZE];
    struct path *path = state;
    const void *received;
    unsigned priority;

    if (ipcb_queue_send(path->queue, message, sizeof message, 0, -1) < 0 ||
        ipcb_queue_receive(path->queue, &received, &priority, -1) < 0)
        give_up("queue");
    return 1;
}

static size_t eventfd_bare(void *state)
{
    struct path *path = state;
    uint64_t count = 1;

    if (write(path->fd, &count, sizeof count) < 0 || read(path->fd, &count, sizeof count) < 0)
        give_up("eventfd");
    return 1;
}

static size_t pipe_bare(void *state)
{
    struct path *path = state;
    char byte[4096];

    byte[0] = 0;
    if (write(path->writer, byte, 1) < 0 || read(path->fd, byte, sizeof byte) < 0)
        give_up("pipe");
    return 1;
}

static size_t event_library(void *state)
{
    struct path *path = state;
    uint64_t count;

    if (ipcb_event_signal(path->signaller ? path->signaller : path->event, 1) < 0 ||
        ipcb_event_wait(path->event, &count, -1) < 0)
        give_up("event");
    return 1;
}

static void make_queue(struct path *path)
{
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = MESSAGE_SIZE};
    char name[64];

    (void)snprintf(name, sizeof name, "/data-path-%d", getpid());
    path->fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
    if (path->fd < 0 || mq_unlink(name) < 0)
        give_up(name);
    (void)sure(ipcb_queue_adopt(&path->queue, path->fd), "ipcb_queue_adopt");
}

static void make_eventfd(struct path *path)
{
    path->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)sure(ipcb_event_adopt(&path->event, path->fd), "ipcb_event_adopt");
}

static void make_pipe(struct path *path)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        give_up("pipe2");
    path->fd = ends[0];
    path->writer = ends[1];
    (void)sure(ipcb_event_adopt(&path->event, ends[0]), "ipcb_event_adopt");
    (void)sure(ipcb_event_adopt(&path->signaller, ends[1]), "ipcb_event_adopt");
}

static const struct {
    const char *kind;
    void (*make)(struct path *path);
    worker_step bare, library;
} kinds[] = {
    {"queue", make_queue, queue_bare, queue_library},
    {"eventfd", make_eventfd, eventfd_bare, event_library},
    {"pipe", make_pipe, pipe_bare, event_library},
};

int main(int argc, char **argv)
{
    struct path path = {.fd = -1};

    for (size_t i = 0; argc == 3 && i < ARRAY_SIZE(kinds); i++)
        if (strcmp(argv[1], kinds[i].kind) == 0) {
            kinds[i].make(&path);
            worker_serve(strcmp(argv[2], "bare") == 0 ? kinds[i].bare : kinds[i].library, &path);
            return 0;
        }
    (void)fputs("usage: data-path queue|eventfd|pipe bare|library\n", stderr);
    return 2;
}
