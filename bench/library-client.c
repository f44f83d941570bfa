/* library-client SOCKET NAME: acquires an object by libipcbroker, over and over. */
#include "bench/worker.h"

#include "client/ipcbroker.h"

struct client {
    struct ipcb *broker;
    const char *name;
};

static size_t acquire(void *state)
{
    struct client *client = state;
    int fd = ipcb_acquire(client->broker, client->name, IPCB_SEND);

    close(sure(fd, ipcb_message(client->broker)));
    return 1;
}

int main(int argc, char **argv)
{
    struct client client;

    if (argc != 3) {
        (void)fputs("usage: library-client SOCKET NAME\n", stderr);
        return 2;
    }
    client.name = argv[2];
    (void)sure(ipcb_new(&client.broker, argv[1]), "ipcb_new");
    worker_serve(acquire, &client);
    (void)ipcb_free(client.broker);
    return 0;
}
