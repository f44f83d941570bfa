/*
 * A consumer of orders with poll(2).
 *
 *     cc -o loop-poll loop-poll.c $(pkg-config --cflags --libs ipcbroker)
 *
 * Acquires the queue without waiting for the broker, prints the first order that comes, and ends.
 * The other loop-*.c do the same with other event loops.
 */
#include <ipcbroker.h>
#include <poll.h>
#include <stdio.h>

static void on_acquired(struct ipcb *broker, int r, struct ipcb_item *items, size_t n, void *failed)
{
    (void)items, (void)n;
    if (r < 0) {
        fprintf(stderr, "loop-poll: %s\n", ipcb_message(broker));
        *(int *)failed = 1;
    }
}

int main(void)
{
    struct ipcb *broker;
    struct ipcb_queue *orders = NULL; /* filled before on_acquired() is called */
    struct ipcb_item item = {.name = "orders", .access = IPCB_RECEIVE, .queue = &orders};
    const char *text;
    int failed = 0;

    if (ipcb_new(&broker, NULL) < 0)
        return 1;
    if (ipcb_acquire_async(broker, NULL, &item, 1, 10000000, on_acquired, &failed) < 0)
        return 1;
    while (!failed) {
        struct pollfd ready[] = {
            {.fd = ipcb_get_fd(broker), .events = POLLIN},
            {.fd = orders ? ipcb_queue_fd(orders) : -1, .events = POLLIN},
        };

        if (poll(ready, 2, -1) < 0)
            break;
        if (ready[0].revents)
            ipcb_process(broker);
        /* With a timeout of 0: somebody else may have taken it. */
        if (ready[1].revents && ipcb_queue_receive_text(orders, &text, NULL, 0) >= 0) {
            printf("order: %s\n", text);
            break;
        }
    }
    ipcb_free(broker);
    ipcb_queue_free(orders);
    return failed;
}
