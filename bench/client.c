/*
 * client SOCKET PREFIX BATCH kept|once|CONNECTIONS [both]: a client that speaks plain frames.
 *
 * Asks for BATCH objects at a time, for writing or for `both` directions. `kept`: on one
 * connection; `once`: on a new one each time; a number: on that many connections at once, each of
 * which asks again when it has got its answer.
 */
#include "bench/worker.h"

#include "protocol/wire.h"

#include <string.h>
#include <sys/epoll.h>

static struct {
    const char *path;
    uint8_t request[WIRE_REQUEST_MAX];
    size_t request_size, batch;
    int fds[WIRE_DESCRIPTORS_MAX];
    int socket; /* kept */
    int epoll;  /* of many */
} client;

static void ask(int socket)
{
    if (send(socket, client.request, client.request_size, MSG_NOSIGNAL) < 0)
        give_up("send");
}

static void take(int socket)
{
    receive_descriptors(socket, client.fds, client.batch);
    close_all(client.fds, client.batch);
}

static size_t on_one_connection(void *state)
{
    (void)state;
    ask(client.socket);
    take(client.socket);
    return client.batch;
}

static size_t on_a_new_connection(void *state)
{
    int socket = dial(client.path);

    (void)state;
    ask(socket);
    take(socket);
    close(socket);
    return client.batch;
}

static void open_many(size_t n)
{
    client.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = dial(client.path)};

        if (epoll_ctl(client.epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
            give_up("epoll_ctl");
        ask(event.data.fd);
    }
}

/* Takes what has come and asks for the next: each connection has one request under way. */
static size_t on_many_connections(void *state)
{
    struct epoll_event events[64];
    int n = epoll_wait(client.epoll, events, ARRAY_SIZE(events), -1);

    (void)state;
    for (int i = 0; i < n; i++) {
        take(events[i].data.fd);
        ask(events[i].data.fd);
    }
    return n < 0 ? 0 : (size_t)n * client.batch;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        (void)fputs("usage: client SOCKET PREFIX BATCH kept|once|CONNECTIONS [both]\n", stderr);
        return 2;
    }
    client.path = argv[1];
    client.batch = number_of(argv[3]);
    client.request_size = make_request(client.request, sizeof client.request, argv[2], client.batch,
                                       argc == 6 ? WIRE_USE : WIRE_WRITE);
    if (strcmp(argv[4], "once") == 0) {
        worker_serve(on_a_new_connection, NULL);
    } else if (strcmp(argv[4], "kept") == 0) {
        client.socket = dial(client.path);
        worker_serve(on_one_connection, NULL);
    } else {
        open_many(number_of(argv[4]));
        worker_serve(on_many_connections, NULL);
    }
    return 0;
}
