/* What the broker lives on runs out under load, and comes back: memory, descriptors, its
 * directory. */
#include "tests/storm/storm.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define HEAD "[broker]\nmax_clients_per_user = 20\n[queue:orders]\nuse = any\n"
#define MANY 300 /* objects that come and go by reloads */

/* ---- limits of a broker that runs ---- */

struct limit {
    int resource;
    uint64_t soft;
};

/* As the broker's own user, who may do this without any privilege. */
static int set_limit(void *argument)
{
    const struct limit *limit = argument;
    struct rlimit is;

    EXPECT(prlimit(broker.broker, (__rlimit_resource_t)limit->resource, NULL, &is) == 0);
    is.rlim_cur = limit->soft < is.rlim_max ? limit->soft : is.rlim_max;
    EXPECT(prlimit(broker.broker, (__rlimit_resource_t)limit->resource, &is, NULL) == 0);
    return 0;
}

static void limit_to(int resource, uint64_t soft)
{
    struct limit limit = {resource, soft};
    struct who who = {.uid = broker.broker_uid, .gid = broker.broker_uid};

    ck_assert_int_eq(as_user(who, set_limit, &limit), 0);
}

static void lift(int resource)
{
    limit_to(resource, RLIM_INFINITY); /* as far as it goes */
}

static void expect_it_lives(void)
{
    struct pollfd end = {broker.pidfd, POLLIN, 0};

    ck_assert_msg(poll(&end, 1, 0) == 0, "the broker ended; log:\n%s", fixture_log(&broker));
}

/* ---- memory ---- */

static uint64_t count_objects(void)
{
    struct ipcb *b = handle_as(&broker, root());
    struct ipcb_facts *facts = status(b);
    uint64_t n = fact_number(facts, "objects");

    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    return n;
}

/* Whether a reload was applied; whatever went wrong, it says so. */
static bool try_reload(void)
{
    struct ipcb_list *list = NULL;
    struct ipcb *b;
    bool applied;
    int r;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    r = ipcb_reload(b, &list);
    ck_assert_msg(r == 0 || *ipcb_message(b), "%d without a sentence", r);
    applied = r == 0 && strcmp(fact_text(ipcb_list_at(list, 0), "state"), "applied") == 0;
    ck_assert_msg(r < 0 || applied || *fact_text(ipcb_list_at(list, 0), "why"),
                  "refused without a reason");
    (void)ipcb_list_free(list);
    (void)ipcb_free(b);
    (void)fixture_says_ready(&broker); /* which nobody else takes */
    return applied;
}

/* The I-th of the files that come in turn. */
static void write_drop_in(unsigned i)
{
    char *text = i % 2 ? sections("eventfd", "many", MANY, "use = any\n") : strdup("# none\n");

    fixture_drop_in(&broker, "many.conf", text);
    free(text);
}

/* With so much more memory than it has: a reload is done as a whole or not at all, and said. */
static bool reload_within(unsigned i, uint64_t more_kib)
{
    const uint64_t before = count_objects();
    uint64_t after;
    bool applied;

    write_drop_in(i);
    limit_to(RLIMIT_AS, (process_number(broker.broker, "VmSize:", 10) + more_kib) * 1024);
    applied = try_reload();
    lift(RLIMIT_AS);
    expect_it_lives();
    after = count_objects();
    ck_assert_msg(applied || after == before, "%ju objects became %ju by a reload that failed",
                  (uintmax_t)before, (uintmax_t)after);
    return applied;
}

START_TEST(nothing_is_lost_while_memory_runs_out)
{
    unsigned n_refused = 0, n_applied = 0;
    uint64_t before;

    if (memory_is_inflated()) {
        (void)dprintf(STDOUT_FILENO, "# a sanitizer needs memory without end: nothing to limit\n");
        return;
    }
    traffic_declare();
    traffic_may_be_refused();
    fixture_configure(&broker, HEAD);
    fixture_start(&broker);
    before = count_objects();
    traffic_begin();
    for (unsigned i = 1; i <= 40 || n_applied == 0; i++) {
        bool applied = reload_within(n_applied + 1, (uint64_t)i * 4);

        n_applied += applied;
        n_refused += !applied;
        ck_assert_uint_lt(i, 1000);
    }
    write_drop_in(0);
    ck_assert(try_reload());
    ck_assert_uint_eq(count_objects(), before);
    traffic_end();
    ck_assert_uint_gt(n_refused, 0); /* it did run out */
    (void)dprintf(STDOUT_FILENO, "# %u reloads were refused for memory, %u applied\n", n_refused,
                  n_applied);
}
END_TEST

/* ---- descriptors ---- */

#define SHORTAGES 10

/* No descriptor is given above what there is: whoever needs one is told, on a connection of old. */
static void run_out_of_descriptors(struct ipcb *b)
{
    const struct timespec a_moment = {.tv_nsec = 20000000};
    int r;

    limit_to(RLIMIT_NOFILE, 4);
    r = ipcb_acquire(b, "orders", IPCB_WRITE);
    ck_assert_msg(r == -EAGAIN && *ipcb_message(b), "without any descriptor left: %d, %s", r,
                  ipcb_message(b));
    (void)ppoll(NULL, 0, &a_moment, NULL); /* others come meanwhile */
    lift(RLIMIT_NOFILE);
    close(acquire(b, "orders", IPCB_WRITE));
    expect_it_lives();
}

START_TEST(nothing_is_lost_while_descriptors_run_out)
{
    struct ipcb *b;
    size_t before;

    traffic_declare();
    traffic_may_be_refused();
    fixture_configure(&broker, HEAD);
    fixture_start(&broker);
    b = handle_as(&broker, user(0));
    close(acquire(b, "orders", 0));
    before = broker_descriptors(b);
    traffic_begin();
    for (unsigned i = 0; i < SHORTAGES; i++) {
        traffic_await();
        run_out_of_descriptors(b);
    }
    traffic_await();
    traffic_end();
    await_descriptors(before);
    (void)ipcb_free(b);
}
END_TEST

/* ---- the directory ---- */

static char run[96];

/* A small file system of its own where the broker has its sockets and its lock. */
static void mount_small(void)
{
    char options[128];

    (void)snprintf(run, sizeof run, "%s/run", broker.directory);
    (void)snprintf(options, sizeof options, "size=16k,nr_inodes=8,mode=0755,uid=%u,gid=%u",
                   broker.broker_uid, broker.broker_uid);
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("tmpfs", run, "tmpfs", 0, options), 0);
}

static void remount(unsigned long flags)
{
    ck_assert_int_eq(mount(NULL, run, NULL, MS_REMOUNT | MS_BIND | flags, NULL), 0);
}

/* Files until there is room for none; or they are removed. */
static void fill(bool full)
{
    char path[160];

    for (unsigned i = 0; i < 100; i++) {
        int fd = -1;

        (void)snprintf(path, sizeof path, "%s/full%u", run, i);
        if (full && (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0) {
            ck_assert_int_eq(errno, ENOSPC);
            return;
        }
        if (full)
            close(fd);
        else
            (void)unlink(path);
    }
    ck_assert(!full);
}

static void remove_what_it_left(void)
{
    char lock[128];

    (void)snprintf(lock, sizeof lock, "%s.lock", broker.admin);
    ck_assert_int_eq(unlink(broker.socket), 0);
    ck_assert_int_eq(unlink(broker.admin), 0);
    ck_assert_int_eq(unlink(lock), 0);
}

static void expect_no_start(const char *why)
{
    ck_assert_int_ne(fixture_start_refused(&broker, NULL), 0);
    assert_has(fixture_log(&broker), why);
}

/* Once it runs it needs no room there. */
static void expect_it_serves(unsigned i)
{
    write_drop_in(i);
    ck_assert(try_reload());
    ck_assert_int_ge(get(user(0), "orders", 0), 0);
}

START_TEST(nothing_is_lost_while_its_directory_is_full_or_read_only)
{
    struct ipcb_queue *q;

    mount_small();
    fixture_configure(&broker, HEAD);
    fixture_start(&broker);
    q = queue_of(user(0), "orders");
    put(q, "a message");
    fill(true);
    expect_it_serves(1);
    ck_assert_int_eq(fixture_end(&broker, SIGKILL), 128 + SIGKILL);
    remount(MS_RDONLY); /* which its open lock has kept us from */
    expect_no_start("Read-only file system");
    remount(0);
    remove_what_it_left();
    fill(true);
    expect_no_start("No space left on device");
    fill(false);
    fixture_start(&broker);
    expect_it_serves(2);
    put(q, "another");
    q = ipcb_queue_free(q);
    q = queue_of(user(0), "orders");
    expect_next(q, "a message");
    expect_next(q, "another");
    (void)ipcb_queue_free(q);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
    ck_assert_int_eq(umount2(run, MNT_DETACH), 0);
}
END_TEST

TCase *storm_shortage_case(void)
{
    TCase *tcase = hostile_case("shortage");

    tcase_add_test(tcase, nothing_is_lost_while_memory_runs_out);
    tcase_add_test(tcase, nothing_is_lost_while_descriptors_run_out);
    tcase_add_test(tcase, nothing_is_lost_while_its_directory_is_full_or_read_only);
    return tcase;
}
