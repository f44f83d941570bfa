/*
 * A shop's front end: may send orders, and only that.
 *
 *     cc -o front-end front-end.c $(pkg-config --cflags --libs ipcbroker)
 *
 * Reads lines "PRIORITY TEXT" and sends each as an order. With --drain it then tries every way to
 * take orders out with the descriptor that it was given for putting them in.
 */
#include <errno.h>
#include <fcntl.h>
#include <ipcbroker.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int send_orders(struct ipcb_queue *orders)
{
    char line[256], *text;

    while (fgets(line, sizeof line, stdin)) {
        unsigned priority = (unsigned)strtoul(line, &text, 10);
        int r;

        line[strcspn(line, "\n")] = '\0';
        text += strspn(text, " ");
        r = ipcb_queue_send(orders, text, strlen(text), priority, 1000000); /* waits up to 1 s */
        if (r < 0) {
            fprintf(stderr, "front-end: cannot send: %s\n", strerror(-r));
            return 1;
        }
        printf("sent: %s\n", text);
        fflush(stdout);
    }
    return 0;
}

static void try_to_drain(struct ipcb_queue *orders)
{
    char path[64], message[256];
    int fd;

    if (mq_receive(ipcb_queue_fd(orders), message, sizeof message, NULL) < 0)
        printf("receive with my descriptor: %s\n", strerror(errno));
    snprintf(path, sizeof path, "/proc/self/fd/%d", ipcb_queue_fd(orders));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        printf("open it again for reading: %s\n", strerror(errno));
    else
        close(fd);
    fd = mq_open("/orders", O_RDONLY);
    if (fd < 0)
        printf("open the queue by its name: %s\n", strerror(errno));
    else
        close(fd);
}

int main(int argc, char **argv)
{
    struct ipcb *broker;
    struct ipcb_queue *orders;
    int r = ipcb_new(&broker, NULL);

    if (r < 0) {
        fprintf(stderr, "front-end: %s\n", strerror(-r));
        return 1;
    }
    r = ipcb_queue_acquire(&orders, broker, "orders", IPCB_SEND);
    if (r < 0) {
        fprintf(stderr, "front-end: %s\n", ipcb_message(broker));
        ipcb_free(broker);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    r = send_orders(orders);
    if (argc > 1 && strcmp(argv[1], "--drain") == 0)
        try_to_drain(orders);
    ipcb_queue_free(orders);
    ipcb_free(broker);
    return r;
}
