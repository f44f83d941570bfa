#include "daemon/store.h"

#include "base/number.h"
#include "daemon/bag.h"
#include "daemon/log.h"

#include <string.h>

#define NAME_PREFIX "bag."
#define NAME_SIZE   64

/* ---- life ---- */

/* Debian 12's systemd does not tell that it keeps descriptors, newer ones do so by $FDSTORE; our
 * unit sets it. */
void store_init(struct store *store, struct notifier *notifier, struct quota *quota, bool private)
{
    const char *most = getenv("FDSTORE");
    uint64_t value = 0;

    *store = (struct store){.notifier = notifier, .quota = quota};
    if (!private && most && notifier_is_there(notifier) &&
        parse_number(most, UINT32_MAX, &value) == 0)
        store->most = (size_t)value;
}

static void bag_deinit(struct bag *bag)
{
    free(bag->fds);
    free(bag->text);
}

void store_deinit(struct store *store)
{
    for (size_t i = 0; i < store->n_bags; i++)
        bag_deinit(&store->bags[i]);
    free(store->bags);
    *store = (struct store){0};
}

bool store_is_there(const struct store *store)
{
    return store->most > 0;
}

static struct bag *add_bag(struct store *store, unsigned number)
{
    struct bag *bags = reallocarray(store->bags, store->n_bags + 1, sizeof *bags);

    if (!bags)
        return NULL;
    store->bags = bags;
    bags[store->n_bags] = (struct bag){.number = number};
    return &bags[store->n_bags++];
}

/* ---- what came back ---- */

struct candidate {
    unsigned number, serial;
    struct handed_item *item;
};

static bool parse_name(const char *name, struct candidate *ret)
{
    int end = 0;

    return sscanf(name, NAME_PREFIX "%u.%u%n", &ret->number, &ret->serial, &end) == 2 &&
           name[end] == '\0' && ret->number > 0 && ret->serial > 0;
}

/* By number, the newest serial first. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;

    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return (left->serial < right->serial) - (left->serial > right->serial);
}

static size_t find_candidates(struct handed *handed, struct candidate *candidates)
{
    size_t n = 0;

    for (size_t i = 0; i < handed->n; i++) {
        struct handed_item *item = &handed->items[i];

        if (item->fd < 0)
            continue;
        candidates[n].item = item;
        if (parse_name(item->name, &candidates[n]))
            n++;
        else
            log_warning("the service manager keeps '%s', which this version does not know: it is "
                        "left alone",
                        item->name);
    }
    qsort(candidates, n, sizeof *candidates, compare_candidates);
    return n;
}

/* Out of whichever of the two ends has it. */
static int peek_pair(const struct candidate *ends, struct bag_content *ret, struct sentence *why)
{
    int r = bag_peek(ends[0].item->fd, ret, why);

    return r == -EAGAIN ? bag_peek(ends[1].item->fd, ret, why) : r;
}

/* Gives the descriptors to the lines that name them. */
static int read_content(unsigned number, struct bag_content *content, struct recovered_list *list,
                        struct sentence *why)
{
    size_t before = list->n;
    int n = bag_table_read(content->text, number, list, why);

    if (n < 0)
        return n;
    if ((size_t)n != content->n) {
        recovered_list_cut(list, before);
        return say(why, -EBADMSG, "its table names %d descriptors, and it holds %zu", n,
                   content->n);
    }
    for (size_t i = 0; i < (size_t)n; i++)
        list->items[before + i].fd = TAKE_FD(content->fds[i]);
    return 0;
}

static int read_pair(struct store *store, const struct candidate *ends, struct recovered_list *list,
                     struct sentence *why)
{
    _cleanup_(bag_content_deinit) struct bag_content content = {NULL};
    struct bag *bag;
    int r = peek_pair(ends, &content, why);

    if (r >= 0)
        r = read_content(ends->number, &content, list, why);
    if (r < 0)
        return r;
    bag = add_bag(store, ends->number);
    if (!bag)
        return say(why, -ENOMEM, "out of memory");
    bag->serial = ends->serial;
    bag->text = TAKE_PTR(content.text);
    return 0;
}

static void format_name(char ret[NAME_SIZE], unsigned number, unsigned serial)
{
    (void)snprintf(ret, NAME_SIZE, NAME_PREFIX "%u.%u", number, serial);
}

static void forget(struct store *store, unsigned number, unsigned serial)
{
    char name[NAME_SIZE];

    format_name(name, number, serial);
    notifier_forget(store->notifier, name);
}

/* All serials of a number: the newest that is whole counts. Older ones are of a renewal that was
 * not finished, and are removed; a newer one that is not whole is left alone, and its name is not
 * used again, which would spoil what is stored under it. */
static int read_number(struct store *store, const struct candidate *candidates, size_t n,
                       struct recovered_list *list, struct sentence *why)
{
    bool found = false;
    size_t same;

    for (size_t i = 0; i < n; i += same) {
        const struct candidate *ends = &candidates[i];
        int r = -EBADMSG;

        for (same = 1; i + same < n && ends[same].serial == ends->serial;)
            same++;
        if (found) {
            forget(store, ends->number, ends->serial);
            continue;
        }
        if (same == 2)
            r = read_pair(store, ends, list, why);
        else
            (void)say(why, r, "it has %zu ends instead of 2", same);
        if (r < 0 && r != -EBADMSG && r != -EAGAIN) /* it may be whole: nothing may replace it */
            return r;
        found = r >= 0;
        if (r < 0)
            log_event(&(struct log_event){.priority = LOG_ERR, .id = LOG_STORE_REFUSED},
                      "what the service manager keeps as '%s' is refused and left alone: %s",
                      ends->item->name, why->text);
    }
    if (found)
        store->bags[store->n_bags - 1].newest = candidates[0].serial;
    return 0;
}

int store_collect(struct store *store, struct handed *handed, struct recovered_list *list,
                  struct sentence *why)
{
    struct candidate *candidates = calloc(handed->n + 1, sizeof *candidates);
    size_t n, same;
    int r = 0;

    if (!candidates)
        return say(why, -ENOMEM, "out of memory");
    n = find_candidates(handed, candidates);
    for (size_t i = 0; r >= 0 && i < n; i += same) {
        for (same = 1; i + same < n && candidates[i + same].number == candidates[i].number;)
            same++;
        store->last_number = candidates[i].number;
        r = read_number(store, &candidates[i], same, list, why);
    }
    free(candidates);
    return r;
}

/* ---- saving ---- */

static struct bag *find_bag(struct store *store, unsigned number)
{
    for (size_t i = 0; i < store->n_bags; i++)
        if (store->bags[i].number == number)
            return &store->bags[i];
    return NULL;
}

void store_spoil(struct store *store, unsigned number)
{
    struct bag *bag = find_bag(store, number);

    if (bag)
        free_charp(&bag->text);
}

static size_t count_members(const struct registry *registry, unsigned number)
{
    struct object *object;
    size_t n = 0;

    for (size_t i = 0; (object = registry_at(registry, i)); i++)
        n += object->bag == number;
    return n;
}

/* Each object that is in no bag yet gets into the first that has room. Nothing ever moves from one
 * to another: between two renewals it would be in none. */
static bool assign(struct store *store, const struct registry *registry)
{
    struct object *object;
    size_t room = 0, next = 0;
    struct bag *bag = NULL;

    for (size_t i = 0; (object = registry_at(registry, i)); i++) {
        if (object->bag != 0 || object_is_failed(object))
            continue;
        while (room == 0) {
            bag =
                next < store->n_bags ? &store->bags[next] : add_bag(store, store->last_number + 1);
            if (!bag)
                return false;
            next++;
            if (bag->number > store->last_number)
                store->last_number = bag->number;
            room = BAG_MOST - count_members(registry, bag->number);
        }
        object->bag = bag->number;
        room--;
    }
    return true;
}

/* What the bag must hold now. */
static int describe(const struct registry *registry, unsigned number, struct bag *ret)
{
    struct bag bag = {.number = number, .fds = calloc(BAG_MOST, sizeof(int))};
    size_t size, most = count_members(registry, number);
    FILE *file = open_memstream(&bag.text, &size);
    struct object *object;
    bool written;

    if (file)
        bag_table_begin(file, number, most);
    for (size_t i = 0; file && bag.fds && (object = registry_at(registry, i)); i++)
        if (object->bag == number) {
            bag_table_add(file, object);
            bag.fds[bag.n++] = object->fd;
        }
    written = file && !ferror(file);
    /* Without memory to cut the text to size there is none, and no error. */
    if ((file && fclose(file) != 0) || !written || !bag.text || !bag.fds) {
        bag_deinit(&bag);
        return -ENOMEM;
    }
    *ret = bag;
    return 0;
}

static bool is_same(const struct bag *a, const struct bag *b)
{
    return a->n == b->n && a->text && strcmp(a->text, b->text) == 0 && a->fds &&
           memcmp(a->fds, b->fds, a->n * sizeof *a->fds) == 0;
}

/* The new one goes in before the old one goes out. One that the service manager has not taken yet
 * is exchanged. */
static int hand_over(struct store *store, const struct bag *bag, struct bag *wanted,
                     const int ends[2], struct sentence *why)
{
    char name[NAME_SIZE], older[NAME_SIZE];
    int r;

    wanted->serial = bag->serial;
    wanted->newest = bag->newest;
    format_name(older, bag->number, bag->serial);
    if (notifier_exchange(store->notifier, older, ends))
        return 0;
    wanted->serial = ++wanted->newest;
    format_name(name, bag->number, wanted->serial);
    r = notifier_keep(store->notifier, name, ends, bag->serial > 0 ? older : NULL);
    return r < 0 ? say(why, r, "the service manager cannot be told: %s", strerror(-r)) : 0;
}

static int renew(struct store *store, struct bag *bag, struct bag *wanted, struct sentence *why)
{
    int ends[2], r = bag_pack(wanted->fds, wanted->n, wanted->text, ends, why);

    if (r >= 0)
        r = hand_over(store, bag, wanted, ends, why);
    if (r == -ETOOMANYREFS)
        return say(
            why, r,
            "its user has too many descriptors under way: raise LimitNOFILE= of the service");
    if (r < 0)
        return r;
    bag_deinit(bag);
    *bag = *wanted;
    *wanted = (struct bag){0};
    return 0;
}

/* A bag that came back knows no descriptors: what it held then is what its objects have now. */
static void learn(struct bag *bag, struct bag *wanted)
{
    if (!bag->fds && bag->serial > 0 && bag->text && strcmp(bag->text, wanted->text) == 0) {
        bag->fds = TAKE_PTR(wanted->fds);
        bag->n = wanted->n;
    }
}

static void mark_stored(const struct registry *registry, unsigned number)
{
    struct object *object;

    for (size_t i = 0; (object = registry_at(registry, i)); i++)
        if (object->bag == number)
            object->stored = true;
}

/* A bag is kept beside the one before it for a moment. Where there is no room for it the service
 * manager would keep one end or none of it, in silence, and forget the other. */
static bool has_room(const struct store *store)
{
    size_t stored = 0;

    for (size_t i = 0; i < store->n_bags; i++)
        stored += store->bags[i].serial > 0;
    return 2 * stored + 2 <= store->most;
}

static int save(struct store *store, const struct registry *registry, struct bag *bag,
                struct sentence *why)
{
    struct bag wanted;
    int r = describe(registry, bag->number, &wanted);

    if (r < 0)
        return say(why, r, "out of memory");
    if (wanted.n == 0) {
        if (bag->serial > 0)
            forget(store, bag->number, bag->serial);
        bag_deinit(bag);
        *bag = (struct bag){.number = bag->number, .newest = bag->newest};
    } else {
        learn(bag, &wanted);
        if (wanted.fds && !is_same(bag, &wanted))
            r = has_room(store) ? renew(store, bag, &wanted, why)
                                : say(why, -ENOSPC, "the service manager has no room for it");
    }
    bag_deinit(&wanted);
    if (r >= 0)
        mark_stored(registry, bag->number);
    return r;
}

/* ---- whether it fits ---- */

size_t store_weight(size_t n)
{
    return 2 * (n + (n + BAG_MOST - 1) / BAG_MOST); /* a bag's text is one, too */
}

size_t store_needs_limit(size_t weight)
{
    return (weight + 2) / 3 * 4;
}

static void reserve(struct store *store, const struct registry *registry)
{
    size_t weight = store_weight(registry->n + registry->n_retired);
    size_t limit = store_needs_limit(weight);
    bool fits = limit <= store->quota->limit;

    quota_reserve(store->quota, weight);
    if (!fits && weight > store->said)
        log_event(&(struct log_event){.priority = LOG_ERR, .id = LOG_STORE_SHORT},
                  "RLIMIT_NOFILE = %zu is too low for the descriptor store, in which %zu "
                  "descriptors count: a restart may lose objects; raise it with LimitNOFILE=%zu in "
                  "ipcbroker.service",
                  store->quota->limit, weight, limit);
    store->said = fits ? 0 : weight;
    if (store->n_bags * 2 + 2 > store->most)
        log_event(&(struct log_event){.priority = LOG_ERR, .id = LOG_STORE_SHORT},
                  "the service manager keeps %zu descriptors, %zu are needed: what was made last "
                  "is lost at a restart; raise FileDescriptorStoreMax= and $FDSTORE of the service",
                  store->most, store->n_bags * 2 + 2);
}

/* Names what is in no bag, as far as there is room. */
static void say_not_stored(const struct registry *registry, const struct sentence *why)
{
    char names[512] = "", more[32] = "";
    size_t length = 0, n_more = 0;
    struct object *object;

    for (size_t i = 0; (object = registry_at(registry, i)); i++) {
        const char *name = object->declaration->name;

        if (object_is_failed(object) || object->stored)
            continue;
        if (length + strlen(name) + 3 < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length ? ", " : "", name);
        else
            n_more++;
    }
    if (n_more > 0)
        (void)snprintf(more, sizeof more, " and %zu more", n_more);
    log_event(
        &(struct log_event){.priority = LOG_ERR, .id = LOG_STORE_SHORT},
        "the descriptor store cannot be brought up to date: %s; it is tried again at the next "
        "change, %s%s%s",
        why->text, length ? "and a restart before would lose: " : "and nothing is lost so far",
        names, more);
}

void store_save(struct store *store, const struct registry *registry)
{
    struct sentence why = {.text = "out of memory"};
    int r;

    if (!store_is_there(store))
        return;
    r = assign(store, registry) ? 0 : -ENOMEM;
    reserve(store, registry);
    for (size_t i = 0; i < store->n_bags; i++) {
        int saved = save(store, registry, &store->bags[i], &why);

        r = saved < 0 ? saved : r;
    }
    if (r < 0)
        say_not_stored(registry, &why);
}
