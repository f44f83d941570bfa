/* A start in other ways: what is handed in, what is short, what is wrong, and where files lie. */
#include "tests/fault/start.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void plainly(void)
{
    fixture_configure(&broker, START_OBJECTS);
}

/* By a socket unit, with the journal behind standard error. The kernel takes descriptors at it. */
static void by_a_socket(void)
{
    static char variable[128];
    struct stat log;

    plainly();
    fixture_listen(&broker);
    broker.without = "passrights";
    (void)fixture_log(&broker); /* makes it */
    ck_assert_int_eq(stat(broker.log, &log), 0);
    (void)snprintf(variable, sizeof variable, "JOURNAL_STREAM=%ju:%ju", (uintmax_t)log.st_dev,
                   (uintmax_t)log.st_ino);
    broker.environment[2] = variable;
}

/* The main file is a link to one whose size nobody tells, a drop-in a link to another directory. */
static void by_links(void)
{
    char path[128], target[128];

    fixture_drop_in(&broker, "10-objects.conf", START_OBJECTS);
    (void)snprintf(path, sizeof path, "%s.d/10-objects.conf", broker.config);
    (void)snprintf(target, sizeof target, "%s/objects", broker.directory);
    ck_assert_int_eq(rename(path, target), 0);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert_int_eq(prctl(PR_SET_NAME, "; of the kernel"), 0);
    (void)snprintf(target, sizeof target, "/proc/%d/comm", getpid());
    ck_assert_int_eq(symlink(target, broker.config), 0);
}

/* A user's own broker, which finds its files itself. */
static void of_a_user(void)
{
    fixture_set_of_user(&broker);
    plainly();
}

/* The kernel does not have room for all that is declared. */
static void with_little_room(void)
{
    fixture_limit(&broker, RLIMIT_MSGQUEUE, 650); /* not for two queues, of which orders is last */
    plainly();
}

/* A group that the broker is not in: its queue cannot be what it shall be, and is none. And a name
 * that another user's queue has. */
static void among_others(void)
{
    mqd_t taken = mq_open("/taken", O_RDWR | O_CREAT, 0666, NULL);

    ck_assert_int_ge(taken, 0);
    ck_assert_int_eq(fchmod(taken, 0666), 0);
    ck_assert_int_eq(mq_close(taken), 0);
    fixture_configure(&broker, START_OBJECTS
                      "[queue:taken]\nmax_messages = 1\nmessage_size = 8\nuse = user:$C0\n"
                      "[queue:foreign]\nmax_messages = 1\nmessage_size = 8\ngroup = root\n"
                      "mode = 0660\nuse = user:$C0\n");
}

static void with_an_error(void)
{
    fixture_listen(&broker);
    fixture_configure(&broker, START_OBJECTS "[queue:again]\nno = key\n");
}

/* A program of the broker's user listens where the broker shall. */
static void where_somebody_listens(void)
{
    plainly();
    if (broker.handed[0].name)
        close(broker.handed[0].fd);
    ck_assert(unlink(broker.socket) == 0 || errno == ENOENT);
    fixture_listen(&broker);
    broker.n_handed = 0;
    ck_assert_int_eq(chown(broker.socket, broker.broker_uid, broker.broker_uid), 0);
}

/* Another broker serves there already. It has no part in the faults. */
static struct fixture first;

static void beside_another(void)
{
    plainly();
    broker.environment[0] = NULL;
    fixture_start(&broker);
    first = broker;
    broker.broker = 0;
    broker.environment[0] = shim[0];
}

static const struct {
    const char *name;
    void (*prepare)(void);
    struct way way;
} ways[] = {
    {"start-handed-in", by_a_socket, {.keeps_socket = true}},
    {"start-links", by_links, {0}},
    {"start-user", of_a_user, {0}},
    {"start-short", with_little_room, {.failed = "orders"}},
    {"start-among-others", among_others, {0}},
    {"start-error", with_an_error, {78, "unknown key 'no'", NULL, true}},
    {"start-occupied", where_somebody_listens, {1, "somebody is listening", NULL, true}},
    {"start-beside", beside_another, {1, "another ipcbrokerd", NULL, true}},
};
static unsigned which;

static void start_once(void)
{
    bool is_beside = first.broker;

    if (ways[which].prepare == where_somebody_listens)
        where_somebody_listens(); /* a broker that does not see him has taken his place */
    if (!is_beside)
        ck_assert(mq_unlink("/orders") == 0 || errno == ENOENT);
    start_play(&ways[which].way);
    WANT(!is_beside || get(user(0), "orders", 0) >= 0, "the first one is hurt: %s", said());
    WANT(mq_unlink("/foreign") < 0 || plan_fails(FAULT_mq_unlink), "half a queue is left; log: %s",
         fixture_log(&broker));
}

START_TEST(a_start_in_another_way)
{
    which = (unsigned)_i;
    plan_open();
    ways[which].prepare();
    plan_play(ways[which].name, start_once);
    if (first.broker)
        ck_assert_int_eq(fixture_end(&first, SIGTERM), 0);
}
END_TEST

void start_add_ways(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_start_in_another_way, 0, (int)ARRAY_SIZE(ways));
}
