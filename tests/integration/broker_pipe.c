/* Pipes: one direction for each holder, kept by the kernel; one byte is one count. */
#include "tests/integration/broker_cases.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define DONE "[pipe:done]\nwrite = user:$C0\nread = user:$C1\nuse = user:0\n"

START_TEST(each_gets_the_direction_that_he_is_granted)
{
    serve(DONE);
    ck_assert_int_eq(get(user(0), "done", 0), O_WRONLY);
    ck_assert_int_eq(get(user(0), "done", IPCB_WRITE), O_WRONLY);
    ck_assert_int_eq(get(user(0), "done", IPCB_READ), -EACCES);
    assert_has(said(), "is granted write on pipe 'done'");
    ck_assert_int_eq(get(user(1), "done", 0), O_RDONLY);
    ck_assert_int_eq(get(user(1), "done", IPCB_USE), -EACCES);
    ck_assert_int_eq(get(user(2), "done", 0), -EACCES);
    ck_assert_int_eq(get(root(), "done", 0), O_RDWR);
}
END_TEST

static int open_again(int fd, int flags)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

/* Neither by the descriptor itself, nor by opening it anew, nor by its mode. */
static int stay_a_writer(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, "done", 0);
    char byte;
    (void)ignored;

    EXPECT(fd >= 0);
    EXPECT(write(fd, "x", 1) == 1);
    EXPECT(read(fd, &byte, 1) < 0 && errno == EBADF);
    EXPECT(open_again(fd, O_RDONLY) < 0 && errno == EACCES);
    EXPECT(open_again(fd, O_RDWR) < 0 && errno == EACCES);
    EXPECT(fchmod(fd, 0666) < 0 && errno == EPERM);
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    (void)ipcb_free(b);
    return 0;
}

static int stay_a_reader(void *ignored)
{
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, "done", 0);
    char byte;
    (void)ignored;

    EXPECT(fd >= 0);
    EXPECT(read(fd, &byte, 1) == 1);
    EXPECT(write(fd, "x", 1) < 0 && errno == EBADF);
    EXPECT(open_again(fd, O_WRONLY) < 0 && errno == EACCES);
    EXPECT(open_again(fd, O_RDWR) < 0 && errno == EACCES);
    EXPECT(fchmod(fd, 0666) < 0 && errno == EPERM);
    (void)ipcb_free(b);
    return 0;
}

START_TEST(nobody_makes_one_direction_into_both)
{
    serve(DONE);
    ck_assert_int_eq(as_user(user(0), stay_a_writer, NULL), 0);
    ck_assert_int_eq(as_user(user(1), stay_a_reader, NULL), 0);
}
END_TEST

START_TEST(counts_go_from_one_user_to_another)
{
    struct ipcb_event *writer, *reader;
    uint64_t count = 0;

    serve(DONE);
    writer = event_of(user(0), "done");
    reader = event_of(user(1), "done");
    ck_assert_int_eq(ipcb_event_wait(reader, &count, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_signal(writer, 2), 0);
    ck_assert_int_eq(ipcb_event_signal(writer, 3), 0);
    ck_assert_int_eq(ipcb_event_wait(reader, &count, -1), 0);
    ck_assert_uint_eq(count, 5);
    ck_assert_int_eq(ipcb_event_signal(reader, 1), -EBADF);
    ck_assert_int_eq(ipcb_event_wait(writer, &count, 0), -EBADF);
    (void)ipcb_event_free(writer);
    (void)ipcb_event_free(reader);
}
END_TEST

/* The broker's description is both ends, and never the last. */
START_TEST(what_is_in_it_waits_for_the_next_reader)
{
    struct ipcb_event *e = NULL;
    uint64_t count = 0;

    serve(DONE);
    e = event_of(user(0), "done");
    ck_assert_int_eq(ipcb_event_signal(e, 4), 0);
    (void)ipcb_event_free(e);
    e = event_of(user(1), "done");
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), -EAGAIN); /* and not the end of a file */
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(without_the_broker_it_ends_with_the_last_of_the_other_side)
{
    struct ipcb_event *writer, *reader;
    uint64_t count = 0;

    serve(DONE);
    writer = event_of(user(0), "done");
    reader = event_of(user(1), "done");
    (void)fixture_end(&broker, SIGKILL);
    ck_assert_int_eq(ipcb_event_signal(writer, 6), 0);
    ck_assert_int_eq(ipcb_event_wait(reader, &count, 0), 0);
    ck_assert_uint_eq(count, 6);
    (void)ipcb_event_free(reader);
    ck_assert_int_eq(ipcb_event_signal(writer, 1), -EPIPE);
    (void)ipcb_event_free(writer);
}
END_TEST

START_TEST(one_clients_flags_are_his_own)
{
    struct ipcb_item item = {.name = "done", .access = IPCB_READ, .flags = IPCB_NONBLOCK};
    struct ipcb *b;
    int fd;

    serve(DONE);
    b = connect_as(root());
    ck_assert_int_eq(ipcb_acquire_many(b, &item, 1, -1), 0);
    ck_assert_uint_eq(item.kind, IPCB_PIPE);
    ck_assert_int_eq(fcntl(item.fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
    fd = acquire(b, "done", IPCB_READ);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    close(fd);
    fd = acquire(b, "done", IPCB_READ);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    close(item.fd);
    (void)ipcb_free(b);
}
END_TEST

START_TEST(it_has_its_capacity_and_its_first_bytes)
{
    struct ipcb_facts *facts;
    struct ipcb *b;
    struct stat status;
    int fd, count = 0;

    serve("[pipe:a]\ncapacity = 4K\ninitial = 4096\nuse = user:0\n[pipe:b]\nuse = user:0\n"
          "[pipe:c]\ncapacity = 64K\ninitial = 5000\nuse = user:0\n");
    b = connect_as(root());
    fd = acquire(b, "a", 0);
    ck_assert_int_eq(fcntl(fd, F_GETPIPE_SZ), 4096);
    ck_assert_int_eq(ioctl(fd, FIONREAD, &count), 0);
    ck_assert_int_eq(count, 4096);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_eq(status.st_uid, broker.broker_uid);
    close(fd);
    fd = acquire(b, "b", 0);
    ck_assert_int_eq(fcntl(fd, F_GETPIPE_SZ), 8192);
    close(fd);
    ck_assert_int_eq(ipcb_show(b, "c", &facts), 0);
    ck_assert_uint_eq(ipcb_facts_find(facts, "capacity")->number, 65536);
    ck_assert_uint_eq(ipcb_facts_find(facts, "count")->number, 5000);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}
END_TEST

/* Exactly what is declared, or failed: the kernel would give less. */
START_TEST(a_capacity_over_the_limit_is_a_failure_that_names_it)
{
    serve("[pipe:big]\ncapacity = 1024M\nuse = user:0\n[pipe:done]\nuse = user:0\n");
    ck_assert_int_eq(get(root(), "big", 0), -ENXIO);
    assert_has(said(), "is over fs.pipe-max-size = ");
    assert_has(said(), "sysctl fs.pipe-max-size=1073741824");
    ck_assert_int_eq(get(root(), "done", 0), O_RDWR);
}
END_TEST

START_TEST(a_holder_who_changes_the_capacity_is_told_of)
{
    struct ipcb_facts *facts;
    struct ipcb *b;
    int fd;

    serve("[pipe:done]\ncapacity = 64K\nuse = user:0\n");
    b = connect_as(root());
    fd = acquire(b, "done", IPCB_WRITE);
    ck_assert_int_eq(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
    ck_assert_int_eq(ipcb_show(b, "done", &facts), 0);
    ck_assert_str_eq(ipcb_facts_find(facts, "state")->text, "differs");
    assert_has(ipcb_facts_find(facts, "difference")->text,
               "its capacity is 4096, declared is 65536");
    (void)ipcb_facts_free(facts);
    ck_assert_int_eq(fcntl(fd, F_SETPIPE_SZ, 65536), 65536);
    ck_assert_int_eq(ipcb_show(b, "done", &facts), 0);
    ck_assert_str_eq(ipcb_facts_find(facts, "state")->text, "ready");
    (void)ipcb_facts_free(facts);
    close(fd);
    (void)ipcb_free(b);
}
END_TEST

TCase *pipe_case(void)
{
    TCase *tcase = broker_case("pipe");

    tcase_add_test(tcase, each_gets_the_direction_that_he_is_granted);
    tcase_add_test(tcase, nobody_makes_one_direction_into_both);
    tcase_add_test(tcase, counts_go_from_one_user_to_another);
    tcase_add_test(tcase, what_is_in_it_waits_for_the_next_reader);
    tcase_add_test(tcase, without_the_broker_it_ends_with_the_last_of_the_other_side);
    tcase_add_test(tcase, one_clients_flags_are_his_own);
    tcase_add_test(tcase, it_has_its_capacity_and_its_first_bytes);
    tcase_add_test(tcase, a_capacity_over_the_limit_is_a_failure_that_names_it);
    tcase_add_test(tcase, a_holder_who_changes_the_capacity_is_told_of);
    return tcase;
}
