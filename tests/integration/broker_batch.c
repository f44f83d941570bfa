/* Many objects in one request: all, or nothing. */
#include "tests/integration/broker_cases.h"

#include "protocol/wire.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SMALL "max_messages = 2\nmessage_size = 64\nuse = user:0\n" /* fits 126 times */
#define PAIR  "[queue:orders]\nuse = user:0\n[eventfd:wake]\nuse = user:0\n[queue:secret]\n"

/* As many queues as eventfds, as far as that goes. */
static char *mixed(void)
{
    char *queues = sections("queue", "object-q", 126, SMALL);
    char *eventfds = sections("eventfd", "object-e", 127, "use = user:0\n");
    char *text = NULL;

    ck_assert_int_gt(asprintf(&text, "%s%s", queues, eventfds), 0);
    free(queues);
    free(eventfds);
    return text;
}

static void check_item(const struct ipcb_item *item, size_t i)
{
    struct stat status;

    ck_assert_uint_eq(item->granted, IPCB_USE);
    ck_assert_uint_eq(item->kind, i % 2 ? IPCB_QUEUE : IPCB_EVENTFD);
    ck_assert_int_eq(fstat(item->fd, &status), 0);
    if (i % 2)
        ck_assert_uint_eq(item->inode, status.st_ino);
    ck_assert_int_eq(fcntl(item->fd, F_GETFD), FD_CLOEXEC);
}

START_TEST(as_many_as_a_packet_holds_come_in_order)
{
    struct ipcb_item items[IPCB_ITEMS_MAX] = {0};
    char names[IPCB_ITEMS_MAX][32];
    char *configuration = mixed();
    struct ipcb *b;
    struct ipcb_item alone;

    serve(configuration);
    b = connect_as(root());
    for (size_t i = 0; i < IPCB_ITEMS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "object-%c%04zu", i % 2 ? 'q' : 'e', i / 2);
        items[i].name = names[i];
    }
    ck_assert_msg(ipcb_acquire_many(b, items, IPCB_ITEMS_MAX, -1) == 0, "%s", ipcb_message(b));
    for (size_t i = 0; i < IPCB_ITEMS_MAX; i++) {
        check_item(&items[i], i);
        alone = acquire_item(b, names[i], 0, 0);
        ck_assert_uint_eq(alone.inode, items[i].inode); /* each is the one that was asked for */
        close(alone.fd);
        close(items[i].fd);
    }
    (void)ipcb_free(b);
    free(configuration);
}
END_TEST

START_TEST(an_object_may_be_asked_for_twice)
{
    struct ipcb_item items[] = {
        {.name = "orders", .access = IPCB_SEND},
        {.name = "orders", .access = IPCB_RECEIVE, .flags = IPCB_NONBLOCK},
        {.name = "wake"},
        {.name = "wake"},
    };
    struct ipcb *b;

    serve(PAIR);
    b = connect_as(root());
    ck_assert_int_eq(ipcb_acquire_many(b, items, 4, -1), 0);
    ck_assert_int_eq(fcntl(items[0].fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY);
    ck_assert_int_eq(fcntl(items[1].fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
    ck_assert_uint_eq(items[0].inode, items[1].inode);
    ck_assert_int_ne(items[2].fd, items[3].fd);
    for (int i = 0; i < 4; i++)
        close(items[i].fd);
    (void)ipcb_free(b);
}
END_TEST

/* ---- nothing ---- */

static const struct {
    const char *name;
    unsigned access;
    int error;
    const char *sentence;
} bad[] = {
    {"secret", 0, EACCES, "on queue 'secret'"},
    {"nowhere", 0, ENOENT, "no object 'nowhere'"},
    {"wake", IPCB_READ, EINVAL, "eventfd 'wake' has no single directions"},
    {"huge", 0, ENXIO, "queue 'huge' is declared, but failed"},
};

#define HUGE_QUEUE "[queue:huge]\nmax_messages = 60000\nuse = any\n"

START_TEST(one_bad_item_in_the_middle_leaves_nothing)
{
    struct ipcb_item items[9];
    size_t ours, brokers;
    struct ipcb *b;

    serve(PAIR HUGE_QUEUE);
    b = connect_as(root());
    for (int i = 0; i < 9; i++)
        items[i] = (struct ipcb_item){.name = i % 2 ? "orders" : "wake", .fd = -7};
    items[4].name = bad[_i].name;
    items[4].access = bad[_i].access;
    ours = count_descriptors(getpid());
    brokers = broker_descriptors(b);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 9, -1), -bad[_i].error);
    assert_has(ipcb_message(b), bad[_i].sentence);
    ck_assert_uint_eq(count_descriptors(getpid()), ours);
    ck_assert_uint_eq(broker_descriptors(b), brokers);
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(items[i].fd, -7);
    (void)ipcb_free(b);
}
END_TEST

static size_t put_acquire(uint8_t *frame, size_t size, const char *const *names, size_t n)
{
    const struct wire_header header = {.version = WIRE_VERSION, .type = WIRE_ACQUIRE, .serial = 1};
    struct wire_writer writer;

    wire_writer_init(&writer, frame, size);
    wire_put_header(&writer, &header);
    for (size_t i = 0; i < n; i++) {
        const struct wire_item item = {.name = names[i], .name_size = strlen(names[i])};

        wire_put_item(&writer, &item);
    }
    ck_assert(!writer.overflow);
    return writer.size;
}

/* Sends one acquire over a plain socket; the status of the reply, and the index that it names. */
static uint32_t ask_plainly(const char *const *names, size_t n, uint32_t *ret_index,
                            size_t *ret_fds)
{
    static uint8_t frame[WIRE_REQUEST_MAX];
    int fds[WIRE_DESCRIPTORS_MAX], fd = raw_connect(broker.socket);
    size_t size = put_acquire(frame, sizeof frame, names, n);
    struct wire_header header;
    struct wire_reader fields;
    struct wire_field field;
    ssize_t got;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(send(fd, frame, size, 0), (ssize_t)size);
    got = raw_receive(fd, frame, sizeof frame, fds, ret_fds);
    ck_assert_int_ge(got, 0);
    ck_assert_int_eq(wire_read_header(&fields, frame, (size_t)got, &header), 0);
    *ret_index = UINT32_MAX;
    while (wire_next(&fields, &field) > 0)
        if (field.type == WIRE_FIELD_INDEX)
            ck_assert_int_eq(wire_get_u32(&field, ret_index), 0);
    close(fd);
    return header.status;
}

START_TEST(an_error_reply_carries_no_descriptor_and_says_which_item)
{
    const char *names[] = {"orders", "wake", "secret", "orders"};
    uint32_t index;
    size_t n_fds;

    serve(PAIR);
    ck_assert_uint_eq(ask_plainly(names, 4, &index, &n_fds), EACCES);
    ck_assert_uint_eq(index, 2);
    ck_assert_uint_eq(n_fds, 0);
    ck_assert_uint_eq(ask_plainly(names, 2, &index, &n_fds), 0);
    ck_assert_uint_eq(n_fds, 2);
}
END_TEST

START_TEST(one_more_than_a_packet_holds_is_too_many)
{
    static struct ipcb_item items[IPCB_ITEMS_MAX + 1];
    const char *names[IPCB_ITEMS_MAX + 1];
    uint32_t index;
    size_t n_fds, before;
    struct ipcb *b;

    serve(PAIR);
    b = connect_as(root());
    for (size_t i = 0; i <= IPCB_ITEMS_MAX; i++)
        items[i].name = names[i] = "orders";
    before = broker_descriptors(b);
    ck_assert_int_eq(ipcb_acquire_many(b, items, IPCB_ITEMS_MAX + 1, -1), -E2BIG);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 0, -1), -EINVAL);
    ck_assert_uint_eq(ask_plainly(names, IPCB_ITEMS_MAX + 1, &index, &n_fds), E2BIG);
    ck_assert_uint_eq(n_fds, 0);
    await_descriptors(before);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(a_batch_comes_in_wrappers)
{
    struct ipcb_queue *orders = NULL;
    struct ipcb_event *wake = NULL, *done = NULL;
    struct ipcb_item items[] = {{.name = "orders", .queue = &orders},
                                {.name = "wake", .event = &wake},
                                {.name = "done", .event = &done, .access = IPCB_WRITE}};
    struct ipcb *b;
    uint64_t count = 0;

    serve("[queue:orders]\nuse = user:$C0\n[eventfd:wake]\nuse = user:$C0\n"
          "[pipe:done]\nwrite = user:$C0\n");
    b = connect_as(user(0));
    ck_assert_msg(ipcb_acquire_many(b, items, 3, -1) == 0, "%s", ipcb_message(b));
    put(orders, "a book");
    expect_next(orders, "a book");
    ck_assert_int_eq(ipcb_event_signal(wake, 2), 0);
    ck_assert_int_eq(ipcb_event_wait(wake, &count, 0), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(ipcb_event_signal(done, 1), 0);
    ck_assert_int_eq(ipcb_event_wait(done, &count, 0), -EBADF);
    items[1] = (struct ipcb_item){.name = "orders", .event = &wake};
    ck_assert_int_eq(ipcb_acquire_many(b, items, 3, -1), -EINVAL); /* another kind */
    (void)ipcb_queue_free(orders);
    (void)ipcb_event_free(wake);
    (void)ipcb_event_free(done);
    (void)ipcb_free(b);
}
END_TEST

TCase *batch_case(void)
{
    TCase *tcase = broker_case("batch");

    tcase_add_test(tcase, as_many_as_a_packet_holds_come_in_order);
    tcase_add_test(tcase, an_object_may_be_asked_for_twice);
    tcase_add_loop_test(tcase, one_bad_item_in_the_middle_leaves_nothing, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_test(tcase, an_error_reply_carries_no_descriptor_and_says_which_item);
    tcase_add_test(tcase, a_batch_comes_in_wrappers);
    tcase_add_test(tcase, one_more_than_a_packet_holds_is_too_many);
    return tcase;
}
