/* A program that uses the library while its calls fail: fault-client SCENARIO SOCKET. What was made
 * is given back; each call ends with a result or with an error that has a sentence, or is
 * documented to have none. Exit status 0: all was well. */
#include "tests/fault/fault_client.h"

#include <dirent.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

static struct fault_page *page;
static int n_wrong;

void wrong(const char *what, int r, const char *sentence)
{
    (void)dprintf(STDERR_FILENO, "%s: %d (%s)\n", what, r, sentence);
    n_wrong++;
}

void arm(int armed)
{
    __atomic_store_n(&page->armed, armed, __ATOMIC_SEQ_CST);
}

static size_t count_open(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t n = 0;

    while (directory && readdir(directory))
        n++;
    if (directory)
        (void)closedir(directory);
    return n;
}

/* What fails from then on; and a send() that says that the other end is gone, for its last words
 * are waited for, and it is not. */
static bool may_never_end(void)
{
    return page->persistent || page->error == EPIPE || page->error == ECONNRESET;
}

int64_t patience(void)
{
    return may_never_end() ? TIMEOUT : 50 * (int64_t)TIMEOUT;
}

int judge(const char *what, int r, const struct ipcb *b)
{
    if (r < -4095 || (r < 0 && b && !*ipcb_message(b)))
        wrong(what, r, "no sentence");
    if (r < 0 && page->failed == 0 && !(r == -ETIMEDOUT && may_never_end()))
        wrong(what, r, b ? ipcb_message(b) : "although nothing failed");
    return r;
}

struct ipcb *connect_to(const char *socket)
{
    struct ipcb *b = NULL;

    if (judge("ipcb_new", ipcb_new(&b, socket), NULL) >= 0)
        (void)ipcb_set_timeout(b, patience());
    return b;
}

/* ---- scenarios ---- */

static void acquire(const char *socket)
{
    struct ipcb *b = connect_to(socket);

    if (b)
        (void)close_fd(judge("ipcb_acquire", ipcb_acquire(b, "orders", 0), b));
    (void)ipcb_free(b);
}

static void ask(const char *socket)
{
    struct ipcb *b = connect_to(socket);
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;

    if (b && judge("ipcb_show", ipcb_show(b, "orders", &facts), b) >= 0 &&
        !ipcb_facts_find(facts, "name"))
        wrong("ipcb_show", 0, "no name");
    if (b)
        (void)judge("ipcb_list", ipcb_list(b, &list), b);
    (void)ipcb_facts_free(facts);
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
}

static void batch(const char *socket)
{
    struct ipcb *b = connect_to(socket);
    struct ipcb_item items[] = {
        {.name = "orders", .fd = -1}, {.name = "wake", .fd = -1}, {.name = "done", .fd = -1}};
    int r = b ? judge("ipcb_acquire_many", ipcb_acquire_many(b, items, 3, patience()), b) : -1;

    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        if ((items[i].fd >= 0) != (r >= 0))
            wrong("ipcb_acquire_many", r, "half of it has come");
        items[i].fd = close_fd(items[i].fd);
    }
    (void)ipcb_free(b);
}

/* The connection has died since the last call. */
static void reconnect(const char *socket)
{
    struct ipcb *b;

    arm(0);
    b = connect_to(socket);
    if (b)
        (void)close_fd(judge("ipcb_acquire", ipcb_acquire(b, "wake", 0), b));
    if (b && b->fd >= 0)
        (void)shutdown(b->fd, SHUT_RDWR);
    arm(1);
    if (b)
        (void)close_fd(judge("ipcb_acquire again", ipcb_acquire(b, "orders", 0), b));
    (void)ipcb_free(b);
}

/* What a send or a receive may end with, whatever fails: -errno, and the queue goes on. */
static void use_queue(const char *socket)
{
    struct ipcb *b = connect_to(socket);
    struct ipcb_queue *q = NULL;
    const void *message = NULL;
    ssize_t size;

    if (b && judge("ipcb_queue_acquire", ipcb_queue_acquire(&q, b, "orders", 0), b) >= 0) {
        (void)judge("ipcb_queue_send", ipcb_queue_send(q, "four", 4, 0, 0), NULL);
        size = ipcb_queue_receive(q, &message, NULL, 0);
        if (size >= 0 && (size != 4 || memcmp(message, "four", 4) != 0))
            wrong("ipcb_queue_receive", (int)size, "another message");
        (void)ipcb_queue_depth(q);
        (void)ipcb_queue_send(q, "four", 4, 0, TIMEOUT);
        (void)ipcb_queue_receive(q, &message, NULL, TIMEOUT);
        arm(0);
        while (ipcb_queue_receive(q, &message, NULL, 0) >= 0)
            ;
        arm(1);
    }
    (void)ipcb_queue_free(q);
    (void)ipcb_free(b);
}

static void use_events_of(struct ipcb *b, const char *name)
{
    struct ipcb_event *e = NULL;
    uint64_t count = 0;

    if (judge("ipcb_event_acquire", ipcb_event_acquire(&e, b, name), b) < 0)
        return;
    (void)judge("ipcb_event_signal", ipcb_event_signal(e, 3), NULL);
    if (ipcb_event_wait(e, &count, 0) >= 0 && count != 3)
        wrong("ipcb_event_wait", (int)count, "another count");
    (void)ipcb_event_signal(e, 1);
    (void)ipcb_event_wait(e, &count, TIMEOUT);
    arm(0);
    while (ipcb_event_wait(e, &count, 0) >= 0)
        ;
    arm(1);
    (void)ipcb_event_free(e);
}

static void use_events(const char *socket)
{
    struct ipcb *b = connect_to(socket);

    if (b) {
        use_events_of(b, "wake");
        use_events_of(b, "done");
    }
    (void)ipcb_free(b);
}

static const struct {
    const char *name;
    void (*play)(const char *socket);
} scenarios[] = {{"acquire", acquire},
                 {"ask", ask},
                 {"batch", batch},
                 {"reconnect", reconnect},
                 {"queue", use_queue},
                 {"events", use_events},
                 {"async", ask_later},
                 {"watch", watch},
                 {"renew", renew},
                 {"plain-queue", use_plain_queue},
                 {"plain-events", use_plain_events}};

int main(int argc, char **argv)
{
    struct fault_page *(*find)(void) =
        (struct fault_page * (*)(void)) dlsym(RTLD_DEFAULT, "fault_page");
    size_t open_before = count_open();

    page = find ? find() : NULL;
    if (argc != 3 || !page) {
        (void)dprintf(STDERR_FILENO,
                      "usage: LD_PRELOAD=libfault.so fault-client SCENARIO SOCKET\n");
        return 2;
    }
    open_before = count_open();
    for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
        if (strcmp(scenarios[i].name, argv[1]) != 0)
            continue;
        arm(1);
        scenarios[i].play(argv[2]);
        arm(0);
        if (count_open() != open_before)
            wrong("descriptors", (int)count_open(), "some are left open");
        return n_wrong > 0;
    }
    return 2;
}
