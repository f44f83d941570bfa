/* Many objects, many clients, greedy ones, and ones that die. */
#include "tests/integration/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

/* Says why a test did not do its work, where the test driver shows it. */
static void note(const char *format, ...) _printf_(1, 2);

static void note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vdprintf(STDOUT_FILENO, format, arguments);
    va_end(arguments);
}

/* Raises our own limit of descriptors; returns it. */
static uint64_t descriptor_limit(void)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_max;
}

/* A configuration of N objects: queues with these LINES, or eventfds without any. */
static void configure_many(const char *head, const char *lines, int n)
{
    size_t size = strlen(head) + (strlen(lines) + 32) * (size_t)n + 1, used;
    char *text = malloc(size);

    ck_assert_ptr_nonnull(text);
    used = (size_t)snprintf(text, size, "%s", head);
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, size - used, "[%s:o%05d]\nuse = any\n%s",
                                 *lines ? "queue" : "eventfd", i, lines);
    ck_assert_uint_lt(used, size);
    fixture_configure(&broker, text);
    free(text);
}

static void frame_of_batch(struct frame *frame, int first, int n, unsigned access)
{
    frame_begin(frame, WIRE_ACQUIRE, 1);
    for (int i = 0; i < n; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "o%05d", first + i);
        frame_item(frame, name, strlen(name), access, 0, 0);
    }
}

/* Acquires all N objects, a batch at a time, and has EACH look at each. */
static void with_all(int n, unsigned access, void (*each)(int fd, int number))
{
    struct answer answer;
    struct frame frame;
    int fd = dial();

    for (int first = 0, batch; first < n; first += batch) {
        batch = n - first < 253 ? n - first : 253;
        frame_of_batch(&frame, first, batch, access);
        put_frame(fd, &frame);
        ck_assert(get_with_descriptors(fd, &answer));
        ck_assert_msg(answer.header.status == 0, "%s", answer.sentence);
        ck_assert_uint_eq(answer.n_fds, batch);
        for (int i = 0; i < batch; i++) {
            each(answer.fds[i], first + i);
            close(answer.fds[i]);
        }
    }
    close(fd);
}

static void no_broker(void)
{
    fixture_setup(&broker);
    (void)descriptor_limit();
}

/* ---- many objects ---- */

#define N_QUEUES load(8000)

static void put_one(int fd, int number)
{
    char byte = (char)(number % 251);

    ck_assert_int_eq(mq_send(fd, &byte, 1, (unsigned)number % 7), 0);
}

static void take_one(int fd, int number)
{
    unsigned priority;
    char byte;

    ck_assert_int_eq(mq_receive(fd, &byte, 1, &priority), 1);
    ck_assert_int_eq(byte, (char)(number % 251));
    ck_assert_uint_eq(priority, (unsigned)number % 7);
}

static void expect_status_fact(const char *key, uint64_t value)
{
    struct ipcb *b = fixture_handle(&broker);
    struct ipcb_facts *facts = status(b);

    ck_assert_uint_eq(fact_number(facts, key), value);
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
}

/* They fit the default RLIMIT_MSGQUEUE of 819,200 bytes. */
START_TEST(eight_thousand_queues_keep_their_messages)
{
    set_mqueue_limit("queues_max", 10000);
    configure_many("", "max_messages = 1\nmessage_size = 1\n", N_QUEUES);
    fixture_start(&broker);
    expect_status_fact("objects", N_QUEUES);
    expect_status_fact("failed", 0);
    with_all(N_QUEUES, WIRE_WRITE, put_one);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    fixture_start(&broker);
    with_all(N_QUEUES, WIRE_READ, take_one);
}
END_TEST

/* As many as the name space allows; the rest is named, and nobody else suffers. */
START_TEST(more_queues_than_the_host_allows)
{
    set_mqueue_limit("queues_max", 100);
    configure_many("", "max_messages = 1\nmessage_size = 1\n", 130);
    fixture_start(&broker);
    expect_status_fact("failed", 30);
    with_all(100, WIRE_WRITE, put_one);
    with_all(100, WIRE_READ, take_one);
    assert_has(fixture_log(&broker), "queue 'o00129' failed: ");
    assert_has(fixture_log(&broker), "fs.mqueue.queues_max=");
}
END_TEST

#define N_EVENTFDS 10000

static void add_number(int fd, int number)
{
    uint64_t n = (uint64_t)number + 1;

    ck_assert_int_eq(write(fd, &n, sizeof n), sizeof n);
}

static void take_number(int fd, int number)
{
    uint64_t n = 0;

    ck_assert_int_eq(read(fd, &n, sizeof n), sizeof n);
    ck_assert_uint_eq(n, (uint64_t)number + 1);
}

START_TEST(ten_thousand_eventfds)
{
    int n = load(N_EVENTFDS);
    uint64_t needed = (uint64_t)n + 317 + 100;

    if (descriptor_limit() < needed) {
        note("# SKIPPED %s: RLIMIT_NOFILE is %llu at most, and it needs %llu\n", __func__,
             (unsigned long long)descriptor_limit(), (unsigned long long)needed);
        return;
    }
    configure_many("[broker]\nmax_clients = 100\n", "", n);
    fixture_start(&broker);
    expect_status_fact("failed", 0);
    with_all(n, 0, add_number);
    with_all(n, 0, take_number);
}
END_TEST

/* ---- many clients ---- */

#define CLIENTS_MOST 1000

static void many_clients_setup(void)
{
    no_broker();
    fixture_configure(&broker, "[broker]\n"
                               "max_clients_per_user = 4000\n"
                               "[queue:q]\n"
                               "max_messages = 4\n"
                               "message_size = 64\n"
                               "use = any\n"
                               "[eventfd:e]\n"
                               "use = any\n");
    fixture_start(&broker);
}

/* All are connected before the first asks; all ask before the first reads. */
START_TEST(a_thousand_clients_at_once)
{
    const int n = load(CLIENTS_MOST);
    size_t before = descriptors();
    static int fds[CLIENTS_MOST];
    struct answer answer;
    struct frame frame;

    for (int i = 0; i < n; i++)
        fds[i] = dial();
    for (int i = 0; i < n; i++) {
        frame_acquire(&frame, (uint32_t)i + 1, i % 2 ? "q" : "e", 0);
        put_frame(fds[i], &frame);
    }
    /* In their order: all are one user's, and the last wait until he has read of the first. */
    for (int i = 0; i < n; i++) {
        expect_reply(fds[i], &answer, WIRE_ACQUIRE, (uint32_t)i + 1, 0);
        ck_assert_uint_eq(answer.n_fds, 1);
    }
    expect_status_fact("clients", n + 1);
    for (int i = 0; i < n; i++)
        close(fds[i]);
    expect_descriptors(before);
}
END_TEST

/* What a user has read is not counted for him, though each of his connections always has something
 * unread, so that none is ever seen to have read all. */
START_TEST(one_unread_at_each_connection_fills_no_share)
{
    enum { N = 64, TURNS = 20 };
    struct answer answer;
    struct frame frame;
    int fds[N];

    for (int i = 0; i < N; i++) {
        fds[i] = dial();
        for (uint32_t turn = 1; turn <= TURNS; turn++) {
            frame_acquire(&frame, turn, "q", 0);
            put_frame(fds[i], &frame);
            if (turn > 1) {
                expect_reply(fds[i], &answer, WIRE_ACQUIRE, turn - 1, 0);
                ck_assert_uint_eq(answer.n_fds, 1);
            }
        }
    }
    for (int i = 0; i < N; i++)
        close(fds[i]);
}
END_TEST

START_TEST(a_storm_of_connections)
{
    size_t before = descriptors();
    struct frame frame;

    frame_acquire(&frame, 1, "q", WIRE_USE);
    for (int i = 0; i < load(20000); i++) {
        int fd = dial();

        if (i % 4 == 0)
            put_frame(fd, &frame);
        close(fd);
        if (i % 1000 == 0)
            expect_service();
    }
    expect_service();
    expect_descriptors(before);
    assert_has_not(fixture_log(&broker), "warning");
}
END_TEST

/* ---- a greedy client ---- */

#define N_MODEST 10

/* A reply in a child, which may be killed at any moment and must not speak with Check: its serial,
 * 0 for the end. */
static uint32_t get_serial(int fd)
{
    uint8_t bytes[WIRE_REPLY_MAX];
    int fds[WIRE_DESCRIPTORS_MAX];
    struct wire_header header;
    struct wire_reader fields;
    size_t n;
    ssize_t size = raw_receive(fd, bytes, sizeof bytes, fds, &n);

    if (size <= 0 || wire_read_header(&fields, bytes, (size_t)size, &header) < 0)
        return 0;
    while (n > 0)
        close(fds[--n]);
    return header.status ? 0 : header.serial;
}

/* Keeps as many requests on their way as the kernel takes, for ever, and reads the replies. */
static int flood(void *progress)
{
    _Atomic uint64_t *count = progress;
    struct frame frame;
    int fd = raw_connect(broker.socket);

    frame_acquire(&frame, 1, "q", WIRE_USE);
    for (;;) {
        while (send(fd, frame.bytes, frame.writer.size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            ;
        EXPECT(errno == EAGAIN);
        EXPECT(get_serial(fd) == 1);
        ++*count;
    }
}

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

static void expect_killed(pid_t child, int signal)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signal, "a child ended with %d",
                  status);
}

/* A greedy one gets one request answered in his turn, like everybody. */
START_TEST(modest_clients_beside_a_greedy_one)
{
    _Atomic uint64_t *count = share(sizeof *count);
    pid_t child = as_user_begin(client(&broker, 0), flood, (void *)count);
    uint64_t before;
    int fds[N_MODEST];

    while (*count < 1000) /* he is at it */
        (void)sched_yield();
    for (int i = 0; i < N_MODEST; i++)
        fds[i] = dial();
    before = *count;
    for (int i = 0; i < N_MODEST * load(400); i++)
        expect_alive(fds[i % N_MODEST]);
    ck_assert_uint_gt(*count, before); /* and still was */
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    expect_killed(child, SIGKILL);
    for (int i = 0; i < N_MODEST; i++)
        close(fds[i]);
}
END_TEST

/* ---- clients that die ---- */

#define N_MORTAL 200

/* Half of them read what they asked for. Ends by a signal, whatever it is just doing. */
static int ask_until_death(void *number)
{
    int which = *(int *)number;
    struct itimerval soon = {.it_value.tv_usec = 1 + which * 7919 % 60000};
    int fd = raw_connect(broker.socket);
    struct frame frame;

    EXPECT(fd >= 0);
    (void)signal(SIGALRM, SIG_DFL); /* Check has a use for it, but not here */
    EXPECT(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    for (uint32_t serial = 1;; serial++) {
        (void)valid_request((int)(serial % N_VALID), &frame, serial);
        EXPECT(send(fd, frame.bytes, frame.writer.size, MSG_NOSIGNAL) >= 0);
        EXPECT(which % 2 || get_serial(fd) == serial);
    }
}

START_TEST(clients_killed_at_any_moment)
{
    size_t before = descriptors();
    pid_t children[N_MORTAL];

    for (int i = 0; i < N_MORTAL; i++)
        children[i] = as_user_begin(client(&broker, (unsigned)i % 8), ask_until_death, &i);
    for (int i = 0; i < N_MORTAL; i++)
        expect_killed(children[i], SIGALRM);
    expect_service();
    expect_descriptors(before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *objects = tcase_create("objects"), *clients = tcase_create("clients");

    if (!check_is_root())
        return 0;
    tcase_set_timeout(objects, 120);
    tcase_add_checked_fixture(objects, no_broker, frames_teardown);
    tcase_add_test(objects, eight_thousand_queues_keep_their_messages);
    tcase_add_test(objects, more_queues_than_the_host_allows);
    tcase_add_test(objects, ten_thousand_eventfds);
    suite_add_tcase(suite, objects);
    tcase_set_timeout(clients, 120);
    tcase_add_checked_fixture(clients, many_clients_setup, frames_teardown);
    tcase_add_test(clients, a_thousand_clients_at_once);
    tcase_add_test(clients, one_unread_at_each_connection_fills_no_share);
    tcase_add_test(clients, a_storm_of_connections);
    tcase_add_test(clients, modest_clients_beside_a_greedy_one);
    tcase_add_test(clients, clients_killed_at_any_moment);
    suite_add_tcase(suite, clients);
    return check_main(suite);
}
