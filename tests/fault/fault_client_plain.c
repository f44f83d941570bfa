/* Scenarios of fault-client: wrappers of what needs no broker. */
#include "tests/fault/fault_client.h"

#include <fcntl.h>
#include <mqueue.h>
#include <string.h>

static void use_both(struct ipcb_queue *q, struct ipcb_queue *other)
{
    struct mq_attr attributes;
    const char *text = NULL;
    const void *last = NULL;
    char buffer[64];
    ssize_t size;

    (void)judge("ipcb_queue_attributes", ipcb_queue_attributes(q, &attributes), NULL);
    (void)judge("ipcb_queue_set_nonblocking", ipcb_queue_set_nonblocking(other, 1), NULL);
    (void)judge("ipcb_queue_send_text", ipcb_queue_send_text(q, "text", 1, TIMEOUT), NULL);
    size = ipcb_queue_receive_text(other, &text, NULL, 0);
    if (size >= 0 && strcmp(text, "text") != 0)
        wrong("ipcb_queue_receive_text", (int)size, text);
    if (size >= 0 && ipcb_queue_last(other, &last, NULL) != size)
        wrong("ipcb_queue_last", 0, "not what was received");
    (void)ipcb_queue_send(q, "four", 4, 0, 0);
    size = ipcb_queue_receive_into(q, buffer, sizeof buffer, NULL, 0);
    if (size >= 0 && size != 4)
        wrong("ipcb_queue_receive_into", (int)size, "another message");
}

void use_plain_queue(const char *socket)
{
    const struct ipcb_queue_limits limits = {2, 16};
    struct ipcb_queue *q = NULL, *other = NULL, *third = NULL;
    char name[64];
    int fd;

    (void)socket;
    (void)snprintf(name, sizeof name, "/ipcb-fault-%d", getpid());
    if (judge("ipcb_queue_open",
              ipcb_queue_open(&q, name, O_RDWR | O_CREAT | O_EXCL, 0600, &limits), NULL) >= 0 &&
        judge("ipcb_queue_clone", ipcb_queue_clone(&other, q), NULL) >= 0)
        use_both(q, other);
    (void)judge("ipcb_queue_unlink", ipcb_queue_unlink(name), NULL);
    arm(0);
    (void)mq_unlink(name);
    arm(1);
    fd = ipcb_queue_release(other);
    if (fd >= 0 && judge("ipcb_queue_adopt", ipcb_queue_adopt(&third, fd), NULL) < 0)
        (void)close_fd(fd); /* it is still ours */
    (void)ipcb_queue_free(third);
    (void)ipcb_queue_free(q);
}

static void use_event(struct ipcb_event *to, struct ipcb_event *from)
{
    uint64_t count = 0;

    if (judge("ipcb_event_signal", ipcb_event_signal(to, 3), NULL) < 0)
        return;
    if (ipcb_event_wait_most(from, 2, &count, TIMEOUT) >= 0 && (count < 1 || count > 3))
        wrong("ipcb_event_wait_most", (int)count, "another count");
    (void)ipcb_event_wait(from, &count, 0);
}

void use_plain_events(const char *socket)
{
    struct ipcb_event *e = NULL, *other = NULL, *writer = NULL, *reader = NULL, *third = NULL;
    int fd;

    (void)socket;
    if (judge("ipcb_event_create", ipcb_event_create(&e, 0, 0), NULL) >= 0 &&
        judge("ipcb_event_clone", ipcb_event_clone(&other, e), NULL) >= 0)
        use_event(e, other);
    if (judge("ipcb_event_pipe", ipcb_event_pipe(&writer, &reader, 0), NULL) >= 0)
        use_event(writer, reader);
    else if (writer || reader)
        wrong("ipcb_event_pipe", 0, "half a pipe");
    fd = ipcb_event_release(other);
    if (fd >= 0 && judge("ipcb_event_adopt", ipcb_event_adopt(&third, fd), NULL) < 0)
        (void)close_fd(fd);
    (void)ipcb_event_free(third);
    (void)ipcb_event_free(e);
    (void)ipcb_event_free(writer);
    (void)ipcb_event_free(reader);
}
