/* The wrappers of queues and eventfds, on the kernel's own objects: no broker is needed. */
#include "base/base.h"
#include "client/ipcbroker.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define SOON_US 30000 /* a timeout that elapses */

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#define ck_assert_elapses(call)                                                                    \
    do {                                                                                           \
        int64_t start_ = now_us();                                                                 \
        ck_assert_int_eq(call, -ETIMEDOUT);                                                        \
        ck_assert_int_ge(now_us() - start_, SOON_US);                                              \
    } while (0)

/* ---- queues ---- */

/* Two descriptions of a queue of 3 messages of 16 bytes that has no name any more. */
static void make_queue(int flags, int *ret_sender, int *ret_receiver)
{
    struct mq_attr attributes = {.mq_maxmsg = 3, .mq_msgsize = 16};
    char name[64];
    uint32_t random;

    ck_assert_int_eq(syscall(SYS_getrandom, &random, sizeof random, 0), sizeof random);
    (void)snprintf(name, sizeof name, "/ipcb-test-%d-%08x", getpid(), random);
    *ret_receiver =
        mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0600, &attributes);
    ck_assert_msg(*ret_receiver >= 0, "mq_open: %s", strerror(errno));
    *ret_sender = mq_open(name, O_WRONLY | O_CLOEXEC | flags);
    ck_assert_int_eq(mq_unlink(name), 0);
    ck_assert_int_ge(*ret_sender, 0);
}

struct pair {
    struct ipcb_queue *sender, *receiver;
};

static struct pair adopt_pair(int flags)
{
    struct pair pair;
    int sender, receiver;

    make_queue(flags, &sender, &receiver);
    ck_assert_int_eq(ipcb_queue_adopt(&pair.sender, sender), 0);
    ck_assert_int_eq(ipcb_queue_adopt(&pair.receiver, receiver), 0);
    return pair;
}

static void free_pair(struct pair *pair)
{
    ck_assert_ptr_null(ipcb_queue_free(pair->sender));
    ck_assert_ptr_null(ipcb_queue_free(pair->receiver));
}

static void fill(struct ipcb_queue *q)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ipcb_queue_send(q, "full", 4, 0, 0), 0);
}

/* All that waits and all that does not, on blocking descriptions (0) and on others (1). */
static const int descriptions[] = {0, O_NONBLOCK};

START_TEST(queue_facts)
{
    struct pair pair = adopt_pair(0);
    int fd = ipcb_queue_fd(pair.sender);

    ck_assert_uint_eq(ipcb_queue_message_size(pair.sender), 16);
    ck_assert_uint_eq(ipcb_queue_max_messages(pair.sender), 3);
    ck_assert_int_eq(ipcb_queue_depth(pair.receiver), 0);
    fill(pair.sender);
    ck_assert_int_eq(ipcb_queue_depth(pair.sender), 3);
    ck_assert_int_eq(ipcb_queue_release(pair.sender), fd);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0); /* still open */
    close_fd(fd);
    pair.sender = NULL;
    fd = ipcb_queue_fd(pair.receiver);
    free_pair(&pair);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1); /* the wrapper owned it */
}
END_TEST

START_TEST(queue_adopts_only_queues)
{
    struct ipcb_queue *q = NULL;
    int fd = eventfd(0, EFD_CLOEXEC);

    ck_assert_int_eq(ipcb_queue_adopt(&q, fd), -EBADF);
    ck_assert_int_eq(ipcb_queue_adopt(&q, -1), -EBADF);
    ck_assert_ptr_null(q);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0); /* it stays ours */
    close_fd(fd);
}
END_TEST

START_TEST(priorities_decide_the_order)
{
    struct pair pair = adopt_pair(descriptions[_i]);
    const void *message;
    unsigned priority;

    ck_assert_int_eq(ipcb_queue_send(pair.sender, "low", 3, 0, -1), 0);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "high", 4, 32767, 0), 0);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, NULL, 0, 5, SOON_US), 0);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, &priority, -1), 4);
    ck_assert_str_eq(message, "high"); /* with a NUL behind it */
    ck_assert_uint_eq(priority, 32767);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, &priority, 0), 0);
    ck_assert_str_eq(message, "");
    ck_assert_uint_eq(priority, 5);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, NULL, SOON_US), 3);
    ck_assert_str_eq(message, "low");
    free_pair(&pair);
}
END_TEST

START_TEST(the_longest_message)
{
    struct pair pair = adopt_pair(0);
    const void *message;

    ck_assert_int_eq(ipcb_queue_send(pair.sender, "0123456789abcdef", 16, 0, 0), 0);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "0123456789abcdefg", 17, 0, 0), -EMSGSIZE);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "0123456789abcdefg", 17, 0, -1), -EMSGSIZE);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, NULL, 0), 16);
    ck_assert_str_eq(message, "0123456789abcdef");
    free_pair(&pair);
}
END_TEST

START_TEST(queue_misuse)
{
    struct pair pair = adopt_pair(descriptions[_i]);
    const void *message = "untouched";
    unsigned priority = 77;

    ck_assert_int_eq(ipcb_queue_send(pair.sender, "x", 1, 32768, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "x", 1, 0, -2), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, &priority, -2), -EINVAL);
    for (int64_t timeout = -1; timeout <= 1; timeout++) { /* at once, whatever the timeout */
        ck_assert_int_eq(ipcb_queue_send(pair.receiver, "x", 1, 0, timeout), -EBADF);
        ck_assert_int_eq(ipcb_queue_receive(pair.sender, &message, &priority, timeout), -EBADF);
    }
    ck_assert_str_eq(message, "untouched");
    ck_assert_uint_eq(priority, 77);
    free_pair(&pair);
}
END_TEST

START_TEST(queue_timeouts)
{
    struct pair pair = adopt_pair(descriptions[_i]);
    const void *message;

    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, NULL, 0), -EAGAIN);
    ck_assert_elapses(ipcb_queue_receive(pair.receiver, &message, NULL, SOON_US));
    fill(pair.sender);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "x", 1, 0, 0), -EAGAIN);
    ck_assert_elapses(ipcb_queue_send(pair.sender, "x", 1, 0, SOON_US));
    ck_assert_int_eq(ipcb_queue_depth(pair.sender), 3);
    /* Nobody's description was changed for that. */
    ck_assert_int_eq(fcntl(ipcb_queue_fd(pair.sender), F_GETFL) & O_NONBLOCK, descriptions[_i]);
    ck_assert_int_eq(fcntl(ipcb_queue_fd(pair.receiver), F_GETFL) & O_NONBLOCK, descriptions[_i]);
    free_pair(&pair);
}
END_TEST

/* ---- somebody at the other end ---- */

static void await_sleep(pid_t pid)
{
    char path[64], text[512], state = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");

        if (!file || !fgets(text, sizeof text, file))
            _exit(1);
        state = strrchr(text, ')')[2];
        (void)fclose(file);
    }
}

/* Runs ACTION in a child once this process sleeps. */
static pid_t when_asleep(void (*action)(void *), void *argument)
{
    pid_t parent = getpid(), pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        await_sleep(parent);
        action(argument);
        _exit(0);
    }
    return pid;
}

static void reap(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

static void send_one(void *pair)
{
    if (ipcb_queue_send(((struct pair *)pair)->sender, "woken", 5, 1, 0) < 0)
        _exit(1);
}

static void receive_one(void *pair)
{
    const void *message;

    if (ipcb_queue_receive(((struct pair *)pair)->receiver, &message, NULL, 0) < 0)
        _exit(1);
}

static const int64_t long_timeouts[] = {-1, 60000000, INT64_MAX};

#define N_WAITS (int)(ARRAY_SIZE(descriptions) * ARRAY_SIZE(long_timeouts))

START_TEST(who_waits_for_a_queue_is_woken)
{
    int64_t timeout_us = long_timeouts[_i / 2];
    struct pair pair = adopt_pair(descriptions[_i % 2]);
    const void *message;
    pid_t pid;

    pid = when_asleep(send_one, &pair);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, NULL, timeout_us), 5);
    ck_assert_str_eq(message, "woken");
    reap(pid);
    fill(pair.sender);
    pid = when_asleep(receive_one, &pair);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "x", 1, 0, timeout_us), 0);
    reap(pid);
    free_pair(&pair);
}
END_TEST

static void on_signal(int number)
{
    (void)number;
}

static void signal_parent(void *unused)
{
    (void)unused;
    (void)kill(getppid(), SIGUSR1);
}

START_TEST(signals_end_waiting)
{
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    int64_t timeout_us = long_timeouts[_i / 2];
    struct pair pair = adopt_pair(descriptions[_i % 2]);
    struct ipcb_event *e;
    const void *message;
    pid_t pid;

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(ipcb_event_adopt(&e, eventfd(0, EFD_CLOEXEC | descriptions[_i % 2])), 0);
    pid = when_asleep(signal_parent, NULL);
    ck_assert_int_eq(ipcb_queue_receive(pair.receiver, &message, NULL, timeout_us), -EINTR);
    reap(pid);
    pid = when_asleep(signal_parent, NULL);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, timeout_us), -EINTR);
    reap(pid);
    fill(pair.sender);
    pid = when_asleep(signal_parent, NULL);
    ck_assert_int_eq(ipcb_queue_send(pair.sender, "x", 1, 0, timeout_us), -EINTR);
    reap(pid);
    (void)ipcb_event_free(e);
    free_pair(&pair);
}
END_TEST

/* ---- eventfds ---- */

static struct ipcb_event *adopt_event(unsigned count, int flags)
{
    struct ipcb_event *e;

    ck_assert_int_eq(ipcb_event_adopt(&e, eventfd(count, EFD_CLOEXEC | flags)), 0);
    return e;
}

static uint64_t wait_event(struct ipcb_event *e, int64_t timeout_us)
{
    uint64_t count = 0;

    ck_assert_int_eq(ipcb_event_wait(e, &count, timeout_us), 0);
    return count;
}

START_TEST(event_adopts_only_eventfds_and_pipes)
{
    struct ipcb_event *e = NULL;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    ck_assert_int_eq(ipcb_event_adopt(&e, fd), -EBADF);
    ck_assert_int_eq(ipcb_event_adopt(&e, -1), -EBADF);
    ck_assert_int_eq(ipcb_event_adopt(&e, 1000), -EBADF); /* not open */
    ck_assert_ptr_null(e);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    e = adopt_event(0, 0);
    fd = ipcb_event_fd(e);
    ck_assert_int_eq(ipcb_event_release(e), fd);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    ck_assert_int_eq(ipcb_event_adopt(&e, fd), 0);
    ck_assert_ptr_null(ipcb_event_free(e));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_ptr_null(ipcb_event_free(NULL));
}
END_TEST

START_TEST(counts_add_up)
{
    struct ipcb_event *e = adopt_event(2, descriptions[_i]);

    ck_assert_int_eq(ipcb_event_signal(e, 1), 0);
    ck_assert_int_eq(ipcb_event_signal(e, 39), 0);
    ck_assert_int_eq(ipcb_event_signal(e, 0), 0);
    ck_assert_uint_eq(wait_event(e, 0), 42);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_signal(e, 7), 0);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, -1), 0); /* who does not care takes it too */
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(a_semaphore_gives_one_at_a_time)
{
    struct ipcb_event *e = adopt_event(3, EFD_SEMAPHORE | descriptions[_i]);

    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(wait_event(e, i - 1), 1);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(event_timeouts)
{
    struct ipcb_event *e = adopt_event(0, descriptions[_i]);
    uint64_t count = 77;

    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), -EAGAIN);
    ck_assert_elapses(ipcb_event_wait(e, &count, SOON_US));
    ck_assert_int_eq(ipcb_event_wait(e, &count, -2), -EINVAL);
    ck_assert_uint_eq(count, 77);
    ck_assert_int_eq(fcntl(ipcb_event_fd(e), F_GETFL) & O_NONBLOCK, descriptions[_i]);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(a_full_counter)
{
    struct ipcb_event *e = adopt_event(0, descriptions[_i]);

    ck_assert_int_eq(ipcb_event_signal(e, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(ipcb_event_signal(e, UINT64_MAX - 1), 0);
    ck_assert_int_eq(ipcb_event_signal(e, 1), -EAGAIN); /* at once, on a blocking one too */
    ck_assert_uint_eq(wait_event(e, 0), UINT64_MAX - 1);
    ck_assert_int_eq(ipcb_event_signal(e, 1), 0);
    (void)ipcb_event_free(e);
}
END_TEST

static void signal_one(void *e)
{
    if (ipcb_event_signal(e, 5) < 0)
        _exit(1);
}

START_TEST(who_waits_for_an_event_is_woken)
{
    struct ipcb_event *e = adopt_event(0, descriptions[_i % 2]);
    pid_t pid = when_asleep(signal_one, e);

    ck_assert_uint_eq(wait_event(e, long_timeouts[_i / 2]), 5);
    reap(pid);
    (void)ipcb_event_free(e);
}
END_TEST

/* Makes preadv2() what it is for an eventfd before Linux 5.8, for this process. */
static void take_preadv2_away(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_SIZE(code), code};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(events_of_older_kernels)
{
    struct ipcb_event *e = adopt_event(3, descriptions[_i]);
    pid_t pid;

    take_preadv2_away();
    ck_assert_uint_eq(wait_event(e, 0), 3);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN); /* a blocking one too */
    ck_assert_elapses(ipcb_event_wait(e, NULL, SOON_US));
    pid = when_asleep(signal_one, e);
    ck_assert_uint_eq(wait_event(e, -1), 5);
    reap(pid);
    (void)ipcb_event_free(e);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wrappers");
    TCase *queues = tcase_create("queues"), *events = tcase_create("events");

    suite_add_tcase(suite, queues);
    tcase_add_test(queues, queue_facts);
    tcase_add_test(queues, queue_adopts_only_queues);
    tcase_add_loop_test(queues, priorities_decide_the_order, 0, 2);
    tcase_add_test(queues, the_longest_message);
    tcase_add_loop_test(queues, queue_misuse, 0, 2);
    tcase_add_loop_test(queues, queue_timeouts, 0, 2);
    tcase_add_loop_test(queues, who_waits_for_a_queue_is_woken, 0, N_WAITS);
    tcase_add_loop_test(queues, signals_end_waiting, 0, N_WAITS);
    suite_add_tcase(suite, events);
    tcase_add_test(events, event_adopts_only_eventfds_and_pipes);
    tcase_add_loop_test(events, counts_add_up, 0, 2);
    tcase_add_loop_test(events, a_semaphore_gives_one_at_a_time, 0, 2);
    tcase_add_loop_test(events, event_timeouts, 0, 2);
    tcase_add_loop_test(events, a_full_counter, 0, 2);
    tcase_add_loop_test(events, who_waits_for_an_event_is_woken, 0, N_WAITS);
    tcase_add_loop_test(events, events_of_older_kernels, 0, 2);
    return check_main(suite);
}
