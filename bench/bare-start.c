/*
 * bare-start FILE: what a start cannot do without. Reads FILE by inih, makes for each section what
 * it names ([queue:NAME] or [eventfd:NAME]) by the calls that the broker makes, says "ready", and
 * removes the queues at the end of its input.
 */
#include "bench/worker.h"

#include <fcntl.h>
#include <ini.h>
#include <mqueue.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct start {
    char (*names)[64];
    size_t n;
    char last[64]; /* the section of the last key */
};

static int take_key(void *user, const char *section, const char *key, const char *value)
{
    struct start *start = user;

    (void)key;
    (void)value;
    if (strcmp(section, start->last) == 0)
        return 1;
    (void)snprintf(start->last, sizeof start->last, "%s", section);
    if ((start->n & (start->n - 1)) == 0)
        start->names =
            reallocarray(start->names, start->n ? start->n * 2 : 1, sizeof *start->names);
    if (!start->names)
        give_up("memory");
    (void)snprintf(start->names[start->n++], sizeof *start->names, "%s", section);
    return 1;
}

static void make(const char *section)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
    const char *colon = strchr(section, ':');
    struct stat status;
    char name[64];
    int fd;

    if (!colon)
        return;
    if (strncmp(section, "eventfd:", 8) == 0) {
        if (eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) < 0)
            give_up(section);
        return;
    }
    (void)snprintf(name, sizeof name, "/%s", colon + 1);
    fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attributes);
    if (fd < 0 || fstat(fd, &status) < 0)
        give_up(name);
}

static void unmake(const char *section)
{
    char name[64];

    if (strncmp(section, "queue:", 6) != 0)
        return;
    (void)snprintf(name, sizeof name, "/%s", section + 6);
    (void)mq_unlink(name);
}

int main(int argc, char **argv)
{
    struct start start = {.names = NULL};
    struct rlimit limit;
    char byte;

    if (argc != 2 || ini_parse(argv[1], take_key, &start) != 0) {
        (void)fputs("usage: bare-start FILE\n", stderr);
        return 2;
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < start.n; i++)
        make(start.names[i]);
    (void)puts("ready");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    for (size_t i = 0; i < start.n; i++)
        unmake(start.names[i]);
    free(start.names);
    return 0;
}
