/*
 * A consumer of orders with epoll(7).
 *
 *     cc -o loop-epoll loop-epoll.c $(pkg-config --cflags --libs ipcbroker)
 */
#include <ipcbroker.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

struct consumer {
    int epoll;
    struct ipcb *broker;
    struct ipcb_queue *orders;
    int ended, failed;
};

/* What is ready is told apart by these addresses. */
static int watch(struct consumer *consumer, int fd, void *which)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = which};

    return epoll_ctl(consumer->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void on_acquired(struct ipcb *broker, int r, struct ipcb_item *items, size_t n,
                        void *userdata)
{
    struct consumer *consumer = userdata;

    (void)items, (void)n;
    if (r < 0)
        fprintf(stderr, "loop-epoll: %s\n", ipcb_message(broker));
    if (r < 0 || watch(consumer, ipcb_queue_fd(consumer->orders), &consumer->orders) < 0)
        consumer->ended = consumer->failed = 1;
}

static void on_order(struct consumer *consumer)
{
    const char *text;

    if (ipcb_queue_receive_text(consumer->orders, &text, NULL, 0) >= 0) {
        printf("order: %s\n", text);
        consumer->ended = 1;
    }
}

int main(void)
{
    struct consumer consumer = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct ipcb_item item = {.name = "orders", .access = IPCB_RECEIVE, .queue = &consumer.orders};
    struct epoll_event ready;

    if (consumer.epoll < 0 || ipcb_new(&consumer.broker, NULL) < 0)
        return 1;
    if (ipcb_acquire_async(consumer.broker, NULL, &item, 1, 10000000, on_acquired, &consumer) < 0 ||
        watch(&consumer, ipcb_get_fd(consumer.broker), &consumer.broker) < 0)
        return 1;
    while (!consumer.ended && epoll_wait(consumer.epoll, &ready, 1, -1) == 1) {
        if (ready.data.ptr == &consumer.broker)
            ipcb_process(consumer.broker);
        else
            on_order(&consumer);
    }
    ipcb_free(consumer.broker);
    ipcb_queue_free(consumer.orders);
    close(consumer.epoll);
    return consumer.failed;
}
