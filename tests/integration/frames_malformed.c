/* Frames that are none, and whole headers that are no request's: one error, then the end, and
 * nobody else notices. */
#include "tests/integration/frames.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- cut short ---- */

static unsigned count_fields(const uint8_t *bytes, size_t size, bool *whole)
{
    struct wire_reader fields = {bytes, size};
    struct wire_field field;
    unsigned n = 0;
    int r;

    while ((r = wire_next(&fields, &field)) > 0)
        n++;
    *whole = r == 0;
    return n;
}

/* A request that is cut where a field ends is a smaller request. */
static int expected_error(const struct frame *frame, size_t size, unsigned type)
{
    bool whole;
    unsigned n = count_fields(frame->bytes + WIRE_HEADER_SIZE, size - WIRE_HEADER_SIZE, &whole);

    if (!whole || (n == 0 && (type == WIRE_ACQUIRE || type == WIRE_SHOW)) ||
        (n < 2 && type == WIRE_CAN))
        return EBADMSG;
    return 0;
}

START_TEST(every_prefix)
{
    struct answer answer;
    struct frame frame;
    unsigned type = valid_request(_i, &frame, 77);

    for (size_t size = 1; size <= frame.writer.size; size++) {
        int fd = dial();
        int error = size < WIRE_HEADER_SIZE ? EBADMSG : expected_error(&frame, size, type);

        put_bytes(fd, frame.bytes, size);
        if (size < WIRE_HEADER_SIZE)
            expect_refusal(fd, &answer, EBADMSG);
        else
            expect_reply(fd, &answer, type, 77, error);
        if (error)
            expect_end(fd);
        else
            expect_alive(fd);
        close(fd);
    }
    expect_service();
}
END_TEST

/* Bytes behind a request that are no field: too few, or with a length that leads out of the frame.
 */
static const struct {
    uint8_t bytes[8];
    size_t size;
} tails[] = {
    {{0}, 1},
    {{0x99, 0x7f}, 2},
    {{0x99, 0x7f, 0}, 3},
    {{0x99, 0x7f, 1, 0}, 4},
    {{0x99, 0x7f, 0xff, 0xff, 1, 2, 3, 4}, 8},
};

START_TEST(bytes_behind_that_are_no_field)
{
    struct answer answer;
    struct frame frame;

    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        unsigned type = valid_request(_i, &frame, 5);
        int fd = dial();

        memcpy(frame.bytes + frame.writer.size, tails[i].bytes, tails[i].size);
        put_bytes(fd, frame.bytes, frame.writer.size + tails[i].size);
        expect_reply(fd, &answer, type, 5, EBADMSG);
        expect_end(fd);
        close(fd);
    }
}
END_TEST

/* ---- empty, and too long ---- */

START_TEST(an_empty_packet)
{
    struct answer answer;
    int fd = dial();

    put_bytes(fd, "", 0);
    expect_refusal(fd, &answer, EBADMSG);
    expect_end(fd);
    close(fd);
    expect_service();
}
END_TEST

/* It cannot be told from the end any more. */
START_TEST(an_empty_packet_and_the_end)
{
    size_t before = descriptors();
    int fd = dial();

    expect_alive(fd);
    freeze();
    put_bytes(fd, "", 0);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    thaw();
    expect_end(fd);
    expect_descriptors(before);
    close(fd);
}
END_TEST

/* An unknown field fills the frame. */
static void fill_up(struct frame *frame, size_t size)
{
    static const uint8_t zeros[WIRE_REQUEST_MAX];

    wire_put(&frame->writer, 0x7abc, zeros, size - frame->writer.size - 4);
    ck_assert_uint_eq(frame->writer.size, size);
}

START_TEST(the_longest_frame)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 9, "q", WIRE_READ);
    fill_up(&frame, WIRE_REQUEST_MAX);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 9, 0);
    ck_assert_uint_eq(answer.n_fds, 1);
    expect_alive(fd);
    close(fd);
}
END_TEST

/* Whether the kernel takes a packet of that size at all. */
static bool put_large(int fd, size_t size)
{
    int most = 4 * 1024 * 1024;
    uint8_t *bytes = calloc(1, size);
    ssize_t r;

    ck_assert_ptr_nonnull(bytes);
    bytes[0] = WIRE_VERSION;
    bytes[1] = WIRE_STATUS;
    bytes[4] = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof most);
    r = send(fd, bytes, size, MSG_NOSIGNAL);
    ck_assert(r == (ssize_t)size || errno == EMSGSIZE || errno == ENOBUFS);
    free(bytes);
    return r >= 0;
}

static const size_t too_long[] = {65537, 65548, 100000, 200000, 1000000, 3000000};

START_TEST(over_64_kib)
{
    struct answer answer;
    int fd = dial();

    if (put_large(fd, too_long[_i])) {
        expect_refusal(fd, &answer, EBADMSG);
        assert_has(answer.sentence, "65536");
        expect_end(fd);
    } else {
        ck_assert_uint_gt(too_long[_i], 200000); /* these fit everybody's SO_SNDBUF */
    }
    close(fd);
    expect_service();
}
END_TEST

START_TEST(over_64_kib_again_and_again_costs_nothing)
{
    uint64_t before = 0;
    struct answer answer;

    for (int i = 0; i < 400; i++) {
        int fd = dial();

        if (i == 100)
            before = resident();
        ck_assert(put_large(fd, 200000));
        expect_refusal(fd, &answer, EBADMSG);
        close(fd);
    }
    /* 300 of them are 58,593 KiB; a sanitizer keeps freed memory for a while */
    ck_assert_uint_le(resident(), before + (memory_is_inflated() ? 32768 : 512));
}
END_TEST

/* ---- headers ---- */

static const struct wire_header bad_headers[] = {
    {1, WIRE_STATUS, WIRE_REPLY, 1, 0},
    {1, WIRE_STATUS, 0, 0, 0},
    {1, WIRE_STATUS, 0, 1, 1},
    {1, WIRE_STATUS, 0, 1, 0x80000000u},
    {1, WIRE_STATUS, 2, 1, 0},
    {1, WIRE_STATUS, 0x8000, 1, 0},
    {1, WIRE_STATUS, 0xffff, 1, 0},
    {1, WIRE_ACQUIRE, WIRE_REPLY, 0, 13},
    {1, 200, 4, 1, 0},
    {1, 200, 0, 0, 0},
};

START_TEST(no_header_of_a_request)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    wire_writer_init(&frame.writer, frame.bytes, sizeof frame.bytes);
    wire_put_header(&frame.writer, &bad_headers[_i]);
    put_frame(fd, &frame);
    expect_refusal(fd, &answer, EBADMSG);
    expect_end(fd);
    close(fd);
    expect_service();
}
END_TEST

/* What comes behind a bad frame is not answered. */
START_TEST(nothing_is_answered_behind_a_bad_frame)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    expect_alive(fd);
    freeze();
    valid_request(5, &frame, 1);
    put_frame(fd, &frame);
    put_bytes(fd, "nonsense", 8);
    for (uint32_t serial = 2; serial < 40; serial++) {
        valid_request(5, &frame, serial);
        put_frame(fd, &frame);
    }
    thaw();
    expect_reply(fd, &answer, WIRE_WHOAMI, 1, 0);
    expect_refusal(fd, &answer, EBADMSG);
    expect_end(fd);
    close(fd);
}
END_TEST

/* ---- versions and types ---- */

/* Nothing behind the serial of another version is known, so nothing of it can be wrong. */
static const struct wire_header other_versions[] = {
    {0, WIRE_ACQUIRE, 0, 1, 0}, {2, WIRE_ACQUIRE, 0, 0x01020304, 0},
    {3, WIRE_LIST, 0, 1, 7},    {127, 99, 0xfff0, 0xffffffff, 0},
    {2, 255, 0, 1, 0},          {255, WIRE_STATUS, WIRE_REPLY, 9, 0xffffffff},
};

START_TEST(another_version)
{
    const struct wire_header *header = &other_versions[_i];
    struct answer answer;
    struct frame frame;
    int fd = dial();

    wire_writer_init(&frame.writer, frame.bytes, sizeof frame.bytes);
    wire_put_header(&frame.writer, header);
    memcpy(frame.bytes + frame.writer.size, "\1\2\3", 3);
    put_bytes(fd, frame.bytes, frame.writer.size + 3);
    expect_reply(fd, &answer, header->type, header->serial, EPROTONOSUPPORT);
    assert_has(answer.sentence, "version 1");
    expect_alive(fd);
    close(fd);
}
END_TEST

START_TEST(every_type)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    for (unsigned type = WIRE_PROVE + 1; type < 256; type++) {
        frame_begin(&frame, type, type);
        frame_item(&frame, "q", 1, WIRE_WRITE, 0, 0);
        put_frame(fd, &frame);
        expect_reply(fd, &answer, type, type,
                     type >= WIRE_ADMIN_TYPES && type <= WIRE_PURGE ? EACCES : ENOSYS);
        expect_alive(fd);
    }
    close(fd);
}
END_TEST

/* Of all types this one alone is that of frames which answer nothing. */
START_TEST(type_0)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, WIRE_EVENT, 3);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_EVENT, 3, ENOSYS);
    expect_alive(fd);
    close(fd);
}
END_TEST

void add_malformed_cases(Suite *suite)
{
    TCase *cases = tcase_create("malformed");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_loop_test(cases, every_prefix, 0, N_VALID);
    tcase_add_loop_test(cases, bytes_behind_that_are_no_field, 0, N_VALID);
    tcase_add_test(cases, an_empty_packet);
    tcase_add_test(cases, an_empty_packet_and_the_end);
    tcase_add_test(cases, the_longest_frame);
    tcase_add_loop_test(cases, over_64_kib, 0, (int)ARRAY_SIZE(too_long));
    tcase_add_test(cases, over_64_kib_again_and_again_costs_nothing);
    tcase_add_loop_test(cases, no_header_of_a_request, 0, (int)ARRAY_SIZE(bad_headers));
    tcase_add_test(cases, nothing_is_answered_behind_a_bad_frame);
    tcase_add_loop_test(cases, another_version, 0, (int)ARRAY_SIZE(other_versions));
    tcase_add_test(cases, every_type);
    tcase_add_test(cases, type_0);
    suite_add_tcase(suite, cases);
}
