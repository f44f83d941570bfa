/* bus-service ADDRESS: owns a name on a D-Bus, and returns a queue's descriptor to who calls. */
#include "bench/worker.h"

#include <fcntl.h>
#include <mqueue.h>
#include <systemd/sd-bus.h>

static int acquire(sd_bus_message *call, void *queue, sd_bus_error *error)
{
    (void)error;
    return sd_bus_reply_method_return(call, "h", *(int *)queue);
}

static const sd_bus_vtable methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Acquire", "s", "h", acquire, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int make_queue(void)
{
    char name[64];
    int fd;

    (void)snprintf(name, sizeof name, "/bus-service-%d", getpid());
    fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
    if (fd < 0 || mq_unlink(name) < 0)
        give_up(name);
    return fd;
}

int main(int argc, char **argv)
{
    sd_bus *bus;
    int queue;

    if (argc != 2) {
        (void)fputs("usage: bus-service ADDRESS\n", stderr);
        return 2;
    }
    queue = make_queue();
    (void)sure(sd_bus_new(&bus), "sd_bus_new");
    (void)sure(sd_bus_set_address(bus, argv[1]), argv[1]);
    (void)sure(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client");
    (void)sure(sd_bus_start(bus), "sd_bus_start");
    (void)sure(sd_bus_add_object_vtable(bus, NULL, "/bench", "org.example.Bench", methods, &queue),
               "sd_bus_add_object_vtable");
    (void)sure(sd_bus_request_name(bus, "org.example.Bench", 0), "sd_bus_request_name");
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        int r = sure(sd_bus_process(bus, NULL), "sd_bus_process");

        if (r == 0)
            (void)sure(sd_bus_wait(bus, UINT64_MAX), "sd_bus_wait");
    }
}
