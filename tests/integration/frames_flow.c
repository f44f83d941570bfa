/* Many requests on their way, ends of one direction, and what a reply is made of. */
#include "tests/integration/frames.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

/* ---- pipelining ---- */

#define N_PIPELINED 1000

/* Ten different requests in turn, good ones and bad ones that the connection survives. */
static int mixed_request(struct frame *frame, uint32_t serial, unsigned *type)
{
    *type = WIRE_ACQUIRE;
    switch (serial % 10) {
    case 6:
        frame_acquire(frame, serial, "no-such-object", 0);
        return ENOENT;
    case 7:
        frame_acquire(frame, serial, "secret", 0);
        return EACCES;
    case 8:
        frame_begin(frame, *type = 99, serial);
        return ENOSYS;
    case 9:
        frame_begin(frame, *type = WIRE_LIST, serial);
        frame->bytes[0] = 2;
        return EPROTONOSUPPORT;
    default:
        *type = valid_request((int)(serial % 10), frame, serial);
        return 0;
    }
}

static void expect_mixed(int fd, uint32_t serial)
{
    struct answer answer;
    struct frame frame;
    unsigned type;
    int error = mixed_request(&frame, serial, &type);

    expect_reply(fd, &answer, type, serial, error);
    ck_assert_uint_eq(answer.n_fds, type == WIRE_ACQUIRE && !error ? 2 : 0);
}

/* As many requests as the socket takes before each reply is read. */
START_TEST(pipelined_requests_are_answered_in_order)
{
    size_t before = descriptors();
    uint32_t sent = 0;
    struct frame frame;
    unsigned type;
    int fd = dial();

    for (uint32_t answered = 1; answered <= N_PIPELINED; answered++) {
        while (sent < N_PIPELINED) {
            (void)mixed_request(&frame, sent + 1, &type);
            if (!offer(fd, frame.bytes, frame.writer.size))
                break;
            sent++;
        }
        expect_mixed(fd, answered);
    }
    expect_alive(fd);
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* Fills the socket while the broker does not look; returns the number of requests. */
static uint32_t fill(int fd)
{
    struct frame frame;
    uint32_t sent = 0;
    unsigned type;

    do
        (void)mixed_request(&frame, sent + 1, &type);
    while (sent < N_PIPELINED && offer(fd, frame.bytes, frame.writer.size) && ++sent);
    ck_assert_uint_gt(sent, 60);
    return sent;
}

START_TEST(half_closed_with_requests_queued)
{
    size_t before = descriptors();
    int fd = dial();
    uint32_t sent;

    expect_alive(fd);
    freeze();
    sent = fill(fd);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    thaw();
    for (uint32_t serial = 1; serial <= sent; serial++)
        expect_mixed(fd, serial);
    expect_end(fd);
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* The same of somebody who was not even accepted when he said his last word. */
START_TEST(half_closed_before_it_was_accepted)
{
    uint32_t sent;
    int fd;

    freeze();
    fd = dial();
    sent = fill(fd);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    thaw();
    for (uint32_t serial = 1; serial <= sent; serial++)
        expect_mixed(fd, serial);
    expect_end(fd);
    close(fd);
}
END_TEST

#define N_BUSY      32u
#define N_NEWCOMERS 8u
#define N_ASKED     2u

/* How many clients there are, by a reply to a status request. */
static unsigned count_clients(int fd, uint32_t serial)
{
    struct answer answer;
    struct wire_field field;
    struct wire_fact fact;

    expect_reply(fd, &answer, WIRE_STATUS, serial, 0);
    while (wire_next(&answer.fields, &field) == 1)
        if (field.type == WIRE_FIELD_FACT && wire_get_fact(&field, &fact) == 0 &&
            fact.key_size == strlen("clients") && memcmp(fact.key, "clients", fact.key_size) == 0)
            return (unsigned)fact.number;
    ck_abort_msg("the status does not tell how many clients there are");
}

static void ask_status(int fd, uint32_t serial)
{
    struct frame frame;

    frame_begin(&frame, WIRE_STATUS, serial);
    put_frame(fd, &frame);
}

/* While many ask, more than one newcomer a turn is let in: a client has one answer a turn, and the
 * second one knows of all of them. */
START_TEST(newcomers_have_their_share_of_a_full_turn)
{
    int busy[N_BUSY], newcomers[N_NEWCOMERS];

    for (unsigned i = 0; i < N_BUSY; i++) {
        busy[i] = dial();
        expect_alive(busy[i]);
    }
    freeze();
    for (unsigned i = 0; i < N_NEWCOMERS; i++)
        newcomers[i] = dial();
    for (unsigned i = 0; i < N_BUSY; i++)
        for (uint32_t serial = 1; serial <= N_ASKED; serial++)
            ask_status(busy[i], serial);
    thaw();
    (void)count_clients(busy[0], 1);
    ck_assert_uint_eq(count_clients(busy[0], N_ASKED), N_BUSY + N_NEWCOMERS);
    for (unsigned i = 0; i < N_BUSY; i++)
        close(busy[i]);
    for (unsigned i = 0; i < N_NEWCOMERS; i++)
        close(newcomers[i]);
}
END_TEST

/* More descriptors than may be on their way: the rest waits until the client reads. */
START_TEST(batches_wait_for_the_reader)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    for (uint32_t serial = 1; serial <= 20; serial++) {
        frame_begin(&frame, WIRE_ACQUIRE, serial);
        for (int i = 0; i < 200; i++)
            frame_item(&frame, i % 2 ? "q" : "e", 1, 0, 0, 0);
        put_frame(fd, &frame);
    }
    expect_service();
    for (uint32_t serial = 1; serial <= 20; serial++) {
        expect_reply(fd, &answer, WIRE_ACQUIRE, serial, 0);
        ck_assert_uint_eq(answer.n_fds, 200);
    }
    expect_alive(fd);
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* Lets the broker have N turns, so that it has come as far as it will. */
static void take_turns(uint32_t n)
{
    int other = dial();

    for (uint32_t i = 0; i < n; i++)
        expect_alive(other);
    close(other);
}

/* On the processor that is the N-th of those that there are, where there are several. */
static void pin(pid_t pid, int n)
{
    cpu_set_t all, one;

    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) < 0 || CPU_COUNT(&all) < 2)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && n-- == 0)
            CPU_SET(cpu, &one);
    (void)sched_setaffinity(pid, sizeof one, &one);
}

static void put_batch(int fd, uint32_t serial)
{
    struct frame frame;

    frame_begin(&frame, WIRE_ACQUIRE, serial);
    for (unsigned i = 0; i < WIRE_DESCRIPTORS_MAX; i++)
        frame_item(&frame, "e", 1, 0, 0, 0);
    put_frame(fd, &frame);
}

/* Whoever reads in just the moment in which the broker asks whether he has read is not forgotten.
 * The moment is short: on two processors one round of some hundred meets it. It is judged whether
 * the reply comes at all, and not when. */
START_TEST(a_reader_in_the_wrong_moment_is_not_forgotten)
{
    int other = dial(), fd = dial();
    struct answer answer;

    pin(broker.broker, 1);
    pin(0, 0);
    for (int round = 0; round < load(4000); round++) {
        put_batch(fd, 1);
        put_batch(fd, 2);
        for (int i = 0; i < 3; i++)
            expect_alive(other); /* by now the second waits for the first to be read */
        expect_reply(fd, &answer, WIRE_ACQUIRE, 1, 0);
        expect_reply(fd, &answer, WIRE_ACQUIRE, 2, 0);
    }
    close(other);
    close(fd);
}
END_TEST

/* Of what is on its way to somebody who does not read: the kernel packs 253, and no more go. */
static const struct {
    uint32_t requests, items, arrived;
} unread[] = {{20, 200, 1}, {270, 1, 253}, {3, 253, 1}, {100, 10, 25}};

START_TEST(at_most_253_descriptors_are_unread)
{
    struct answer answer;
    struct frame frame;
    uint32_t n = 0;
    int fd = dial();

    for (uint32_t serial = 1; serial <= unread[_i].requests; serial++) {
        frame_begin(&frame, WIRE_ACQUIRE, serial);
        for (uint32_t i = 0; i < unread[_i].items; i++)
            frame_item(&frame, "e", 1, 0, 0, 0);
        ck_assert(offer(fd, frame.bytes, frame.writer.size));
    }
    take_turns(unread[_i].requests + 4);
    freeze();
    while (recv(fd, answer.bytes, sizeof answer.bytes, MSG_DONTWAIT) > 0)
        n++;
    thaw();
    /* a broker whose way is full before that has sent less */
    ck_assert_uint_le(n, unread[_i].arrived);
    ck_assert_uint_ge(n, 1);
    close(fd);
}
END_TEST

/* Whoever does not read has nothing of the broker's but what the kernel holds for him. */
START_TEST(those_who_never_read_stall_nobody)
{
    size_t before = descriptors();
    int fds[20];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial();
        (void)fill(fds[i]);
    }
    for (int i = 0; i < 50; i++)
        expect_service();
    expect_descriptors(before + ARRAY_SIZE(fds));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    expect_descriptors(before);
}
END_TEST

START_TEST(the_reader_is_away_and_comes_back)
{
    uint32_t sent;
    int fd = dial();

    sent = fill(fd);
    for (int i = 0; i < 50; i++)
        expect_service();
    for (uint32_t serial = 1; serial <= sent; serial++)
        expect_mixed(fd, serial);
    expect_alive(fd);
    close(fd);
}
END_TEST

/* ---- ends ---- */

START_TEST(no_more_reading_then_requests)
{
    size_t before = descriptors();
    struct frame frame;

    for (int i = 0; i < 20; i++) {
        int fd = dial();

        valid_request(i % N_VALID, &frame, 1);
        ck_assert_int_eq(shutdown(fd, SHUT_RD), 0);
        for (int j = 0; j < 30; j++)
            (void)send(fd, frame.bytes, frame.writer.size, MSG_NOSIGNAL);
        expect_service();
        close(fd);
    }
    expect_descriptors(before);
}
END_TEST

/* While its request waits for room. */
START_TEST(no_more_reading_while_parked)
{
    size_t before = descriptors();
    uint64_t seen = 0;
    int fd = dial();

    (void)fill(fd);
    await(broker_sleeps, &seen); /* it is parked, with descriptors unread */
    expect_service();
    ck_assert_int_eq(shutdown(fd, SHUT_RD), 0);
    expect_service();
    ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
    expect_service();
    expect_descriptors(before + 1); /* till he has read */
    close(fd);
    expect_descriptors(before);
}
END_TEST

START_TEST(gone_while_parked)
{
    size_t before = descriptors();

    for (int i = 0; i < 50; i++) {
        int fd = dial();

        (void)fill(fd);
        if (i % 2)
            expect_service();
        close(fd);
    }
    expect_descriptors(before);
}
END_TEST

/* The broker reads ECONNRESET, and the request behind it. */
START_TEST(gone_with_replies_unread)
{
    size_t before = descriptors();
    struct frame frame;

    for (int i = 0; i < load(10000); i++) {
        int fd = dial();

        valid_request(i % N_VALID, &frame, 1);
        put_frame(fd, &frame);
        if (i % 3)
            put_frame(fd, &frame);
        if (i % 5 == 0)
            expect_service(); /* by now the replies are there */
        close(fd);
    }
    expect_descriptors(before);
}
END_TEST

/* However full the way to the client is, the last word gets through once he reads. */
START_TEST(the_last_sentence_finds_room)
{
    struct answer answer;
    struct frame frame;

    for (uint32_t n = 60; n < 260; n++) {
        int fd = dial();

        expect_alive(fd);
        freeze();
        for (uint32_t serial = 1; serial <= n; serial++) {
            (void)valid_request(4, &frame, serial);
            ck_assert(offer(fd, frame.bytes, frame.writer.size));
        }
        put_bytes(fd, "nonsense", 8);
        thaw();
        take_turns(n + 4); /* the way is full by now, if it can be */
        for (uint32_t serial = 1; serial <= n; serial++)
            expect_reply(fd, &answer, WIRE_STATUS, serial, 0);
        ck_assert_msg(get_answer(fd, &answer), "no sentence behind %u replies", n);
        ck_assert_uint_eq(answer.header.status, EBADMSG);
        expect_end(fd);
        close(fd);
    }
}
END_TEST

/* Unread, they would make the client's first read a reset, with the sentence behind it. */
START_TEST(what_was_sent_behind_a_bad_frame_is_read_away)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    expect_alive(fd);
    freeze();
    put_bytes(fd, "nonsense", 8);
    valid_request(5, &frame, 1);
    for (int i = 0; i < 50; i++)
        put_frame(fd, &frame);
    thaw();
    take_turns(4);
    ck_assert_int_gt(recv(fd, answer.bytes, sizeof answer.bytes, MSG_DONTWAIT), 0);
    ck_assert_int_eq(recv(fd, answer.bytes, sizeof answer.bytes, MSG_DONTWAIT), 0);
    close(fd);
}
END_TEST

/* ---- replies ---- */

static void ask(int fd, int which, struct answer *answer)
{
    struct frame frame;
    unsigned type = valid_request(which, &frame, 12);

    put_frame(fd, &frame);
    expect_reply(fd, answer, type, 12, 0);
}

/* Nothing in a reply is left over from another one. */
START_TEST(equal_requests_get_equal_bytes)
{
    struct answer once, again, other;
    int fd = dial();

    ask(fd, _i, &once);
    for (int which = 0; which < N_VALID; which++) {
        ask(fd, which, &other);
        ask(fd, _i, &again);
        ck_assert_uint_eq(again.size, once.size);
        ck_assert_mem_eq(again.bytes, once.bytes, once.size);
    }
    close(fd);
}
END_TEST

/* So it is with errors, which come after whatever was put in the frame before. */
START_TEST(equal_errors_get_equal_bytes)
{
    struct answer once, again;
    struct frame frame;
    unsigned type;
    int fd = dial();

    for (uint32_t serial = 6; serial < 10; serial++) {
        int error = mixed_request(&frame, serial, &type);

        put_frame(fd, &frame);
        expect_reply(fd, &once, type, serial, error);
        for (int which = 0; which < N_VALID; which++) {
            ask(fd, which, &again);
            put_frame(fd, &frame);
            expect_reply(fd, &again, type, serial, error);
            ck_assert_uint_eq(again.size, once.size);
            ck_assert_mem_eq(again.bytes, once.bytes, once.size);
        }
    }
    close(fd);
}
END_TEST

void add_flow_cases(Suite *suite)
{
    TCase *cases = tcase_create("flow");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_test(cases, pipelined_requests_are_answered_in_order);
    tcase_add_test(cases, half_closed_with_requests_queued);
    tcase_add_test(cases, half_closed_before_it_was_accepted);
    tcase_add_test(cases, newcomers_have_their_share_of_a_full_turn);
    tcase_add_test(cases, batches_wait_for_the_reader);
    tcase_add_test(cases, a_reader_in_the_wrong_moment_is_not_forgotten);
    tcase_add_loop_test(cases, at_most_253_descriptors_are_unread, 0, (int)ARRAY_SIZE(unread));
    tcase_add_test(cases, those_who_never_read_stall_nobody);
    tcase_add_test(cases, the_reader_is_away_and_comes_back);
    tcase_add_test(cases, no_more_reading_then_requests);
    tcase_add_test(cases, no_more_reading_while_parked);
    tcase_add_test(cases, gone_while_parked);
    tcase_add_test(cases, gone_with_replies_unread);
    tcase_add_test(cases, the_last_sentence_finds_room);
    tcase_add_test(cases, what_was_sent_behind_a_bad_frame_is_read_away);
    tcase_add_loop_test(cases, equal_requests_get_equal_bytes, 0, N_VALID);
    tcase_add_test(cases, equal_errors_get_equal_bytes);
    suite_add_tcase(suite, cases);
}
