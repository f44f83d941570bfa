#include "tests/manager.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct manager manager;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: the service manager: %s\n", __FILE__, __LINE__,          \
                          #condition);                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- life ---- */

void manager_start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(manager.path, sizeof manager.path, "/tmp/ipcbroker-test-store-%d", getpid());
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", manager.path);
    (void)unlink(manager.path);
    manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(bind(manager.socket, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(setenv("NOTIFY_SOCKET", manager.path, 1) == 0);
    MUST(setenv("FDSTORE", "64", 1) == 0);
    manager.n = manager.n_messages = 0;
}

static void drop(size_t i)
{
    for (unsigned k = 0; k < manager.kept[i].n; k++)
        (void)close_fd(manager.kept[i].fds[k]);
    manager.kept[i] = manager.kept[--manager.n];
}

void manager_empty(void)
{
    while (manager.n > 0)
        drop(manager.n - 1);
}

void manager_stop(void)
{
    manager_empty();
    manager.socket = close_fd(manager.socket);
    (void)unlink(manager.path);
}

/* ---- what it is told ---- */

static struct stored *add(const char *name)
{
    struct stored *kept = &manager.kept[manager.n];

    MUST(manager.n < KEPT_MAX);
    manager.n++;
    (void)snprintf(kept->name, sizeof kept->name, "%s", name);
    return kept;
}

static void obey(const char *message, const int *fds, unsigned n)
{
    const char *at = strstr(message, "FDNAME=");
    char name[64];

    if (strcmp(message, BUSY) == 0)
        return;
    MUST(at);
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
    if (strncmp(message, "FDSTORE=1\n", 10) == 0) {
        struct stored *kept = add(name);

        MUST(strstr(message, "FDPOLL=0"));
        MUST(n == 2);
        memcpy(kept->fds, fds, sizeof kept->fds);
        kept->n = n;
        return;
    }
    MUST(strncmp(message, "FDSTOREREMOVE=1\n", 16) == 0);
    for (size_t i = manager.n; i-- > 0;)
        if (strcmp(manager.kept[i].name, name) == 0)
            drop(i);
}

void manager_read(size_t most)
{
    char text[256];
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;

    for (;;) {
        struct iovec data = {text, sizeof text - 1};
        struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        ssize_t size = recvmsg(manager.socket, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *header;
        int fds[8];
        unsigned n = 0;

        if (size < 0)
            return;
        text[size] = '\0';
        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS) {
            n = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(header), n * sizeof(int));
        }
        manager.n_messages++;
        if (most-- > 0) {
            obey(text, fds, n);
        } else {
            most = 0;
            for (unsigned i = 0; i < n; i++)
                (void)close_fd(fds[i]);
        }
    }
}

bool manager_has(const char *name)
{
    for (size_t i = 0; i < manager.n; i++)
        if (strcmp(manager.kept[i].name, name) == 0)
            return true;
    return false;
}

/* ---- what it hands in ---- */

struct handed manager_hand_in(void)
{
    struct handed handed = {calloc(2 * KEPT_MAX, sizeof *handed.items), 0};

    MUST(handed.items);
    for (size_t i = manager.n; i-- > 0;)
        for (unsigned k = 0; k < manager.kept[i].n; k++)
            handed.items[handed.n++] = (struct handed_item){
                fcntl(manager.kept[i].fds[k], F_DUPFD_CLOEXEC, 0), strdup(manager.kept[i].name)};
    return handed;
}

void manager_put(const char *name, int one, int other)
{
    struct stored *kept = add(name);

    kept->fds[0] = one;
    kept->fds[1] = other;
    kept->n = other < 0 ? 1 : 2;
}
