/*
 * One thread signals, another waits, with two eventfds of their own: no broker is asked.
 *
 *     cc -pthread -o eventfd eventfd.c $(pkg-config --cflags --libs ipcbroker)
 *
 * What is signalled before anybody takes it adds up. To see each number alone, the signalling
 * thread waits until the last one was taken. 42 ends it.
 */
#include <inttypes.h>
#include <ipcbroker.h>
#include <pthread.h>
#include <stdio.h>

/* A wrapper is used by one thread at a time: each thread has its own two, clones of each other. */
struct side {
    struct ipcb_event *numbers, *taken;
};

static void *signal_numbers(void *userdata)
{
    struct side *side = userdata;

    for (uint64_t n = 1; n <= 11; n++)
        if (ipcb_event_signal(side->numbers, n <= 10 ? n : 42) < 0 ||
            ipcb_event_wait(side->taken, NULL, -1) < 0)
            break;
    return NULL;
}

static int take_numbers(struct side *side)
{
    uint64_t n = 0;

    while (n != 42) {
        if (ipcb_event_wait(side->numbers, &n, -1) < 0 || ipcb_event_signal(side->taken, 1) < 0)
            return -1;
        printf("taken: %" PRIu64 "\n", n);
    }
    return 0;
}

int main(void)
{
    struct side here, there;
    pthread_t thread;
    int r;

    if (ipcb_event_create(&here.numbers, 0, 0) < 0 || ipcb_event_create(&here.taken, 0, 0) < 0 ||
        ipcb_event_clone(&there.numbers, here.numbers) < 0 ||
        ipcb_event_clone(&there.taken, here.taken) < 0)
        return 1;
    if (pthread_create(&thread, NULL, signal_numbers, &there) != 0)
        return 1;
    r = take_numbers(&here);
    pthread_join(thread, NULL);
    ipcb_event_free(here.numbers);
    ipcb_event_free(here.taken);
    ipcb_event_free(there.numbers);
    ipcb_event_free(there.taken);
    return r < 0;
}
