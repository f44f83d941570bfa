/* Clients who are no good, on kernels that help and on those that do not. */
#include "tests/fault/serve.h"

#include "protocol/wire.h"
#include "tests/trap.h"

#include <poll.h>
#include <sys/resource.h>

#define HOARDERS 17    /* as many connections as it takes to park the most that one user may */
#define BALLAST  32000 /* bytes, twice in a request */

/* ---- one frame after the other ---- */

static ssize_t send_acquire(int fd, size_t n, size_t ballast)
{
    static uint8_t frame[WIRE_REQUEST_MAX];
    static char text[BALLAST + 1];
    struct wire_writer writer;

    memset(text, 'x', ballast);
    text[ballast] = '\0';
    wire_writer_init(&writer, frame, sizeof frame);
    wire_put_header(
        &writer, &(struct wire_header){.version = WIRE_VERSION, .type = WIRE_ACQUIRE, .serial = 7});
    while (n-- > 0)
        wire_put_item(&writer, &(struct wire_item){.name = "wake", .name_size = 4});
    for (int i = 0; ballast > 0 && i < 2; i++)
        wire_put_text(&writer, 0x7000, text); /* which has no meaning */
    return send(fd, frame, writer.size, MSG_NOSIGNAL);
}

/* Until the broker has ended the connection, or too long. */
static void read_away(int fd)
{
    char reply[4096];
    int fds[253];
    size_t n;

    for (int i = 0; i < 10; i++) {
        struct pollfd wait = {fd, POLLIN, 0};

        if (poll(&wait, 1, CLIENT_TIMEOUT / 1000) <= 0 ||
            raw_receive(fd, reply, sizeof reply, fds, &n) <= 0)
            break;
        while (n > 0)
            close(fds[--n]);
    }
}

/* Words that are none, by one who has not read what he was sent, and has more to say. */
static void send_nonsense(struct ipcb *b)
{
    int fd = raw_connect(broker.socket);
    ssize_t ignored = 0;

    for (int i = 0; fd >= 0 && i < 3; i++) {
        ignored += i > 0 ? 0 : send_acquire(fd, 1, 0);
        ignored += send(fd, "?", 1, MSG_NOSIGNAL);
    }
    (void)ignored;
    ask_whoami(b); /* behind it, so that all of that has been seen */
    if (fd >= 0)
        read_away(fd);
    close_fd(fd);
}

/* Not a trap whose closing lasts: without the guard's timer it would. On a slow machine any seems
 * to last, and bars him who sent it, so that is another user. */
static void send_descriptors(struct ipcb *b)
{
    become_root();
    become(user(4));
    for (int i = 0; i < 2; i++) { /* with the first frame, and behind another one */
        int fd = raw_connect(broker.socket);

        if (fd >= 0 && (i == 0 || send(fd, "?", 1, MSG_NOSIGNAL) == 1))
            (void)trap_send(fd, "x", 1, STDERR_FILENO, 3);
        if (fd >= 0)
            read_away(fd);
        close_fd(fd);
    }
    become_root();
    become(user(0));
    ask_whoami(b);
}

/* ---- one who has asked for much, and reads nothing ---- */

static int hoarders[HOARDERS]; /* each one more than the descriptor */
static pid_t hoarded;          /* from that broker */

static void hoard(void)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < HOARDERS && hoarded != broker.broker; i++) {
        close_fd(hoarders[i] - 1);
        become(user(0));
        hoarders[i] = raw_connect(broker.socket) + 1;
        become_root();
        ck_assert_int_gt(hoarders[i], 0);
        if (i == 0) /* all that he may have unread: the rest waits */
            ck_assert_int_gt(send_acquire(hoarders[i] - 1, WIRE_DESCRIPTORS_MAX, 0), 0);
        ck_assert_int_gt(send_acquire(hoarders[i] - 1, 1, BALLAST), 0);
    }
    if (hoarded == broker.broker)
        return;
    await(broker_sleeps, &seen);
    hoarded = broker.broker;
    living_count(descriptors_at_rest());
}

static void acquire_too(struct ipcb *b)
{
    int r = ipcb_acquire(b, "wake", 0);

    /* It waits until he has read, who never does. */
    serve_tell(r == -ETIMEDOUT ? 0 : r);
    close_fd(r);
}

/* ---- more than there are descriptors ---- */

static struct ipcb *others[64];
static size_t n_others;
static pid_t filled; /* that broker */

static bool comes_in(void)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_whoami(others[n_others++] = fixture_handle(&broker), &facts);

    (void)ipcb_facts_free(facts);
    return r >= 0;
}

/* Clients are let in until there is no descriptor left, then some go. */
static void fill_up(void)
{
    uint64_t seen = 0;
    size_t before;

    if (filled == broker.broker)
        return;
    while (n_others > 0)
        (void)ipcb_free(others[--n_others]);
    while (n_others < ARRAY_SIZE(others) && comes_in())
        ;
    ck_assert_msg(n_others < ARRAY_SIZE(others), "no end of descriptors");
    await(broker_sleeps, &seen); /* the refused one may not have been closed yet */
    before = count_descriptors(broker.broker) - 3;
    for (int i = 0; i < 4; i++) /* one was refused */
        (void)ipcb_free(others[--n_others]);
    await_descriptors(before);
    living_count(before);
    filled = broker.broker;
}

/* Two more than there is room for: they are told so, and the doors open again. */
static void come_in_a_crowd(struct ipcb *b)
{
    int fds[5];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = raw_connect(broker.socket);
    (void)ipcb_set_timeout(b, 4 * CLIENT_TIMEOUT);
    ask_whoami(b);
    WANT(serve_result() < 0 || page->failed > 0, "one more than there are descriptors is let in");
    if (serve_result() == -EAGAIN)
        serve_tell(0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close_fd(fds[i]);
}

/* ---- scenes ---- */

static void serve_few_descriptors(void)
{
    fixture_limit(&broker, RLIMIT_NOFILE, 400);
    broker.inherited = 340;
    living_start("[broker]\nmax_clients = 70\nmax_clients_per_user = 70\n"
                 "[eventfd:wake]\nuse = any\n[queue:orders]\nuse = any\n[pipe:done]\nuse = any\n");
}

static void serve_hoarders(void)
{
    fixture_limit(&broker, RLIMIT_NOFILE, 1024); /* 253 descriptors for each user */
    living_start("[broker]\nmax_clients = 40\nmax_clients_per_user = 30\n"
                 "[eventfd:wake]\nuse = any\n[queue:orders]\nuse = any\n[pipe:done]\nuse = any\n");
}

static void serve_as_ever(void)
{
    living_start(serve_configuration);
}

static const struct {
    struct scene scene;
    void (*start)(void);
} sieges[] = {
    {{"nonsense", send_nonsense}, serve_as_ever},
    {{"guard-whoami", ask_whoami, .without = "passrights"}, serve_as_ever},
    {{"guard-too-many", come_too_often, .without = "passrights"}, serve_as_ever},
    {{"guard-nonsense", send_nonsense, .without = "passrights"}, serve_as_ever},
    {{"guard-descriptors", send_descriptors, .without = "passrights"}, serve_as_ever},
    {{"hoard-whoami", ask_whoami, .before = hoard}, serve_hoarders},
    {{"hoard-acquire", acquire_too, .before = hoard}, serve_hoarders},
    {{"descriptor-limit", ask_whoami, .before = fill_up}, serve_few_descriptors},
    {{"crowd", come_in_a_crowd, .before = fill_up}, serve_few_descriptors},
};

START_TEST(a_siege)
{
    broker.without = sieges[_i].scene.without;
    sieges[_i].start();
    serve_play(&sieges[_i].scene);
    ck_assert_int_eq(fixture_end(&broker, SIGTERM), 0);
}
END_TEST

/* Valgrind wants descriptors of its own. */
void serve_add_sieges(TCase *tcase)
{
    size_t n = ARRAY_SIZE(sieges) - (getenv("TEST_WRAPPER") ? 2 : 0);

    tcase_add_loop_test(tcase, a_siege, 0, (int)n);
}
