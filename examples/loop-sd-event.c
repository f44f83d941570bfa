/*
 * A consumer of orders with sd-event(3).
 *
 *     cc -o loop-sd-event loop-sd-event.c $(pkg-config --cflags --libs ipcbroker libsystemd)
 */
#include <ipcbroker.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

static struct ipcb_queue *orders;

static int on_order(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    const char *text;

    (void)fd, (void)events, (void)userdata;
    if (ipcb_queue_receive_text(orders, &text, NULL, 0) < 0)
        return 0;
    printf("order: %s\n", text);
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void on_acquired(struct ipcb *broker, int r, struct ipcb_item *items, size_t n, void *event)
{
    (void)items, (void)n;
    if (r < 0)
        fprintf(stderr, "loop-sd-event: %s\n", ipcb_message(broker));
    if (r < 0 || sd_event_add_io(event, NULL, ipcb_queue_fd(orders), EPOLLIN, on_order, NULL) < 0)
        sd_event_exit(event, 1);
}

static int on_broker(sd_event_source *source, int fd, uint32_t events, void *broker)
{
    (void)source, (void)fd, (void)events;
    ipcb_process(broker);
    return 0;
}

int main(void)
{
    struct ipcb_item item = {.name = "orders", .access = IPCB_RECEIVE, .queue = &orders};
    struct ipcb *broker;
    sd_event *event;
    int r;

    if (sd_event_new(&event) < 0 || ipcb_new(&broker, NULL) < 0)
        return 1;
    if (ipcb_acquire_async(broker, NULL, &item, 1, 10000000, on_acquired, event) < 0 ||
        sd_event_add_io(event, NULL, ipcb_get_fd(broker), EPOLLIN, on_broker, broker) < 0)
        return 1;
    r = sd_event_loop(event);
    sd_event_unref(event); /* its sources go before their descriptors */
    ipcb_free(broker);
    ipcb_queue_free(orders);
    return r != 0;
}
