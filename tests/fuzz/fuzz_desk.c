#include "tests/fuzz/fuzz_desk.h"

#include "daemon/store.h"

#include "daemon/clock.h"
#include "daemon/reload.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The model, and what the configuration is written from. `$N` is the uid of user N. */
static const struct {
    const char *name;
    enum wire_kind kind;
    const char *section;
    unsigned rights[FUZZ_USERS];
    bool blocks; /* for all its holders */
} objects[] = {
    {"both",
     WIRE_QUEUE,
     "[queue:both]\nposix_name = none\nuse = user:$0\nsend = user:$1\n"
     "receive = user:$2\n",
     {WIRE_USE, WIRE_WRITE, WIRE_READ, 0}},
    {"mailbox",
     WIRE_QUEUE,
     "[queue:mailbox]\nmax_messages = 1\nmessage_size = 8\n"
     "posix_name = none\nsend = any\nreceive = group:$3\n",
     {WIRE_WRITE, WIRE_WRITE, WIRE_WRITE, WIRE_USE}},
    {"wake", WIRE_EVENTFD, "[eventfd:wake]\nuse = user:$0, user:$1\n", {WIRE_USE, WIRE_USE, 0, 0}},
    {"count",
     WIRE_EVENTFD,
     "[eventfd:count]\nsemaphore = yes\nnonblocking = no\nuse = any\n",
     {WIRE_USE, WIRE_USE, WIRE_USE, WIRE_USE},
     .blocks = true},
    {"done",
     WIRE_PIPE,
     "[pipe:done]\nwrite = user:$3\nread = group:$0, group:$2\n",
     {WIRE_READ, 0, WIRE_READ, WIRE_WRITE}},
    {"nobody", WIRE_PIPE, "[pipe:nobody]\nwrite = user:7\n", {0, 0, 0, 0}},
};

static struct {
    struct config *config;
    struct environment environment;
    struct registry registry;
    struct desk desk;
    struct store store; /* there is none */
    struct reload reload;
} core;

/* ---- the model ---- */

uid_t fuzz_uid(unsigned i)
{
    return FUZZ_FIRST_UID + i;
}

const char *fuzz_name(unsigned i)
{
    static const char *const others[] = {"/both", "unknown", "", ".hidden", "both/"};

    i %= ARRAY_SIZE(objects) + ARRAY_SIZE(others);
    return i < ARRAY_SIZE(objects) ? objects[i].name : others[i - ARRAY_SIZE(objects)];
}

/* The index in the table; its size: none. */
static size_t find(const char *name, size_t size)
{
    size_t i = 0;

    if (size > 0 && *name == '/') {
        name++;
        size--;
    }
    while (i < ARRAY_SIZE(objects) &&
           (strlen(objects[i].name) != size || memcmp(objects[i].name, name, size) != 0))
        i++;
    return i;
}

unsigned fuzz_rights(unsigned user, const char *name, size_t size)
{
    size_t i = find(name, size);

    return i < ARRAY_SIZE(objects) ? objects[i].rights[user] : 0;
}

enum wire_kind fuzz_kind(const char *name, size_t size)
{
    size_t i = find(name, size);

    return i < ARRAY_SIZE(objects) ? objects[i].kind : 0;
}

bool fuzz_may(bool admin, unsigned user, const struct wire_item *item)
{
    unsigned rights = admin ? WIRE_USE : fuzz_rights(user, item->name, item->name_size);
    enum wire_kind kind = fuzz_kind(item->name, item->name_size);

    if (!kind || item->access & ~WIRE_USE || item->flags & ~WIRE_NONBLOCK)
        return false;
    if (item->kinds && !(item->kinds & 1u << kind))
        return false;
    if (kind == WIRE_EVENTFD && item->access && item->access != WIRE_USE)
        return false;
    if (item->flags && objects[find(item->name, item->name_size)].blocks)
        return false;
    return rights != 0 && !(item->access & ~rights);
}

void fuzz_check_descriptor(bool admin, unsigned user, const struct wire_item *item, int fd,
                           const struct wire_descriptor *descriptor)
{
    static const int modes[] = {-1, O_WRONLY, O_RDONLY, O_RDWR};
    unsigned rights = admin ? WIRE_USE : fuzz_rights(user, item->name, item->name_size);
    unsigned expected = item->access ? item->access : rights;
    int flags = fcntl(fd, F_GETFL);

    ORACLE(fuzz_may(admin, user, item), "user %u gets '%.*s' with access %u", user,
           (int)item->name_size, item->name, item->access);
    ORACLE(descriptor->kind == fuzz_kind(item->name, item->name_size), "a wrong kind");
    ORACLE(descriptor->access == expected, "access %u instead of %u", descriptor->access, expected);
    ORACLE(flags >= 0 && (flags & O_ACCMODE) == modes[expected],
           "'%.*s' with access %u comes with the flags 0%o", (int)item->name_size, item->name,
           expected, (unsigned)flags);
    ORACLE(!(flags & O_NONBLOCK) == !(descriptor->flags & WIRE_NONBLOCK), "O_NONBLOCK is not said");
}

/* ---- the core ---- */

static void write_configuration(const char *path)
{
    FILE *file = fopen(path, "we");

    ORACLE(file, "%s: %s", path, strerror(errno));
    (void)fprintf(file,
                  "[broker]\nmax_clients = %u\nmax_clients_per_user = %u\nobserve = user:%u\n",
                  FUZZ_CLIENTS, FUZZ_CLIENTS_PER_USER, fuzz_uid(0));
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        for (const char *at = objects[i].section; *at; at++) {
            if (*at == '$')
                (void)fprintf(file, "%u", fuzz_uid((unsigned)(*++at - '0')));
            else
                (void)fputc(*at, file);
        }
    ORACLE(fclose(file) == 0, "%s: %s", path, strerror(errno));
}

static void load(void)
{
    char directory[] = "/tmp/ipcbroker-fuzz-XXXXXX", path[64], line[4096];
    const struct config_source source = {.file = path, .strict = true, .offline = true};
    struct problems problems = {0};
    int r;

    (void)umask(022);
    ORACLE(mkdtemp(directory), "mkdtemp: %s", strerror(errno));
    (void)snprintf(path, sizeof path, "%s/fuzz.conf", directory);
    write_configuration(path);
    r = config_load(&source, &core.config, &problems);
    ORACLE(r == 0 && problems.n_errors == 0, "the configuration: %d, %s", r,
           problems.n ? problem_format(&problems.items[0], line, sizeof line) : "");
    problems_deinit(&problems);
    (void)unlink(path);
    (void)rmdir(directory);
}

const struct desk *fuzz_desk(void)
{
    if (core.config)
        return &core.desk;
    load();
    (void)umask(0);
    core.environment = (struct environment){
        .naming = NAMING_NONE,
        .descriptors_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    ORACLE(registry_init(&core.registry, core.config, &core.environment) == 0, "no registry");
    registry_create(&core.registry, NULL);
    ORACLE(registry_count(&core.registry).failed == 0, "an object could not be made");
    core.reload.phase = RUN_WALKING; /* so that nothing is begun, replaced or purged */
    core.desk = (struct desk){
        .store = &core.store,
        .registry = &core.registry,
        .reload = &core.reload,
        .config = core.config,
        .started_us = now_us(),
        .socket = "/run/fuzz.sock",
        .admin_socket = "/run/fuzz.sock.admin",
    };
    return &core.desk;
}

struct config *fuzz_config(void)
{
    (void)fuzz_desk();
    return core.config;
}
