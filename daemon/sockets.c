#include "daemon/sockets.h"

#include "base/address.h"

#include <string.h>

void sockets_deinit(struct sockets *sockets)
{
    free_charp(&sockets->main);
    free_charp(&sockets->admin);
}

static int check(const char *path, struct sentence *why)
{
    struct sockaddr_un address;

    if (address_from_path(path, &address) >= 0)
        return 0;
    return say(why, -EINVAL,
               "%s is no path for a socket: expected an absolute one of at most 107 bytes", path);
}

static int choose_main(const struct options *options, const struct config *config, char **ret,
                       struct sentence *why)
{
    const char *given = options->socket ? options->socket : config->socket;
    int r;

    if (!given && options->source.user) {
        r = user_socket_path(ret);
        if (r == -ENXIO)
            return say(why, r,
                       "XDG_RUNTIME_DIR is not set, so that there is no place for the socket: log "
                       "in with a session, or give --socket");
    } else {
        *ret = strdup(given ? given : DEFAULT_SOCKET);
    }
    return *ret ? 0 : say(why, -ENOMEM, "out of memory");
}

static int choose_admin(const struct options *options, const struct config *config,
                        const char *main, char **ret, struct sentence *why)
{
    *ret = config->admin_socket && !options->socket ? strdup(config->admin_socket)
                                                    : admin_path_from(main);
    return *ret ? 0 : say(why, -ENOMEM, "out of memory");
}

int sockets_choose(const struct options *options, const struct config *config, struct sockets *ret,
                   struct sentence *why)
{
    _cleanup_(sockets_deinit) struct sockets sockets = {0};
    int r = choose_main(options, config, &sockets.main, why);

    if (r >= 0)
        r = choose_admin(options, config, sockets.main, &sockets.admin, why);
    if (r >= 0)
        r = check(sockets.main, why);
    if (r >= 0)
        r = check(sockets.admin, why);
    if (r >= 0 && strcmp(sockets.main, sockets.admin) == 0)
        r = say(why, -EINVAL, "%s is socket and admin_socket; expected two paths", sockets.main);
    if (r < 0)
        return r;
    *ret = (struct sockets){TAKE_PTR(sockets.main), TAKE_PTR(sockets.admin)};
    return 0;
}
