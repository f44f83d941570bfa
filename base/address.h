/* Paths of Unix sockets. */
#pragma once

#include "base/base.h"

#include <sys/socket.h>
#include <sys/un.h>

/* Fills a socket address for PATH; returns its length. -EINVAL: empty or not absolute;
 * -ENAMETOOLONG: over 107 bytes, which the kernel cannot take. Nothing is ever cut. */
int address_from_path(const char *path, struct sockaddr_un *ret) _must_check_;

/* The admin socket that belongs to a main socket when nothing else is said: PATH.admin, and for the
 * system's socket the one in the directory of its own. Returns a new string, NULL when out of
 * memory. */
char *admin_path_from(const char *socket);

/* The main socket of a user's own broker, below $XDG_RUNTIME_DIR: a new string. -ENXIO: the
 * variable is not set to an absolute path; -ENOMEM. */
int user_socket_path(char **ret) _must_check_;
