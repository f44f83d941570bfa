#include "bench/worker.h"

#include "base/address.h"
#include "base/number.h"
#include "protocol/wire.h"

#include <string.h>
#include <time.h>

#define SAMPLES_MAX 262144u /* latencies kept of one run; what is over is not */

/* ---- errors ---- */

void give_up(const char *what)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

int sure(int r, const char *what)
{
    if (r < 0) {
        errno = -r;
        give_up(what);
    }
    return r;
}

size_t number_of(const char *argument)
{
    uint64_t n = 0;

    if (parse_number(argument, UINT32_MAX, &n) < 0 || n == 0) {
        errno = EINVAL;
        give_up(argument);
    }
    return (size_t)n;
}

/* ---- running ---- */

uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void report(uint32_t *samples, size_t n, size_t things, uint64_t elapsed)
{
    qsort(samples, n, sizeof *samples, compare);
    (void)printf("{\"things\": %zu, \"ns\": %llu, \"p50\": %u, \"p99\": %u, \"worst\": %u}\n",
                 things, (unsigned long long)elapsed, samples[n / 2], samples[n - 1 - n / 100],
                 samples[n - 1]);
    (void)fflush(stdout);
}

static void run(worker_step step, void *state, uint64_t duration, uint32_t *samples)
{
    uint64_t begin = now_ns(), before = begin, now = begin;
    size_t n = 0, things = 0;

    do {
        things += step(state);
        now = now_ns();
        if (n < SAMPLES_MAX)
            samples[n++] = now - before > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - before);
        before = now;
    } while (now < begin + duration);
    report(samples, n, things, now - begin);
}

void worker_serve(worker_step step, void *state)
{
    uint32_t *samples = malloc(SAMPLES_MAX * sizeof *samples);
    char line[64];

    if (!samples)
        give_up("memory");
    memset(samples, 1, SAMPLES_MAX * sizeof *samples); /* no page faults later */
    (void)puts("ready");
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) != 0) {
            errno = EINVAL;
            give_up(line);
        }
        run(step, state, number_of(line + 4) * UINT64_C(1000000), samples);
    }
    free(samples);
}

/* ---- sockets ---- */

int dial(const char *path)
{
    struct sockaddr_un address;
    int length = sure(address_from_path(path, &address), path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0)
        give_up(path);
    return fd;
}

size_t make_request(uint8_t *frame, size_t size, const char *prefix, size_t n, unsigned access)
{
    const struct wire_header header = {WIRE_VERSION, WIRE_ACQUIRE, 0, 1, 0};
    struct wire_writer writer;
    char name[64];

    wire_writer_init(&writer, frame, size);
    wire_put_header(&writer, &header);
    for (size_t i = 0; i < n; i++) {
        int length = snprintf(name, sizeof name, "%s%04zu", prefix, i);
        const struct wire_item item = {name, (size_t)length, (uint8_t)access, 0, 0};

        wire_put_item(&writer, &item);
    }
    if (writer.overflow) {
        errno = EMSGSIZE;
        give_up("the request");
    }
    return writer.size;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
};

void receive_descriptors(int socket, int *fds, size_t n)
{
    static uint8_t reply[WIRE_REPLY_MAX];
    union control control;
    struct iovec bytes = {reply, sizeof reply};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(n * sizeof *fds)};

    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < WIRE_HEADER_SIZE)
        give_up("a reply");
    if (reply[8] != 0 || !CMSG_FIRSTHDR(&message) ||
        control.align.cmsg_len != CMSG_LEN(n * sizeof *fds)) {
        errno = EPROTO;
        give_up("not the reply that was expected");
    }
    memcpy(fds, CMSG_DATA(&control.align), n * sizeof *fds);
}

void send_descriptors(int socket, const void *frame, size_t size, const int *fds, size_t n)
{
    union control control;
    struct iovec bytes = {(void *)(uintptr_t)frame, size};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(n * sizeof *fds)};

    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(n * sizeof *fds);
    memcpy(CMSG_DATA(&control.align), fds, n * sizeof *fds);
    (void)sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t next = i + 1;

        while (next < n && fds[next] == fds[next - 1] + 1)
            next++;
        if (next - i > 1)
            (void)close_range((unsigned)fds[i], (unsigned)fds[next - 1], 0);
        else
            close(fds[i]);
        i = next;
    }
}
