/* The proof that the library gives by itself when a broker asks who it is. */
#include "tests/unit/client_cases.h"
#include "tests/unit/client_told.h"

#include <string.h>

static const uint8_t nonce[16] = "0123456789abcde";

static void demand(int fd, const struct fake_request *request, bool with_nonce)
{
    struct wire_writer reply;

    fake_begin(&reply, request, ENOKEY);
    if (with_nonce)
        wire_put(&reply, WIRE_FIELD_NONCE, nonce, sizeof nonce);
    fake_send(fd, &reply, NULL, 0);
}

/* The next request is the proof, with the nonce as it was sent; it is answered by STATUS. */
static void take_proof(int fd, int status)
{
    static struct fake_request proof;
    struct wire_writer reply;
    struct wire_field field;

    FAKE_EXPECT(fake_receive(fd, &proof));
    FAKE_EXPECT(proof.header.type == WIRE_PROVE);
    FAKE_EXPECT(wire_next(&proof.fields, &field) > 0 && field.type == WIRE_FIELD_NONCE);
    FAKE_EXPECT(field.size == sizeof nonce && memcmp(field.value, nonce, sizeof nonce) == 0);
    FAKE_EXPECT(wire_next(&proof.fields, &field) == 0);
    fake_begin(&reply, &proof, status);
    fake_send(fd, &reply, NULL, 0);
}

static void ask_then_answer(int listener, int status)
{
    static struct fake_request first, again;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &first));
    demand(fd, &first, true);
    take_proof(fd, status);
    FAKE_EXPECT(fake_receive(fd, &again));
    FAKE_EXPECT(again.header.type == first.header.type);
    FAKE_EXPECT(again.header.serial != 0);
    FAKE_EXPECT(again.fields.left == first.fields.left);
    answer(fd, &again);
    fake_await_close(fd);
}

static void serve_asking(int listener)
{
    ask_then_answer(listener, 0);
}

/* What came of it the next answer tells, which may well be good: other grants may decide. */
static void serve_not_believing(int listener)
{
    ask_then_answer(listener, EACCES);
}

static void (*const asking[])(int listener) = {serve_asking, serve_not_believing};

START_TEST(it_is_given_and_the_request_sent_again)
{
    size_t before = count_descriptors();
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, asking[_i]);
    b = connect_to(&fake);
    ck_assert_uint_eq(acquire_number(b, 5), 5);
    (void)ipcb_free(b);
    fake_stop(&fake);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(also_for_those_who_are_told_later)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, asking[_i]);
    b = connect_to(&fake);
    (void)ask(b, 5);
    run_until_told(b, 1);
    ck_assert_int_eq(told[0].r, 0);
    ck_assert_uint_eq(told[0].number, 5);
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* Both are asked, both prove, and both get what they asked for. */
static void serve_two_asking(int listener)
{
    static struct fake_request requests[2];
    int fd = fake_accept(listener);

    for (int i = 0; i < 2; i++)
        FAKE_EXPECT(fake_receive(fd, &requests[i]));
    demand(fd, &requests[0], true);
    take_proof(fd, 0);
    FAKE_EXPECT(fake_receive(fd, &requests[0]));
    demand(fd, &requests[1], true);
    take_proof(fd, EINVAL);
    FAKE_EXPECT(fake_receive(fd, &requests[1]));
    answer(fd, &requests[1]);
    answer(fd, &requests[0]);
    fake_await_close(fd);
}

START_TEST(several_at_once)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, serve_two_asking);
    b = connect_to(&fake);
    (void)ask(b, 1);
    (void)ask(b, 2);
    run_until_told(b, 2);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(told[i].r, 0);
        ck_assert_uint_eq(told[i].number, told[i].asked);
    }
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

/* It proves once, and is no tool of a broker that asks for ever. */
static void serve_never_content(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    demand(fd, &request, true);
    take_proof(fd, 0);
    FAKE_EXPECT(fake_receive(fd, &request));
    demand(fd, &request, true);
    fake_await_close(fd);
}

static void serve_without_nonce(int listener)
{
    static struct fake_request request;
    int fd = fake_accept(listener);

    FAKE_EXPECT(fake_receive(fd, &request));
    demand(fd, &request, false);
    fake_await_close(fd);
}

static void (*const discontent[])(int listener) = {serve_never_content, serve_without_nonce};

START_TEST(no_more_than_once)
{
    struct fake fake;
    struct ipcb *b;

    fake_start(&fake, discontent[_i]);
    b = connect_to(&fake);
    ck_assert_int_eq(ipcb_acquire(b, "5", 0), -EAGAIN);
    ck_assert_says(b, "could not make sure of the unit");
    (void)ipcb_free(b);
    fake_stop(&fake);
}
END_TEST

TCase *proof_cases(void)
{
    TCase *cases = tcase_create("proof");

    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, it_is_given_and_the_request_sent_again, 0, 2);
    tcase_add_loop_test(cases, also_for_those_who_are_told_later, 0, 2);
    tcase_add_test(cases, several_at_once);
    tcase_add_loop_test(cases, no_more_than_once, 0, 2);
    return cases;
}
