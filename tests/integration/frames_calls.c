/* The broker's system calls: how many an acquire takes, and whose replies it sends in what order.
 */
#include "tests/integration/frames.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_epoll_wait /* newer machines have the other one alone */
#define SYS_epoll_wait SYS_epoll_pwait
#endif

#define N_GRANTS 100

/* Of the caller's one group; the others are for somebody else. */
static void set_up(void)
{
    static char text[16384];
    size_t used = 0;

    fixture_setup(&broker);
    used = (size_t)snprintf(text, sizeof text,
                            "[queue:one]\nuse = group:$C6\n[queue:theirs]\n"
                            "use = group:$C7, unit:shop-*.service\n[queue:hundred]\n");
    for (int i = 1; i < N_GRANTS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 i % 3 == 0   ? "use = user:77%d\n"
                                 : i % 3 == 1 ? "use = group:77%d\n"
                                              : "use = unit:shop-%d-*.service\n",
                                 i);
    (void)snprintf(text + used, sizeof text - used, "use = group:$C6\n");
    fixture_configure(&broker, text);
    fixture_start(&broker);
}

static int dial_in_group(void)
{
    const gid_t group = user(6).gid;
    struct who who = user(0);

    who.groups = &group;
    who.n_groups = 1;
    return dial_as(who);
}

/* The broker stands still until it is asked for its next call. */
static void trace_begin(void)
{
    int status;

    ck_assert_int_eq(ptrace(PTRACE_SEIZE, broker.broker, 0, PTRACE_O_TRACESYSGOOD), 0);
    ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, broker.broker, 0, 0), 0);
    ck_assert_int_eq(waitpid(broker.broker, &status, __WALL), broker.broker);
}

static void trace_end(void)
{
    ck_assert_int_eq(ptrace(PTRACE_DETACH, broker.broker, 0, 0), 0);
}

/* The system call that the broker begins next; *RET_FD is its first argument. */
static uint64_t next_call(int *ret_fd)
{
    struct __ptrace_syscall_info info;
    int status;

    do {
        ck_assert_int_eq(ptrace(PTRACE_SYSCALL, broker.broker, 0, 0), 0);
        ck_assert_int_eq(waitpid(broker.broker, &status, __WALL), broker.broker);
        ck_assert(WIFSTOPPED(status));
        ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, broker.broker, sizeof info, &info), 0);
    } while (info.op != PTRACE_SYSCALL_INFO_ENTRY);
    *ret_fd = (int)info.entry.args[0];
    return info.entry.nr;
}

static bool is_wait(uint64_t call)
{
    return call == SYS_epoll_pwait || call == SYS_epoll_wait;
}

/* Of one acquire over FD, from the wake-up to the next wait. */
static unsigned count_calls(int fd, const char *name, int error)
{
    struct answer answer;
    struct frame frame;
    unsigned n = 0;
    int ignored;
    bool sent = false;

    trace_begin();
    frame_acquire(&frame, 1, name, 0);
    put_frame(fd, &frame);
    for (;;) {
        uint64_t call = next_call(&ignored);

        if (is_wait(call) && sent)
            break;
        sent |= call == SYS_sendmsg;
        n += !is_wait(call);
    }
    trace_end();
    expect_reply(fd, &answer, WIRE_ACQUIRE, 1, error);
    return n;
}

/* Of a first acquire, which asks who the caller is, and of a further one. */
START_TEST(a_hundred_grants_take_no_more_calls_than_one)
{
    int one = dial_in_group(), hundred = dial_in_group();

    expect_alive(one);
    expect_alive(hundred);
    ck_assert_uint_eq(count_calls(hundred, "hundred", 0), count_calls(one, "one", 0));
    ck_assert_uint_eq(count_calls(hundred, "hundred", 0), count_calls(one, "one", 0));
    close(one);
    close(hundred);
}
END_TEST

/* Groups and unit are asked for once. What is left is the request and its reply. */
START_TEST(who_he_is_is_asked_once)
{
    int fd = dial_in_group();
    unsigned first;

    expect_alive(fd);
    first = count_calls(fd, "theirs", EACCES);
    ck_assert_uint_gt(first, 4);
    ck_assert_uint_eq(count_calls(fd, "theirs", EACCES), 2);
    ck_assert_uint_eq(count_calls(fd, "theirs", EACCES), 2);
    close(fd);
}
END_TEST

/* ---- turns ---- */

#define N_CLIENTS 11u /* the first of them is greedy */
#define N_GREEDY  150u
#define N_MODEST  10u

static void ask_often(int fd, unsigned n)
{
    struct frame frame;

    for (uint32_t serial = 1; serial <= n; serial++) {
        valid_request(5, &frame, serial);
        put_frame(fd, &frame);
    }
}

static void read_often(int fd, unsigned n)
{
    struct answer answer;

    for (uint32_t serial = 1; serial <= n; serial++)
        expect_reply(fd, &answer, WIRE_WHOAMI, serial, 0);
}

/* The broker's descriptor for whom it sends a reply next. */
static int next_answered(void)
{
    int fd;

    while (next_call(&fd) != SYS_sendmsg)
        ;
    return fd;
}

/* Who is who in the broker: each asks alone. */
static void learn_descriptors(const int *fds, int *theirs)
{
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        trace_begin();
        ask_often(fds[i], 1);
        theirs[i] = next_answered();
        trace_end();
        read_often(fds[i], 1);
    }
}

/* However many he has sent before the others came, nobody is answered twice more than another. */
START_TEST(a_greedy_client_has_his_turn_like_ten_modest_ones)
{
    unsigned served[N_CLIENTS] = {0}, least = 0, most = 0;
    int fds[N_CLIENTS], theirs[N_CLIENTS];

    for (unsigned i = 0; i < N_CLIENTS; i++)
        fds[i] = dial();
    learn_descriptors(fds, theirs);
    trace_begin();
    for (unsigned i = 0; i < N_CLIENTS; i++)
        ask_often(fds[i], i == 0 ? N_GREEDY : N_MODEST);
    while (least < N_MODEST) {
        int fd = next_answered();
        unsigned i = 0;

        while (theirs[i] != fd)
            ck_assert_uint_lt(++i, N_CLIENTS);
        served[i]++;
        least = served[1];
        most = served[1];
        for (i = 2; i < N_CLIENTS; i++) {
            least = served[i] < least ? served[i] : least;
            most = served[i] > most ? served[i] : most;
        }
        ck_assert_uint_le(served[0], least + 2);
        ck_assert_uint_le(most, least + 2);
    }
    trace_end();
    (void)dprintf(STDOUT_FILENO, "# of %u replies: greedy %u, each of %u modest clients %u\n",
                  served[0] + (N_CLIENTS - 1) * N_MODEST, served[0], N_CLIENTS - 1, N_MODEST);
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        read_often(fds[i], i == 0 ? N_GREEDY : N_MODEST);
        close(fds[i]);
    }
}
END_TEST

/* Else whoever floods the way in and goes would cost more than he does. */
START_TEST(who_is_gone_is_not_answered)
{
    int fd = dial(), ignored;
    uint64_t call;

    expect_alive(fd);
    trace_begin();
    ask_often(fd, 3);
    close(fd);
    while ((call = next_call(&ignored)) != SYS_close)
        ck_assert(call != SYS_sendmsg && call != SYS_recvmsg && call != SYS_recvfrom);
    trace_end();
}
END_TEST

void add_calls_cases(Suite *suite)
{
    TCase *cases = tcase_create("calls");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, frames_teardown);
    tcase_add_test(cases, a_hundred_grants_take_no_more_calls_than_one);
    tcase_add_test(cases, who_he_is_is_asked_once);
    tcase_add_test(cases, a_greedy_client_has_his_turn_like_ten_modest_ones);
    tcase_add_test(cases, who_is_gone_is_not_answered);
    suite_add_tcase(suite, cases);
}
