/*
 * s6-client SOCKET kept|once: stores a queue's descriptor in s6-fdholderd, and retrieves it over
 * and over by s6's own library, on one connection or on a new one each time.
 */
#include "bench/worker.h"

#include <fcntl.h>
#include <mqueue.h>
#include <s6/fdholder.h>
#include <skalibs/tai.h>
#include <string.h>

#define ID "bench"

struct client {
    const char *path;
    s6_fdholder_t holder;
    tain deadline, stamp;
};

static void start(struct client *client)
{
    client->holder = (s6_fdholder_t)S6_FDHOLDER_ZERO;
    if (!s6_fdholder_start(&client->holder, client->path, &client->deadline, &client->stamp))
        give_up(client->path);
}

static size_t on_one_connection(void *state)
{
    struct client *client = state;
    int fd = s6_fdholder_retrieve(&client->holder, ID, &client->deadline, &client->stamp);

    if (fd < 0)
        give_up("s6_fdholder_retrieve");
    close(fd);
    return 1;
}

static size_t on_a_new_connection(void *state)
{
    struct client *client = state;

    start(client);
    (void)on_one_connection(client);
    s6_fdholder_end(&client->holder);
    return 1;
}

static void store(struct client *client)
{
    char name[64];
    int fd;

    (void)snprintf(name, sizeof name, "/s6-client-%d", getpid());
    fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
    if (fd < 0 || mq_unlink(name) < 0)
        give_up(name);
    (void)s6_fdholder_delete(&client->holder, ID, &client->deadline, &client->stamp);
    if (!s6_fdholder_store(&client->holder, fd, ID, &client->deadline, &client->deadline,
                           &client->stamp))
        give_up("s6_fdholder_store");
    close(fd);
}

int main(int argc, char **argv)
{
    struct client client = {.path = NULL};

    if (argc != 3) {
        (void)fputs("usage: s6-client SOCKET kept|once\n", stderr);
        return 2;
    }
    client.path = argv[1];
    tain_now_set_stopwatch(&client.stamp);
    tain_add(&client.deadline, &client.stamp, &tain_infinite_relative);
    start(&client);
    store(&client);
    if (strcmp(argv[2], "once") == 0) {
        s6_fdholder_end(&client.holder);
        worker_serve(on_a_new_connection, &client);
    } else {
        worker_serve(on_one_connection, &client);
    }
    return 0;
}
