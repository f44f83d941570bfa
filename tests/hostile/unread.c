/* Descriptors that are asked for and not read: the kernel counts them against the broker. */
#include "tests/hostile/hostile.h"

#include <sys/resource.h>
#include <sys/socket.h>

#define WAKE "[eventfd:wake]\nuse = user:$C0, user:$C1, user:$C2\n"

/* Asks for N at once. */
static void ask(int fd, size_t n)
{
    struct frame frame;

    frame_begin(&frame, WIRE_ACQUIRE, 1);
    while (n-- > 0)
        frame_item(&frame, "wake", 4, 0, 0, 0);
    put_frame(fd, &frame);
}

/* Waits for the answer, and leaves it where it is. */
static void expect_something(int fd)
{
    char byte;

    ck_assert_int_eq(recv(fd, &byte, 1, MSG_PEEK), 1);
}

static void expect_status(int fd, int error)
{
    struct answer answer;

    ck_assert(get_answer(fd, &answer));
    ck_assert_int_eq(answer.header.status, error);
    if (error)
        assert_has(answer.sentence, "too many descriptors are on their way");
}

/* Neither many connections nor going without reading gives him more than his share. */
START_TEST(who_does_not_read_takes_from_nobody)
{
    int fds[8];

    fixture_limit(&broker, RLIMIT_NOFILE, 1000);
    besiege("[broker]\nmax_clients = 100\n" WAKE);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial_as(client(&broker, 1));
        ask(fds[i], WIRE_DESCRIPTORS_MAX);
        if (i == 0)
            expect_something(fds[i]);
        await_canary(2);
        ck_assert_int_eq(shutdown(fds[i], SHUT_RDWR), 0);
        await_canary(2);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
}
END_TEST

/* And nothing is lost: what waits is answered when he has read. */
START_TEST(over_his_share_he_waits_for_himself)
{
    int first, second, third, other;

    fixture_limit(&broker, RLIMIT_NOFILE, 1000);
    besiege("[broker]\nmax_clients = 100\n" WAKE);
    first = dial_as(client(&broker, 1));
    ask(first, WIRE_DESCRIPTORS_MAX);
    expect_something(first);
    second = dial_as(client(&broker, 1));
    ask(second, 1);
    third = dial_as(client(&broker, 1));
    ask(third, 1);
    ask(first, 1);
    other = dial_as(client(&broker, 2));
    ask(other, 1);
    expect_status(other, 0);
    await_canary(5);
    ck_assert_int_eq(recv(second, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    expect_status(first, 0);
    expect_status(second, 0);
    expect_status(third, 0);
    expect_status(first, 0);
    close(first);
    close(second);
    close(third);
    close(other);
}
END_TEST

/* He who waits may go, and so may he who is waited for. */
START_TEST(who_waits_for_himself_may_go)
{
    int first, second, third;

    fixture_limit(&broker, RLIMIT_NOFILE, 1000);
    besiege("[broker]\nmax_clients = 100\n" WAKE);
    first = dial_as(client(&broker, 1));
    ask(first, WIRE_DESCRIPTORS_MAX);
    expect_something(first);
    second = dial_as(client(&broker, 1));
    ask(second, 1);
    third = dial_as(client(&broker, 1));
    ask(third, 1);
    await_canary(2);
    close(second);
    await_canary(2);
    close(first);
    expect_status(third, 0);
    close(third);
}
END_TEST

static bool is_served(void *fd)
{
    struct answer answer;

    ask(*(int *)fd, 48);
    return get_answer(*(int *)fd, &answer) && answer.header.status == 0;
}

/* Of all together three quarters of the broker's limit may be on their way. */
START_TEST(too_many_unread_are_an_error_until_they_are_read)
{
    int first, second;

    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    besiege("[broker]\nmax_clients = 20\n" WAKE);
    first = dial_as(client(&broker, 0));
    ask(first, WIRE_DESCRIPTORS_MAX);
    expect_something(first);
    second = dial_as(client(&broker, 1));
    ask(second, 48);
    expect_status(second, EAGAIN);
    await_canary(5); /* there is room for him */
    ask(second, 30);
    expect_status(second, 0);
    close(first);
    await(is_served, &second);
    await_canary(5);
    close(second);
}
END_TEST

TCase *hostile_unread_case(void)
{
    TCase *tcase = hostile_case("unread");

    tcase_add_test(tcase, who_does_not_read_takes_from_nobody);
    tcase_add_test(tcase, over_his_share_he_waits_for_himself);
    tcase_add_test(tcase, who_waits_for_himself_may_go);
    tcase_add_test(tcase, too_many_unread_are_an_error_until_they_are_read);
    return tcase;
}
