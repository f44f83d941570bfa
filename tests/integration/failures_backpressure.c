/* Clients that do not read what they have asked for. Plain frames: the library always reads. */
#include "tests/integration/failures_cases.h"

#include "protocol/wire.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ORDERS "[queue:orders]\nuse = user:0, user:$C0\n[eventfd:wake]\nuse = user:0\n"

static uint8_t frame[WIRE_REQUEST_MAX];

static void begin(struct wire_writer *writer, unsigned type, uint32_t serial)
{
    const struct wire_header header = {
        .version = WIRE_VERSION,
        .type = (uint8_t)type,
        .serial = serial,
    };

    wire_writer_init(writer, frame, sizeof frame);
    wire_put_header(writer, &header);
}

/* false: there is no room for it now. */
static bool send_frame(int fd, const struct wire_writer *writer)
{
    ssize_t sent = send(fd, frame, writer->size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0)
        ck_assert_int_eq(errno, EAGAIN);
    return sent >= 0;
}

static bool send_whoami(int fd, uint32_t serial)
{
    struct wire_writer writer;

    begin(&writer, WIRE_WHOAMI, serial);
    return send_frame(fd, &writer);
}

/* Asks N times for NAME in one request. */
static void send_acquire(int fd, uint32_t serial, const char *name, size_t n)
{
    const struct wire_item item = {.name = name, .name_size = strlen(name)};
    struct wire_writer writer;

    begin(&writer, WIRE_ACQUIRE, serial);
    for (size_t i = 0; i < n; i++)
        wire_put_item(&writer, &item);
    ck_assert(send_frame(fd, &writer));
}

/* Takes the next reply and closes its descriptors; returns how many it had. */
static size_t take_reply(int fd, uint32_t serial)
{
    static uint8_t reply[WIRE_REPLY_MAX];
    int fds[WIRE_DESCRIPTORS_MAX];
    struct wire_header header;
    struct wire_reader fields;
    size_t n;
    ssize_t size = raw_receive(fd, reply, sizeof reply, fds, &n);

    ck_assert_msg(size > 0, "no reply to %u: %s", serial, strerror(errno));
    ck_assert_int_eq(wire_read_header(&fields, reply, (size_t)size, &header), 0);
    ck_assert_uint_eq(header.serial, serial);
    ck_assert_uint_eq(header.status, 0);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    return n;
}

static int connect_plainly(void)
{
    const struct timeval patience = {.tv_sec = 60};
    int fd = raw_connect(broker.socket);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

/* Each is answered after all that was sent before: the broker's loop takes turns. */
static void ask_elsewhere(struct ipcb *b, int times)
{
    for (int i = 0; i < times; i++)
        close(acquire(b, "orders", 0));
}

/* Asks and never reads, until the broker takes no more of it. Returns the last serial. */
static uint32_t ask_until_parked(int fd, struct ipcb *other)
{
    uint32_t serial = 0;

    for (int refused = 0; refused < 100; ask_elsewhere(other, 1)) {
        refused = send_whoami(fd, serial + 1) ? 0 : refused + 1;
        serial += refused == 0;
    }
    return serial;
}

START_TEST(a_client_that_does_not_read_hinders_nobody_and_loses_nothing)
{
    struct ipcb *other;
    uint32_t last;
    int fd;

    serve(ORDERS);
    other = connect_as(user(0));
    fd = connect_plainly();
    last = ask_until_parked(fd, other);
    ck_assert_uint_gt(last, 100);
    ask_elsewhere(other, 100);
    for (uint32_t serial = 1; serial <= last; serial++)
        ck_assert_uint_eq(take_reply(fd, serial), 0);
    ck_assert(send_whoami(fd, last + 1)); /* and it is a client like others again */
    ck_assert_uint_eq(take_reply(fd, last + 1), 0);
    close(fd);
    (void)ipcb_free(other);
}
END_TEST

START_TEST(a_client_that_leaves_unread_replies_leaves_nothing)
{
    struct ipcb *other;
    size_t before;
    int fd;

    serve(ORDERS);
    other = connect_as(user(0));
    ask_elsewhere(other, 1);
    before = broker_descriptors(other);
    fd = connect_plainly();
    if (_i == 0) {
        (void)ask_until_parked(fd, other);
    } else {
        send_acquire(fd, 1, "orders", WIRE_DESCRIPTORS_MAX);
        send_acquire(fd, 2, "orders", 1);
        ask_elsewhere(other, 3);
    }
    close(fd);
    await_descriptors(before);
    ask_elsewhere(other, 10);
    (void)ipcb_free(other);
}
END_TEST

static int unread_bytes(int fd)
{
    int n = 0;

    ck_assert_int_eq(ioctl(fd, SIOCINQ, &n), 0);
    return n;
}

/* The kernel counts all that are unread of a connection; the 254th waits for the reader. */
START_TEST(at_most_as_many_descriptors_are_unread_as_a_packet_holds)
{
    struct ipcb *other;
    size_t before;
    int fd, unread;

    serve(ORDERS);
    other = connect_as(user(0));
    fd = connect_plainly();
    ask_elsewhere(other, 3);
    before = broker_descriptors(other);
    send_acquire(fd, 1, "orders", WIRE_DESCRIPTORS_MAX - 1);
    send_acquire(fd, 2, "wake", 1);
    ask_elsewhere(other, 3);
    unread = unread_bytes(fd);
    send_acquire(fd, 3, _i == 0 ? "orders" : "wake", 1);
    ask_elsewhere(other, 10);
    ck_assert_int_eq(unread_bytes(fd), unread);
    ck_assert_uint_eq(broker_descriptors(other), before); /* what waits holds none */
    ck_assert_uint_eq(take_reply(fd, 1), WIRE_DESCRIPTORS_MAX - 1);
    ck_assert_uint_eq(take_reply(fd, 2), 1);
    ck_assert_uint_eq(take_reply(fd, 3), 1);
    close(fd);
    (void)ipcb_free(other);
}
END_TEST

START_TEST(a_client_that_reads_may_have_any_number_of_descriptors)
{
    int fd;

    serve(ORDERS);
    fd = connect_plainly();
    for (uint32_t serial = 1; serial <= 20; serial++) {
        send_acquire(fd, serial, "orders", serial % 2 ? WIRE_DESCRIPTORS_MAX : 1);
        ck_assert_uint_eq(take_reply(fd, serial), serial % 2 ? WIRE_DESCRIPTORS_MAX : 1);
    }
    close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    int fd;

    serve(ORDERS);
    fd = connect_plainly();
    for (uint32_t serial = 1; serial <= 100; serial++)
        send_acquire(fd, serial, serial % 2 ? "orders" : "wake", 1 + serial % 3);
    for (uint32_t serial = 1; serial <= 100; serial++)
        ck_assert_uint_eq(take_reply(fd, serial), 1 + serial % 3);
    close(fd);
}
END_TEST

/* The last words of a client that will say no more are answered. */
START_TEST(a_client_that_has_shut_down_its_side_gets_its_replies)
{
    int fd;

    serve(ORDERS);
    fd = connect_plainly();
    send_acquire(fd, 1, "orders", WIRE_DESCRIPTORS_MAX);
    send_acquire(fd, 2, "orders", 1); /* waits for the reader */
    send_acquire(fd, 3, "wake", 1);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert_uint_eq(take_reply(fd, 1), WIRE_DESCRIPTORS_MAX);
    ck_assert_uint_eq(take_reply(fd, 2), 1);
    ck_assert_uint_eq(take_reply(fd, 3), 1);
    ck_assert_int_eq(recv(fd, frame, sizeof frame, 0), 0);
    close(fd);
}
END_TEST

TCase *backpressure_case(void)
{
    TCase *tcase = broker_case("backpressure");

    tcase_add_test(tcase, a_client_that_does_not_read_hinders_nobody_and_loses_nothing);
    tcase_add_loop_test(tcase, a_client_that_leaves_unread_replies_leaves_nothing, 0, 2);
    tcase_add_loop_test(tcase, at_most_as_many_descriptors_are_unread_as_a_packet_holds, 0, 2);
    tcase_add_test(tcase, a_client_that_reads_may_have_any_number_of_descriptors);
    tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
    tcase_add_test(tcase, a_client_that_has_shut_down_its_side_gets_its_replies);
    return tcase;
}
