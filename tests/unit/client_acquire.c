/* Acquiring, with a broker that does as it should. */
#include "tests/unit/client_cases.h"

#include <fcntl.h>
#include <string.h>

static uint64_t count_of(int fd)
{
    uint64_t count = 0;

    ck_assert_int_eq(read(fd, &count, sizeof count), sizeof count);
    return count;
}

static void serve_all(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    while (fake_receive(fd, &request)) {
        size_t n = fake_count_items(&request);
        fake_hand_out(fd, &request, n, n);
    }
}

START_TEST(one_descriptor_comes)
{
    struct fake fake;
    struct ipcb *b;
    int fd;

    fake_start(&fake, serve_all);
    b = connect_to(&fake);
    fd = ipcb_acquire(b, "wake", IPCB_USE);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_uint_eq(count_of(fd), 1);
    close_fd(fd);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

START_TEST(as_many_as_a_packet_holds_come_in_order)
{
    struct ipcb_item items[IPCB_ITEMS_MAX] = {0};
    char names[IPCB_ITEMS_MAX][WIRE_NAME_MAX + 1];
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;

    for (size_t i = 0; i < IPCB_ITEMS_MAX; i++) {
        memset(names[i], 'n', WIRE_NAME_MAX); /* the longest names, so the largest request */
        names[i][WIRE_NAME_MAX] = '\0';
        items[i].name = names[i];
    }
    fake_start(&fake, serve_all);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, items, IPCB_ITEMS_MAX, -1), 0);
    for (size_t i = 0; i < IPCB_ITEMS_MAX; i++) {
        ck_assert_uint_eq(count_of(items[i].fd), i + 1);
        ck_assert_uint_eq(items[i].inode, 100 + i);
        close_fd(items[i].fd);
    }
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

static void serve_and_look(int listener)
{
    static struct fake_request request;
    struct wire_descriptor descriptor = {
        .kind = WIRE_PIPE, .access = WIRE_READ, .flags = WIRE_NONBLOCK, .identity = {7, 8}};
    struct wire_writer reply;
    struct wire_field field;
    struct wire_item item;
    int fds[2], fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_ACQUIRE);
    FAKE_EXPECT(wire_next(&request.fields, &field) == 1 && field.type == WIRE_FIELD_ITEM);
    FAKE_EXPECT(wire_get_item(&field, &item) == 0);
    FAKE_EXPECT(item.name_size == 4 && memcmp(item.name, "/abc", 4) == 0);
    FAKE_EXPECT(item.access == WIRE_READ && item.flags == WIRE_NONBLOCK);
    FAKE_EXPECT(item.kinds == (1 << WIRE_QUEUE | 1 << WIRE_PIPE));
    FAKE_EXPECT(wire_next(&request.fields, &field) == 1 && wire_get_item(&field, &item) == 0);
    FAKE_EXPECT(item.name_size == 1 && item.access == 0 && item.flags == 0 && item.kinds == 0);
    FAKE_EXPECT(wire_next(&request.fields, &field) == 0);

    fake_begin(&reply, &request, 0);
    wire_put(&reply, 77, "unknown", 7); /* to be skipped */
    wire_put_descriptor(&reply, &descriptor);
    descriptor = (struct wire_descriptor){.kind = WIRE_QUEUE, .access = WIRE_WRITE};
    wire_put_descriptor(&reply, &descriptor);
    fake_eventfds(fds, 2);
    fake_send(fd, &reply, fds, 2);
    fake_await_close(fd);
}

START_TEST(wishes_and_facts_are_carried)
{
    struct ipcb_item items[2] = {{.name = "/abc", /* it is the broker who ignores the slash */
                                  .access = IPCB_READ,
                                  .flags = IPCB_NONBLOCK,
                                  .kinds = IPCB_ONLY(IPCB_QUEUE) | IPCB_ONLY(IPCB_PIPE)},
                                 {.name = "b"}};
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_and_look);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 2, 5000000), 0);
    ck_assert_uint_eq(items[0].kind, IPCB_PIPE);
    ck_assert_uint_eq(items[0].granted, IPCB_READ);
    ck_assert_int_eq(items[0].nonblocking, 1);
    ck_assert_uint_eq(items[0].device, 7);
    ck_assert_uint_eq(items[0].inode, 8);
    ck_assert_uint_eq(items[1].kind, IPCB_QUEUE);
    ck_assert_uint_eq(items[1].granted, IPCB_WRITE);
    ck_assert_int_eq(items[1].nonblocking, 0);
    close_fd(items[0].fd);
    close_fd(items[1].fd);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_kinds(int listener)
{
    static struct fake_request request;
    struct wire_field field;
    struct wire_item item;
    int fd;

    for (int i = 0; i < 2; i++) { /* each one-shot has a connection of its own */
        fd = fake_accept(listener);
        FAKE_EXPECT(fake_receive(fd, &request));
        FAKE_EXPECT(wire_next(&request.fields, &field) == 1 && wire_get_item(&field, &item) == 0);
        FAKE_EXPECT(item.kinds == (i == 0 ? 1 << WIRE_EVENTFD | 1 << WIRE_PIPE : 1 << WIRE_QUEUE));
        FAKE_EXPECT(item.access == (i == 0 ? 0 : WIRE_WRITE));
        fake_hand_out(fd, &request, 1, 1);
        fake_await_close(fd);
        close_fd(fd);
    }
}

START_TEST(wrappers_acquire_their_kind)
{
    struct ipcb_queue *q = NULL;
    struct ipcb_event *e;
    struct fake fake;
    uint64_t count;
    size_t before;

    fake_start(&fake, serve_kinds);
    before = count_descriptors();
    ck_assert_int_eq(setenv("IPCBROKER_SOCKET", fake.path, 1), 0);
    ck_assert_int_eq(ipcb_event_acquire(&e, NULL, "wake"), 0);
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    ck_assert_uint_eq(count, 1);
    (void)ipcb_event_free(e);
    /* An eventfd came: that is not what was asked for. */
    ck_assert_int_eq(ipcb_queue_acquire(&q, NULL, "q", IPCB_SEND), -EPROTO);
    ck_assert_ptr_null(q);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

START_TEST(wrappers_are_filled)
{
    struct ipcb_event *first = NULL, *second = NULL;
    struct ipcb_item items[] = {
        {.name = "a", .event = &first},
        {.name = "b"},
        {.name = "c", .event = &second, .kinds = IPCB_ONLY(IPCB_EVENTFD)},
    };
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;
    uint64_t count;

    fake_start(&fake, serve_all);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 3, -1), 0);
    ck_assert_int_eq(ipcb_event_wait(first, &count, 0), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(ipcb_event_wait(second, &count, 0), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(items[0].fd, -1); /* the wrapper has it */
    ck_assert_uint_eq(items[0].kind, IPCB_EVENTFD);
    ck_assert_uint_eq(count_of(items[1].fd), 2);
    close_fd(items[1].fd);
    (void)ipcb_event_free(first);
    (void)ipcb_event_free(second);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

/* Says that the second is a queue, and sends an eventfd. */
static void serve_a_liar(int listener)
{
    static struct fake_request request;
    struct wire_descriptor descriptor = {.kind = WIRE_EVENTFD, .access = WIRE_USE};
    struct wire_writer reply;
    int fds[2], fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    fake_begin(&reply, &request, 0);
    wire_put_descriptor(&reply, &descriptor);
    descriptor.kind = WIRE_QUEUE;
    wire_put_descriptor(&reply, &descriptor);
    fake_eventfds(fds, 2);
    fake_send(fd, &reply, fds, 2);
    fake_close_all(fds, 2);
    fake_await_close(fd);
}

START_TEST(one_wrapper_that_cannot_be_made_leaves_nothing)
{
    struct ipcb_event *event = NULL;
    struct ipcb_queue *queue = NULL;
    struct ipcb_item items[] = {{.name = "a", .event = &event, .fd = -7},
                                {.name = "b", .queue = &queue, .fd = -7}};
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_a_liar);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 2, -1), -EBADF);
    ck_assert_says(b, "'b' came, but cannot be used as a queue");
    ck_assert_ptr_null(event);
    ck_assert_ptr_null(queue);
    ck_assert_int_eq(items[0].fd, -7);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

START_TEST(wrappers_that_do_not_fit)
{
    struct ipcb_event *event = NULL;
    struct ipcb_queue *queue = NULL;
    const struct ipcb_item bad[] = {
        {.name = "a", .event = &event, .queue = &queue},
        {.name = "a", .event = &event, .kinds = IPCB_ONLY(IPCB_QUEUE)},
        {.name = "a", .queue = &queue, .kinds = IPCB_ONLY(IPCB_QUEUE) | IPCB_ONLY(IPCB_PIPE)},
    };
    struct ipcb *b;

    ck_assert_int_eq(ipcb_new(&b, "/nonexistent/socket"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ipcb_item item = bad[i];
        ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), -EINVAL);
    }
    (void)ipcb_free(b);
}
END_TEST

TCase *acquire_cases(void)
{
    TCase *cases = tcase_create("acquire");

    tcase_add_test(cases, one_descriptor_comes);
    tcase_add_test(cases, as_many_as_a_packet_holds_come_in_order);
    tcase_add_test(cases, wishes_and_facts_are_carried);
    tcase_add_test(cases, wrappers_acquire_their_kind);
    tcase_add_test(cases, wrappers_are_filled);
    tcase_add_test(cases, one_wrapper_that_cannot_be_made_leaves_nothing);
    tcase_add_test(cases, wrappers_that_do_not_fit);
    return cases;
}
