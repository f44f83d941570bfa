/* The broker as a process: signals, crowds, and descriptors that nobody reads. */
#include "tests/hostile/hostile.h"

#include "protocol/wire.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define WAKE "[eventfd:wake]\nuse = user:$C0, user:$C1\n"

/* ---- the process ---- */

static int reach_for_it(void *argument)
{
    static const int signals[] = {0, SIGHUP, SIGTERM, SIGKILL, SIGSTOP};
    const struct rlimit none = {0, 0};
    pid_t pid = broker.broker;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    (void)argument;

    EXPECT(pidfd >= 0);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        EXPECT(kill(pid, signals[i]) < 0 && errno == EPERM);
        EXPECT(syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0) < 0 && errno == EPERM);
    }
    EXPECT(syscall(SYS_pidfd_getfd, pidfd, 0, 0) < 0 && errno == EPERM);
    EXPECT(ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 && errno == EPERM);
    EXPECT(prlimit(pid, RLIMIT_NOFILE, &none, NULL) < 0 && errno == EPERM);
    EXPECT(setpriority(PRIO_PROCESS, (id_t)pid, 19) < 0 && errno == EPERM);
    return 0;
}

START_TEST(no_other_user_reaches_the_process)
{
    besiege(WAKE);
    ck_assert_int_eq(as_user(user(0), reach_for_it, NULL), 0);
    ck_assert_int_eq(get(user(1), "wake", 0), O_RDWR);
}
END_TEST

static int send_hangups(void *argument)
{
    (void)argument;
    for (int i = 0; i < 1000; i++)
        EXPECT(kill(broker.broker, SIGHUP) == 0);
    return 0;
}

/* Only its own user and root can. */
START_TEST(a_storm_of_hangups_stops_nothing)
{
    struct who itself = {.uid = broker.broker_uid, .gid = broker.broker_uid};
    struct ipcb *b;
    pid_t storm;

    besiege(WAKE);
    b = connect_as(user(0));
    storm = as_user_begin(itself, send_hangups, NULL);
    for (int i = 0; i < 100; i++)
        close(acquire(b, "wake", 0));
    ck_assert_int_eq(as_user_end(storm), 0);
    ck_assert_int_eq(get(user(1), "wake", 0), O_RDWR);
    (void)ipcb_free(b);
}
END_TEST

/* ---- crowds ---- */

static int come_and_go(void)
{
    int fd = raw_connect(broker.socket);

    EXPECT(fd >= 0);
    close(fd);
    return 0;
}

START_TEST(who_only_comes_and_goes_keeps_nobody_out)
{
    struct crowd crowd;

    besiege(WAKE);
    crowd = crowd_begin(user(6), 4, come_and_go);
    await_canary((unsigned)load(200));
    crowd_end(&crowd);
}
END_TEST

TCase *hostile_system_case(void)
{
    TCase *tcase = hostile_case("system");

    tcase_add_test(tcase, no_other_user_reaches_the_process);
    tcase_add_test(tcase, a_storm_of_hangups_stops_nothing);
    tcase_add_test(tcase, who_only_comes_and_goes_keeps_nobody_out);
    return tcase;
}
