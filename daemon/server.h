/* The two sockets: accepting clients, within limits. */
#pragma once

#include "daemon/connection.h"
#include "daemon/listener.h"
#include "daemon/log.h"

struct server;

/* One of the two sockets. */
struct door {
    struct source source;
    struct listener listener;
    struct server *server;
    bool admin;
    size_t n_clients;
};

struct server {
    struct connection_context context;
    struct desk *desk;
    struct door main, admin;
    struct users users;
    LIST_HEAD(, connection) connections;
    struct kept_list woken; /* of the context's requests that wait: those to be asked for again */
    int reserve; /* a descriptor to give up, so that a newcomer can be told that there are none */
    struct timer pause; /* ends a time without accepting */
    bool paused;
    struct log_limit pauses, held_up; /* of messages that clients can cause */
    struct reply reply;
    uint8_t frame[WIRE_REQUEST_MAX];
};

/* Makes both sockets and listens; accepts nobody until the loop runs. *HANDED is a socket that
 * listens at PATH already, which it takes over, or -1. */
int server_open(struct server *server, struct loop *loop, struct desk *desk, const char *path,
                const char *admin_path, int *handed, struct sentence *why) _must_check_;
/* Opens the admin socket to those whom `admin =` names now, or to nobody besides. */
void server_open_to_admins(struct server *server);
/* All requests that wait may have their answer now; server_answer_woken() asks for the next of
 * them, until it returns false. */
void server_wake(struct server *server);
bool server_answer_woken(struct server *server);
/* Tells whoever is connected and could acquire OBJECT that it is another one from now on. */
void server_announce(struct server *server, const struct object *object);
/* Closes every connection and both sockets. */
void server_deinit(struct server *server);
