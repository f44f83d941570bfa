/* The requests AWAIT and CANCEL, field by field. That an await ends when its name is declared is
 * tested with reloads. */
#include "tests/integration/frames.h"

#include <errno.h>

#define MOST 16 /* that wait, a connection */

static void put_await(int fd, uint32_t serial, const char *name)
{
    struct frame frame;

    frame_begin(&frame, WIRE_AWAIT, serial);
    wire_put_text(&frame.writer, WIRE_FIELD_NAME | WIRE_CRITICAL, name);
    put_frame(fd, &frame);
}

static void put_cancel(int fd, uint32_t serial, uint32_t which)
{
    struct frame frame;

    frame_begin(&frame, WIRE_CANCEL, serial);
    wire_put_u32(&frame.writer, WIRE_FIELD_SERIAL | WIRE_CRITICAL, which);
    put_frame(fd, &frame);
}

START_TEST(what_is_declared_is_answered_at_once)
{
    static const char *const names[] = {"q", "/e", "secret"}; /* a grant is not asked for */
    struct answer answer;
    int fd = dial();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        put_await(fd, 7, names[i]);
        expect_reply(fd, &answer, WIRE_AWAIT, 7, 0);
    }
    close(fd);
}
END_TEST

START_TEST(others_are_answered_while_one_waits)
{
    struct answer answer;
    int fd = dial();

    for (uint32_t i = 1; i <= MOST; i++)
        put_await(fd, i, "nothing");
    expect_alive(fd);
    put_await(fd, 99, "nothing");
    expect_reply(fd, &answer, WIRE_AWAIT, 99, EBUSY);
    put_await(fd, 98, "q"); /* waits for nothing */
    expect_reply(fd, &answer, WIRE_AWAIT, 98, 0);
    expect_alive(fd);
    close(fd);
    expect_service();
}
END_TEST

/* The cancelled one is answered, and the cancel; there is room again. */
START_TEST(a_cancel_ends_just_that_one)
{
    struct answer answer;
    int fd = dial();

    for (uint32_t i = 1; i <= MOST; i++)
        put_await(fd, i, "nothing");
    for (uint32_t i = MOST; i >= 1; i--) {
        put_cancel(fd, 100 + i, i);
        expect_reply(fd, &answer, WIRE_CANCEL, 100 + i, 0);
        expect_reply(fd, &answer, WIRE_AWAIT, i, ECANCELED);
        ck_assert_str_ne(answer.sentence, "");
        put_cancel(fd, 200, i);
        expect_reply(fd, &answer, WIRE_CANCEL, 200, ENOENT);
    }
    for (uint32_t i = 1; i <= MOST; i++)
        put_await(fd, i, "nothing");
    expect_alive(fd);
    close(fd);
}
END_TEST

START_TEST(nobody_cancels_for_another)
{
    struct answer answer;
    int mine = dial(), theirs = dial();

    put_await(mine, 5, "nothing");
    expect_alive(mine);
    put_cancel(theirs, 6, 5);
    expect_reply(theirs, &answer, WIRE_CANCEL, 6, ENOENT);
    put_cancel(mine, 6, 5);
    expect_reply(mine, &answer, WIRE_CANCEL, 6, 0);
    expect_reply(mine, &answer, WIRE_AWAIT, 5, ECANCELED);
    close(mine);
    close(theirs);
}
END_TEST

START_TEST(what_is_wrong_with_one)
{
    static const struct {
        const char *name; /* NULL: no field */
        int error;
    } wrong[] = {{NULL, EBADMSG}, {"", EINVAL}, {"-x", EINVAL}, {"a@1", EINVAL}};
    struct answer answer;
    struct frame frame;
    int fd;

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        fd = dial();
        frame_begin(&frame, WIRE_AWAIT, 3);
        if (wrong[i].name)
            wire_put_text(&frame.writer, WIRE_FIELD_NAME, wrong[i].name);
        put_frame(fd, &frame);
        expect_reply(fd, &answer, WIRE_AWAIT, 3, wrong[i].error);
        close(fd);
    }
    fd = dial();
    frame_begin(&frame, WIRE_CANCEL, 3);
    wire_put(&frame.writer, WIRE_FIELD_SERIAL, "123", 3);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_CANCEL, 3, EBADMSG);
    expect_end(fd);
    close(fd);
}
END_TEST

/* Whoever waits and goes leaves nothing behind. */
START_TEST(who_waits_and_goes_is_forgotten)
{
    size_t before = descriptors();

    for (int i = 0; i < load(400); i++) {
        int fd = dial();

        put_await(fd, 1, "nothing");
        put_await(fd, 2, "nothing");
        if (i % 2)
            expect_alive(fd);
        close(fd);
    }
    expect_descriptors(before);
}
END_TEST

/* ---- events ---- */

static void replace_queue(const char *name)
{
    struct ipcb *admin;
    struct ipcb_facts *facts;

    ck_assert_int_eq(ipcb_new(&admin, broker.admin), 0);
    ck_assert_msg(ipcb_replace(admin, name, &facts) == 0, "%s", ipcb_message(admin));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(admin);
}

static void ask_status(int fd)
{
    struct frame frame;

    frame_begin(&frame, WIRE_STATUS, 1);
    put_frame(fd, &frame);
}

/* Is let in, and asks for nothing by which the broker would learn his groups. */
static int come_in(struct who who)
{
    struct answer answer;
    int fd = dial_as(who);

    ask_status(fd);
    expect_reply(fd, &answer, WIRE_STATUS, 1, 0);
    return fd;
}

/* A member of the group is told; who is in no such unit is not. */
START_TEST(a_replacement_is_told_to_those_who_may)
{
    const gid_t group = user(3).gid;
    struct who member = user(0);
    struct answer answer;
    struct wire_field field;
    int fds[2];

    member.groups = &group;
    member.n_groups = 1;
    serve("[broker]\nobserve =\n[queue:orders]\nuse = group:$C3, unit:nobody-*.service\n");
    fds[0] = come_in(member);
    fds[1] = come_in(user(1));
    replace_queue("orders");
    ask_status(fds[0]);
    ck_assert(get_answer(fds[0], &answer)); /* before that of his question */
    ck_assert_uint_eq(answer.header.type, WIRE_EVENT);
    ck_assert_int_gt(wire_next(&answer.fields, &field), 0);
    ck_assert_uint_eq(field.type, WIRE_FIELD_REPLACED);
    ck_assert_uint_eq(field.size, strlen("orders"));
    ck_assert_int_eq(memcmp(field.value, "orders", field.size), 0);
    expect_reply(fds[0], &answer, WIRE_STATUS, 1, 0);
    expect_alive(fds[1]); /* the next that comes is the answer to this */
    close(fds[0]);
    close(fds[1]);
}
END_TEST

void add_await_cases(Suite *suite)
{
    TCase *cases = tcase_create("await");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_test(cases, what_is_declared_is_answered_at_once);
    tcase_add_test(cases, others_are_answered_while_one_waits);
    tcase_add_test(cases, a_cancel_ends_just_that_one);
    tcase_add_test(cases, nobody_cancels_for_another);
    tcase_add_test(cases, what_is_wrong_with_one);
    tcase_add_test(cases, who_waits_and_goes_is_forgotten);
    suite_add_tcase(suite, cases);
    cases = broker_case("events");
    tcase_add_test(cases, a_replacement_is_told_to_those_who_may);
    suite_add_tcase(suite, cases);
}
