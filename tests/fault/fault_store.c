/* A start with what an earlier broker has left in the descriptor store, which the test plays: none
 * of the objects may be lost, whether that start comes to an end or the next one. */
#include "tests/fault/start.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define OBJECTS                                                                                    \
    "[queue:orders]\nmax_messages = 4\nmessage_size = 64\nuse = user:$C0\n"                        \
    "[queue:hidden]\nposix_name = none\nmax_messages = 1\nmessage_size = 8\nuse = user:$C0\n"      \
    "[eventfd:wake]\nuse = user:$C0\n[pipe:done]\nuse = user:$C0\n"

static const char *const objects[] = {"orders", "hidden", "wake", "done"};
static struct ipcb_item before[ARRAY_SIZE(objects)];

/* ---- the store of the service manager ---- */

struct bag {
    char name[64];
    int ends[2];
};

static struct store {
    struct bag bags[16];
    size_t n;
} store, first; /* as it is, and as it was before the points */
static size_t n_changes;

static void drop(struct bag *bag)
{
    for (int i = 0; i < 2; i++)
        bag->ends[i] = close_fd(bag->ends[i]);
    *bag = store.bags[--store.n];
}

static void name_of(const char *text, char ret[64])
{
    const char *at = strstr(text, "FDNAME=");

    ck_assert_ptr_nonnull(at);
    (void)snprintf(ret, 64, "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
}

/* The newest comes first, as with systemd. */
static void keep(const char *name, const int ends[2])
{
    ck_assert_uint_lt(store.n, ARRAY_SIZE(store.bags));
    memmove(store.bags + 1, store.bags, store.n++ * sizeof *store.bags);
    store.bags[0] = (struct bag){.ends = {ends[0], ends[1]}};
    (void)snprintf(store.bags[0].name, sizeof store.bags[0].name, "%s", name);
}

static void told(const char *text, const int *fds, size_t n)
{
    char name[64];

    if (strncmp(text, "FDSTORE", 7) != 0)
        return;
    n_changes++;
    name_of(text, name);
    if (strncmp(text, "FDSTORE=1", 9) == 0) {
        ck_assert_uint_eq(n, 2);
        keep(name, fds);
        return;
    }
    for (size_t i = store.n; i-- > 0;)
        if (strcmp(store.bags[i].name, name) == 0)
            drop(&store.bags[i]);
}

static void copy_store(struct store *to, const struct store *from)
{
    to->n = from->n;
    for (size_t i = 0; i < from->n; i++) {
        to->bags[i] = from->bags[i];
        for (int k = 0; k < 2; k++)
            to->bags[i].ends[k] = fcntl(from->bags[i].ends[k], F_DUPFD_CLOEXEC, 100);
    }
}

static void hand_in_store(void)
{
    broker.n_handed = 0;
    for (size_t i = 0; i < store.n; i++)
        for (int k = 0; k < 2; k++)
            broker.handed[broker.n_handed++] =
                (struct handed_in){store.bags[i].ends[k], store.bags[i].name};
}

/* ---- points ---- */

static void look(struct ipcb_item *ret)
{
    struct ipcb *b = connect_as(user(0));

    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        ret[i] = (struct ipcb_item){.name = objects[i], .fd = -1};
        if (ipcb_acquire_many(b, &ret[i], 1, -1) < 0)
            plan_wrong("%s: %s; log: %s", objects[i], ipcb_message(b), fixture_log(&broker));
        ret[i].fd = close_fd(ret[i].fd);
    }
    (void)ipcb_free(b);
}

/* What the kernel says of a descriptor that is no queue, or no socket or one without packets:
 * nothing is to be had of it, which is said. */
static bool is_none(void)
{
    int error = plan_fails(FAULT_recvmsg) ? page->error : 0;

    return (plan_fails(FAULT_mq_getattr) || error == ENOTSOCK || error == EOPNOTSUPP ||
            error == EAGAIN) &&
           strstr(fixture_log(&broker), "is refused");
}

/* Each is the one that it was. */
static void check_objects(const struct way *way)
{
    struct ipcb_item now[ARRAY_SIZE(objects)];

    (void)way;
    if (is_none())
        return;
    look(now);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        WANT(now[i].inode == before[i].inode && now[i].device == before[i].device,
             "%s is another one than before; log: %s", objects[i], fixture_log(&broker));
}

/* Whatever became of the start: what is in the store now brings all back. */
static void check_next_start(void)
{
    hand_in_store();
    start_spawn();
    fixture_await_ready(&broker);
    check_objects(NULL);
    start_stop();
}

/* Its socket is full of what others say, until the broker has waited for it once. */
static void keep_busy(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", broker.directory);
    ck_assert_int_ge(fd, 0);
    while (sendto(fd, "STATUS=", 7, 0, (const struct sockaddr *)&address, sizeof address) == 7)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    close(fd);
}

/* Or does without it. Who can write nothing has nothing to store, and no word for that. */
static bool has_waited(void *ended)
{
    return __atomic_load_n(&page->counts[FAULT_poll], __ATOMIC_SEQ_CST) > 0 ||
           strstr(fixture_log(&broker), "serving ") || poll(ended, 1, 0) != 0 ||
           plan_fails(FAULT_write);
}

static bool is_busy; /* the service manager */

static void start_once(void)
{
    enum outcome outcome;

    while (store.n > 0)
        drop(&store.bags[0]);
    copy_store(&store, &first);
    hand_in_store();
    n_changes = 0;
    start_forget();
    if (is_busy)
        keep_busy();
    memset(page->counts, 0, sizeof page->counts);
    arm();
    fixture_spawn(&broker, NULL);
    if (is_busy)
        await(has_waited, &(struct pollfd){broker.pidfd, POLLIN, 0});
    outcome = start_await();
    if (!start_cannot_wait())
        disarm();
    start_judge(&(struct way){0}, outcome, check_objects);
    disarm();
    WANT(!strstr(fixture_log(&broker), "Sanitizer"), "%s", fixture_log(&broker));
    (void)fixture_says_ready(&broker); /* what it said last */
    if ((n_changes > 0 || outcome != READY) && !is_none())
        check_next_start();
}

/* The start makes one more object, so that the bag is renewed. */
START_TEST(a_start_with_a_store)
{
    is_busy = _i;
    plan_open();
    broker.environment[2] = "FDSTORE=64";
    broker.told = told;
    fixture_configure(&broker, OBJECTS);
    fixture_start(&broker);
    look(before);
    start_stop();
    (void)fixture_says_ready(&broker);
    ck_assert_uint_eq(store.n, 1);
    copy_store(&first, &store);
    fixture_configure(&broker, OBJECTS "[eventfd:more]\nuse = user:$C0\n");
    plan_play(is_busy ? "start-store-busy" : "start-store", start_once);
}
END_TEST

TCase *store_case(void)
{
    TCase *tcase = broker_case("store");

    tcase_set_timeout(tcase, 3000);
    tcase_add_loop_test(tcase, a_start_with_a_store, 0, 2);
    return tcase;
}
