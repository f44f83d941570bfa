/*
 * A consumer of orders with GLib.
 *
 *     cc -o loop-glib loop-glib.c $(pkg-config --cflags --libs ipcbroker glib-2.0)
 */
#include <glib-unix.h>
#include <ipcbroker.h>

struct consumer {
    GMainLoop *loop;
    struct ipcb_queue *orders;
    int failed;
};

static gboolean on_order(gint fd, GIOCondition condition, gpointer userdata)
{
    struct consumer *consumer = userdata;
    const char *text;

    (void)fd, (void)condition;
    if (ipcb_queue_receive_text(consumer->orders, &text, NULL, 0) < 0)
        return G_SOURCE_CONTINUE;
    g_print("order: %s\n", text);
    g_main_loop_quit(consumer->loop);
    return G_SOURCE_REMOVE;
}

static void on_acquired(struct ipcb *broker, int r, struct ipcb_item *items, size_t n,
                        void *userdata)
{
    struct consumer *consumer = userdata;

    (void)items, (void)n;
    if (r < 0) {
        g_printerr("loop-glib: %s\n", ipcb_message(broker));
        consumer->failed = 1;
        g_main_loop_quit(consumer->loop);
        return;
    }
    g_unix_fd_add(ipcb_queue_fd(consumer->orders), G_IO_IN, on_order, consumer);
}

static gboolean on_broker(gint fd, GIOCondition condition, gpointer broker)
{
    (void)fd, (void)condition;
    ipcb_process(broker);
    return G_SOURCE_CONTINUE;
}

int main(void)
{
    struct consumer consumer = {.loop = g_main_loop_new(NULL, FALSE)};
    struct ipcb_item item = {.name = "orders", .access = IPCB_RECEIVE, .queue = &consumer.orders};
    struct ipcb *broker;
    guint source;

    if (ipcb_new(&broker, NULL) < 0)
        return 1;
    if (ipcb_acquire_async(broker, NULL, &item, 1, 10000000, on_acquired, &consumer) < 0)
        return 1;
    source = g_unix_fd_add(ipcb_get_fd(broker), G_IO_IN, on_broker, broker);
    g_main_loop_run(consumer.loop);
    g_source_remove(source);
    g_main_loop_unref(consumer.loop);
    ipcb_free(broker);
    ipcb_queue_free(consumer.orders);
    return consumer.failed;
}
