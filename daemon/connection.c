#include "daemon/connection.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SEND_BUFFER  65536
#define PACKET_LEAST 256 /* less than what SIOCOUTQ counts for the smallest packet, 768 */
#define DRAIN_FRAMES 64  /* the most that is read away before a close */

#define EVENTS_READING (EPOLLIN | EPOLLRDHUP)
/* While parked: an edge at each frame that the client takes, and whether he is gone. */
#define EVENTS_PARKED (EPOLLOUT | EPOLLET)

/* ---- sending ---- */

static void attach(struct msghdr *message, const struct reply *reply)
{
    struct cmsghdr *header = message->msg_control;
    int *fds = (int *)(void *)CMSG_DATA(header); /* aligned, as the header is */

    message->msg_controllen = CMSG_SPACE(reply->n_handouts * sizeof *fds);
    memset(message->msg_control, 0, message->msg_controllen);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(reply->n_handouts * sizeof *fds);
    for (size_t i = 0; i < reply->n_handouts; i++)
        fds[i] = reply->handouts[i].fd;
}

static int send_reply(int fd, struct reply *reply)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec bytes = {reply->writer.data, reply->writer.size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (reply->n_handouts > 0) {
        message.msg_control = &control;
        attach(&message, reply);
    }
    for (;;) {
        if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

/* ---- the end ---- */

static void drain(int fd)
{
    char ignored;

    for (int i = 0; i < DRAIN_FRAMES; i++)
        if (recv(fd, &ignored, sizeof ignored, MSG_DONTWAIT) < 0)
            return;
}

void connection_refuse(int fd, struct reply *reply, int error, const char *sentence)
{
    reply_error(reply, WIRE_EVENT, 0, error, sentence);
    (void)send_reply(fd, reply); /* a courtesy: he is closed anyway */
    drain(fd);
}

void connection_deinit(struct connection *connection)
{
    if (connection->source.fd >= 0)
        loop_remove(connection->context->loop, &connection->source);
    connection->source.fd = close_fd(connection->source.fd);
    free(connection->parked);
    connection->parked = NULL;
    peer_deinit(&connection->peer);
}

static void end(struct connection *connection)
{
    connection->context->gone(connection);
}

/* ---- back pressure ---- */

/* Whether N more descriptors would make more than the kernel allows in one packet unread. Asks the
 * kernel only when the count says so: it runs on until the client is seen to have read all. */
static bool too_many_unread(struct connection *connection, size_t n)
{
    int queued;

    if (n == 0 || connection->unread + n <= WIRE_DESCRIPTORS_MAX)
        return false;
    /* Not `> 0`: when a packet is read the kernel takes all but 1 off the count, then wakes us,
     * then takes the 1 off. Whoever asks in between would wait for an edge that never comes. */
    if (ioctl(connection->source.fd, SIOCOUTQ, &queued) < 0 || queued >= PACKET_LEAST)
        return true;
    connection->unread = 0;
    return false;
}

/* Keeps the request until the client has read. Its descriptors are given back: whoever does not
 * read holds none of ours. */
static int park(struct connection *connection, const void *frame, size_t size)
{
    connection->parked_handouts = (unsigned)connection->context->reply->n_handouts;
    if (connection->parked)
        return 0;
    connection->parked = malloc(size ? size : 1); /* NULL is for none */
    if (!connection->parked)
        return -ENOMEM;
    memcpy(connection->parked, frame, size);
    connection->parked_size = size;
    return loop_change(connection->context->loop, &connection->source, EVENTS_PARKED);
}

static int unpark(struct connection *connection)
{
    if (!connection->parked)
        return 0;
    free(connection->parked);
    connection->parked = NULL;
    return loop_change(connection->context->loop, &connection->source, EVENTS_READING);
}

/* ---- one request ---- */

/* Sends what is in the context's reply. -EAGAIN: it has to wait. */
static int deliver(struct connection *connection)
{
    struct reply *reply = connection->context->reply;
    int r;

    if (too_many_unread(connection, reply->n_handouts))
        return -EAGAIN;
    r = send_reply(connection->source.fd, reply);
    if (r == -ETOOMANYREFS) { /* over RLIMIT_NOFILE in flight, all clients together */
        reply_turn_error(reply, -EAGAIN,
                         "too many descriptors are on their way to clients that do not read; ask "
                         "again later");
        r = send_reply(connection->source.fd, reply);
    }
    if (r >= 0)
        connection->unread += (unsigned)reply->n_handouts;
    return r;
}

static void answer(struct connection *connection, const void *frame, size_t size)
{
    const struct connection_context *context = connection->context;
    const struct caller caller = {
        .peer = &connection->peer,
        .fd = connection->source.fd,
        .admin = connection->admin,
    };
    bool delivered;
    int r;

    request_answer(context->desk, &caller, frame, size, context->reply);
    r = deliver(connection);
    delivered = r >= 0;
    if (r == -EAGAIN)
        r = park(connection, frame, size);
    else if (delivered)
        r = unpark(connection);
    reply_deinit(context->reply);
    if (delivered && context->reply->close) {
        drain(connection->source.fd);
        end(connection);
    } else if (r < 0) {
        end(connection);
    }
}

static void read_request(struct connection *connection, uint32_t events)
{
    uint8_t *frame = connection->context->frame;
    ssize_t size = recv(connection->source.fd, frame, WIRE_REQUEST_MAX, MSG_DONTWAIT | MSG_TRUNC);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < 0 || (size == 0 && events & (EPOLLRDHUP | EPOLLHUP)))
        end(connection);
    else
        answer(connection, frame, (size_t)size <= WIRE_REQUEST_MAX ? (size_t)size : 0);
}

static void retry_parked(struct connection *connection, uint32_t events)
{
    if (events & (EPOLLHUP | EPOLLERR))
        end(connection);
    else if (!too_many_unread(connection, connection->parked_handouts))
        answer(connection, connection->parked, connection->parked_size);
}

static void ready(struct source *source, uint32_t events)
{
    struct connection *connection = CONTAINER_OF(source, struct connection, source);

    if (connection->parked)
        retry_parked(connection, events);
    else
        read_request(connection, events);
}

int connection_open(struct connection *connection, int fd)
{
    int size = SEND_BUFFER, r;

    /* Not inherited from the listener. Too small is only slow. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    connection->source = (struct source){fd, ready};
    r = loop_add(connection->context->loop, &connection->source, EVENTS_READING);
    if (r < 0)
        connection->source.fd = -1;
    return r;
}
