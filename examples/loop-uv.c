/*
 * A consumer of orders with libuv.
 *
 *     cc -o loop-uv loop-uv.c $(pkg-config --cflags --libs ipcbroker libuv)
 */
#include <ipcbroker.h>
#include <stdio.h>
#include <uv.h>

struct consumer {
    uv_poll_t broker_watch, orders_watch;
    struct ipcb *broker;
    struct ipcb_queue *orders;
    int failed;
};

static void on_order(uv_poll_t *watch, int status, int events)
{
    struct consumer *consumer = watch->data;
    const char *text;

    (void)status, (void)events;
    if (ipcb_queue_receive_text(consumer->orders, &text, NULL, 0) < 0)
        return;
    printf("order: %s\n", text);
    uv_stop(watch->loop);
}

static void on_acquired(struct ipcb *broker, int r, struct ipcb_item *items, size_t n,
                        void *userdata)
{
    struct consumer *consumer = userdata;
    uv_loop_t *loop = consumer->broker_watch.loop;

    (void)items, (void)n;
    if (r < 0) {
        fprintf(stderr, "loop-uv: %s\n", ipcb_message(broker));
        consumer->failed = 1;
        uv_stop(loop);
        return;
    }
    consumer->orders_watch.data = consumer;
    uv_poll_init(loop, &consumer->orders_watch, ipcb_queue_fd(consumer->orders));
    uv_poll_start(&consumer->orders_watch, UV_READABLE, on_order);
}

static void on_broker(uv_poll_t *watch, int status, int events)
{
    (void)status, (void)events;
    ipcb_process(((struct consumer *)watch->data)->broker);
}

static void close_watch(uv_handle_t *handle, void *unused)
{
    (void)unused;
    uv_close(handle, NULL);
}

int main(void)
{
    struct consumer consumer = {.failed = 0};
    struct ipcb_item item = {.name = "orders", .access = IPCB_RECEIVE, .queue = &consumer.orders};
    uv_loop_t loop;

    if (uv_loop_init(&loop) < 0 || ipcb_new(&consumer.broker, NULL) < 0)
        return 1;
    if (ipcb_acquire_async(consumer.broker, NULL, &item, 1, 10000000, on_acquired, &consumer) < 0)
        return 1;
    consumer.broker_watch.data = &consumer;
    uv_poll_init(&loop, &consumer.broker_watch, ipcb_get_fd(consumer.broker));
    uv_poll_start(&consumer.broker_watch, UV_READABLE, on_broker);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_walk(&loop, close_watch, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    ipcb_free(consumer.broker);
    ipcb_queue_free(consumer.orders);
    return consumer.failed;
}
