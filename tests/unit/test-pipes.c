/* Events on pipes, on the kernel's own: no broker is needed. */
#include "base/base.h"
#include "client/internal.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#define SOON_US 30000 /* a timeout that elapses */

struct ends {
    struct ipcb_event *reader, *writer;
};

static const int descriptions[] = {0, O_NONBLOCK};

static struct ends make_pipe(int flags)
{
    struct ends ends;
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | flags), 0);
    ck_assert_int_eq(ipcb_event_adopt(&ends.reader, fds[0]), 0);
    ck_assert_int_eq(ipcb_event_adopt(&ends.writer, fds[1]), 0);
    return ends;
}

static void free_pipe(struct ends *ends)
{
    ends->reader = ipcb_event_free(ends->reader);
    ends->writer = ipcb_event_free(ends->writer);
}

START_TEST(a_byte_is_a_count)
{
    struct ends ends = make_pipe(descriptions[_i]);
    uint64_t count = 0;

    ck_assert_int_eq(ipcb_event_signal(ends.writer, 3), 0);
    ck_assert_int_eq(ipcb_event_signal(ends.writer, 0), 0);
    ck_assert_int_eq(ipcb_event_signal(ends.writer, 4096), 0);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, 0), 0);
    ck_assert_uint_eq(count, 4099);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, SOON_US), -ETIMEDOUT);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, -2), -EINVAL);
    ck_assert_uint_eq(count, 4099);
    free_pipe(&ends);
}
END_TEST

START_TEST(a_part_is_taken)
{
    struct ends ends = make_pipe(descriptions[_i]);
    struct ipcb_event *eventfd = NULL;
    uint64_t count = 77;

    ck_assert_int_eq(ipcb_event_signal(ends.writer, 5), 0);
    ck_assert_int_eq(ipcb_event_wait_most(ends.reader, 0, &count, 0), -EINVAL);
    ck_assert_int_eq(ipcb_event_wait_most(NULL, 1, &count, 0), -EINVAL);
    ck_assert_int_eq(ipcb_event_wait_most(ends.writer, 1, &count, 0), -EBADF);
    ck_assert_uint_eq(count, 77);
    ck_assert_int_eq(ipcb_event_wait_most(ends.reader, 2, &count, 0), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(ipcb_event_wait_most(ends.reader, UINT64_MAX, &count, -1), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(ipcb_event_wait_most(ends.reader, 1, &count, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait_most(ends.reader, 1, &count, SOON_US), -ETIMEDOUT);
    ck_assert_int_eq(ipcb_event_create(&eventfd, 5, 0), 0);
    ck_assert_int_eq(ipcb_event_wait_most(eventfd, 2, &count, 0), -EOPNOTSUPP);
    (void)ipcb_event_free(eventfd);
    free_pipe(&ends);
}
END_TEST

START_TEST(one_wait_takes_at_most_64_kib)
{
    struct ends ends = make_pipe(O_NONBLOCK);
    uint64_t count = 0, total = 0;

    ck_assert_int_ge(fcntl(ipcb_event_fd(ends.writer), F_SETPIPE_SZ, 131072), 131072);
    for (int i = 0; i < 32; i++)
        ck_assert_int_eq(ipcb_event_signal(ends.writer, 4096), 0);
    while (ipcb_event_wait(ends.reader, &count, 0) == 0) {
        ck_assert_uint_le(count, 65536);
        total += count;
    }
    ck_assert_uint_eq(total, 131072);
    free_pipe(&ends);
}
END_TEST

START_TEST(a_direction_is_a_direction)
{
    struct ends ends = make_pipe(descriptions[_i]);

    ck_assert_int_eq(ipcb_event_signal(ends.reader, 1), -EBADF);
    ck_assert_int_eq(ipcb_event_wait(ends.writer, NULL, 0), -EBADF);
    ck_assert_int_eq(ipcb_event_signal(ends.writer, PIPE_BUF + 1), -EINVAL);
    ck_assert_int_eq(ipcb_event_signal(ends.writer, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, NULL, 0), -EAGAIN);
    free_pipe(&ends);
}
END_TEST

START_TEST(a_full_pipe_never_waits)
{
    struct ends ends = make_pipe(descriptions[_i]);
    int r;

    while ((r = ipcb_event_signal(ends.writer, 4096)) == 0) {
    }
    ck_assert_int_eq(r, -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, NULL, 0), 0);
    ck_assert_int_eq(ipcb_event_signal(ends.writer, 1), 0);
    free_pipe(&ends);
}
END_TEST

static void count_signal(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, "SIGPIPE\n", 8);
    _exit(9);
}

/* No SIGPIPE, whatever its disposition is; and what was pending or blocked before stays so. */
START_TEST(without_readers_it_is_epipe_and_no_signal)
{
    struct ends ends = make_pipe(descriptions[_i % 2]);
    int (*const put[])(int fd, uint64_t n) = {pipe_put, pipe_put_in_silence};
    bool block = _i >= 2;
    sigset_t pipe, pending, mask;

    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)signal(SIGPIPE, count_signal);
    ends.reader = ipcb_event_free(ends.reader);
    if (block) {
        ck_assert_int_eq(sigprocmask(SIG_BLOCK, &pipe, NULL), 0);
        ck_assert_int_eq(raise(SIGPIPE), 0);
    }
    ck_assert_int_eq(ipcb_event_signal(ends.writer, 1), -EPIPE);
    for (size_t i = 0; i < ARRAY_SIZE(put); i++)
        ck_assert_int_eq(put[i](ipcb_event_fd(ends.writer), 1), -EPIPE);
    ck_assert_int_eq(sigpending(&pending), 0);
    ck_assert_int_eq(sigismember(&pending, SIGPIPE), block);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGPIPE), block);
    free_pipe(&ends);
}
END_TEST

START_TEST(without_writers_what_is_left_comes_first)
{
    struct ends ends = make_pipe(descriptions[_i]);
    uint64_t count = 0;

    ck_assert_int_eq(ipcb_event_signal(ends.writer, 7), 0);
    ends.writer = ipcb_event_free(ends.writer);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, -1), 0);
    ck_assert_uint_eq(count, 7);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, -1), -EPIPE);
    free_pipe(&ends);
}
END_TEST

START_TEST(a_waiter_is_woken)
{
    struct ends ends = make_pipe(descriptions[_i]);
    uint64_t count = 0;
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(ipcb_event_signal(ends.writer, 5) < 0);
    ck_assert_int_eq(ipcb_event_wait(ends.reader, &count, 60000000), 0);
    ck_assert_uint_eq(count, 5);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    free_pipe(&ends);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipes");
    TCase *events = tcase_create("events");

    tcase_set_timeout(events, 120);
    suite_add_tcase(suite, events);
    tcase_add_loop_test(events, a_byte_is_a_count, 0, 2);
    tcase_add_loop_test(events, a_part_is_taken, 0, 2);
    tcase_add_test(events, one_wait_takes_at_most_64_kib);
    tcase_add_loop_test(events, a_direction_is_a_direction, 0, 2);
    tcase_add_loop_test(events, a_full_pipe_never_waits, 0, 2);
    tcase_add_loop_test(events, without_readers_it_is_epipe_and_no_signal, 0, 4);
    tcase_add_loop_test(events, without_writers_what_is_left_comes_first, 0, 2);
    tcase_add_loop_test(events, a_waiter_is_woken, 0, 2);
    return check_main(suite);
}
