/* Messages: how many of those that clients can cause are written, and what the journal gets. */
#include "tests/check_main.h"

#include "daemon/clock.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

/* ---- the journal ---- */

#define JOURNAL "/run/systemd/journal"

static int journal;

/* A /run of this process's own, with a journal that the test plays; stderr is its stream. */
static void set_up_journal(void)
{
    const struct sockaddr_un address = {AF_UNIX, JOURNAL "/socket"};
    static char stream[64];
    struct stat status;

    set_up();
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
    ck_assert(mkdir("/run/systemd", 0755) == 0 && mkdir(JOURNAL, 0755) == 0);
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(journal, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(stream, sizeof stream, "JOURNAL_STREAM=%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    (void)putenv(stream);
}

/* The fields of the next entry, a line each; "": there is none. */
static const char *entry(void)
{
    static char text[4096];
    ssize_t size = recv(journal, text, sizeof text - 1, 0);

    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void expect_field(const char *fields, const char *field)
{
    char line[128];

    (void)snprintf(line, sizeof line, "\n%s\n", field);
    ck_assert_msg(strstr(fields, line), "no %s in: %s", field, fields);
}

static void say_all(void)
{
    log_event(&(struct log_event){.priority = LOG_WARNING,
                                  .id = LOG_CLIENT_HELD_UP,
                                  .object = "orders",
                                  .error = -EIO,
                                  .file = "/etc/x.conf",
                                  .line = 7,
                                  .uid = &(unsigned){33}},
              "held %s", "up");
}

START_TEST(the_journal_gets_fields)
{
    const char *fields;

    say_all();
    fields = entry();
    ck_assert_int_eq(strncmp(fields, "MESSAGE=held up\n", 16), 0);
    expect_field(fields, "PRIORITY=4");
    expect_field(fields, "SYSLOG_IDENTIFIER=ipcbrokerd");
    expect_field(fields, "MESSAGE_ID=" LOG_CLIENT_HELD_UP);
    expect_field(fields, "IPCBROKER_OBJECT=orders");
    expect_field(fields, "ERRNO=5");
    expect_field(fields, "CONFIG_FILE=/etc/x.conf");
    expect_field(fields, "CONFIG_LINE=7");
    expect_field(fields, "IPCBROKER_CLIENT_UID=33");
    ck_assert_str_eq(written(), "");
}
END_TEST

/* Of its stream the journal knows whose it is; the priority stands before the text. */
START_TEST(what_has_no_fields_goes_by_the_stream)
{
    log_event(&(struct log_event){.priority = LOG_ERR, .object = "orders"}, "plain");
    ck_assert_str_eq(written(), "<3>plain\n");
    ck_assert_str_eq(entry(), "");
}
END_TEST

START_TEST(what_the_journal_cannot_be_sent_goes_by_the_stream)
{
    struct rlimit limit;
    rlim_t before;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = 3; /* none for a socket */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    say_all();
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_str_eq(written(), "<4>held up\n");
    ck_assert_str_eq(entry(), "");
}
END_TEST

/* The variable is inherited by whoever has another stderr, too. _i: which number is another's. */
START_TEST(another_stderr_is_no_journal)
{
    struct stat status;
    char stream[64];

    ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev + (_i == 0),
                   (uintmax_t)status.st_ino + (_i == 1));
    ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
    say_all();
    ck_assert_str_eq(written(), "ipcbrokerd: warning: held up\n");
    ck_assert_str_eq(entry(), "");
}
END_TEST

START_TEST(a_closed_stderr_is_no_journal)
{
    close(STDERR_FILENO);
    say_all();
    ck_assert_str_eq(entry(), "");
}
END_TEST

static void add_journal(Suite *suite)
{
    TCase *cases = tcase_create("journal");

    if (geteuid() != 0) /* who alone may mount */
        return;
    tcase_add_checked_fixture(cases, set_up_journal, tear_down);
    tcase_add_test(cases, the_journal_gets_fields);
    tcase_add_test(cases, what_has_no_fields_goes_by_the_stream);
    tcase_add_test(cases, what_the_journal_cannot_be_sent_goes_by_the_stream);
    tcase_add_loop_test(cases, another_stderr_is_no_journal, 0, 2);
    tcase_add_test(cases, a_closed_stderr_is_no_journal);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, ten_are_written_and_the_rest_is_counted);
    tcase_add_test(cases, without_a_limit_all_are_written);
    tcase_add_test(cases, no_text_forges_a_line);
    suite_add_tcase(suite, cases);
    add_journal(suite);
    return check_main(suite);
}
