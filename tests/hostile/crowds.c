/* Many processes of one user who all do the same, as fast as they can. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define WAKE "[eventfd:wake]\nuse = user:$C6\n[queue:his]\nmax_messages = 1\nuse = user:$C6\n"
#define MEN  4

/* How long a crowd goes on: until the canary has been answered so often. */
#define ROUNDS ((unsigned)load(20))

static void rage(int (*attack)(void))
{
    struct crowd crowd = crowd_begin(user(6), MEN, attack);

    await_canary(ROUNDS);
    crowd_end(&crowd);
}

/* ---- frames ---- */

static void ask_for_both(struct frame *frame, uint32_t serial)
{
    frame_begin(frame, WIRE_ACQUIRE, serial);
    frame_item(frame, "wake", 4, 0, 0, 0);
    frame_item(frame, "his", 3, 0, 0, 0);
}

/* As many requests as the kernel holds, none of which he waits for. */
static int flood_and_go(void)
{
    int fd = raw_connect(broker.socket);
    struct frame frame;

    EXPECT(fd >= 0);
    ask_for_both(&frame, 1);
    while (send(fd, frame.bytes, frame.writer.size, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        ;
    EXPECT(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
    close(fd);
    return 0;
}

START_TEST(a_crowd_that_asks_and_goes)
{
    besiege(WAKE);
    rage(flood_and_go);
}
END_TEST

/* Bytes of chance, of any length: he is told what is wrong with them, or shown out. */
static int send_noise(void)
{
    static uint64_t state;
    uint8_t bytes[300];
    char byte;
    size_t size;
    int fd = raw_connect(broker.socket);

    EXPECT(fd >= 0);
    state += (uint64_t)getpid();
    for (size_t i = 0; i < sizeof bytes; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(state >> 56);
    }
    size = state % sizeof bytes;
    bytes[0] = state & 1 << 20 ? WIRE_VERSION : bytes[0];
    EXPECT(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
    EXPECT(recv(fd, &byte, 1, 0) >= 0 || errno == ECONNRESET);
    close(fd);
    return 0;
}

START_TEST(a_crowd_that_talks_nonsense)
{
    besiege(WAKE);
    rage(send_noise);
}
END_TEST

/* Each answer is a page of the list, which costs the broker more than his question costs him. */
static int ask_for_lists(void)
{
    static struct answer answer;
    int fd = raw_connect(broker.socket);
    struct frame frame;
    size_t n;

    EXPECT(fd >= 0);
    for (uint32_t i = 1; i <= 20; i++) {
        frame_begin(&frame, WIRE_LIST, i);
        EXPECT(send(fd, frame.bytes, frame.writer.size, MSG_NOSIGNAL) > 0);
        EXPECT(raw_receive(fd, answer.bytes, sizeof answer.bytes, answer.fds, &n) > 0);
    }
    close(fd);
    return 0;
}

START_TEST(a_crowd_that_asks_for_lists)
{
    char *text = sections("eventfd", "n", (size_t)load(2000), "use = user:$C6\n");

    besiege(text);
    rage(ask_for_lists);
    free(text);
}
END_TEST

/* ---- places ---- */

#define SHARE "[broker]\nmax_clients_per_user = 20\n" WAKE

/* More connections than his share: the surplus are told so. */
static int press_in(void)
{
    static struct answer answer;
    int fds[21];
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = raw_connect(broker.socket);
        EXPECT(fds[i] >= 0);
    }
    EXPECT(raw_receive(fds[20], answer.bytes, sizeof answer.bytes, answer.fds, &n) > 0);
    EXPECT(wire_read_header(&answer.fields, answer.bytes, WIRE_HEADER_SIZE, &answer.header) == 0);
    EXPECT(answer.header.status == EBUSY);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    return 0;
}

/* His own share is all he takes, and he fills nobody's disk. */
START_TEST(a_crowd_at_the_door_fills_neither_the_house_nor_the_log)
{
    size_t before;

    besiege(SHARE);
    before = strlen(fixture_log(&broker));
    rage(press_in);
    ck_assert_uint_eq(strlen(fixture_log(&broker)), before);
}
END_TEST

#define SILENT 1000

/* Who says nothing costs a place of his own share, and next to no memory. */
START_TEST(silent_clients_cost_little)
{
    const int n = load(SILENT);
    static int fds[SILENT];
    uint64_t before, after;

    besiege("[broker]\nmax_clients_per_user = 2000\n" WAKE);
    before = process_number(broker.broker, "RssAnon:", 10);
    for (int i = 0; i < n; i++)
        fds[i] = dial_as(user(6));
    await_canary(10); /* which came behind them: all are in */
    after = process_number(broker.broker, "RssAnon:", 10);
    if (!memory_is_inflated())
        ck_assert_uint_le(after - before, (uint64_t)n + 64); /* KiB */
    for (int i = 0; i < n; i++)
        close(fds[i]);
}
END_TEST

/* ---- requests that wait ---- */

static void put_await(int fd, uint32_t serial, size_t padding)
{
    static const uint8_t zeros[60000];
    struct frame frame;

    frame_begin(&frame, WIRE_AWAIT, serial);
    wire_put_text(&frame.writer, WIRE_FIELD_NAME, "never");
    wire_put(&frame.writer, 0x7000, zeros, padding); /* a field without a meaning */
    put_frame(fd, &frame);
}

#define WAITING      16 /* of a connection, at most */
#define WAITING_USER 16 /* connections of a user that may have as many */

static void expect_silence(int fd)
{
    char byte;

    ck_assert_int_eq(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
}

/* What the broker keeps for him is short, however long he makes it, and is not much, however many
 * connections he has. Others may wait as before, and so may he when some have gone. */
START_TEST(requests_that_wait_fill_no_memory)
{
    const int n = WAITING_USER;
    static struct answer answer;
    int fds[WAITING_USER], surplus, other;
    uint64_t before;

    besiege(WAKE);
    before = process_number(broker.broker, "RssAnon:", 10);
    for (int i = 0; i < n; i++) {
        fds[i] = dial_as(user(6));
        for (uint32_t k = 1; k <= WAITING; k++) {
            put_await(fds[i], k, 60000);
            expect_reply(fds[i], &answer, WIRE_AWAIT, k, EMSGSIZE);
            put_await(fds[i], k, 900);
        }
        put_await(fds[i], WAITING + 1, 0);
        expect_reply(fds[i], &answer, WIRE_AWAIT, WAITING + 1, EBUSY);
    }
    if (!memory_is_inflated())
        ck_assert_uint_le(process_number(broker.broker, "RssAnon:", 10),
                          before + (uint64_t)n * (WAITING + 2) + 64);
    surplus = dial_as(user(6));
    put_await(surplus, 1, 0);
    expect_reply(surplus, &answer, WIRE_AWAIT, 1, EBUSY);
    assert_has(answer.sentence, "wait already");
    other = dial_as(user(5));
    put_await(other, 1, 0);
    close(fds[0]);
    await_canary(2); /* that is seen by now, as what was asked before */
    expect_silence(other);
    put_await(surplus, 2, 0);
    await_canary(2);
    expect_silence(surplus);
    for (int i = 1; i < n; i++)
        close(fds[i]);
    close(surplus);
    close(other);
}
END_TEST

/* ---- requests that cannot be answered ---- */

#define PARKED      40
#define PARKED_SIZE 60000u
#define PARKED_KIB  1024u /* of a user, at most */

static void ask_at_length(int fd, uint32_t serial)
{
    static const uint8_t zeros[PARKED_SIZE];
    struct frame frame;

    frame_acquire(&frame, serial, "wake", 0);
    wire_put(&frame.writer, 0x7000, zeros, sizeof zeros);
    put_frame(fd, &frame);
}

/* What he does not read keeps his other connections waiting, with requests as long as may be. What
 * is over his share stays with him; none is lost, and none is answered out of turn. */
START_TEST(requests_that_are_not_answered_fill_no_memory)
{
    static struct answer answer;
    int fds[PARKED], first, other;
    struct frame frame;
    uint64_t before;

    fixture_limit(&broker, RLIMIT_NOFILE, 1000);
    besiege("[broker]\nmax_clients = 100\n" WAKE);
    first = dial_as(user(6));
    frame_begin(&frame, WIRE_ACQUIRE, 1);
    for (unsigned i = 0; i < WIRE_DESCRIPTORS_MAX; i++)
        frame_item(&frame, "wake", 4, 0, 0, 0);
    put_frame(first, &frame);
    ck_assert_int_eq(recv(first, &(char){0}, 1, MSG_PEEK), 1);
    other = dial_as(user(6));
    before = process_number(broker.broker, "RssAnon:", 10);
    for (int i = 0; i < PARKED; i++) {
        fds[i] = dial_as(user(6));
        ask_at_length(fds[i], 1);
        ask_at_length(fds[i], 2);
    }
    await_canary(10);
    for (int i = 0; i < PARKED; i++)
        expect_silence(fds[i]);
    expect_alive(other); /* what can be answered is, once */
    put_await(other, 7, 0);
    expect_alive(other);
    await_canary(2);
    expect_silence(other);
    close(other);
    if (!memory_is_inflated())
        ck_assert_uint_le(process_number(broker.broker, "RssAnon:", 10), before + PARKED_KIB + 512);
    expect_reply(first, &answer, WIRE_ACQUIRE, 1, 0);
    for (int i = 0; i < PARKED; i++) {
        expect_reply(fds[i], &answer, WIRE_ACQUIRE, 1, 0);
        expect_reply(fds[i], &answer, WIRE_ACQUIRE, 2, 0);
        expect_alive(fds[i]);
        close(fds[i]);
    }
    close(first);
}
END_TEST

TCase *hostile_crowd_case(void)
{
    TCase *tcase = hostile_case("crowd");

    tcase_add_test(tcase, a_crowd_that_asks_and_goes);
    tcase_add_test(tcase, a_crowd_that_talks_nonsense);
    tcase_add_test(tcase, a_crowd_that_asks_for_lists);
    tcase_add_test(tcase, a_crowd_at_the_door_fills_neither_the_house_nor_the_log);
    tcase_add_test(tcase, silent_clients_cost_little);
    tcase_add_test(tcase, requests_that_wait_fill_no_memory);
    tcase_add_test(tcase, requests_that_are_not_answered_fill_no_memory);
    return tcase;
}
