/* What keeps descriptors that clients send from holding the loop up. */
#include "tests/check_main.h"

#include "daemon/guard.h"
#include "tests/trap.h"

#include <poll.h>

static struct guard guard;
static int sender, receiver;

static void set_up(void)
{
    int ends[2];

    guard = (struct guard){0};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    sender = ends[0];
    receiver = ends[1];
}

static void tear_down(void)
{
    guard_deinit(&guard);
    close(sender);
}

START_TEST(a_frame_is_looked_at_and_left)
{
    char bytes[4];

    ck_assert_int_eq(guard_peek(receiver, false), -EAGAIN);
    ck_assert_int_eq(send(sender, "abc", 3, 0), 3);
    ck_assert_int_eq(guard_peek(receiver, false), 1);
    ck_assert_int_eq(guard_peek(receiver, false), 1);
    ck_assert_int_eq(recv(receiver, bytes, 4, 0), 3);
    ck_assert_int_eq(send(sender, "", 0, 0), 0);
    ck_assert_int_eq(guard_peek(receiver, false), 0);
    close(receiver);
}
END_TEST

/* An empty frame can bring some too. */
START_TEST(descriptors_are_seen)
{
    ck_assert_int_eq(trap_send(sender, "abc", (size_t)_i, STDERR_FILENO, 1), 0);
    ck_assert_int_eq(guard_peek(receiver, false), -EPERM);
    ck_assert_int_eq(guard_peek(receiver, false), -EPERM);
    close(receiver);
}
END_TEST

/* Credentials are no descriptors, and hide none. */
START_TEST(credentials_are_told_from_descriptors)
{
    int on = 1, fd = dup(STDERR_FILENO);

    close(fd);
    ck_assert_int_eq(setsockopt(receiver, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    ck_assert_int_eq(send(sender, "abc", 3, 0), 3);
    ck_assert_int_eq(trap_send(sender, "abc", 3, STDERR_FILENO, 1), 0);
    ck_assert_int_eq(guard_peek(receiver, true), 1);
    ck_assert_int_eq(recv(receiver, &on, sizeof on, 0), 3);
    ck_assert_int_eq(guard_peek(receiver, true), -EPERM);
    ck_assert_int_eq(dup(STDERR_FILENO), fd); /* none has come in */
    close(fd);
    close(receiver);
}
END_TEST

START_TEST(a_socket_that_refuses_gets_none)
{
    if (!guard_refuse(receiver)) {
        ck_assert(!trap_is_refused_by_kernel());
        return;
    }
    ck_assert_int_eq(trap_send(sender, "abc", 3, STDERR_FILENO, 1), -EPERM);
    ck_assert_int_eq(send(sender, "abc", 3, 0), 3);
    close(receiver);
}
END_TEST

/* Each of them would take ten minutes, which the test has not. */
START_TEST(a_close_that_lasts_is_interrupted_and_told)
{
    int amount = _i ? 60 : 1;

    ck_assert_int_eq(guard_enter(&guard), 0);
    for (int i = 0; i < amount; i++) {
        int fd = trap_make(600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(trap_send(sender, "x", 1, fd, 1), 0);
        close(fd); /* what the receiver has is the last */
    }
    ck_assert(guard_close(&guard, receiver));
    ck_assert_int_eq(send(sender, "x", 1, MSG_NOSIGNAL), -1);
}
END_TEST

/* Clean frames before it are read away. */
START_TEST(what_is_behind_clean_frames_is_found)
{
    int fd = trap_make(600);

    ck_assert_int_eq(guard_enter(&guard), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(send(sender, "x", 1, 0), 1);
    ck_assert_int_eq(trap_send(sender, "x", 1, fd, 1), 0);
    close(fd);
    ck_assert(guard_close(&guard, receiver));
}
END_TEST

/* Any call, not only a close that we expect it of. */
START_TEST(a_call_of_the_loop_that_lasts_is_interrupted)
{
    char byte;

    ck_assert_int_eq(guard_enter(&guard), 0);
    ck_assert_int_eq(recv(receiver, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EINTR);
    close(receiver);
}
END_TEST

START_TEST(a_close_without_descriptors_is_nobodys_fault)
{
    ck_assert_int_eq(guard_enter(&guard), 0);
    ck_assert_int_eq(send(sender, "x", 1, 0), 1);
    ck_assert(!guard_close(&guard, receiver));
}
END_TEST

/* The timer stops by itself when the loop waits, and goes on when it does not. */
START_TEST(it_rests_while_the_loop_does)
{
    ck_assert_int_eq(guard_enter(&guard), 0);
    ck_assert(guard.ticking);
    guard_rest(&guard);
    while (guard.ticking)
        (void)poll(NULL, 0, 1);
    guard_wake(&guard);
    ck_assert(guard.ticking);
    guard_leave(&guard);
    guard_rest(&guard);
    while (guard.ticking)
        (void)poll(NULL, 0, 1);
    guard_wake(&guard);
    ck_assert(!guard.ticking); /* nobody needs it any more */
    close(receiver);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *cases = tcase_create("guard");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_frame_is_looked_at_and_left);
    tcase_add_loop_test(cases, descriptors_are_seen, 0, 3);
    tcase_add_test(cases, credentials_are_told_from_descriptors);
    tcase_add_test(cases, a_socket_that_refuses_gets_none);
    tcase_add_loop_test(cases, a_close_that_lasts_is_interrupted_and_told, 0, 2);
    tcase_add_test(cases, what_is_behind_clean_frames_is_found);
    tcase_add_test(cases, a_call_of_the_loop_that_lasts_is_interrupted);
    tcase_add_test(cases, a_close_without_descriptors_is_nobodys_fault);
    tcase_add_test(cases, it_rests_while_the_loop_does);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
