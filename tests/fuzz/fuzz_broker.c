/*
 * The broker's core with several clients: the input is a program of what they do. A model beside it
 * says who is in, what each has asked, and what he must get: one reply to each request, in order;
 * descriptors within the grants; no more clients than may be; after all have gone nothing is left.
 */
#include "daemon/server.h"
#include "tests/fuzz/fuzz_desk.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define SLOTS       10u
#define PENDING     32u  /* requests of a client that are not answered yet */
#define ROUNDS      1000 /* of the loop, until it must have come to rest */
#define STEPS       200u /* of an input */
#define SHORT_ITEMS 4u
#define OWN_SERIAL                                                                                 \
    0x80000000u /* bit of the serials that the model gives, and raw frames do not                  \
                 */

struct pending {
    uint32_t serial;
    uint8_t type;
    bool may; /* an acquire that must succeed */
    size_t n_items;
    struct wire_item items[SHORT_ITEMS]; /* the first of them; the names are constants */
};

struct client {
    int fd; /* -1: nobody */
    unsigned user;
    bool admin;
    bool refused; /* he was told so */
    bool spoiled; /* has sent what may end his connection */
    bool shut;    /* one of his directions */
    size_t n_raw; /* frames of the input's bytes: each has one reply at most, whichever */
    uint32_t serial;
    struct pending pending[PENDING]; /* the other requests */
    size_t n_pending;
};

static struct {
    struct loop loop;
    struct desk desk;
    struct server server;
    struct timer tick;
    char directory[64], path[96], admin_path[96];
    bool open;
} core;

static struct client clients[SLOTS];

/* ---- the core ---- */

static void stop_now(struct timer *timer)
{
    (void)timer;
    loop_stop(&core.loop, 0);
}

/* One look of the loop at what is ready, without waiting. */
static void step(void)
{
    core.loop.stopping = false;
    loop_arm(&core.loop, &core.tick, 1);
    ORACLE(loop_run(&core.loop) == 0, "the loop ends");
}

static void run_to_rest(void)
{
    struct pollfd wait = {core.loop.epoll, POLLIN, 0};
    int rounds = 0;

    do {
        step();
        ORACLE(++rounds < ROUNDS, "the loop does not come to rest");
    } while (poll(&wait, 1, 0) > 0);
}

static void open_core(void)
{
    struct rlimit limit;
    struct sentence why = {.text = ""};
    int none = -1; /* no socket is handed in */

    core.open = true;
    ORACLE(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    ORACLE(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    ORACLE(setgroups(0, NULL) == 0, "setgroups: %s", strerror(errno));
    (void)snprintf(core.directory, sizeof core.directory, "/tmp/ipcbroker-fuzz-XXXXXX");
    ORACLE(mkdtemp(core.directory) && chmod(core.directory, 0711) == 0, "%s", strerror(errno));
    (void)snprintf(core.path, sizeof core.path, "%s/fuzz.sock", core.directory);
    (void)snprintf(core.admin_path, sizeof core.admin_path, "%s/admin.sock", core.directory);
    core.desk = *fuzz_desk();
    core.tick.fire = stop_now;
    ORACLE(loop_init(&core.loop) == 0, "no loop");
    ORACLE(server_open(&core.server, &core.loop, &core.desk, core.path, core.admin_path, &none,
                       &why) == 0,
           "%s", why.text);
    for (size_t i = 0; i < SLOTS; i++)
        clients[i].fd = -1;
}

static void close_core(void)
{
    if (!core.open)
        return;
    server_deinit(&core.server);
    loop_deinit(&core.loop);
    (void)rmdir(core.directory);
}

/* ---- the model ---- */

/* Whether the broker still has the connection: once it closes it, we see a hang-up. */
static bool is_in(const struct client *client)
{
    struct pollfd wait = {client->fd, 0, 0};

    return client->fd >= 0 && !client->refused && poll(&wait, 1, 0) >= 0 &&
           !(wait.revents & POLLHUP);
}

static size_t count_in(bool admin, const unsigned *user)
{
    size_t n = 0;

    for (size_t i = 0; i < SLOTS; i++)
        n += clients[i].admin == admin && (!user || clients[i].user == *user) && is_in(&clients[i]);
    return n;
}

/* Those that the broker has ended, and keeps until what it sent is read. */
static size_t count_ended(bool admin, const unsigned *user)
{
    const struct connection *connection;
    size_t n = 0;

    LIST_FOREACH (connection, &core.server.connections, entry)
        n += connection->ended && connection->admin == admin &&
             (!user || connection->peer.credentials.uid == fuzz_uid(*user));
    return n;
}

static size_t count_unread(void)
{
    size_t n = 0;
    int size;

    for (size_t i = 0; i < SLOTS; i++)
        n += clients[i].fd >= 0 && !is_in(&clients[i]) &&
             ioctl(clients[i].fd, SIOCINQ, &size) == 0 && size > 0;
    return n;
}

static size_t count_places(bool admin, const unsigned *user)
{
    return count_in(admin, user) + count_ended(admin, user);
}

static void check_counts(void)
{
    size_t n = count_places(false, NULL), n_admin = count_places(true, NULL);

    ORACLE(count_ended(false, NULL) + count_ended(true, NULL) <= count_unread(),
           "a connection stays for nothing");
    ORACLE(core.server.main.n_clients == n, "%zu clients are counted, there are %zu",
           core.server.main.n_clients, n);
    ORACLE(core.server.admin.n_clients == n_admin, "%zu administrators are counted, there are %zu",
           core.server.admin.n_clients, n_admin);
    ORACLE(core.desk.n_clients == n + n_admin, "the desk counts %zu clients", core.desk.n_clients);
    ORACLE(n <= FUZZ_CLIENTS, "%zu clients", n);
    for (unsigned user = 0; user < FUZZ_USERS; user++)
        ORACLE(count_places(false, &user) <= FUZZ_CLIENTS_PER_USER, "user %u has %zu clients", user,
               count_places(false, &user));
}

static struct pending *expect(struct client *client, uint8_t type)
{
    struct pending *pending = &client->pending[client->n_pending++];

    *pending = (struct pending){.serial = OWN_SERIAL | ++client->serial, .type = type};
    return pending;
}

/* ---- what clients do ---- */

/* This thread alone: seteuid(3) asks every other thread, of which libFuzzer has one, and that takes
 * longer than all the rest. The group first: root's may be changed. */
static void become(uid_t uid, gid_t gid)
{
    const long keep = -1;

    if (uid == 0)
        ORACLE(syscall(SYS_setresuid, keep, uid, keep) == 0, "setresuid: %s", strerror(errno));
    ORACLE(syscall(SYS_setresgid, keep, gid, keep) == 0, "setresgid: %s", strerror(errno));
    if (uid != 0)
        ORACLE(syscall(SYS_setresuid, keep, uid, keep) == 0, "setresuid: %s", strerror(errno));
}

static void connect_client(struct client *client, unsigned user, bool admin)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool room;

    if (client->fd >= 0)
        return;
    run_to_rest();
    room = admin || (count_places(false, NULL) < FUZZ_CLIENTS &&
                     count_places(false, &user) < FUZZ_CLIENTS_PER_USER);
    *client = (struct client){.user = user, .admin = admin};
    client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s",
                   admin ? core.admin_path : core.path);
    if (!admin)
        become(fuzz_uid(user), fuzz_uid(user));
    ORACLE(connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0, "connect: %s",
           strerror(errno));
    if (!admin)
        become(0, 0);
    run_to_rest();
    client->refused = !room;
    check_counts();
}

static void leave(struct client *client)
{
    client->fd = close_fd(client->fd);
    client->n_pending = 0;
}

/* Sends a frame, maybe with a descriptor that nobody wants. False: there was no room for it. */
static bool put_frame(struct client *client, const void *frame, size_t size, bool poisoned)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.align = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {(void *)(uintptr_t)frame, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (poisoned) { /* the descriptor of the standard input: 0, as the room is */
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    return sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool can_ask(const struct client *client)
{
    return client->fd >= 0 && client->n_pending < PENDING;
}

static void ask_raw(struct client *client, struct bytes *bytes, bool poisoned)
{
    uint8_t frame[UINT8_MAX];
    size_t size;
    const uint8_t *at = take_bytes(bytes, take_byte(bytes), &size);

    if (client->fd < 0)
        return;
    if (size > 0)
        memcpy(frame, at, size);
    if (size > 7)
        frame[7] &= 0x7f; /* of the serial */
    client->spoiled = true;
    client->n_raw += put_frame(client, frame, size, poisoned);
}

static void send_request(struct client *client, const struct wire_writer *request)
{
    if (!put_frame(client, request->data, request->size, false))
        client->n_pending--; /* it is as if it had not been asked */
}

static void begin_request(struct client *client, uint8_t type, struct wire_writer *ret)
{
    static uint8_t frame[WIRE_REQUEST_MAX];
    const struct pending *pending = expect(client, type);
    const struct wire_header header = {WIRE_VERSION, type, 0, pending->serial, 0};

    wire_writer_init(ret, frame, sizeof frame);
    wire_put_header(ret, &header);
}

/* An acquire of as many items as wanted; beyond the first few they are the same again. */
static void ask_acquire(struct client *client, struct bytes *bytes)
{
    struct wire_writer request;
    struct pending *pending;
    struct wire_item items[SHORT_ITEMS];
    size_t n = take_byte(bytes) % 8;

    for (size_t i = 0; i < SHORT_ITEMS; i++) {
        uint8_t wish = take_byte(bytes);
        const char *name = fuzz_name(wish & 15);

        items[i] = (struct wire_item){name, strlen(name), wish >> 4 & 3, wish >> 6 & 1, 0};
    }
    if (n >= 5) /* some more, the largest, and more than that; most of the time goes into these */
        n = n == 5 ? 16 : n == 6 ? WIRE_DESCRIPTORS_MAX : WIRE_DESCRIPTORS_MAX + 1;
    if (!can_ask(client))
        return;
    begin_request(client, WIRE_ACQUIRE, &request);
    pending = &client->pending[client->n_pending - 1];
    memcpy(pending->items, items, sizeof items);
    pending->n_items = n;
    pending->may = n > 0 && n <= WIRE_DESCRIPTORS_MAX;
    client->spoiled |= n == 0; /* which is malformed */
    for (size_t i = 0; i < n; i++)
        wire_put_item(&request, &items[i % SHORT_ITEMS]);
    for (size_t i = 0; i < n && i < SHORT_ITEMS; i++)
        pending->may &= fuzz_may(client->admin, client->user, &items[i]);
    ORACLE(!request.overflow, "the request overflows");
    send_request(client, &request);
}

static void ask_other(struct client *client, uint8_t which)
{
    static const uint8_t types[] = {WIRE_LIST,   WIRE_SHOW,   WIRE_STATUS,
                                    WIRE_WHOAMI, WIRE_CONFIG, 200};
    struct wire_writer request;
    uint8_t type = types[which % ARRAY_SIZE(types)];

    if (!can_ask(client))
        return;
    begin_request(client, type, &request);
    if (type == WIRE_SHOW)
        wire_put_text(&request, WIRE_FIELD_NAME, fuzz_name(which >> 4));
    send_request(client, &request);
}

/* ---- what they get ---- */

struct received {
    uint8_t frame[WIRE_REPLY_MAX];
    int fds[WIRE_DESCRIPTORS_MAX];
    size_t n;
};

static void take_descriptors(struct msghdr *message, struct received *got)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);

    got->n = 0;
    if (!header || header->cmsg_type != SCM_RIGHTS)
        return;
    got->n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(got->fds, CMSG_DATA(header), got->n * sizeof(int));
}

/* The descriptors of a reply to a request of the model's own. */
static void check_acquired(const struct client *client, const struct pending *pending,
                           const struct received *got, struct wire_reader reader, uint32_t status)
{
    struct wire_field field;
    struct wire_descriptor descriptor;
    size_t n = 0;

    ORACLE((status == 0) == pending->may, "an acquire is answered with %u", status);
    ORACLE(got->n == (status == 0 ? pending->n_items : 0), "%zu descriptors for %zu items", got->n,
           pending->n_items);
    while (wire_next(&reader, &field) > 0) {
        if (field.type != WIRE_FIELD_DESCRIPTOR)
            continue;
        ORACLE(n < got->n && wire_get_descriptor(&field, &descriptor) == 0, "descriptor %zu", n);
        fuzz_check_descriptor(client->admin, client->user, &pending->items[n % SHORT_ITEMS],
                              got->fds[n], &descriptor);
        n++;
    }
    ORACLE(n == got->n, "%zu descriptors are said, %zu come", n, got->n);
}

static void check_frame(struct client *client, const struct received *got, size_t size)
{
    struct pending pending;
    struct wire_reader reader;
    struct wire_header header;

    ORACLE(wire_read_header(&reader, got->frame, size, &header) == 0, "a frame that is none");
    if (!(header.serial & OWN_SERIAL)) {
        ORACLE(client->refused || client->n_raw > 0, "a reply out of the blue");
        client->n_raw -= client->n_raw > 0;
        return;
    }
    ORACLE(client->n_pending > 0, "a reply that nobody has asked for");
    pending = client->pending[0];
    client->n_pending--;
    memmove(client->pending, client->pending + 1, client->n_pending * sizeof *client->pending);
    ORACLE(header.serial == pending.serial && header.type == pending.type, "replies out of order");
    if (pending.type == WIRE_ACQUIRE)
        check_acquired(client, &pending, got, reader, header.status);
    else
        ORACLE(got->n == 0, "descriptors that nobody has asked for");
}

/* Takes one frame. False: there is none. */
static bool read_frame(struct client *client)
{
    static struct received got;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec part = {got.frame, sizeof got.frame};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0) {
        ORACLE(client->refused || client->spoiled || client->shut, "a connection is closed: %s",
               size < 0 ? strerror(errno) : "end");
        if (size < 0 && errno == ECONNRESET)
            return true; /* what was sent before can be read all the same */
        client->n_pending = 0;
        return false;
    }
    ORACLE(!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)), "a reply is too long");
    take_descriptors(&message, &got);
    check_frame(client, &got, (size_t)size);
    for (size_t i = 0; i < got.n; i++)
        (void)close_fd(got.fds[i]);
    return true;
}

/* Reads until every request has its reply. */
static void read_all(struct client *client)
{
    while (client->n_pending > 0) {
        run_to_rest();
        if (!read_frame(client) && client->n_pending > 0) {
            ORACLE(client->spoiled || client->shut || client->refused,
                   "a request has no reply, %zu are pending", client->n_pending);
            return;
        }
    }
}

/* ---- the program ---- */

static void shut(struct client *client, int how)
{
    if (client->fd < 0)
        return;
    (void)shutdown(client->fd, how);
    client->shut = true;
}

static void act(struct bytes *bytes)
{
    uint8_t op = take_byte(bytes), argument = take_byte(bytes);
    struct client *client = &clients[argument % SLOTS];

    switch (op % 11) {
    case 0:
    case 1:
        connect_client(client, argument / SLOTS % FUZZ_USERS, op / 11 % 8 == 7);
        break;
    case 2:
    case 3:
        ask_acquire(client, bytes);
        break;
    case 4:
        ask_other(client, take_byte(bytes));
        break;
    case 5:
        ask_raw(client, bytes, op & 0x80);
        break;
    case 6:
        if (client->fd >= 0)
            (void)read_frame(client);
        break;
    case 7:
        run_to_rest();
        check_counts();
        break;
    case 8:
        leave(client);
        break;
    case 9:
        shut(client, op / 11 % 3);
        break;
    default:
        step();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    size_t open_before;

    if (!core.open) {
        open_core();
        (void)atexit(close_core);
    }
    open_before = count_open();
    for (unsigned i = 0; i < STEPS && bytes.left > 0; i++)
        act(&bytes);
    for (size_t i = 0; i < SLOTS; i++)
        if (clients[i].fd >= 0)
            read_all(&clients[i]);
    run_to_rest();
    check_counts();
    for (size_t i = 0; i < SLOTS; i++)
        leave(&clients[i]);
    run_to_rest();
    check_counts();
    ORACLE(LIST_EMPTY(&core.server.connections), "a connection is left");
    ORACLE(!core.server.users.tree, "an account is left");
    ORACLE(core.desk.quota.unread == 0 && core.desk.quota.kept.parked == 0 &&
               core.desk.quota.kept.waiting == 0,
           "something of theirs is still counted");
    ORACLE(count_open() == open_before, "a descriptor is lost: %zu, %zu before", count_open(),
           open_before);
    return 0;
}
