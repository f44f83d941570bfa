/* The requests CAN and CONFIG, field by field: what is malformed, what is refused, and that nobody
 * notices. */
#include "tests/integration/frames.h"

#include <errno.h>

#define NO 0x10000u /* no number: the field does not come */

/* Numbers of root's own, who asks, and of somebody else. */
static const struct {
    const char *name; /* NULL: the field does not come */
    uint32_t access, uid, gid, groups_size;
    int error; /* at the main socket */
    int admin; /* at the admin one */
} questions[] = {
    {"q", WIRE_WRITE, NO, NO, NO, 0, 0},
    {"q", WIRE_USE, 0, 0, NO, 0, 0},
    {"q", WIRE_USE, 0, 7, 8, 0, 0},
    {"q", WIRE_USE, 0, 7, 0, 0, 0},
    {"q", WIRE_USE, 7, 0, NO, EACCES, 0},
    {"q", WIRE_USE, WIRE_NOBODY, WIRE_NOBODY, NO, EACCES, 0},
    {"q", WIRE_USE, 7, 7, 60000, EACCES, 0},
    {NULL, WIRE_USE, NO, NO, NO, EBADMSG, EBADMSG},
    {"q", NO, NO, NO, NO, EBADMSG, EBADMSG},
    {"q", WIRE_USE, 0, NO, NO, EBADMSG, EBADMSG},
    {"q", WIRE_USE, NO, 0, NO, EBADMSG, EBADMSG},
    {"q", WIRE_USE, NO, NO, 4, EBADMSG, EBADMSG},
    {"q", WIRE_USE, 0, NO, 4, EBADMSG, EBADMSG},
    {"q", WIRE_USE, 0, 0, 1, EBADMSG, EBADMSG},
    {"q", WIRE_USE, 0, 0, 7, EBADMSG, EBADMSG},
    {"q", 0, NO, NO, NO, EINVAL, EINVAL},
    {"q", WIRE_USE + 1, NO, NO, NO, EINVAL, EINVAL},
    {"q", UINT32_MAX, NO, NO, NO, EINVAL, EINVAL},
    {"e", WIRE_READ, NO, NO, NO, EINVAL, EINVAL},
    {"", WIRE_READ, NO, NO, NO, EINVAL, EINVAL},
    {"q\n", WIRE_READ, NO, NO, NO, EINVAL, EINVAL},
    {"nothing", WIRE_READ, NO, NO, NO, ENOENT, ENOENT},
};

static void put_number(struct frame *frame, unsigned type, uint32_t number)
{
    if (number != NO)
        wire_put_u32(&frame->writer, type | WIRE_CRITICAL, number);
}

/* The frame of question I. */
static void make_question(struct frame *frame, int i)
{
    static const uint8_t groups[60000];

    frame_begin(frame, WIRE_CAN, 9);
    if (questions[i].name)
        wire_put_text(&frame->writer, WIRE_FIELD_NAME, questions[i].name);
    put_number(frame, WIRE_FIELD_ACCESS, questions[i].access);
    put_number(frame, WIRE_FIELD_UID, questions[i].uid);
    put_number(frame, WIRE_FIELD_GID, questions[i].gid);
    if (questions[i].groups_size != NO)
        wire_put(&frame->writer, WIRE_FIELD_GROUPS, groups, questions[i].groups_size);
}

static void expect_answer(int fd, const struct frame *frame, int error)
{
    struct answer answer;

    put_frame(fd, frame);
    expect_reply(fd, &answer, WIRE_CAN, 9, error);
    ck_assert_uint_eq(answer.n_fds, 0);
    if (error == EBADMSG)
        expect_end(fd);
    else
        expect_alive(fd);
    close(fd);
}

START_TEST(every_question_has_its_answer)
{
    struct frame frame;
    int fd = raw_connect(broker.admin);

    ck_assert_int_ge(fd, 0);
    make_question(&frame, _i);
    expect_answer(fd, &frame, questions[_i].admin);
    expect_answer(dial(), &frame, questions[_i].error);
    expect_service();
}
END_TEST

/* Fields that are there once may not come again, nor be of another size. */
static const unsigned types[] = {WIRE_FIELD_NAME, WIRE_FIELD_ACCESS, WIRE_FIELD_UID, WIRE_FIELD_GID,
                                 WIRE_FIELD_GROUPS};

START_TEST(a_field_that_comes_twice)
{
    struct frame frame;

    make_question(&frame, 2);
    expect_answer(dial(), &frame, 0);
    make_question(&frame, 2);
    wire_put(&frame.writer, types[_i], "\1\0\0\0", 4);
    expect_answer(dial(), &frame, EBADMSG);
}
END_TEST

START_TEST(a_number_of_another_size)
{
    struct frame frame;

    for (size_t size = 0; size <= 8; size++) {
        frame_begin(&frame, WIRE_CAN, 9);
        wire_put_text(&frame.writer, WIRE_FIELD_NAME, "q");
        for (unsigned type = WIRE_FIELD_ACCESS; type <= WIRE_FIELD_GID; type++)
            wire_put(&frame.writer, type, "\1\0\0\0\0\0\0\0",
                     type == WIRE_FIELD_ACCESS + (unsigned)_i ? size : 4);
        expect_answer(dial(), &frame, size == 4 ? EACCES : EBADMSG);
    }
}
END_TEST

/* ---- CONFIG ---- */

/* Asks at the admin socket for the page of a cursor. */
static void ask_for_page(const void *cursor, size_t size, int error)
{
    struct answer answer;
    struct frame frame;
    int fd = raw_connect(broker.admin);

    ck_assert_int_ge(fd, 0);
    frame_begin(&frame, WIRE_CONFIG, 9);
    wire_put(&frame.writer, WIRE_FIELD_CURSOR, cursor, size);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_CONFIG, 9, error);
    expect_alive(fd);
    close(fd);
}

START_TEST(a_cursor_of_no_page)
{
    static const uint8_t cursor[9] = {0};

    for (size_t size = 0; size <= sizeof cursor; size++)
        ask_for_page(cursor, size, size == 8 ? 0 : EINVAL);
    ask_for_page("\5\0\0\0\xff\xff\xff\xff", 8, 0); /* behind the last line of the last object */
    ask_for_page("\6\0\0\0\0\0\0\0", 8, EINVAL);
    ask_for_page("\xff\xff\xff\xff\0\0\0\0", 8, EINVAL);
}
END_TEST

/* Not even to root, at the main socket. */
START_TEST(the_configuration_is_not_for_everybody)
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, WIRE_CONFIG, 9);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_CONFIG, 9, EACCES);
    expect_alive(fd);
    close(fd);
}
END_TEST

void add_can_cases(Suite *suite)
{
    TCase *cases = tcase_create("can");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_loop_test(cases, every_question_has_its_answer, 0, (int)ARRAY_SIZE(questions));
    tcase_add_loop_test(cases, a_field_that_comes_twice, 0, (int)ARRAY_SIZE(types));
    tcase_add_loop_test(cases, a_number_of_another_size, 0, 3);
    tcase_add_test(cases, a_cursor_of_no_page);
    tcase_add_test(cases, the_configuration_is_not_for_everybody);
    suite_add_tcase(suite, cases);
}
