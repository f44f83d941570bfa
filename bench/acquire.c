/*
 * What does it cost to ask the broker for a queue?
 *
 * The real daemon stands beside a bare server in this file, which makes the same system calls for a
 * request (epoll_wait, recv, mq_open by name, fstat, sendmsg, close) and nothing else: no names, no
 * grants, no errors. Both and their client share one processor, so that a rate is 1 / (processor
 * time of a whole round trip). Rounds are short, interleaved and shuffled, and only runs of one
 * round are compared.
 *
 * Nothing here passes judgement: it prints. See bench/README.md.
 */
#include "base/address.h"
#include "base/base.h"
#include "client/ipcbroker.h"
#include "protocol/wire.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS      9
#define ROUND_NS    UINT64_C(250000000)
#define SAMPLES_MAX (ROUNDS * 64 * 1024) /* latencies kept of each way; what is over is not */
#define PATIENCE_MS 10000

/* ---- the bench: everything is made here and taken away at the end ---- */

static struct {
    char directory[64];
    char name[32];        /* of the queue's object */
    char posix_name[64];  /* the same for the kernel */
    char broker_path[96]; /* of sockets */
    char bare_path[96];
    pid_t broker, bare;
    int cpu;
    ino_t inode; /* of the queue */
} bench;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    interrupted = signal;
}

static void kill_and_wait(pid_t *child, int signal)
{
    if (*child <= 0)
        return;
    (void)kill(*child, signal);
    while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
        ;
    *child = 0;
}

static void remove_file(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", bench.directory, name);
    (void)unlink(path);
}

static void clean_up(void)
{
    static const char *const files[] = {
        "conf", "log", "notify", "broker", "broker.admin", "broker.admin.lock", "bare"};

    kill_and_wait(&bench.broker, SIGTERM);
    kill_and_wait(&bench.bare, SIGKILL);
    for (size_t i = 0; bench.directory[0] && i < ARRAY_SIZE(files); i++)
        remove_file(files[i]);
    if (bench.directory[0])
        (void)rmdir(bench.directory);
    if (bench.posix_name[0])
        (void)mq_unlink(bench.posix_name);
}

/* Prints what went wrong and ends the bench. */
static void give_up(const char *what) __attribute__((noreturn));

static void give_up(const char *what)
{
    (void)fprintf(stderr, "bench: %s: %s\n", what, interrupted ? "interrupted" : strerror(errno));
    clean_up();
    exit(EXIT_FAILURE);
}

static void path_of(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", bench.directory, name);
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- one processor for everybody ---- */

static int last_cpu(void)
{
    cpu_set_t set;
    int cpu = CPU_SETSIZE - 1;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        give_up("sched_getaffinity");
    while (cpu > 0 && !CPU_ISSET(cpu, &set))
        cpu--;
    return cpu;
}

static void pin(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(bench.cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        give_up("sched_setaffinity");
}

/* ---- a socket's address ---- */

static int dial(const char *path)
{
    struct sockaddr_un address;
    int length = address_from_path(path, &address);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0)
        give_up(path);
    return fd;
}

static int bind_at(const char *path, int type)
{
    struct sockaddr_un address;
    int length = address_from_path(path, &address);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0)
        give_up(path);
    return fd;
}

/* ---- the bare server ---- */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static size_t bare_reply(uint8_t *frame, size_t size, const struct stat *status)
{
    const struct wire_header header = {WIRE_VERSION, WIRE_ACQUIRE, WIRE_REPLY, 1, 0};
    const struct wire_descriptor descriptor = {
        WIRE_QUEUE, WIRE_WRITE, 0, {status->st_dev, status->st_ino}};
    struct wire_writer writer;

    wire_writer_init(&writer, frame, size);
    wire_put_header(&writer, &header);
    wire_put_descriptor(&writer, &descriptor);
    return writer.size;
}

static void send_descriptor(int client, const uint8_t *frame, size_t size, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec bytes = {(void *)frame, size};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
    (void)sendmsg(client, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Whether the client goes on. */
static bool serve_bare(int client)
{
    uint8_t request[4096], reply[64];
    struct stat status;
    mqd_t queue;

    if (recv(client, request, sizeof request, MSG_DONTWAIT) <= 0)
        return false;
    queue = mq_open(bench.posix_name, O_WRONLY | O_CLOEXEC);
    if (queue < 0 || fstat(queue, &status) < 0 || status.st_ino != bench.inode)
        return false;
    send_descriptor(client, reply, bare_reply(reply, sizeof reply, &status), queue);
    (void)mq_close(queue);
    return true;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd >= 0)
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void run_bare(int listener)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, ARRAY_SIZE(events), -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
            else if (!serve_bare(fd))
                close(fd);
        }
    }
}

/* A child that does not outlive us. */
static pid_t spawn(void)
{
    pid_t parent = getpid(), child = fork();

    if (child < 0)
        give_up("fork");
    if (child > 0)
        return child;
    bench.broker = bench.bare = 0; /* not ours to end */
    bench.directory[0] = '\0';
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    return 0;
}

static void start_bare(void)
{
    int listener = bind_at(bench.bare_path, SOCK_SEQPACKET);

    if (listen(listener, 128) < 0)
        give_up("listen");
    bench.bare = spawn();
    if (bench.bare == 0)
        run_bare(listener);
    close(listener);
}

/* ---- the broker ---- */

static void write_config(const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        give_up(path);
    (void)fprintf(file,
                  "[queue:%s]\nmax_messages = 4\nmessage_size = 64\nposix_name = %s\n"
                  "use = user:%u\n",
                  bench.name, bench.posix_name, geteuid());
    if (fclose(file) != 0)
        give_up(path);
}

static void execute_broker(const char *program, const char *config, const char *notify)
{
    char log[128];
    int fd;

    (void)snprintf(log, sizeof log, "%.*s/log", (int)(strrchr(config, '/') - config), config);
    fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || setenv("NOTIFY_SOCKET", notify, 1) < 0)
        _exit(1);
    (void)execl(program, "ipcbrokerd", "--config", config, "--socket", bench.broker_path, NULL);
    _exit(127);
}

/* What it had to say, after it did not come up. */
static void print_log(void)
{
    char path[96], text[4096];
    ssize_t size;
    int fd;

    path_of(path, sizeof path, "log");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (size = read(fd, text, sizeof text)) > 0)
        (void)fwrite(text, 1, (size_t)size, stderr);
    (void)close_fd(fd);
}

static void await_ready(int notify)
{
    struct pollfd wait[] = {{notify, POLLIN, 0},
                            {(int)syscall(SYS_pidfd_open, bench.broker, 0), POLLIN, 0}};
    char text[256] = "";

    while (!strstr(text, "READY=1")) {
        int r = poll(wait, 2, PATIENCE_MS);
        ssize_t size = r > 0 ? recv(notify, text, sizeof text - 1, 0) : -1;

        if (size < 0) {
            print_log();
            give_up("the broker does not become ready");
        }
        text[size] = '\0';
    }
    close(wait[1].fd);
}

static void start_broker(const char *program)
{
    char config[96], path[96];
    int notify;

    path_of(config, sizeof config, "conf");
    path_of(path, sizeof path, "notify");
    write_config(config);
    notify = bind_at(path, SOCK_DGRAM);
    bench.broker = spawn();
    if (bench.broker == 0)
        execute_broker(program, config, path);
    await_ready(notify);
    close(notify);
}

static void learn_queue(void)
{
    struct stat status;
    mqd_t queue = mq_open(bench.posix_name, O_RDONLY | O_CLOEXEC);

    if (queue < 0 || fstat(queue, &status) < 0)
        give_up(bench.posix_name);
    bench.inode = status.st_ino;
    (void)mq_close(queue);
}

static void set_up(const char *program)
{
    struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART: calls end */

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(30);             /* far more than it takes: the bench ends, come what may */
    (void)unshare(CLONE_NEWIPC); /* root's: nobody else's queues */
    bench.cpu = last_cpu();
    pin();
    (void)snprintf(bench.directory, sizeof bench.directory, "/tmp/ipcbroker-bench-XXXXXX");
    if (!mkdtemp(bench.directory))
        give_up("mkdtemp");
    (void)snprintf(bench.name, sizeof bench.name, "bench-%d", getpid());
    (void)snprintf(bench.posix_name, sizeof bench.posix_name, "/ipcbroker-%s", bench.name);
    path_of(bench.broker_path, sizeof bench.broker_path, "broker");
    path_of(bench.bare_path, sizeof bench.bare_path, "bare");
    start_broker(program);
    learn_queue();
    start_bare();
}

/* ---- the client: the same code for both servers ---- */

static uint8_t request[64];
static size_t request_size;

static void make_request(void)
{
    const struct wire_header header = {WIRE_VERSION, WIRE_ACQUIRE, 0, 1, 0};
    const struct wire_item item = {bench.name, strlen(bench.name), WIRE_WRITE, 0, 0};
    struct wire_writer writer;

    wire_writer_init(&writer, request, sizeof request);
    wire_put_header(&writer, &header);
    wire_put_item(&writer, &item);
    request_size = writer.size;
}

/* The descriptor of the reply. */
static int receive_descriptor(int socket)
{
    union control control;
    uint8_t reply[512];
    struct iovec bytes = {reply, sizeof reply};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    int fd;

    if (size < WIRE_HEADER_SIZE || reply[8] != 0 || !CMSG_FIRSTHDR(&message))
        give_up("not the reply that was expected");
    memcpy(&fd, CMSG_DATA(&control.align), sizeof fd);
    return fd;
}

static int acquire_raw(int socket)
{
    if (send(socket, request, request_size, MSG_NOSIGNAL) < 0)
        give_up("send");
    return receive_descriptor(socket);
}

/* Each way to a descriptor; STATE is a connection or a handle, where there is one. */
static int by_connection(void *state)
{
    return acquire_raw(*(int *)state);
}

static int by_library(void *state)
{
    int fd = ipcb_acquire(state, bench.name, IPCB_SEND);

    if (fd < 0) {
        errno = -fd;
        give_up(ipcb_message(state));
    }
    return fd;
}

static int by_new_connection(void *path)
{
    int socket = dial(path), fd = acquire_raw(socket);

    close(socket);
    return fd;
}

/* ---- measuring ---- */

struct way {
    const char *name;
    int (*acquire)(void *state);
    void *state;
    const pid_t *server;
    double rates[ROUNDS];     /* acquires a second */
    double server_us[ROUNDS]; /* the server's processor time for one */
    uint32_t *samples;        /* nanoseconds of each */
    size_t n_samples;
};

/* That it is the queue, for sending only: a bench of the wrong thing is worse than none. */
static void check_descriptor(const struct way *way)
{
    int fd = way->acquire(way->state);
    struct stat status;

    if (fstat(fd, &status) < 0 || status.st_ino != bench.inode ||
        (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
        give_up("a wrong descriptor");
    close(fd);
}

static clockid_t clock_of(pid_t process)
{
    clockid_t clock;

    errno = clock_getcpuclockid(process, &clock);
    if (errno)
        give_up("the server's clock");
    return clock;
}

static void run_way(struct way *way, int round)
{
    clockid_t server = clock_of(*way->server);
    uint64_t begin, now, end, server_begin, n = 0;

    check_descriptor(way);
    server_begin = now_ns(server);
    begin = now = now_ns(CLOCK_MONOTONIC);
    for (end = begin + ROUND_NS; now < end && !interrupted; n++) {
        uint64_t before = now;

        close(way->acquire(way->state));
        now = now_ns(CLOCK_MONOTONIC);
        if (way->n_samples < SAMPLES_MAX)
            way->samples[way->n_samples++] = (uint32_t)(now - before);
    }
    if (interrupted)
        give_up("measuring");
    way->rates[round] = (double)n * 1e9 / (double)(now - begin);
    way->server_us[round] = (double)(now_ns(server) - server_begin) / 1e3 / (double)n;
}

static uint64_t random_state;

static size_t random_below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

static void run_round(struct way *ways, size_t n, int round)
{
    size_t order[16];

    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t other = random_below(i), taken = order[other];

        order[other] = order[i - 1];
        order[i - 1] = taken;
    }
    for (size_t i = 0; i < n; i++)
        run_way(&ways[order[i]], round);
}

/* ---- printing ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int compare_samples(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void sort_rounds(const double *values, double *sorted)
{
    memcpy(sorted, values, ROUNDS * sizeof *values);
    qsort(sorted, ROUNDS, sizeof *sorted, compare_doubles);
}

static double median(const double *values)
{
    double sorted[ROUNDS];

    sort_rounds(values, sorted);
    return sorted[ROUNDS / 2];
}

static void print_way(struct way *way)
{
    size_t n = way->n_samples;

    qsort(way->samples, n, sizeof *way->samples, compare_samples);
    (void)printf("%-36s %9.0f %9.1f %9.1f %12.2f\n", way->name, median(way->rates),
                 way->samples[n / 2] / 1e3, way->samples[n * 99 / 100] / 1e3,
                 median(way->server_us));
}

static void print_ratio(const char *name, const struct way *way, const struct way *floor)
{
    double ratios[ROUNDS], sorted[ROUNDS];

    for (int i = 0; i < ROUNDS; i++)
        ratios[i] = way->rates[i] / floor->rates[i];
    sort_rounds(ratios, sorted);
    (void)printf("%-36s %9.2f   (%.2f to %.2f)\n", name, sorted[ROUNDS / 2], sorted[0],
                 sorted[ROUNDS - 1]);
}

static void print_cpu(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            (void)printf("CPU        %s", strchr(line, ':') + 2);
            break;
        }
    if (file)
        (void)fclose(file);
}

static void print_head(const char *program)
{
    struct utsname system;
    double load[1] = {0};

    (void)uname(&system);
    (void)getloadavg(load, 1);
    (void)printf("broker     %s\nversion    %s, libc %s, compiler %s\n", program, PACKAGE_VERSION,
                 gnu_get_libc_version(), __VERSION__);
    (void)printf("kernel     %s %s\n", system.release, system.machine);
    print_cpu();
    (void)printf("pinned to  processor %d of %ld; load %.2f; uid %u\n", bench.cpu,
                 sysconf(_SC_NPROCESSORS_ONLN), load[0], geteuid());
    (void)printf("rounds     %d of %d ms for each way, shuffled\n\n", ROUNDS,
                 (int)(ROUND_NS / 1000000));
    (void)fflush(stdout);
}

/* ---- the whole ---- */

enum {
    BARE,
    BROKER,
    LIBRARY,
    BARE_ONCE,
    BROKER_ONCE,
    N_WAYS,
};

static void measure(struct way *ways)
{
    random_state = now_ns(CLOCK_REALTIME) | 1;
    for (int i = 0; i < N_WAYS; i++) {
        ways[i].samples = calloc(SAMPLES_MAX, sizeof *ways[i].samples);
        if (!ways[i].samples)
            give_up("memory");
        memset(ways[i].samples, 1, SAMPLES_MAX * sizeof *ways[i].samples); /* no faults later */
    }
    for (int round = 0; round < ROUNDS; round++)
        run_round(ways, N_WAYS, round);
}

static void report(struct way *ways)
{
    (void)printf("%-36s %9s %9s %9s %12s\n", "acquire a queue, O_WRONLY", "a second", "p50 us",
                 "p99 us", "server us");
    for (int i = 0; i < N_WAYS; i++)
        print_way(&ways[i]);
    (void)printf("\n%-36s %9s   (least to most of a round)\n", "ratio", "median");
    print_ratio("broker / bare", &ways[BROKER], &ways[BARE]);
    print_ratio("broker by libipcbroker / bare", &ways[LIBRARY], &ways[BARE]);
    print_ratio("libipcbroker / raw client", &ways[LIBRARY], &ways[BROKER]);
    print_ratio("one-shot: broker / bare", &ways[BROKER_ONCE], &ways[BARE_ONCE]);
}

int main(int argc, char **argv)
{
    struct ipcb *handle = NULL;
    int bare, broker;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: acquire PATH-OF-IPCBROKERD\n");
        return 2;
    }
    set_up(argv[1]);
    make_request();
    print_head(argv[1]);
    bare = dial(bench.bare_path);
    broker = dial(bench.broker_path);
    if (ipcb_new(&handle, bench.broker_path) < 0)
        give_up("ipcb_new");

    struct way ways[N_WAYS] = {
        [BARE] = {"bare server", by_connection, &bare, &bench.bare},
        [BROKER] = {"ipcbrokerd", by_connection, &broker, &bench.broker},
        [LIBRARY] = {"ipcbrokerd, by libipcbroker", by_library, handle, &bench.broker},
        [BARE_ONCE] = {"one-shot: bare server", by_new_connection, bench.bare_path, &bench.bare},
        [BROKER_ONCE] = {"one-shot: ipcbrokerd", by_new_connection, bench.broker_path,
                         &bench.broker},
    };
    measure(ways);
    report(ways);
    for (int i = 0; i < N_WAYS; i++)
        free(ways[i].samples);
    (void)ipcb_free(handle);
    close(bare);
    close(broker);
    clean_up();
    return 0;
}
