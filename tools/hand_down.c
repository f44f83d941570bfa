#include "tools/hand_down.h"

#include "base/number.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */

/* ---- what was handed to us ---- */

static bool is_for_us(void)
{
    const char *text = getenv("LISTEN_PID");
    uint64_t pid;

    return text && parse_number(text, INT_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

/* The next one's variables would tell of descriptors that it does not have under these numbers. */
static void forget(void)
{
    char **at = environ;

    (void)unsetenv("LISTEN_FDNAMES");
    (void)unsetenv("LISTEN_PIDFDID");
    while (*at) {
        _cleanup_free_ char *name = NULL;
        const char *end = strchr(*at, '=');

        if (end && strncmp(*at, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) == 0)
            name = strndup(*at, (size_t)(end - *at));
        if (name && unsetenv(name) == 0)
            at = environ; /* which may have moved */
        else
            at++;
    }
}

static size_t count_names(const char *names)
{
    size_t n = 1;

    for (; *names; names++)
        n += *names == ':';
    return n;
}

int hand_down_init(struct hand_down *ret, struct sentence *why)
{
    const char *text = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    uint64_t n = 0;

    *ret = (struct hand_down){0};
    if (!is_for_us()) {
        forget();
        return 0;
    }
    if (text && parse_number(text, INT_MAX / 2, &n) < 0)
        return say(why, -EINVAL, "LISTEN_FDS is '%s', which is not a number of descriptors", text);
    for (uint64_t i = 0; i < n; i++)
        if (fcntl(FIRST + (int)i, F_GETFD) < 0)
            return say(why, -EBADF, "LISTEN_FDS is %s, but descriptor %d is not open", text,
                       FIRST + (int)i);
    if (n > 0 && names && count_names(names) != n)
        return say(why, -EINVAL, "LISTEN_FDS is %s, but LISTEN_FDNAMES has %zu names", text,
                   count_names(names));
    ret->inherited = n;
    ret->inherited_names = n > 0 ? names : NULL;
    return 0;
}

/* ---- numbers ---- */

static int place(int *fd, int target)
{
    if (*fd == target)
        return fcntl(target, F_SETFD, 0) < 0 ? -errno : 0;
    if (dup2(*fd, target) < 0)
        return -errno;
    (void)close_fd(*fd);
    *fd = target;
    return 0;
}

int hand_down_place(const struct hand_down *h, int *fds, size_t n, struct sentence *why)
{
    for (size_t i = 0; i < n; i++) {
        int target = FIRST + (int)(h->inherited + i);
        int r = place(&fds[i], target);

        if (r < 0)
            return say(why, r, "a descriptor cannot get the number %d: %s", target, strerror(-r));
    }
    return 0;
}

/* ---- the environment ---- */

void hand_down_variable(const char *name, char ret[VARIABLE_SIZE])
{
    (void)snprintf(ret, VARIABLE_SIZE, VARIABLE_PREFIX "%s", name);
    for (char *at = ret; *at; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
        else if (!(*at >= 'A' && *at <= 'Z') && !(*at >= '0' && *at <= '9'))
            *at = '_';
    }
}

static int set_number(const char *variable, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return setenv(variable, text, 1) < 0 ? -ENOMEM : 0;
}

/* All names, one after another, with ':' between them; inherited ones that have none are called
 * what sd_listen_fds_with_names(3) calls them. */
static int set_names(const struct hand_down *h, const char *const *names, size_t n)
{
    _cleanup_free_ char *all = NULL;
    size_t size;
    FILE *file = open_memstream(&all, &size);

    if (!file)
        return -ENOMEM;
    for (size_t i = 0; i < h->inherited && !h->inherited_names; i++)
        (void)fprintf(file, "%sunknown", i > 0 ? ":" : "");
    if (h->inherited_names)
        (void)fputs(h->inherited_names, file);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(file, "%s%s", h->inherited + i > 0 ? ":" : "", names[i]);
    if (fclose(file) != 0)
        return -ENOMEM;
    return setenv("LISTEN_FDNAMES", all, 1) < 0 ? -ENOMEM : 0;
}

int hand_down_announce(const struct hand_down *h, const int *fds, const char *const *names,
                       size_t n)
{
    if (set_number("LISTEN_PID", (uint64_t)getpid()) < 0 ||
        set_number("LISTEN_FDS", h->inherited + n) < 0 || set_names(h, names, n) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        char variable[VARIABLE_SIZE];

        hand_down_variable(names[i], variable);
        if (set_number(variable, (uint64_t)fds[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}
