/* Messages that clients can cause: how many are written. */
#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <string.h>

static int pipe_ends[2], old;

static void set_up(void)
{
    (void)unsetenv("JOURNAL_STREAM");
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    (void)fflush(stderr);
    old = dup(STDERR_FILENO);
    (void)dup2(pipe_ends[1], STDERR_FILENO);
}

static void tear_down(void)
{
    (void)dup2(old, STDERR_FILENO);
    close(old);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static const char *written(void)
{
    static char text[8192];
    ssize_t size = read(pipe_ends[0], text, sizeof text - 1);

    text[size > 0 ? size : 0] = '\0';
    return text;
}

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void shout(struct log_limit *limit, int n)
{
    while (n-- > 0)
        log_event(&(struct log_event){.priority = LOG_WARNING, .limit = limit}, "again");
}

START_TEST(ten_are_written_and_the_rest_is_counted)
{
    struct log_limit limit = {0}, other = {0};

    shout(&limit, 25);
    ck_assert_uint_eq(lines(written()), 10);
    shout(&other, 1); /* each kind has its own */
    ck_assert_uint_eq(lines(written()), 1);
    limit.since_us = now_us() - 31000000; /* as half a minute later */
    shout(&limit, 2);
    ck_assert_str_eq(written(), "ipcbrokerd: warning: again\n"
                                "ipcbrokerd: warning: 15 messages of the kind just before were "
                                "left out\n"
                                "ipcbrokerd: warning: again\n");
}
END_TEST

START_TEST(without_a_limit_all_are_written)
{
    shout(NULL, 25);
    ck_assert_uint_eq(lines(written()), 25);
}
END_TEST

START_TEST(no_text_forges_a_line)
{
    log_event(&(struct log_event){.priority = LOG_ERR}, "%s", "a\nipcbrokerd: error: b\x1b[31m");
    ck_assert_str_eq(written(), "ipcbrokerd: error: a?ipcbrokerd: error: b?[31m\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, ten_are_written_and_the_rest_is_counted);
    tcase_add_test(cases, without_a_limit_all_are_written);
    tcase_add_test(cases, no_text_forges_a_line);
    suite_add_tcase(suite, cases);
    return check_main(suite);
}
