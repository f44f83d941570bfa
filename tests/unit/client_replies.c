/* Answers that are errors, and answers that are nonsense. */
#include "tests/unit/client_cases.h"

#include <string.h>
#include <sys/resource.h>

/* ---- errors that the broker tells ---- */

static void put_error(int fd, struct fake_request *request, int status, const char *sentence,
                      size_t n_fds)
{
    struct wire_writer reply;
    int fds[2];

    FAKE_EXPECT(fake_receive(fd, request));
    fake_begin(&reply, request, status);
    wire_put_u32(&reply, WIRE_FIELD_INDEX, 0);
    if (sentence)
        wire_put_text(&reply, WIRE_FIELD_SENTENCE, sentence);
    fake_eventfds(fds, n_fds);
    fake_send(fd, &reply, fds, n_fds);
    fake_close_all(fds, n_fds);
}

static void serve_errors(int listener)
{
    static struct fake_request request;
    static char huge[3000];
    int fd = fake_accept(listener);

    put_error(fd, &request, EACCES, "no grant;\033[2J\nask", 0);
    put_error(fd, &request, ENOENT, NULL, 2);
    memset(huge, 'h', sizeof huge - 1);
    put_error(fd, &request, ENXIO, huge, 0);
    FAKE_EXPECT(fake_receive(fd, &request)); /* all on one connection: it lives on */
    fake_hand_out(fd, &request, 1, 1);
    put_error(fd, &request, 70000, "nonsense", 0);
    FAKE_EXPECT(!fake_receive(fd, &request)); /* but not after that */
}

START_TEST(errors_come_with_their_sentence)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;
    int fd;

    fake_start(&fake, serve_errors);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -EACCES);
    ck_assert_str_eq(ipcb_message(b), "no grant; [2J ask");
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ENOENT);
    ck_assert_says(b, strerror(ENOENT));
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -ENXIO);
    ck_assert_uint_eq(strlen(ipcb_message(b)), sizeof(struct sentence) - 1);
    fd = ipcb_acquire(b, "x", 0);
    ck_assert_int_ge(fd, 0);
    close_fd(fd);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -EPROTO);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

/* ---- nonsense; the number of the kind of nonsense comes in the name that is asked for ---- */

static int asked_number(const struct fake_request *request)
{
    struct wire_reader fields = request->fields;
    struct wire_field field;
    struct wire_item item;

    FAKE_EXPECT(wire_next(&fields, &field) == 1 && wire_get_item(&field, &item) == 0);
    return *item.name - 'a';
}

static void put_descriptor_of(struct wire_writer *reply, int kind, int access)
{
    struct wire_descriptor descriptor = {.kind = (uint8_t)kind, .access = (uint8_t)access};

    wire_put_descriptor(reply, &descriptor);
}

/* Two were asked for, of which the first is an eventfd to be used. The numbers from 14 on are about
 * descriptors, see serve_nonsense(). */
static void spoil(int number, struct wire_writer *reply)
{
    static const uint8_t zeros[WIRE_REPLY_MAX];

    put_descriptor_of(reply, number == 0 ? WIRE_QUEUE : WIRE_EVENTFD,
                      number == 1 ? WIRE_READ : WIRE_USE);
    if (number != 2)
        put_descriptor_of(reply, number == 3 ? 200 : WIRE_PIPE, WIRE_READ);
    if (number == 4)
        put_descriptor_of(reply, WIRE_PIPE, WIRE_READ);
    if (number == 5)
        wire_put(reply, WIRE_CRITICAL | 99, "", 0);
    if (number == 6)
        wire_put(reply, WIRE_FIELD_DESCRIPTOR, "short", 5);
    switch (number) {
    case 7: /* another's serial */
        reply->data[4] ^= 0x80;
        break;
    case 8: /* another request's type */
        reply->data[1] = WIRE_SHOW;
        break;
    case 9: /* no reply, and no event */
        reply->data[2] = 0;
        break;
    case 10: /* a flag that is none */
        reply->data[2] |= 2;
        break;
    case 11: /* a header that is cut */
        reply->size = WIRE_HEADER_SIZE - 1;
        break;
    case 12: /* a field that is cut */
        reply->size -= 3;
        break;
    case 13: /* more than a frame may have */
        wire_put(reply, 99, zeros, WIRE_REPLY_MAX - 4 - reply->size);
        wire_put(reply, 99, "", 0); /* without it all would be well */
        break;
    default:
        break;
    }
}

#define N_SPOILED 18

static void serve_nonsense(int listener)
{
    static const size_t fds_of[N_SPOILED] = {[14] = 0, [15] = 1, [16] = 3, [17] = 253};
    static struct fake_request request;
    int number, fds[WIRE_DESCRIPTORS_MAX], fd = fake_accept(listener);
    struct wire_writer reply;
    size_t n_fds;

    FAKE_EXPECT(fake_receive(fd, &request));
    number = asked_number(&request);
    fake_begin(&reply, &request, 0);
    spoil(number, &reply);
    n_fds = number >= 14 ? fds_of[number] : 2;
    fake_eventfds(fds, n_fds);
    fake_send(fd, &reply, fds, n_fds);
    FAKE_EXPECT(!fake_receive(fd, &request)); /* the client has had enough */
}

START_TEST(nonsense_is_refused_and_leaks_nothing)
{
    char name[] = {(char)('a' + _i), '\0'};
    struct ipcb_item items[2] = {
        {.name = name, .access = IPCB_USE, .kinds = IPCB_ONLY(IPCB_EVENTFD), .fd = -7, .kind = 99},
        {.name = "second", .kinds = _i == 2 ? 0 : IPCB_ONLY(IPCB_PIPE), .fd = -7}};
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_nonsense);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 2, -1), -EPROTO);
    ck_assert_says(b, fake.path);
    ck_assert_int_eq(items[0].fd, -7);
    ck_assert_uint_eq(items[0].kind, 99);
    ck_assert_int_eq(items[1].fd, -7);
    ck_assert_uint_eq(count_descriptors(), before); /* not even the connection is left */
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_unwanted_descriptor(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request) && request.header.type == WIRE_STATUS);
    fake_hand_out(fd, &request, 0, 1);
    FAKE_EXPECT(!fake_receive(fd, &request));
}

START_TEST(a_descriptor_that_nobody_asked_for_is_nonsense)
{
    size_t before = count_descriptors();
    struct ipcb_facts *facts = NULL;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_unwanted_descriptor);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_status(b, &facts), -EPROTO);
    ck_assert_ptr_null(facts);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

/* ---- other things that can be said ---- */

static void serve_other_version(int listener)
{
    static struct fake_request request;
    struct wire_writer reply;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    fake_begin(&reply, &request, EPROTONOSUPPORT);
    reply.data[0] = 42;
    reply.data[3] = 0x55; /* flags that only version 42 knows */
    fake_send(fd, &reply, NULL, 0);
    FAKE_EXPECT(!fake_receive(fd, &request));
}

START_TEST(another_version_is_told)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_other_version);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "x", 0), -EPROTONOSUPPORT);
    ck_assert_says(b, "version 42");
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

static void serve_events(int listener)
{
    static struct fake_request request;
    struct fake_request event = {.header = {.version = WIRE_VERSION, .type = WIRE_EVENT}};
    struct wire_writer frame;
    int fds[2], fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    fake_eventfds(fds, 2);
    for (int i = 0; i < 5; i++) {
        fake_begin(&frame, &event, 0);
        frame.data[2] = 0;
        frame.data[1] = i < 4 ? WIRE_EVENT : 50; /* a later version may have more of them */
        fake_send(fd, &frame, fds, 2);
    }
    fake_hand_out(fd, &request, 1, 1);
    fake_await_close(fd);
}

START_TEST(events_are_passed_over)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;
    int fd;

    fake_start(&fake, serve_events);
    b = connect_to(&fake);
    fd = ipcb_acquire(b, "x", 0);
    ck_assert_int_ge(fd, 0);
    close_fd(fd);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

/* ---- a broker that is newer, and says what this library does not know ---- */

/* A field of a type to come, and a fact with a type to come. */
static void put_news(struct wire_writer *reply)
{
    static const uint8_t fact[] = {99, 3, 'n', 'e', 'w', 1, 2, 3};

    wire_put(reply, 4711, "news", 4);
    wire_put(reply, WIRE_FIELD_FACT, fact, sizeof fact);
}

/* What is known stands in the middle of what is not. */
static void put_known(struct wire_writer *reply, unsigned type)
{
    struct wire_descriptor descriptor = {.kind = 9, .access = WIRE_USE, .flags = 0x40};
    size_t object;

    if (type == WIRE_ACQUIRE) {
        wire_put_descriptor(reply, &descriptor);
    } else if (type == WIRE_LIST || type == WIRE_CONFIG) {
        object = wire_open(reply, WIRE_FIELD_OBJECT);
        put_news(reply);
        wire_put_fact_text(reply, WIRE_FACT_TEXT, "name", "x");
        put_news(reply);
        wire_close(reply, object);
    } else {
        wire_put_fact_text(reply, WIRE_FACT_TEXT, "name", "x");
    }
}

static void serve_news(int listener)
{
    static struct fake_request request;
    struct fake_request event = {.header = {.version = WIRE_VERSION, .type = 77}};
    struct wire_writer frame;
    int wake, fd = fake_accept(listener);

    fake_eventfds(&wake, 1);
    while (fake_receive(fd, &request)) {
        fake_begin(&frame, &event, 0);
        frame.data[2] = 0; /* an event to come */
        put_news(&frame);
        fake_send(fd, &frame, NULL, 0);
        fake_begin(&frame, &request, 0);
        put_news(&frame);
        put_known(&frame, request.header.type);
        put_news(&frame);
        fake_send(fd, &frame, &wake, request.header.type == WIRE_ACQUIRE);
    }
}

static void expect_just_the_name(struct ipcb_facts *facts)
{
    ck_assert_uint_eq(ipcb_facts_count(facts), 1);
    ck_assert_str_eq(ipcb_facts_find(facts, "name")->text, "x");
    (void)ipcb_facts_free(facts);
}

static void expect_one_object(struct ipcb_list *list)
{
    ck_assert_uint_eq(ipcb_list_count(list), 1);
    ck_assert_uint_eq(ipcb_facts_count(ipcb_list_at(list, 0)), 1);
    ck_assert_str_eq(ipcb_facts_find(ipcb_list_at(list, 0), "name")->text, "x");
    (void)ipcb_list_free(list);
}

START_TEST(a_newer_broker_is_understood)
{
    const struct ipcb_subject nobody = {.uid = 1, .gid = 1};
    struct ipcb_item item = {.name = "x"};
    size_t before = count_descriptors();
    struct ipcb_facts *facts;
    struct ipcb_list *list;
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_news);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), 0);
    ck_assert_uint_eq(item.kind, 9);
    ck_assert_uint_eq(item.granted, IPCB_USE);
    close_fd(item.fd);
    ck_assert_int_eq(ipcb_show(b, "x", &facts), 0);
    expect_just_the_name(facts);
    ck_assert_int_eq(ipcb_status(b, &facts), 0);
    expect_just_the_name(facts);
    ck_assert_int_eq(ipcb_whoami(b, &facts), 0);
    expect_just_the_name(facts);
    ck_assert_int_eq(ipcb_can(b, &nobody, "x", IPCB_USE, &facts), 0);
    expect_just_the_name(facts);
    ck_assert_int_eq(ipcb_list(b, &list), 0);
    expect_one_object(list);
    ck_assert_int_eq(ipcb_config(b, &list), 0);
    expect_one_object(list);
    (void)ipcb_free(b);
    ck_assert_uint_eq(count_descriptors(), before);
    fake_stop(&fake);
}
END_TEST

static void serve_everything(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    while (fake_receive(fd, &request))
        fake_hand_out(fd, &request, fake_count_items(&request), fake_count_items(&request));
}

START_TEST(no_room_for_descriptors_leaks_nothing)
{
    struct ipcb_item items[10];
    struct rlimit limit, low;
    size_t before;
    struct fake fake;
    struct ipcb *b;
    int fd, next;

    for (size_t i = 0; i < 10; i++)
        items[i] = (struct ipcb_item){.name = "x", .fd = -7};
    fake_start(&fake, serve_everything);
    b = connect_to(&fake);
    close_fd(ipcb_acquire(b, "x", 0)); /* connected, so that only what comes needs room */
    before = count_descriptors();
    next = dup(0);
    close_fd(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)next + 4; /* some find room, some do not */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    ck_assert_int_eq(ipcb_acquire_many(b, items, 10, -1), -EMFILE);
    ck_assert_says(b, "RLIMIT_NOFILE");
    ck_assert_int_eq(items[0].fd, -7);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(count_descriptors(), before);
    fd = ipcb_acquire(b, "x", 0); /* the connection is as good as before */
    ck_assert_int_ge(fd, 0);
    close_fd(fd);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

TCase *reply_cases(void)
{
    TCase *cases = tcase_create("replies");

    tcase_add_test(cases, errors_come_with_their_sentence);
    tcase_add_loop_test(cases, nonsense_is_refused_and_leaks_nothing, 0, N_SPOILED);
    tcase_add_test(cases, a_descriptor_that_nobody_asked_for_is_nonsense);
    tcase_add_test(cases, another_version_is_told);
    tcase_add_test(cases, events_are_passed_over);
    tcase_add_test(cases, a_newer_broker_is_understood);
    tcase_add_test(cases, no_room_for_descriptors_leaks_nothing);
    return cases;
}
