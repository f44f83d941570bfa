/* bus-client ADDRESS kept|once: calls bus-service over and over, on one connection or a new one. */
#include "bench/worker.h"

#include <string.h>
#include <systemd/sd-bus.h>

struct client {
    const char *address;
    sd_bus *bus;
};

static void open_bus(struct client *client)
{
    (void)sure(sd_bus_new(&client->bus), "sd_bus_new");
    (void)sure(sd_bus_set_address(client->bus, client->address), client->address);
    (void)sure(sd_bus_set_bus_client(client->bus, 1), "sd_bus_set_bus_client");
    (void)sure(sd_bus_start(client->bus), "sd_bus_start");
}

/* The descriptor belongs to the reply, and is closed with it. */
static size_t on_one_connection(void *state)
{
    struct client *client = state;
    sd_bus_message *reply = NULL;
    int fd;

    (void)sure(sd_bus_call_method(client->bus, "org.example.Bench", "/bench", "org.example.Bench",
                                  "Acquire", NULL, &reply, "s", "orders"),
               "Acquire");
    (void)sure(sd_bus_message_read(reply, "h", &fd), "the reply");
    (void)sd_bus_message_unref(reply);
    return 1;
}

static size_t on_a_new_connection(void *state)
{
    struct client *client = state;

    open_bus(client);
    (void)on_one_connection(client);
    client->bus = sd_bus_close_unref(client->bus);
    return 1;
}

int main(int argc, char **argv)
{
    struct client client = {.address = NULL};

    if (argc != 3) {
        (void)fputs("usage: bus-client ADDRESS kept|once\n", stderr);
        return 2;
    }
    client.address = argv[1];
    if (strcmp(argv[2], "once") == 0) {
        worker_serve(on_a_new_connection, &client);
    } else {
        open_bus(&client);
        worker_serve(on_one_connection, &client);
    }
    return 0;
}
