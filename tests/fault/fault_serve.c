/* Requests to a broker that lives on: after each point it answers others as before. */
#include "tests/fault/serve.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/socket.h>

#define ONLY_IN_GROUPS 3 /* the client user with supplementary groups */

const char serve_configuration[] =
    "[broker]\nmax_clients = 40\nmax_clients_per_user = 3\nobserve = user:$C1\nadmin = user:$C2\n"
    "[queue:orders]\nmax_messages = 4\nmessage_size = 64\nsend = user:$C0\nuse = user:$C1\n"
    "[queue:hidden]\nposix_name = none\nmax_messages = 1\nmessage_size = 8\nuse = user:$C0\n"
    "[eventfd:wake]\nuse = user:$C0, user:$C1, group:99\n"
    "[eventfd:theirs]\nuse = unit:shop-*.service\n"
    "[pipe:done]\nwrite = user:$C0\nread = user:$C1\n";

static const struct scene *scene;
static int result;

void serve_tell(int r)
{
    result = r;
}

int serve_result(void)
{
    return result;
}

/* Others are served, all of what they are granted. */
static void check_others(void)
{
    static const char *const objects[] = {"orders", "wake", "done"};

    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        int r = get(user(1), objects[i], 0);

        WANT(r >= 0, "afterwards %s is refused: %s; log: %s", objects[i], said(),
             fixture_log(&broker));
    }
}

static void check_result(struct ipcb *b)
{
    WANT(result >= 0 || (result > -4096 && *ipcb_message(b)), "%d without a sentence", result);
    WANT(page->failed > 0 || page->call < 0 || result >= 0, "refused although nothing failed: %s",
         ipcb_message(b));
}

static struct who client_of_scene(void)
{
    static const gid_t groups[] = {98, 99};
    struct who who = user(scene->who);

    if (scene->who == ONLY_IN_GROUPS) {
        who.groups = groups;
        who.n_groups = ARRAY_SIZE(groups);
    }
    return who;
}

static void serve_once(void)
{
    struct ipcb *b = NULL;

    if (scene->before)
        scene->before();
    ck_assert_int_eq(ipcb_new(&b, scene->admin ? broker.admin : broker.socket), 0);
    ck_assert_int_eq(ipcb_set_timeout(b, CLIENT_TIMEOUT), 0);
    arm();
    become(client_of_scene());
    scene->deed(b);
    if (result == -ETIMEDOUT && page->failed == 0) { /* by a slow machine, not by a fault */
        ck_assert_int_eq(ipcb_set_timeout(b, NO_TIMEOUT), 0);
        scene->deed(b);
    }
    become_root();
    check_result(b);
    (void)ipcb_free(b);
    living_settle();
    disarm();
    if (living_has_ended())
        living_count(descriptors_at_rest()); /* its other clients went with it */
    living_check_descriptors();              /* also so that there is room for others */
    check_others();
    living_check_descriptors();
}

void serve_play(const struct scene *play)
{
    scene = play;
    plan_play(scene->name, serve_once);
}

/* ---- deeds ---- */

static void take(int fd)
{
    result = fd;
    if (fd >= 0)
        close(fd);
}

static void take_facts(int r, struct ipcb_facts *facts)
{
    result = r;
    (void)ipcb_facts_free(facts);
}

void ask_whoami(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_whoami(b, &facts), facts);
}

static void ask_show(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_show(b, "wake", &facts), facts);
}

static void ask_show_queue(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_show(b, "orders", &facts), facts);
}

static void ask_status(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_status(b, &facts), facts);
}

static void ask_can(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_can(b, NULL, "orders", IPCB_SEND, &facts), facts);
}

static void ask_can_of_another(struct ipcb *b)
{
    static const gid_t groups[] = {99, 7};
    struct ipcb_subject subject = {.uid = 1, .gid = 1, groups, 2, "shop-1.service", {0}};
    struct ipcb_facts *facts = NULL;

    take_facts(ipcb_can(b, &subject, "wake", IPCB_SEND | IPCB_RECEIVE, &facts), facts);
}

static void ask_list(struct ipcb *b)
{
    struct ipcb_list *list = NULL;

    result = ipcb_list(b, &list);
    (void)ipcb_list_free(list);
}

static void acquire_queue(struct ipcb *b)
{
    take(ipcb_acquire(b, "orders", IPCB_SEND));
}

static void acquire_hidden(struct ipcb *b)
{
    take(ipcb_acquire(b, "hidden", IPCB_RECEIVE));
}

static void acquire_eventfd(struct ipcb *b)
{
    take(ipcb_acquire(b, "wake", 0));
}

static void acquire_pipe(struct ipcb *b)
{
    take(ipcb_acquire(b, "done", 0));
}

/* He is in none of them. */
static void acquire_of_units(struct ipcb *b)
{
    int r = ipcb_acquire(b, "theirs", 0);

    WANT(r < 0, "what is a unit's is given to somebody else");
    close_fd(r);
    result = r == -EACCES ? 0 : r;
}

/* Somebody removes the name of a queue that is new. */
static void lose_name(void)
{
    struct ipcb *b = NULL;
    struct ipcb_facts *facts = NULL;

    ck_assert_int_eq(ipcb_new(&b, broker.admin), 0);
    if (ipcb_replace(b, "orders", &facts) < 0)
        plan_wrong("replace: %s; log: %s", ipcb_message(b), fixture_log(&broker));
    facts = ipcb_facts_free(facts);
    if (ipcb_purge(b, NULL, &facts) < 0)
        plan_wrong("purge: %s; log: %s", ipcb_message(b), fixture_log(&broker));
    (void)ipcb_facts_free(facts);
    (void)ipcb_free(b);
    ck_assert_int_eq(mq_unlink("/orders"), 0);
}

static void acquire_batch(struct ipcb *b)
{
    struct ipcb_item items[] = {
        {.name = "orders", .fd = -1}, {.name = "hidden", .fd = -1}, {.name = "wake", .fd = -1},
        {.name = "done", .fd = -1},   {.name = "orders", .fd = -1}, {.name = "hidden", .fd = -1},
        {.name = "wake", .fd = -1},   {.name = "done", .fd = -1},
    };

    result = ipcb_acquire_many(b, items, ARRAY_SIZE(items), CLIENT_TIMEOUT);
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        WANT((items[i].fd >= 0) == (result >= 0), "half a batch has come");
        close_fd(items[i].fd);
    }
}

/* He asks for much, reads nothing, and dies. */
void die_unread(struct ipcb *b)
{
    int fd = raw_connect(broker.socket), end;
    static const uint8_t frame[] = {1, 1, 0, 0, 7, 0, 0, 0, 0,   0,   0,   0,
                                    3, 0, 8, 0, 0, 0, 0, 0, 'w', 'a', 'k', 'e'};

    (void)b;
    result = 0;
    if (fd < 0)
        return;
    for (int i = 0; i < 300; i++)
        if (send(fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    end = shutdown(fd, SHUT_WR);
    (void)end;
    close(fd);
    /* Another request behind it, so that all of that has been seen. */
    ask_whoami(b);
}

/* One more than he may have: he is told so. */
void come_too_often(struct ipcb *b)
{
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = raw_connect(broker.socket);
    ask_whoami(b);
    WANT(result < 0 || page->failed > 0, "a fourth connection is let in");
    result = 0;
    for (int i = 0; i < 3; i++)
        close_fd(fds[i]);
}

/* So much that replies have to wait until he reads. */
static void read_late(struct ipcb *b)
{
    static const uint8_t frame[] = {1, 1, 0, 0, 7, 0, 0, 0, 0,   0,   0,   0,
                                    3, 0, 8, 0, 0, 0, 0, 0, 'w', 'a', 'k', 'e'};
    int fd = raw_connect(broker.socket), fds[253];
    size_t n;
    char reply[4096];

    if (fd >= 0) {
        for (int i = 0; i < 60; i++)
            if (send(fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                break;
        for (int i = 0; i < 60; i++) {
            struct pollfd wait = {fd, POLLIN, 0};

            if (poll(&wait, 1, i == 0 ? 50 : 0) <= 0 ||
                raw_receive(fd, reply, sizeof reply, fds, &n) <= 0)
                break;
            while (n > 0)
                close(fds[--n]);
        }
        close(fd);
    }
    ask_whoami(b);
}

static const struct scene scenes[] = {
    {"whoami", ask_whoami},
    {"show", ask_show},
    {"show-queue", ask_show_queue},
    {"status", ask_status},
    {"can", ask_can},
    {"can-of-another", ask_can_of_another, .who = 2, .admin = true},
    {"list", ask_list},
    {"acquire-queue", acquire_queue},
    {"acquire-queue-that-lost-its-name", acquire_queue, .before = lose_name},
    {"acquire-nameless", acquire_hidden},
    {"acquire-eventfd", acquire_eventfd},
    {"acquire-by-a-group", acquire_eventfd, .who = ONLY_IN_GROUPS},
    {"acquire-by-a-unit", acquire_of_units},
    {"acquire-by-a-proof", acquire_of_units, .without = "peerpidfd"},
    {"acquire-by-a-unit-of-a-user", acquire_of_units, .of_user = true},
    {"acquire-pipe", acquire_pipe},
    {"batch", acquire_batch},
    {"death", die_unread},
    {"too-many", come_too_often},
    {"late-reader", read_late},
};

START_TEST(a_request)
{
    broker.without = scenes[_i].without;
    if (scenes[_i].of_user)
        fixture_set_of_user(&broker);
    living_start(serve_configuration);
    serve_play(&scenes[_i]);
    living_end();
}
END_TEST

TCase *serve_case(void)
{
    TCase *tcase = broker_case("serve");

    tcase_set_timeout(tcase, 3000);
    tcase_add_loop_test(tcase, a_request, 0, (int)ARRAY_SIZE(scenes));
    serve_add_sieges(tcase);
    return tcase;
}
