/* See store_cases.h. */
#include "tests/unit/store_cases.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- the service manager ---- */

struct manager manager;

static void manager_start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(manager.path, sizeof manager.path, "/tmp/ipcbroker-test-store-%d", getpid());
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", manager.path);
    (void)unlink(manager.path);
    manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(manager.socket, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", manager.path, 1), 0);
    ck_assert_int_eq(setenv("FDSTORE", "64", 1), 0);
    manager.n = manager.n_messages = 0;
}

static void manager_drop(size_t i)
{
    for (unsigned k = 0; k < manager.kept[i].n; k++)
        close(manager.kept[i].fds[k]);
    manager.kept[i] = manager.kept[--manager.n];
}

static void manager_stop(void)
{
    while (manager.n > 0)
        manager_drop(0);
    close(manager.socket);
    (void)unlink(manager.path);
}

static void name_of(const char *message, char *ret, size_t size)
{
    const char *at = strstr(message, "FDNAME=");

    ck_assert_ptr_nonnull(at);
    (void)snprintf(ret, size, "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
}

static void manager_obey(const char *message, const int *fds, unsigned n)
{
    char name[64];

    if (strcmp(message, BUSY) == 0)
        return;
    name_of(message, name, sizeof name);
    if (strncmp(message, "FDSTORE=1\n", 10) == 0) {
        struct stored *kept = &manager.kept[manager.n++];

        ck_assert_uint_lt(manager.n, KEPT_MAX);
        ck_assert_ptr_nonnull(strstr(message, "FDPOLL=0"));
        ck_assert_uint_eq(n, 2);
        *kept = (struct stored){.fds = {fds[0], fds[1]}, .n = n};
        (void)snprintf(kept->name, sizeof kept->name, "%s", name);
        return;
    }
    ck_assert_int_eq(strncmp(message, "FDSTOREREMOVE=1\n", 16), 0);
    for (size_t i = 0; i < manager.n; i++)
        if (strcmp(manager.kept[i].name, name) == 0)
            manager_drop(i--);
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
            manager_obey(text, fds, n);
        } else {
            most = 0;
            for (unsigned i = 0; i < n; i++)
                close(fds[i]);
        }
    }
}

/* The newest first, as systemd does. */
static struct handed manager_hand_in(void)
{
    struct handed handed = {calloc(2 * KEPT_MAX, sizeof *handed.items), 0};

    for (size_t i = manager.n; i-- > 0;)
        for (unsigned k = 0; k < manager.kept[i].n; k++)
            handed.items[handed.n++] = (struct handed_item){
                fcntl(manager.kept[i].fds[k], F_DUPFD_CLOEXEC, 0), strdup(manager.kept[i].name)};
    return handed;
}

bool manager_has(const char *name)
{
    for (size_t i = 0; i < manager.n; i++)
        if (strcmp(manager.kept[i].name, name) == 0)
            return true;
    return false;
}

void manager_put(const char *name, int one, int other)
{
    struct stored *kept = &manager.kept[manager.n++];

    *kept = (struct stored){.fds = {one, other}, .n = other < 0 ? 1 : 2};
    (void)snprintf(kept->name, sizeof kept->name, "%s", name);
}

void manager_put_bag(const char *name, const int *fds, size_t n, const char *text)
{
    struct sentence why;
    int ends[2];

    ck_assert_int_eq(bag_pack(fds, n, text, ends, &why), 0);
    manager_put(name, ends[0], ends[1]);
}

/* ---- a broker: its objects and its store ---- */

struct environment environment;
struct notifier notifier;
struct quota quota;
struct store store;
struct registry registry;
struct recovered_list list;
static struct declaration *declarations[4096];
static size_t n_declarations;
static struct sentence why;

void own(struct declaration *declaration)
{
    declarations[n_declarations++] = declaration;
}

struct object *add(const char *kind, const char *name)
{
    struct declaration *declaration =
        declaration_new(kind_find(kind), name, (struct place){"/etc/some file", 7});
    struct object *object = object_new(declaration, &environment);

    own(declaration);
    ck_assert_int_eq(registry_reserve(&registry, registry.n + 1, 0), 0);
    ck_assert_int_eq(object_create(object, 0), 0);
    registry.objects[registry.n++] = object;
    registry_index(&registry);
    return object;
}

void die(void)
{
    registry_deinit(&registry);
    store_deinit(&store);
    recovered_list_deinit(&list);
    while (n_declarations > 0)
        declaration_free(declarations[--n_declarations]);
}

int come_back(void)
{
    struct handed handed = manager_hand_in();
    int r;

    store_init(&store, &notifier, &quota, false);
    r = store_collect(&store, &handed, &list, &why);
    handed_deinit(&handed);
    if (r >= 0)
        r = recover_objects(&store, &list, &registry, &environment);
    manager_read(SIZE_MAX);
    return r;
}

void manager_fill(void)
{
    while (notifier_hint(&notifier, BUSY))
        ;
}

void save(void)
{
    store_save(&store, &registry);
    manager_read(SIZE_MAX);
}

struct object *find(const char *name)
{
    struct object *object = registry_find(&registry, name, strlen(name));

    return object ? object : registry_find_retired(&registry, name, strlen(name));
}

void set_up(void)
{
    manager_start();
    notifier_init(&notifier);
    quota = (struct quota){.limit = 65536};
    environment = (struct environment){
        .naming = NAMING_NONE,
        .descriptors_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC),
        .registry = &registry,
    };
    store_init(&store, &notifier, &quota, false);
}

void tear_down(void)
{
    die();
    notifier_deinit(&notifier);
    manager_stop();
    close(environment.descriptors_dir);
}
