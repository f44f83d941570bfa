#include "tests/storm/storm.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define LANES    3  /* two queues, and an eventfd last */
#define PER_TURN 50 /* of them with one descriptor, before it is acquired anew */
#define TURNS    20 /* with one connection */

/* One sends, one takes. */
struct lane {
    char name[16];
    bool counts;                     /* an eventfd: what comes is added up */
    atomic_ullong sent, taken;       /* numbers, or the sum of a count */
    atomic_bool no_more, all_is_out; /* the sender is told to end; he has ended */
    pid_t parent, sender, taker;
};

static struct lane *lanes; /* shared with the children */
static bool may_be_refused;

void traffic_may_be_refused(void)
{
    may_be_refused = true;
}

void traffic_declare(void)
{
    fixture_drop_in(&broker, "traffic.conf",
                    "[queue:lane0]\nmessage_size = 8\nsend = user:$C4\nreceive = user:$C5\n"
                    "[queue:lane1]\nposix_name = none\nmessage_size = 8\nsend = user:$C4\n"
                    "receive = user:$C5\n"
                    "[eventfd:lane2]\nuse = user:$C4, user:$C5\n");
}

/* Whether FD can be used within a moment. */
static bool is_ready(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};

    return poll(&pollfd, 1, 50) == 1;
}

/* ---- in the children ---- */

static int send_next(struct lane *lane, int fd)
{
    uint64_t next = lane->counts ? 3 : lane->sent + 1;

    if (!is_ready(fd, POLLOUT))
        return 0;
    if (lane->counts)
        EXPECT(write(fd, &next, sizeof next) == sizeof next);
    else
        EXPECT(mq_send(fd, (char *)&next, sizeof next, 0) == 0);
    lane->sent += lane->counts ? next : 1;
    return 0;
}

static int take_next(struct lane *lane, int fd)
{
    uint64_t came;

    if (!is_ready(fd, POLLIN))
        return 0;
    if (lane->counts)
        EXPECT(read(fd, &came, sizeof came) == sizeof came);
    else {
        EXPECT(mq_receive(fd, (char *)&came, sizeof came, NULL) == sizeof came);
        EXPECT(came == lane->taken + 1); /* neither lost nor doubled */
    }
    lane->taken += lane->counts ? came : 1;
    return 0;
}

static bool sender_goes_on(const struct lane *lane)
{
    return !lane->no_more && getppid() == lane->parent;
}

/* Until all has come that was sent; what never comes is noticed by the parent. */
static bool taker_goes_on(const struct lane *lane)
{
    return !(lane->all_is_out && lane->taken >= lane->sent) && getppid() == lane->parent;
}

/* Where the broker may run out of something, a refusal is no end: it is asked again. */
static int acquire_in_the_end(struct ipcb *b, struct ipcb_item *item)
{
    const struct timespec a_bit = {.tv_nsec = 2000000};
    const uint64_t begin = clock_ms();
    int r;

    while ((r = ipcb_acquire_many(b, item, 1, PATIENCE_MS * 1000L)) < 0 && may_be_refused &&
           clock_ms() - begin < PATIENCE_MS)
        (void)ppoll(NULL, 0, &a_bit, NULL);
    return r;
}

static int use_connection(struct lane *lane, unsigned access, bool (*goes_on)(const struct lane *),
                          int (*next)(struct lane *, int))
{
    struct ipcb *b = fixture_handle(&broker);

    EXPECT(b);
    for (int turn = 0; turn < TURNS && goes_on(lane); turn++) {
        struct ipcb_item item = {.name = lane->name, .access = lane->counts ? 0 : access};

        EXPECT(acquire_in_the_end(b, &item) == 0);
        for (int i = 0; i < PER_TURN && goes_on(lane); i++)
            EXPECT(next(lane, item.fd) == 0);
        close(item.fd);
    }
    (void)ipcb_free(b);
    return 0;
}

static int send_all(void *argument)
{
    struct lane *lane = argument;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (sender_goes_on(lane))
        EXPECT(use_connection(lane, IPCB_WRITE, sender_goes_on, send_next) == 0);
    lane->all_is_out = true;
    return 0;
}

static int take_all(void *argument)
{
    struct lane *lane = argument;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (taker_goes_on(lane))
        EXPECT(use_connection(lane, IPCB_READ, taker_goes_on, take_next) == 0);
    return 0;
}

/* ---- in the parent ---- */

void traffic_begin(void)
{
    const size_t size = LANES * sizeof *lanes;

    lanes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(lanes, MAP_FAILED);
    for (unsigned i = 0; i < LANES; i++) {
        (void)snprintf(lanes[i].name, sizeof lanes[i].name, "lane%u", i);
        lanes[i].counts = i == LANES - 1;
        lanes[i].parent = getpid();
        lanes[i].sender = as_user_begin(user(4), send_all, &lanes[i]);
        lanes[i].taker = as_user_begin(user(5), take_all, &lanes[i]);
    }
}

uint64_t traffic_sent(void)
{
    return lanes[0].sent + lanes[1].sent;
}

static bool has_moved(void *argument)
{
    const unsigned long long *before = argument;
    unsigned n = 0;

    for (unsigned i = 0; i < LANES; i++)
        n += lanes[i].sent > before[i];
    return n == LANES;
}

void traffic_await(void)
{
    unsigned long long before[LANES];

    for (unsigned i = 0; i < LANES; i++)
        before[i] = lanes[i].sent;
    await(has_moved, before);
}

/* What is there and was not counted, or was counted and is not there. */
static void expect_empty(const struct lane *lane)
{
    struct ipcb *b = handle_as(&broker, user(5));
    int fd = acquire(b, lane->name, lane->counts ? 0 : IPCB_READ);

    ck_assert_msg(!is_ready(fd, POLLIN), "%s: something came twice", lane->name);
    close(fd);
    (void)ipcb_free(b);
}

static bool all_has_come(void *argument)
{
    const struct lane *lane = argument;

    return lane->all_is_out && lane->taken >= lane->sent;
}

void traffic_end(void)
{
    for (struct lane *lane = lanes; lane < lanes + LANES; lane++) {
        lane->no_more = true;
        ck_assert_int_eq(as_user_end(lane->sender), 0);
        await(all_has_come, lane);
        ck_assert_int_eq(as_user_end(lane->taker), 0);
        expect_empty(lane);
        ck_assert_uint_eq(lane->taken, lane->sent);
        ck_assert_uint_gt(lane->sent, 0);
        (void)dprintf(STDOUT_FILENO, "# %s: %llu sent, 0 lost, 0 doubled\n", lane->name,
                      (unsigned long long)lane->sent);
    }
    (void)munmap(lanes, LANES * sizeof *lanes);
}
