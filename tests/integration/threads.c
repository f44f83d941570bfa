/* Several handles and wrappers in several threads at the same time; built with the thread sanitizer
 * together with the library's sources. With an argument all threads share one handle, which is not
 * allowed, and which the sanitizer must notice. */
#include "client/ipcbroker.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define N_THREADS 4
#define N_ROUNDS  50

static struct ipcb *shared;

static void expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "threads: %s\n", what);
        exit(1);
    }
}

static void on_acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *told)
{
    expect(r == 0 && n == 1 && items, ipcb_message(b));
    *(int *)told = 1;
}

static struct ipcb_event *acquire_in_a_loop(struct ipcb *b)
{
    struct ipcb_event *e = NULL;
    struct ipcb_item item = {.name = "wake", .event = &e};
    struct pollfd ready = {.fd = ipcb_get_fd(b), .events = POLLIN};
    int told = 0;

    expect(ipcb_acquire_async(b, NULL, &item, 1, -1, on_acquired, &told) == 0, "async");
    while (!told && poll(&ready, 1, -1) == 1)
        ipcb_process(b);
    return e;
}

static void use_once(struct ipcb *b, unsigned number)
{
    struct ipcb_queue *q, *plain;
    struct ipcb_event *e = acquire_in_a_loop(b);
    struct ipcb_facts *facts;
    char name[32];
    const void *message;

    expect(ipcb_queue_acquire(&q, b, "jobs", 0) == 0, ipcb_message(b));
    expect(ipcb_queue_send(q, "job", 3, 0, -1) == 0, "send");
    expect(ipcb_queue_receive(q, &message, NULL, -1) == 3, "receive");
    expect(ipcb_event_signal(e, 1) == 0, "signal");
    expect(ipcb_status(b, &facts) == 0, ipcb_message(b));
    expect(ipcb_acquire(b, "nothing", 0) < 0, "an object that is none");
    (void)ipcb_facts_free(facts);
    (void)ipcb_queue_free(q);
    (void)ipcb_event_free(e);
    (void)snprintf(name, sizeof name, "ipcb-threads-%u", number);
    expect(ipcb_queue_open(&plain, name, O_RDWR | O_CREAT, 0600,
                           &(struct ipcb_queue_limits){2, 16}) == 0,
           "open");
    expect(ipcb_queue_unlink(name) == 0, "unlink");
    (void)ipcb_queue_free(plain);
}

static void *run(void *number)
{
    struct ipcb *b = shared;

    expect(b || ipcb_new(&b, NULL) == 0, "new");
    for (int i = 0; i < N_ROUNDS; i++)
        use_once(b, *(unsigned *)number);
    if (b != shared)
        (void)ipcb_free(b);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[N_THREADS];
    unsigned numbers[N_THREADS];

    (void)argv;
    expect(argc == 1 || ipcb_new(&shared, NULL) == 0, "new");
    for (unsigned i = 0; i < N_THREADS; i++) {
        numbers[i] = i;
        expect(pthread_create(&threads[i], NULL, run, &numbers[i]) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
