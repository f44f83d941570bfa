/* The request PROVE, on kernels that do not tell who is at the other end: when a proof is asked
 * for, and what is none. Nobody here is in a unit; who is in one is seen in tests/systemd. */
#include "tests/integration/frames.h"
#include "tests/trap.h"

#include <sys/socket.h>
#include <sys/wait.h>

#define NONCE_SIZE 16u

static const char config[] = "[queue:q]\n"
                             "receive = any\n"
                             "send = unit:shop-*.service\n"
                             "[queue:both]\n"
                             "use = user:0, unit:shop-*.service\n"
                             "[queue:theirs]\n"
                             "use = unit:shop-*.service\n";

static void set_up(void)
{
    const char *const arguments[] = {"--without", "peerpidfd", NULL};

    fixture_setup(&broker);
    fixture_configure(&broker, config);
    fixture_spawn(&broker, arguments);
    fixture_await_ready(&broker);
}

struct nonce {
    uint8_t bytes[NONCE_SIZE];
};

static void acquire_on(int fd, uint32_t serial, const char *name, unsigned access)
{
    struct frame frame;

    frame_acquire(&frame, serial, name, access);
    put_frame(fd, &frame);
}

/* The answer to SERIAL asks for a proof. */
static struct nonce expect_demand(int fd, unsigned type, uint32_t serial)
{
    struct answer answer;
    struct nonce nonce = {{0}};
    struct wire_field field;
    size_t n = 0;

    expect_reply(fd, &answer, type, serial, ENOKEY);
    assert_has(answer.sentence, "PROVE");
    while (wire_next(&answer.fields, &field) > 0) {
        if (field.type != WIRE_FIELD_NONCE)
            continue;
        ck_assert_uint_eq(field.size, sizeof nonce.bytes);
        memcpy(nonce.bytes, field.value, sizeof nonce.bytes);
        n++;
    }
    ck_assert_uint_eq(n, 1);
    return nonce;
}

static struct nonce be_asked(int fd)
{
    acquire_on(fd, 7, "theirs", WIRE_WRITE);
    return expect_demand(fd, WIRE_ACQUIRE, 7);
}

static void send_proof(int fd, const void *nonce, size_t size)
{
    struct frame frame;

    frame_begin(&frame, WIRE_PROVE, 8);
    wire_put(&frame.writer, WIRE_FIELD_NONCE, nonce, size);
    put_frame(fd, &frame);
}

static void expect_denied(int fd)
{
    struct answer answer;

    acquire_on(fd, 9, "theirs", WIRE_WRITE);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 9, EACCES);
}

START_TEST(a_proof_is_asked_for_once)
{
    struct answer answer;
    int fd = dial();
    struct nonce nonce = be_asked(fd);

    send_proof(fd, nonce.bytes, sizeof nonce.bytes);
    expect_reply(fd, &answer, WIRE_PROVE, 8, 0);
    ck_assert_uint_eq(answer.fields.left, 0);
    expect_denied(fd);
    send_proof(fd, nonce.bytes, sizeof nonce.bytes);
    expect_reply(fd, &answer, WIRE_PROVE, 8, EINVAL);
    close(fd);
}
END_TEST

START_TEST(another_nonce_is_no_proof)
{
    int fd = dial();
    struct answer answer;
    struct nonce nonce = be_asked(fd);

    nonce.bytes[_i % NONCE_SIZE] ^= 1;
    send_proof(fd, nonce.bytes, _i == NONCE_SIZE ? NONCE_SIZE - 1 : sizeof nonce.bytes);
    expect_reply(fd, &answer, WIRE_PROVE, 8, EACCES);
    expect_denied(fd); /* and is not asked again */
    close(fd);
}
END_TEST

START_TEST(another_process_is_no_proof)
{
    int fd = dial(), status;
    struct answer answer;
    struct nonce nonce = be_asked(fd);
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        send_proof(fd, nonce.bytes, sizeof nonce.bytes);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    expect_reply(fd, &answer, WIRE_PROVE, 8, EACCES);
    assert_has(answer.sentence, "another process than the one that connected");
    expect_denied(fd);
    close(fd);
}
END_TEST

START_TEST(nonces_are_different)
{
    int fds[2] = {dial(), dial()};
    struct nonce first = be_asked(fds[0]), second = be_asked(fds[1]);
    struct answer answer;

    ck_assert_mem_ne(first.bytes, second.bytes, sizeof first.bytes);
    send_proof(fds[1], first.bytes, sizeof first.bytes);
    expect_reply(fds[1], &answer, WIRE_PROVE, 8, EACCES);
    send_proof(fds[0], first.bytes, sizeof first.bytes);
    expect_reply(fds[0], &answer, WIRE_PROVE, 8, 0);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* All that are on their way get the same answer, and each can be sent again. */
START_TEST(requests_in_a_row)
{
    int fd = dial();
    struct answer answer;
    struct nonce first, second;

    freeze();
    acquire_on(fd, 1, "theirs", WIRE_WRITE);
    acquire_on(fd, 2, "q", WIRE_READ);
    acquire_on(fd, 3, "q", 0);
    thaw();
    first = expect_demand(fd, WIRE_ACQUIRE, 1);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 2, 0);
    second = expect_demand(fd, WIRE_ACQUIRE, 3);
    ck_assert_mem_eq(first.bytes, second.bytes, sizeof first.bytes);
    send_proof(fd, second.bytes, sizeof second.bytes);
    expect_reply(fd, &answer, WIRE_PROVE, 8, 0);
    acquire_on(fd, 3, "q", 0);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 3, 0);
    expect_denied(fd);
    close(fd);
}
END_TEST

/* Whoever is granted it anyway is not asked. */
START_TEST(what_no_unit_decides)
{
    int fd = dial();
    struct answer answer;

    acquire_on(fd, 1, "both", 0);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, 0);
    acquire_on(fd, 2, "q", WIRE_READ);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 2, 0);
    send_proof(fd, "", 0);
    expect_reply(fd, &answer, WIRE_PROVE, 8, EINVAL);
    close(fd);
}
END_TEST

START_TEST(other_requests_ask_too)
{
    static const unsigned types[] = {WIRE_LIST, WIRE_SHOW, WIRE_WHOAMI, WIRE_CAN};
    struct frame frame;
    int fd = dial();

    frame_begin(&frame, types[_i], 7);
    if (types[_i] == WIRE_SHOW || types[_i] == WIRE_CAN)
        wire_put_text(&frame.writer, WIRE_FIELD_NAME, "theirs");
    if (types[_i] == WIRE_CAN)
        wire_put_u32(&frame.writer, WIRE_FIELD_ACCESS, WIRE_WRITE);
    put_frame(fd, &frame);
    (void)expect_demand(fd, types[_i], 7);
    close(fd);
}
END_TEST

START_TEST(a_proof_without_a_nonce)
{
    int fd = dial();
    struct answer answer;
    struct frame frame;

    (void)be_asked(fd);
    frame_begin(&frame, WIRE_PROVE, 8);
    put_frame(fd, &frame);
    expect_reply(fd, &answer, WIRE_PROVE, 8, EBADMSG);
    expect_end(fd);
    close(fd);
}
END_TEST

/* What was opened to be sure of the process is closed. */
START_TEST(nothing_is_left_of_a_proof)
{
    size_t before = descriptors();
    struct answer answer;
    int silent, proving;
    struct nonce nonce;

    silent = dial();
    (void)be_asked(silent);
    proving = dial();
    nonce = be_asked(proving);
    send_proof(proving, nonce.bytes, sizeof nonce.bytes);
    expect_reply(proving, &answer, WIRE_PROVE, 8, 0);
    expect_denied(proving);
    close(silent);
    expect_descriptors(before + 1);
    close(proving);
    expect_descriptors(before);
}
END_TEST

/* The library does it by itself. */
START_TEST(the_library_proves)
{
    struct ipcb *b = connect_as(user(0));
    struct ipcb_facts *facts = NULL;

    close(acquire(b, "q", 0));
    ck_assert_int_eq(ipcb_acquire(b, "theirs", 0), -EACCES);
    assert_has(ipcb_message(b), "is granted nothing");
    ck_assert_int_eq(ipcb_whoami(b, &facts), 0);
    ck_assert_ptr_null(ipcb_facts_find(facts, "unit"));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

/* ---- where descriptors come in, too ---- */

static void set_up_without_both(void)
{
    broker.without = "passrights";
    set_up();
}

/* While he is asked, each frame comes with credentials: they are told from descriptors. */
START_TEST(descriptors_instead_of_a_proof)
{
    struct answer answer;
    int fd = dial();

    (void)be_asked(fd);
    acquire_on(fd, 9, "q", WIRE_READ);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 9, 0);
    ck_assert_int_eq(trap_send(fd, "x", 1, STDERR_FILENO, 1), 0);
    expect_refusal(fd, &answer, EPERM);
    assert_has(answer.sentence, "takes no descriptors");
    expect_end(fd);
    close(fd);
}
END_TEST

/* ---- how many may be asked ---- */

static void set_up_three(void)
{
    static char text[1024];
    const char *const arguments[] = {"--without", "peerpidfd", NULL};

    (void)snprintf(text, sizeof text, "[broker]\nmax_clients = 6\nmax_clients_per_user = 3\n%s",
                   config);
    fixture_setup(&broker);
    fixture_configure(&broker, text);
    fixture_spawn(&broker, arguments);
    fixture_await_ready(&broker);
}

static void expect_not_asked(int fd)
{
    struct answer answer;

    acquire_on(fd, 6, "theirs", WIRE_WRITE);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 6, EAGAIN);
    assert_has(answer.sentence, "too short of descriptors");
}

static void expect_full(int fd)
{
    struct answer answer;

    expect_refusal(fd, &answer, EBUSY);
    close(fd);
}

/* A demand that is not met takes a descriptor of the broker, and the place of a client of his. */
START_TEST(who_is_asked_and_stays_silent_takes_a_place_of_his_own)
{
    int first = dial_as(user(0)), second = dial_as(user(0)), other = dial_as(user(1));
    struct answer answer;
    struct nonce nonce;

    nonce = be_asked(first);
    expect_not_asked(second);
    expect_full(dial_as(user(0)));
    (void)be_asked(other);
    send_proof(first, nonce.bytes, sizeof nonce.bytes);
    expect_reply(first, &answer, WIRE_PROVE, 8, 0);
    (void)be_asked(second);
    close(second);
    expect_denied(first); /* the other's end is seen by now */
    second = dial_as(user(0));
    (void)be_asked(second);
    close(first);
    close(second);
    close(other);
}
END_TEST

/* And one of all. */
START_TEST(all_who_are_asked_and_stay_silent_have_no_more_places_than_clients)
{
    int fds[3];

    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = dial_as(user(i));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        (void)be_asked(fds[i]);
    expect_full(dial_as(user(3)));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
}
END_TEST

void add_proof_cases(Suite *suite)
{
    TCase *older = tcase_create("proof-older"), *three = tcase_create("proof-places");

    TCase *cases = tcase_create("proof");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, frames_teardown);
    tcase_add_test(cases, a_proof_is_asked_for_once);
    tcase_add_loop_test(cases, another_nonce_is_no_proof, 0, NONCE_SIZE + 1);
    tcase_add_test(cases, another_process_is_no_proof);
    tcase_add_test(cases, nonces_are_different);
    tcase_add_test(cases, requests_in_a_row);
    tcase_add_test(cases, what_no_unit_decides);
    tcase_add_loop_test(cases, other_requests_ask_too, 0, 4);
    tcase_add_test(cases, a_proof_without_a_nonce);
    tcase_add_test(cases, nothing_is_left_of_a_proof);
    tcase_add_test(cases, the_library_proves);
    suite_add_tcase(suite, cases);
    tcase_set_timeout(older, 120);
    tcase_add_checked_fixture(older, set_up_without_both, frames_teardown);
    tcase_add_test(older, a_proof_is_asked_for_once);
    tcase_add_test(older, another_process_is_no_proof);
    tcase_add_test(older, requests_in_a_row);
    tcase_add_test(older, nothing_is_left_of_a_proof);
    tcase_add_test(older, descriptors_instead_of_a_proof);
    tcase_add_test(older, the_library_proves);
    suite_add_tcase(suite, older);
    tcase_set_timeout(three, 120);
    tcase_add_checked_fixture(three, set_up_three, frames_teardown);
    tcase_add_test(three, who_is_asked_and_stays_silent_takes_a_place_of_his_own);
    tcase_add_test(three, all_who_are_asked_and_stay_silent_have_no_more_places_than_clients);
    suite_add_tcase(suite, three);
}
