#include "daemon/server.h"

#include "daemon/clock.h"
#include "daemon/limits.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPT_UNGUARDED 8      /* newcomers a wake-up where each may have a trap for us */
#define PAUSE_US         100000 /* without accepting, when nothing else helps */
#define ADMIN_CLIENTS    16

/* ---- leaving ---- */

static void leave(struct connection *connection)
{
    struct server *server = connection->server;
    struct door *door = connection->admin ? &server->admin : &server->main;

    LIST_REMOVE(connection, entry);
    if (connection_deinit(connection) && connection->user) {
        const uid_t *uid = &connection->user->uid;

        log_event(&(struct log_event){.priority = LOG_WARNING,
                                      .id = LOG_CLIENT_HELD_UP,
                                      .uid = uid,
                                      .limit = &server->held_up},
                  "uid %u has sent descriptors whose closing held the broker up: no new "
                  "connection of his for a minute",
                  *uid);
        users_bar(&server->users, connection->user);
    }
    if (connection->user)
        users_leave(&server->users, connection->user);
    door->n_clients--;
    server->desk->n_clients--;
    free(connection);
}

/* ---- entering ---- */

static int enter_account(struct server *server, struct connection *connection, struct sentence *why)
{
    uint64_t most = server->desk->config->max_clients_per_user;
    uid_t uid = connection->peer.credentials.uid;
    int r;

    if (connection->admin)
        return 0;
    r = users_enter(&server->users, uid, most, &connection->user);
    if (r == -EBUSY)
        return say(why, r, "uid %u has %u connections, which is max_clients_per_user", uid,
                   (unsigned)most);
    if (r == -EPERM)
        return say(
            why, r,
            "uid %u has sent descriptors that held the broker up, and gets no new connection "
            "for a minute",
            uid);
    return r < 0 ? say(why, r, "the broker is out of memory") : 0;
}

/* The admin socket is root's, the broker's user's, and theirs whom `admin =` names. */
static int check_admin(struct server *server, struct connection *connection, struct sentence *why)
{
    const struct grants *admin = &server->desk->config->admin;
    struct peer *peer = &connection->peer;

    if (!connection->admin || peer->credentials.uid == 0 || peer->credentials.uid == geteuid())
        return 0;
    if (admin->by_group)
        peer_learn_groups(peer, connection->source.fd);
    if (grants_access(admin, &peer->credentials))
        return 0;
    /* Where that cannot be told he is in no unit. */
    if (admin->by_unit &&
        peer_learn_unit(peer, connection->source.fd, &server->desk->units, false) >= 0 &&
        grants_access(admin, &peer->credentials))
        return 0;
    return say(why, -EACCES,
               "uid %u is no administrator of this broker; 'admin = user:%u' in its "
               "[broker] section would make him one",
               peer->credentials.uid, peer->credentials.uid);
}

static size_t most_clients(const struct door *door)
{
    return door->admin ? ADMIN_CLIENTS : door->server->desk->config->max_clients;
}

/* One that is asked for a proof takes two. */
static size_t places_taken(const struct door *door)
{
    return door->n_clients + (door->admin ? 0 : door->server->desk->quota.n_proofs);
}

/* Fills in a new connection, all but watching it. On failure nothing is left of it but its fd. */
static int admit(struct door *door, struct connection *connection, int fd, bool unguarded,
                 struct sentence *why)
{
    struct server *server = door->server;
    int r;

    *connection = (struct connection){
        .source.fd = fd,
        .context = &server->context,
        .server = server,
        .admin = door->admin,
        .unguarded = unguarded,
    };
    if (places_taken(door) >= most_clients(door))
        return say(why, -EBUSY, "the broker has %zu clients, which is the most it may have",
                   places_taken(door));
    r = peer_init(&connection->peer, fd);
    if (r < 0)
        return say(why, r, "the broker cannot see who you are: %s", strerror(-r));
    r = check_admin(server, connection, why);
    if (r < 0)
        return r;
    return enter_account(server, connection, why);
}

static int enter(struct door *door, int fd, bool unguarded, struct sentence *why)
{
    struct server *server = door->server;
    struct connection *connection = malloc(sizeof *connection);
    int r;

    if (!connection)
        return say(why, -ENOMEM, "the broker is out of memory");
    r = admit(door, connection, fd, unguarded, why);
    if (r >= 0) {
        r = connection_open(connection, fd);
        if (r < 0) {
            (void)say(why, r, "the broker cannot watch one more client: %s", strerror(-r));
            if (connection->user)
                users_leave(&server->users, connection->user);
        }
    }
    if (r < 0) {
        peer_deinit(&connection->peer);
        free(connection);
        return r;
    }
    LIST_INSERT_HEAD(&server->connections, connection, entry);
    door->n_clients++;
    server->desk->n_clients++;
    return 0;
}

/* Whether nobody who waits there can have sent descriptors. */
static bool is_guarded(const struct listener *listener)
{
    return listener->guarded && !listener->old_backlog;
}

/* Whether somebody who was just accepted may have sent descriptors, or still can. */
static bool is_unguarded(const struct door *door, int fd)
{
    const struct listener *listener = &door->listener;

    return !listener->guarded || !guard_refuse(fd) || listener->old_backlog;
}

static void refuse(struct door *door, int fd, int error, const char *sentence)
{
    struct server *server = door->server;

    connection_refuse(fd, is_unguarded(door, fd) ? &server->context.loop->guard : NULL,
                      &server->reply, error, sentence);
}

static void welcome(struct door *door, int fd)
{
    struct sentence why;
    int r = enter(door, fd, is_unguarded(door, fd), &why);

    if (r < 0)
        refuse(door, fd, r, why.text);
}

/* ---- accepting ---- */

static int accept_one(struct door *door)
{
    int fd = accept4(door->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

static void watch_doors(struct server *server, bool watch)
{
    struct door *doors[] = {&server->main, &server->admin};

    server->paused = !watch;
    for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
        if (loop_change(server->context.loop, &doors[i]->source, watch ? EPOLLIN : 0) < 0)
            loop_arm(server->context.loop, &server->pause, now_us() + PAUSE_US);
}

static void end_pause(struct timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, pause);

    if (server->reserve < 0)
        server->reserve = open("/", O_PATH | O_CLOEXEC);
    watch_doors(server, true);
    if (server->reserve < 0) /* without it nobody could be told: tried for until it is there */
        loop_arm(server->context.loop, &server->pause, now_us() + PAUSE_US);
}

/* A level-triggered listener that cannot be accepted from would wake the loop for ever. */
static void pause_doors(struct server *server, int error)
{
    log_event(
        &(struct log_event){.priority = LOG_WARNING, .error = error, .limit = &server->pauses},
        "no new clients for %d ms: accept: %s", PAUSE_US / 1000, strerror(-error));
    watch_doors(server, false);
    loop_arm(server->context.loop, &server->pause, now_us() + PAUSE_US);
}

/* With no descriptor left: give the reserve up, tell the newcomer, take the reserve back. */
static void turn_away(struct door *door, int error)
{
    struct server *server = door->server;
    int fd;

    server->reserve = close_fd(server->reserve);
    fd = accept_one(door);
    if (fd >= 0)
        refuse(door, fd, -EAGAIN,
               "the broker has no descriptor left for a new client; try again later");
    server->reserve = open("/", O_PATH | O_CLOEXEC);
    if (server->reserve < 0 || (fd < 0 && fd != -EAGAIN))
        pause_doors(server, error);
}

/* The backlog that was handed in has been worked off: who comes now comes guarded. */
static void backlog_is_empty(struct door *door)
{
    struct listener *listener = &door->listener;

    if (listener->old_backlog && listener->guarded)
        guard_leave(&door->server->context.loop->guard);
    listener->old_backlog = false;
}

/* How many newcomers in this turn. An accept that finds nobody costs as much as one that does, so
 * it is not looked whether there is one more: epoll tells. Of many who ask at once, though, they
 * have their share. */
static int accept_most(const struct door *door)
{
    return is_guarded(&door->listener) ? 1 + door->server->context.loop->n_batch / 4
                                       : ACCEPT_UNGUARDED;
}

static void accept_ready(struct source *source, uint32_t events)
{
    struct door *door = CONTAINER_OF(source, struct door, source);
    int most = accept_most(door);

    (void)events;
    for (int i = 0; i < most && !door->server->paused; i++) {
        int fd = accept_one(door);

        if (fd >= 0)
            welcome(door, fd);
        else if (fd == -EAGAIN)
            return backlog_is_empty(door);
        else if (fd == -EMFILE || fd == -ENFILE)
            turn_away(door, fd);
        else if (fd != -ECONNABORTED && fd != -EINTR) /* which are over with that */
            pause_doors(door->server, fd);
    }
}

/* ---- life ---- */

/* A door that lets descriptors in keeps the guard awake. */
static int door_guard(struct door *door, struct sentence *why)
{
    int r;

    if (is_guarded(&door->listener))
        return 0;
    r = guard_enter(&door->server->context.loop->guard);
    return r < 0 ? say(why, r, "no timer to guard the broker: %s", strerror(-r)) : 0;
}

/* HANDED is a socket that listens already, which is taken over, or -1. */
static int door_open(struct door *door, struct server *server, const char *path, mode_t mode,
                     int handed, struct sentence *why)
{
    unsigned without = server->desk->without;
    int r = handed < 0 ? listener_open(&door->listener, path, mode, without, why)
                       : listener_take(&door->listener, handed, path, without, why);

    if (r < 0)
        return r;
    door->server = server;
    r = door_guard(door, why);
    if (r < 0) {
        listener_deinit(&door->listener);
        return r;
    }
    door->source = (struct source){door->listener.fd, accept_ready};
    r = loop_add(server->context.loop, &door->source, EPOLLIN);
    if (r < 0) {
        listener_deinit(&door->listener);
        return say(why, r, "the socket %s cannot be watched: %s", path, strerror(-r));
    }
    return 0;
}

static void door_close(struct door *door)
{
    if (door->listener.fd >= 0)
        loop_remove(door->server->context.loop, &door->source);
    listener_deinit(&door->listener);
}

static mode_t admin_mode(const struct config *config)
{
    return config->admin.n ? 0666 : 0600;
}

int server_open(struct server *server, struct loop *loop, struct desk *desk, const char *path,
                const char *admin_path, int *handed, struct sentence *why)
{
    int r;

    server->context = (struct connection_context){
        .loop = loop,
        .desk = desk,
        .reply = &server->reply,
        .frame = server->frame,
        .gone = leave,
        .quota = &desk->quota,
    };
    desk->quota.limit = limits_descriptors();
    server->desk = desk;
    users_init(&server->users);
    server->main = (struct door){.listener = LISTENER_NULL};
    server->admin = (struct door){.listener = LISTENER_NULL, .admin = true};
    server->pause = (struct timer){.fire = end_pause};
    server->paused = false;
    LIST_INIT(&server->connections);
    LIST_INIT(&server->woken);
    server->reserve = open("/", O_PATH | O_CLOEXEC);
    if (server->reserve < 0)
        return say(why, -errno, "no descriptor to keep in reserve: %s", strerror(errno));
    r = door_open(&server->admin, server, admin_path, admin_mode(desk->config), -1, why);
    if (r < 0)
        return r;
    return door_open(&server->main, server, path, 0666, TAKE_FD(*handed), why);
}

void server_deinit(struct server *server)
{
    while (!LIST_EMPTY(&server->connections))
        leave(LIST_FIRST(&server->connections));
    users_deinit(&server->users);
    loop_disarm(&server->pause);
    door_close(&server->main);
    door_close(&server->admin);
    server->reserve = close_fd(server->reserve);
}

/* ---- what a changed configuration asks for ---- */

void server_open_to_admins(struct server *server)
{
    struct sentence why;

    if (listener_open_to(&server->admin.listener, admin_mode(server->desk->config), &why) < 0)
        log_warning("%s", why.text);
}

void server_wake(struct server *server)
{
    struct kept *kept;

    while ((kept = LIST_FIRST(&server->context.waiting))) {
        LIST_REMOVE(kept, entry);
        LIST_INSERT_HEAD(&server->woken, kept, entry);
    }
}

bool server_answer_woken(struct server *server)
{
    struct kept *kept = LIST_FIRST(&server->woken);

    if (kept)
        connection_resume(kept);
    return kept;
}

static bool is_concerned(struct connection *connection, const struct object *object)
{
    const struct grants *grants = &object->declaration->grants;

    if (grants->by_group)
        peer_learn_groups(&connection->peer, connection->source.fd);
    if (grants->by_unit) /* without it he is told nothing */
        (void)!peer_learn_unit(&connection->peer, connection->source.fd,
                               &connection->context->desk->units, false);
    return connection->admin || grants_access(grants, &connection->peer.credentials);
}

void server_announce(struct server *server, const struct object *object)
{
    const struct wire_header header = {.version = WIRE_VERSION, .type = WIRE_EVENT};
    uint8_t frame[WIRE_HEADER_SIZE + WIRE_NAME_MAX + 8];
    struct connection *connection;
    struct wire_writer writer;

    wire_writer_init(&writer, frame, sizeof frame);
    wire_put_header(&writer, &header);
    wire_put_text(&writer, WIRE_FIELD_REPLACED, object->declaration->name);
    LIST_FOREACH (connection, &server->connections, entry)
        if (is_concerned(connection, object))
            connection_tell(connection, writer.data, writer.size);
}
