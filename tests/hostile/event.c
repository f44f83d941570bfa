/* What a holder of an eventfd or a pipe can try with it. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define MOST 0xfffffffffffffffeu
#define EVENTS                                                                                     \
    "[eventfd:wake]\nuse = user:$C0, user:$C1\n"                                                   \
    "[pipe:done]\nwrite = user:$C0, user:$C2\nread = user:$C1\n"

static uint64_t count_of(const char *name)
{
    struct ipcb *b = connect_as(user(1));
    struct ipcb_facts *facts = show(b, name);
    uint64_t n = fact_number(facts, "count");

    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return n;
}

/* ---- eventfds ---- */

static int saturate(int fd)
{
    const uint64_t most = MOST;

    EXPECT(write(fd, &most, sizeof most) == sizeof most);
    return 0;
}

static int let_all_wait(int fd)
{
    EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT(fcntl(fd, F_SETFL, 0) == 0);
    return 0;
}

static int saturate_and_let_all_wait(int fd)
{
    return saturate(fd) || let_all_wait(fd);
}

START_TEST(a_saturated_eventfd_is_full_until_somebody_takes)
{
    struct attacker attacker;
    struct ipcb_event *e;
    uint64_t count = 0;

    besiege(EVENTS);
    attacker = attack_begin(user(0), "wake", saturate);
    e = event_of(user(1), "wake");
    ck_assert_int_eq(ipcb_event_signal(e, 1), -EAGAIN);
    ck_assert_uint_eq(count_of("wake"), MOST);
    ck_assert_int_eq(ipcb_event_wait(e, &count, -1), 0);
    ck_assert_uint_eq(count, MOST);
    ck_assert_int_eq(ipcb_event_signal(e, 1), 0);
    (void)ipcb_event_free(e);
    attack_end(&attacker);
}
END_TEST

/* The broker neither reads nor writes it, so that its flags are nothing to it. */
START_TEST(a_saturated_eventfd_that_blocks_stops_no_broker)
{
    struct attacker attacker;

    besiege(EVENTS);
    attacker = attack_begin(user(0), "wake", saturate_and_let_all_wait);
    ck_assert_uint_eq(count_of("wake"), MOST);
    ck_assert_int_eq(get(user(1), "wake", 0), O_RDWR);
    ck_assert_int_eq(get(user(1), "done", 0), O_RDONLY);
    ck_assert_uint_eq(count_of("wake"), MOST); /* nor has it taken anything */
    attack_end(&attacker);
}
END_TEST

START_TEST(a_flag_that_a_holder_clears_makes_no_wait_longer)
{
    struct ipcb_event *before, *after;
    struct attacker attacker;
    uint64_t count = 0;

    besiege(EVENTS);
    before = event_of(user(1), "wake");
    attacker = attack_begin(user(0), "wake", let_all_wait);
    ck_assert_int_eq(fcntl(ipcb_event_fd(before), F_GETFL) & O_NONBLOCK, 0);
    after = event_of(user(1), "wake");
    ck_assert_int_eq(ipcb_event_wait(before, &count, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait(after, &count, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait(before, &count, 1000), -ETIMEDOUT);
    ck_assert_int_eq(ipcb_event_wait(after, &count, 1000), -ETIMEDOUT);
    ck_assert_int_eq(ipcb_event_signal(before, 3), 0);
    ck_assert_int_eq(ipcb_event_wait(after, &count, -1), 0);
    ck_assert_uint_eq(count, 3);
    (void)ipcb_event_free(before);
    (void)ipcb_event_free(after);
    attack_end(&attacker);
}
END_TEST

/* Nobody can empty a semaphore of 2^64 - 2 by taking one at a time, and nobody tries. */
START_TEST(a_saturated_semaphore_keeps_nobody_busy)
{
    struct attacker attacker;
    struct ipcb_event *e;
    uint64_t count = 0;

    besiege("[eventfd:wake]\nsemaphore = yes\nuse = user:$C0, user:$C1\n");
    attacker = attack_begin(user(0), "wake", saturate);
    e = event_of(user(1), "wake");
    ck_assert_int_eq(ipcb_event_wait(e, &count, -1), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(count_of("wake"), MOST - 1);
    (void)ipcb_event_free(e);
    attack_end(&attacker);
}
END_TEST

/* ---- pipes ---- */

static int shrink_and_fill(int fd)
{
    size_t n = 0;

    EXPECT(fcntl(fd, F_SETPIPE_SZ, 4096) == 4096);
    EXPECT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while (write(fd, "x", 1) == 1)
        n++;
    EXPECT(errno == EAGAIN && n == 4096);
    return 0;
}

START_TEST(a_full_pipe_is_full_for_its_writers_only)
{
    struct attacker attacker;
    struct ipcb_event *writer, *reader;
    uint64_t count = 0;

    besiege(EVENTS);
    may_change("done");
    attacker = attack_begin(user(2), "done", shrink_and_fill);
    writer = event_of(user(0), "done");
    reader = event_of(user(1), "done");
    ck_assert_int_eq(ipcb_event_signal(writer, 1), -EAGAIN);
    ck_assert_uint_eq(count_of("done"), 4096);
    ck_assert_int_eq(ipcb_event_wait(reader, &count, -1), 0);
    ck_assert_uint_eq(count, 4096);
    ck_assert_int_eq(ipcb_event_signal(writer, 1), 0);
    ck_assert_int_eq(ipcb_event_wait(reader, &count, -1), 0);
    ck_assert_uint_eq(count, 1);
    (void)ipcb_event_free(writer);
    (void)ipcb_event_free(reader);
    attack_end(&attacker);
}
END_TEST

/* The pipe has his page and not a copy of it. */
static int write_and_change(int fd)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec bytes = {page, 6};

    EXPECT(page != MAP_FAILED);
    memcpy(page, "before", 6);
    EXPECT(vmsplice(fd, &bytes, 1, 0) == 6);
    memcpy(page, "after!", 6);
    return 0;
}

START_TEST(a_writer_may_change_what_nobody_has_read_yet)
{
    struct attacker attacker;
    struct ipcb *b;
    char bytes[8];
    int fd;

    besiege(EVENTS);
    attacker = attack_begin(user(2), "done", write_and_change);
    b = connect_as(user(1));
    fd = acquire(b, "done", 0);
    ck_assert_uint_eq(count_of("done"), 6);
    ck_assert_int_eq(read(fd, bytes, sizeof bytes), 6);
    ck_assert_mem_eq(bytes, "after!", 6);
    close(fd);
    (void)ipcb_free(b);
    attack_end(&attacker);
}
END_TEST

TCase *hostile_event_case(void)
{
    TCase *tcase = hostile_case("event");

    tcase_add_test(tcase, a_saturated_eventfd_is_full_until_somebody_takes);
    tcase_add_test(tcase, a_saturated_eventfd_that_blocks_stops_no_broker);
    tcase_add_test(tcase, a_flag_that_a_holder_clears_makes_no_wait_longer);
    tcase_add_test(tcase, a_saturated_semaphore_keeps_nobody_busy);
    tcase_add_test(tcase, a_full_pipe_is_full_for_its_writers_only);
    tcase_add_test(tcase, a_writer_may_change_what_nobody_has_read_yet);
    return tcase;
}
