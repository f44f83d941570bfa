/*
 * bare-server SOCKET PREFIX QUEUES held|reopened: the floor.
 *
 * An epoll server that answers each request, whatever it says, with the descriptors of as many
 * queues as the request has items, and does nothing else: no names, no grants, no errors, no
 * limits. `held`: the descriptors that it has; `reopened`: each opened anew by its name, and its
 * inode looked at, as the broker does. It makes its queues, and removes them at the end.
 */
#include "bench/worker.h"

#include "base/address.h"
#include "protocol/wire.h"

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

struct queue {
    char name[64];
    int fd;
    struct stat status;
};

static struct {
    struct queue *queues;
    size_t n;
    bool reopened;
    int fds[WIRE_DESCRIPTORS_MAX];
    uint8_t request[WIRE_REQUEST_MAX];
    uint8_t replies[WIRE_DESCRIPTORS_MAX + 1][WIRE_DESCRIPTORS_MAX * 24 + WIRE_HEADER_SIZE];
    size_t sizes[WIRE_DESCRIPTORS_MAX + 1];
} server;

static void make_queues(const char *prefix, size_t n)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};

    server.queues = calloc(n, sizeof *server.queues);
    if (!server.queues)
        give_up("memory");
    for (; server.n < n; server.n++) {
        struct queue *queue = &server.queues[server.n];

        (void)snprintf(queue->name, sizeof queue->name, "/%s%04zu", prefix, server.n);
        queue->fd = mq_open(queue->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        if (queue->fd < 0 || fstat(queue->fd, &queue->status) < 0)
            give_up(queue->name);
    }
}

/* The reply to a request of N items. */
static void make_reply(size_t n)
{
    const struct wire_header header = {WIRE_VERSION, WIRE_ACQUIRE, WIRE_REPLY, 1, 0};
    struct wire_writer writer;

    wire_writer_init(&writer, server.replies[n], sizeof server.replies[n]);
    wire_put_header(&writer, &header);
    for (size_t i = 0; i < n; i++) {
        const struct stat *status = &server.queues[i].status;
        const struct wire_descriptor descriptor = {
            WIRE_QUEUE, WIRE_WRITE, 0, {status->st_dev, status->st_ino}};

        wire_put_descriptor(&writer, &descriptor);
    }
    server.sizes[n] = writer.size;
}

static size_t count_items(size_t size)
{
    size_t at = WIRE_HEADER_SIZE, n = 0;

    for (; at + 4 <= size && n < server.n; n++)
        at += 4u + server.request[at + 2] + server.request[at + 3] * 256u;
    return n;
}

static int open_again(const struct queue *queue)
{
    struct stat status;
    int fd = mq_open(queue->name, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) < 0 || status.st_ino != queue->status.st_ino)
        give_up(queue->name);
    return fd;
}

/* Whether the client goes on. */
static bool serve(int client)
{
    ssize_t size = recv(client, server.request, sizeof server.request, MSG_DONTWAIT);
    size_t n;

    if (size <= 0)
        return size < 0 && errno == EAGAIN;
    n = count_items((size_t)size);
    for (size_t i = 0; i < n; i++)
        server.fds[i] = server.reopened ? open_again(&server.queues[i]) : server.queues[i].fd;
    send_descriptors(client, server.replies[n], server.sizes[n], server.fds, n);
    for (size_t i = 0; server.reopened && i < n; i++)
        close(server.fds[i]);
    return true;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd >= 0)
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address;
    int length = sure(address_from_path(path, &address), path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0 ||
        listen(fd, 4096) < 0)
        give_up(path);
    return fd;
}

static volatile sig_atomic_t ended;

static void end(int signal)
{
    ended = signal;
}

static void run(int listener)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    watch(epoll, listener);
    while (!ended) {
        int n = epoll_wait(epoll, events, ARRAY_SIZE(events), -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
            else if (!serve(fd))
                close(fd);
        }
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = end}; /* no SA_RESTART: epoll_wait() ends */
    int listener;

    if (argc != 5) {
        (void)fputs("usage: bare-server SOCKET PREFIX QUEUES held|reopened\n", stderr);
        return 2;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    server.reopened = strcmp(argv[4], "reopened") == 0;
    make_queues(argv[2], number_of(argv[3]));
    for (size_t n = 1; n <= server.n && n <= WIRE_DESCRIPTORS_MAX; n++)
        make_reply(n);
    listener = listen_at(argv[1]);
    (void)puts("ready");
    (void)fflush(stdout);
    run(listener);
    for (size_t i = 0; i < server.n; i++)
        (void)mq_unlink(server.queues[i].name);
    return 0;
}
