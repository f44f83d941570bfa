/* What no client of ours would send: descriptors, false papers, noise. */
#include "tests/integration/frames.h"
#include "tests/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- control messages ---- */

/* Without SO_PASSRIGHTS, or on kernels that do not have it, they come as far as the broker. */
static bool kernel_refuses(void)
{
    return trap_is_refused_by_kernel() && !broker.without;
}

static int send_descriptors(int fd, const void *bytes, size_t size, size_t n)
{
    return trap_send(fd, bytes, size, STDERR_FILENO, n);
}

/* What came with descriptors is not answered, and its sender is closed. */
static void expect_thrown_out(int fd)
{
    struct answer answer;
    char byte;

    (void)recv(fd, &byte, 0, MSG_PEEK); /* takes the reset that may come before what is said */
    expect_refusal(fd, &answer, EPERM);
    assert_has(answer.sentence, "takes no descriptors");
    expect_end(fd);
    close(fd);
}

static const size_t amounts[] = {1, 2, 253};

/* The next is somebody else, since the broker may have been held up by what came, as it finds. */
START_TEST(descriptors_sent_to_the_broker)
{
    size_t before = descriptors();
    struct frame frame;
    int fd = dial_as(user(0));

    expect_alive(fd);
    frame_acquire(&frame, 2, "q", WIRE_WRITE);
    for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
        int r = send_descriptors(fd, frame.bytes, frame.writer.size, amounts[i]);

        ck_assert_int_eq(r, kernel_refuses() ? -EPERM : 0);
        if (r == 0) {
            expect_thrown_out(fd);
            fd = dial_as(user((unsigned)i + 1));
        }
        expect_alive(fd);
        ck_assert_uint_eq(count_descriptors(broker.broker), before + 1);
    }
    close(fd);
    expect_descriptors(before);
}
END_TEST

/* He waits in the backlog: nobody has said no to him yet but the listener. */
START_TEST(descriptors_sent_before_the_accept)
{
    size_t before = descriptors();
    struct frame frame;
    int fd, r;

    freeze();
    fd = dial_as(user(0));
    valid_request(5, &frame, 2);
    r = send_descriptors(fd, frame.bytes, frame.writer.size, 100);
    thaw();
    ck_assert_int_eq(r, kernel_refuses() ? -EPERM : 0);
    if (r == 0) {
        expect_thrown_out(fd);
        fd = dial();
    }
    expect_alive(fd);
    ck_assert_uint_eq(count_descriptors(broker.broker), before + 1);
    close(fd);
}
END_TEST

START_TEST(descriptors_with_an_empty_packet)
{
    size_t before = descriptors();
    int fd = dial_as(user(0));

    expect_alive(fd);
    if (kernel_refuses()) {
        ck_assert_int_eq(send_descriptors(fd, "", 0, 5), -EPERM);
        expect_alive(fd);
        close(fd);
    } else {
        ck_assert_int_eq(send_descriptors(fd, "", 0, 5), 0);
        expect_thrown_out(fd);
    }
    expect_descriptors(before);
}
END_TEST

static int send_papers(int fd, const struct frame *frame, struct ucred papers)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)frame->bytes, frame->writer.size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_CREDENTIALS;
    control.align.cmsg_len = CMSG_LEN(sizeof papers);
    memcpy(CMSG_DATA(&control.align), &papers, sizeof papers);
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Root may say that he is anybody: the broker does not listen. */
START_TEST(credentials_that_are_sent_are_ignored)
{
    struct ucred papers = {getpid(), broker.client_uid + 7, broker.client_uid + 7};
    struct answer answer;
    struct frame frame;
    int fd = dial();

    frame_acquire(&frame, 1, "secret", WIRE_WRITE);
    ck_assert_int_eq(send_papers(fd, &frame, papers), 0);
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, EACCES);
    assert_has(answer.sentence, "uid 0 ");
    expect_alive(fd);
    close(fd);
}
END_TEST

/* ---- another kind of socket ---- */

static int dial_with(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), r;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", broker.socket);
    r = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    close(fd);
    return r;
}

START_TEST(another_type_of_socket)
{
    ck_assert_int_eq(dial_with(SOCK_STREAM), -EPROTOTYPE);
    ck_assert_int_eq(dial_with(SOCK_DGRAM), -EPROTOTYPE);
    ck_assert_int_eq(dial_with(SOCK_SEQPACKET), 0);
    expect_service();
}
END_TEST

START_TEST(urgent_data)
{
    int fd = dial();

    ck_assert_int_eq(send(fd, "x", 1, MSG_OOB | MSG_NOSIGNAL), -1);
    ck_assert_int_eq(errno, EOPNOTSUPP);
    expect_alive(fd);
    close(fd);
}
END_TEST

/* ---- noise ---- */

/* xorshift64: the same noise at each run. */
static uint64_t noise_state;

static uint64_t noise(void)
{
    noise_state ^= noise_state << 13;
    noise_state ^= noise_state >> 7;
    noise_state ^= noise_state << 17;
    return noise_state;
}

static size_t pure_noise(struct frame *frame)
{
    size_t size = 1 + noise() % (noise() % 50 ? 300 : sizeof frame->bytes);

    for (size_t i = 0; i < size; i++)
        frame->bytes[i] = (uint8_t)noise();
    if (noise() % 2) {
        frame->bytes[0] = WIRE_VERSION;
        memset(frame->bytes + 2, 0, size > 2 ? (size < 12 ? size - 2 : 10) : 0);
    }
    return size;
}

/* A good request with some bytes changed, and longer or shorter. */
static size_t bent_request(struct frame *frame)
{
    size_t size;

    (void)valid_request((int)(noise() % N_VALID), frame, (uint32_t)noise());
    for (uint64_t n = noise() % 4; n > 0; n--)
        wire_put(&frame->writer, (unsigned)(noise() % 12 | (noise() % 8 ? 0 : WIRE_CRITICAL)),
                 "0123456789abcdef", noise() % 17);
    size = frame->writer.size;
    for (uint64_t n = noise() % 4; n > 0; n--)
        frame->bytes[noise() % size] = (uint8_t)noise();
    return noise() % 8 ? size : 1 + noise() % size;
}

/* One frame gets one answer; whether the connection lives after it is what the answer says. */
START_TEST(noise_is_answered_and_harms_nobody)
{
    size_t before = descriptors();
    struct answer answer;
    struct frame frame;
    int fd = dial();

    noise_state = 0x1234567 + (uint64_t)_i;
    for (int i = 0; i < load(5000); i++) {
        size_t size = i % 2 ? bent_request(&frame) : pure_noise(&frame);

        if (frame.bytes[1] == WIRE_AWAIT) /* which need not be answered */
            frame.bytes[1] = WIRE_SHOW;
        put_bytes(fd, frame.bytes, size);
        ck_assert_msg(get_answer(fd, &answer), "frame %d was not answered", i);
        if (answer.header.status != EBADMSG)
            continue;
        expect_end(fd);
        close(fd);
        fd = dial();
    }
    expect_alive(fd);
    close(fd);
    expect_service();
    expect_descriptors(before);
    assert_has_not(fixture_log(&broker), "error");
}
END_TEST

/* Whether nothing has woken it for ten times as long as its timer takes. */
static bool is_not_woken(void *unused)
{
    const struct timespec a_while = {.tv_nsec = 200000000};
    uint64_t before = broker_switches();

    (void)unused;
    (void)ppoll(NULL, 0, &a_while, NULL);
    return broker_switches() == before;
}

/* The timer that guards the loop is still while there is nothing to do. */
START_TEST(clients_who_say_nothing_do_not_wake_it)
{
    int fds[5];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial();
        expect_alive(fds[i]);
    }
    await(is_not_woken, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        expect_alive(fds[i]);
        close(fds[i]);
    }
}
END_TEST

static void set_up_the_older_way(void)
{
    broker.without = "passrights";
    frames_setup();
}

static void add_older_cases(Suite *suite)
{
    TCase *cases = tcase_create("hostile-older");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up_the_older_way, frames_teardown);
    tcase_add_test(cases, descriptors_sent_to_the_broker);
    tcase_add_test(cases, descriptors_sent_before_the_accept);
    tcase_add_test(cases, descriptors_with_an_empty_packet);
    tcase_add_test(cases, clients_who_say_nothing_do_not_wake_it);
    tcase_add_loop_test(cases, noise_is_answered_and_harms_nobody, 0, 1);
    suite_add_tcase(suite, cases);
}

void add_hostile_cases(Suite *suite)
{
    TCase *cases = tcase_create("hostile");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, frames_setup, frames_teardown);
    tcase_add_test(cases, descriptors_sent_to_the_broker);
    tcase_add_test(cases, descriptors_sent_before_the_accept);
    tcase_add_test(cases, descriptors_with_an_empty_packet);
    tcase_add_test(cases, credentials_that_are_sent_are_ignored);
    tcase_add_test(cases, another_type_of_socket);
    tcase_add_test(cases, urgent_data);
    tcase_add_loop_test(cases, noise_is_answered_and_harms_nobody, 0, 4);
    suite_add_tcase(suite, cases);
    add_older_cases(suite);
}
