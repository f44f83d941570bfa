/* See store_cases.h. */
#include "tests/unit/store_cases.h"

#include <fcntl.h>
#include <string.h>

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
