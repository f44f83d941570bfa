/* The well-behaved client, who must not notice that there is an attack. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define SAMPLES_MOST (1u << 20)
#define A_BREATH_NS  1000000 /* between two rounds: it leaves the processor to the others */

/* Shared with the child that is the canary. */
struct canary {
    pid_t child, parent;
    atomic_bool enough;
    atomic_uint n_kept, n_new; /* answers on the kept connection, and on new ones */
    atomic_bool failed;
    char failure[1024];
    atomic_uint n_samples, n_told;     /* those that canary_waits() has told of */
    uint32_t samples_us[SAMPLES_MOST]; /* how long each answer took; the last ones */
};

/* The user behind the clients $C0 to $C7. */
uid_t canary_uid(void)
{
    return broker.client_uid + 8;
}

void canary_declare(void)
{
    char text[512];
    uid_t uid = canary_uid();

    (void)snprintf(text, sizeof text,
                   "[queue:canary-queue]\nmax_messages = 1\nmessage_size = 16\nsend = user:%u\n"
                   "[pipe:canary-pipe]\nread = user:%u\n"
                   "[eventfd:canary-eventfd]\nuse = user:%u\n",
                   uid, uid, uid);
    fixture_drop_in(&broker, "canary.conf", text);
}

/* ---- in the child ---- */

static uint64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static bool falls_silent(struct canary *canary, const char *what, int error, const char *sentence)
{
    (void)snprintf(canary->failure, sizeof canary->failure, "%s: %s (%s)", what, strerror(-error),
                   sentence);
    canary->failed = true;
    return false;
}

/* Acquires the next of its objects. */
static bool acquire_next(struct canary *canary, struct ipcb *b)
{
    static const struct {
        const char *name;
        int mode;
    } objects[] = {
        {"canary-queue", O_WRONLY},
        {"canary-pipe", O_RDONLY},
        {"canary-eventfd", O_RDWR},
    };
    const unsigned which = canary->n_samples % 3;
    struct ipcb_item item = {.name = objects[which].name};
    uint64_t before = now();
    int r = ipcb_acquire_many(b, &item, 1, PATIENCE_MS * 1000L);

    canary->samples_us[canary->n_samples % SAMPLES_MOST] = (uint32_t)(now() - before);
    canary->n_samples++;
    if (r < 0)
        return falls_silent(canary, item.name, r, ipcb_message(b));
    r = fcntl(item.fd, F_GETFL);
    close(item.fd);
    return (r & O_ACCMODE) == objects[which].mode ||
           falls_silent(canary, item.name, -EACCES, "direction");
}

static bool acquire_anew(struct canary *canary)
{
    struct ipcb *b = fixture_handle(&broker);
    bool well = b ? acquire_next(canary, b) : falls_silent(canary, "ipcb_new", -ENOMEM, "");

    (void)ipcb_free(b);
    canary->n_new += well;
    return well;
}

static int sing(void *argument)
{
    const struct timespec a_breath = {.tv_nsec = A_BREATH_NS};
    struct canary *canary = argument;
    struct ipcb *b = fixture_handle(&broker);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!canary->enough && getppid() == canary->parent) {
        if (!acquire_next(canary, b) || !acquire_anew(canary))
            return 1;
        canary->n_kept++;
        (void)ppoll(NULL, 0, &a_breath, NULL);
    }
    (void)ipcb_free(b);
    return 0;
}

/* ---- in the parent ---- */

struct canary *canary_begin(void)
{
    struct who who = {.uid = canary_uid(), .gid = canary_uid()};
    struct canary *canary =
        mmap(NULL, sizeof *canary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(canary, MAP_FAILED);
    canary->parent = getpid();
    canary->child = as_user_begin(who, sing, canary);
    return canary;
}

struct goal {
    struct canary *canary;
    unsigned kept, anew;
};

static bool has_come_so_far(void *argument)
{
    struct goal *goal = argument;

    ck_assert_msg(!goal->canary->failed, "the canary: %s", goal->canary->failure);
    return goal->canary->n_kept >= goal->kept && goal->canary->n_new >= goal->anew;
}

void canary_await(struct canary *canary, unsigned n)
{
    struct goal goal = {canary, canary->n_kept + n, canary->n_new + n};

    await(has_come_so_far, &goal);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Of the last N answers. */
static struct waits waits_of(const struct canary *canary, unsigned n)
{
    const unsigned end = canary->n_samples;
    struct waits waits = {.n = n < SAMPLES_MOST ? n : SAMPLES_MOST};
    uint32_t *sorted = malloc((size_t)waits.n * sizeof *sorted + 1);

    ck_assert_ptr_nonnull(sorted);
    for (unsigned i = 0; i < waits.n; i++)
        sorted[i] = canary->samples_us[(end - 1 - i) % SAMPLES_MOST];
    qsort(sorted, waits.n, sizeof *sorted, compare);
    if (waits.n > 0) {
        waits.p50_us = sorted[waits.n / 2];
        waits.p99_us = sorted[waits.n - 1 - waits.n / 100];
        waits.worst_us = sorted[waits.n - 1];
    }
    free(sorted);
    return waits;
}

struct waits canary_waits(struct canary *canary)
{
    unsigned before = canary->n_told;

    canary->n_told = canary->n_samples;
    return waits_of(canary, canary->n_told - before);
}

void canary_end(struct canary *canary, const char *test)
{
    struct waits waits;

    canary->enough = true;
    ck_assert_msg(as_user_end(canary->child) == 0, "the canary: %s", canary->failure);
    waits = waits_of(canary, canary->n_samples);
    ck_assert_uint_gt(waits.n, 0);
    (void)dprintf(STDOUT_FILENO, "# %s: p99 %u us, worst %u us, n %u\n", test, waits.p99_us,
                  waits.worst_us, waits.n);
    (void)munmap(canary, sizeof *canary);
}
