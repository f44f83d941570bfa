/*
 * One thread sends, another receives, through a queue of their own: no broker is asked.
 *
 *     cc -pthread -o mqsendrcv mqsendrcv.c $(pkg-config --cflags --libs ipcbroker)
 *     ./mqsendrcv MESSAGE...
 *
 * Prints each message as it comes, and ends with "quit".
 */
#include <fcntl.h>
#include <ipcbroker.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A wrapper is used by one thread at a time: this one has a clone. */
static void *receive(void *queue)
{
    const char *text;
    ssize_t r;

    while ((r = ipcb_queue_receive_text(queue, &text, NULL, -1)) >= 0) {
        printf("received: %s\n", text);
        if (strcmp(text, "quit") == 0)
            return NULL;
    }
    fprintf(stderr, "mqsendrcv: cannot receive: %s\n", strerror((int)-r));
    return NULL;
}

static int send_all(struct ipcb_queue *queue, char **messages)
{
    int r = 0;

    for (; *messages && r == 0; messages++)
        r = ipcb_queue_send_text(queue, *messages, 0, -1);
    if (r < 0) /* too long for the queue, or no text */
        fprintf(stderr, "mqsendrcv: cannot send: %s\n", strerror(-r));
    (void)ipcb_queue_send_text(queue, "quit", 0, -1);
    return r;
}

int main(int argc, char **argv)
{
    const struct ipcb_queue_limits limits = {.max_messages = 4, .message_size = 512};
    struct ipcb_queue *sender, *receiver;
    pthread_t thread;
    int r = ipcb_queue_open(&sender, "/mqsendrcv", O_RDWR | O_CREAT | O_EXCL, 0600, &limits);

    if (r < 0) {
        fprintf(stderr, "mqsendrcv: cannot create the queue: %s\n", strerror(-r));
        return 1;
    }
    (void)argc;
    (void)ipcb_queue_unlink("/mqsendrcv"); /* who has it open goes on */
    if (ipcb_queue_clone(&receiver, sender) < 0)
        return 1;
    if (pthread_create(&thread, NULL, receive, receiver) != 0)
        return 1;
    r = send_all(sender, argv + 1);
    pthread_join(thread, NULL);
    ipcb_queue_free(receiver);
    ipcb_queue_free(sender);
    return r < 0;
}
