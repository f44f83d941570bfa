/* Scenarios of fault-client: what is told later, and what is acquired anew. */
#include "tests/fault/fault_client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ROUNDS 200 /* of an event loop: each ends by an event, or after a while */

struct answer {
    int n, r, fd;
};

static void acquired(struct ipcb *b, int r, struct ipcb_item *items, size_t n, void *userdata)
{
    struct answer *answer = userdata;

    answer->n++;
    answer->r = r == -ETIMEDOUT ? r : judge("told", r, b); /* as it is for what never comes */
    answer->fd = r >= 0 && n == 1 ? items[0].fd : -1;
}

/* Until both are told of: an event loop whose own calls do not fail. */
static void turn(struct ipcb *b, const struct answer *one, const struct answer *other)
{
    int fd = ipcb_get_fd(b);

    (void)judge("ipcb_get_fd", fd, b);
    for (int i = 0; i < ROUNDS && fd >= 0 && (one->n == 0 || other->n == 0); i++) {
        struct pollfd wait = {fd, POLLIN, 0};

        arm(0);
        (void)poll(&wait, 1, TIMEOUT / 1000 / 20);
        arm(1);
        (void)judge("ipcb_process", ipcb_process(b), b);
    }
}

/* An answer that nobody comes to tell is given up with the handle. */
static void judge_answer(const char *what, int begun, struct answer *answer)
{
    if (answer->n > 1 || (begun < 0 && answer->n > 0))
        wrong(what, answer->n, "told too often");
    answer->fd = close_fd(answer->fd);
}

void ask_later(const char *socket)
{
    struct ipcb_item there = {.name = "wake", .fd = -1},
                     never = {.name = "nothing", .fd = -1, .flags = IPCB_UNTIL_DECLARED};
    struct answer one = {.fd = -1}, other = {.fd = -1}, third = {.fd = -1};
    struct ipcb *b = connect_to(socket);
    struct ipcb_call *call = NULL;
    int begun[3];

    if (!b)
        return;
    begun[0] = ipcb_acquire_async(b, NULL, &there, 1, TIMEOUT, acquired, &one);
    begun[1] = ipcb_acquire_async(b, NULL, &never, 1, TIMEOUT / 4, acquired, &other);
    begun[2] = ipcb_acquire_async(b, &call, &never, 1, -1, acquired, &third);
    one.n += begun[0] < 0;
    other.n += begun[1] < 0;
    turn(b, &one, &other);
    one.n -= begun[0] < 0;
    other.n -= begun[1] < 0;
    if (begun[2] >= 0 && third.n == 0)
        (void)ipcb_call_cancel(call);
    if (other.n > 0 && other.r >= 0)
        wrong("an await", other.r, "of what is not declared");
    (void)ipcb_free(b);
    judge_answer("one", begun[0], &one);
    judge_answer("other", begun[1], &other);
    judge_answer("third", begun[2], &third);
}

static void changed(struct ipcb *b, const char *name, void *userdata)
{
    (void)b;
    wrong(name, 0, "told of as another, although it is not");
    (void)userdata;
}

void watch(const char *socket)
{
    struct ipcb *b = connect_to(socket);

    if (!b)
        return;
    (void)judge("ipcb_watch", ipcb_watch(b, changed, NULL), b);
    (void)close_fd(judge("ipcb_acquire", ipcb_acquire(b, "wake", 0), b));
    if (b->fd >= 0)
        (void)shutdown(b->fd, SHUT_RDWR);
    for (int i = 0; i < 3; i++) { /* it connects again, and compares */
        (void)ipcb_get_fd(b);
        (void)judge("ipcb_process", ipcb_process(b), b);
    }
    (void)close_fd(judge("ipcb_acquire again", ipcb_acquire(b, "wake", 0), b));
    (void)ipcb_free(b);
}

void renew(const char *socket)
{
    struct ipcb *b = connect_to(socket);
    struct ipcb_queue *q = NULL;
    struct ipcb_event *e = NULL;
    struct ipcb_item items[] = {{.name = "orders", .queue = &q, .fd = -1},
                                {.name = "done", .event = &e, .fd = -1}};

    if (b && judge("ipcb_acquire_many", ipcb_acquire_many(b, items, 2, patience()), b) >= 0) {
        (void)judge("ipcb_queue_renew", ipcb_queue_renew(q, b, "orders"), b);
        (void)judge("ipcb_event_renew", ipcb_event_renew(e, b, "done"), b);
        if (ipcb_queue_fd(q) < 0 || ipcb_event_fd(e) < 0)
            wrong("renew", 0, "neither the old nor the new");
    }
    if ((q != NULL) != (e != NULL))
        wrong("ipcb_acquire_many", 0, "one wrapper of two");
    (void)ipcb_queue_free(q);
    (void)ipcb_event_free(e);
    (void)ipcb_free(b);
}
