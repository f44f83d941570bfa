/*
 * The request CONFIG: the configuration that is in force, line by line, each with its origin.
 *
 * Sections are numbered, [broker] first and then the objects by name, and so are the lines of each:
 * a page can end anywhere, and its cursor says where.
 */
#include "daemon/request_parts.h"

#include <inttypes.h>
#include <string.h>

#define CURSOR_ROOM 16u

/* A page while it is filled. */
struct page {
    struct request *request;
    uint32_t section, first; /* the first line that is wanted */
    uint32_t line;           /* the next line of this section */
    bool full;               /* at `line` */
};

/* ---- lines ---- */

static void put_line(struct page *page, const char *setting, const char *origin)
{
    struct wire_writer *writer = &page->request->reply->writer;
    size_t before = writer->size;

    if (page->full || page->line++ < page->first)
        return;
    wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "setting", setting);
    wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "origin", origin);
    if (!writer->overflow)
        return;
    wire_rewind(writer, before);
    page->line--;
    page->full = true;
}

static void put_key(struct page *page, const char *key, const char *value, struct place place)
{
    char setting[512], origin[PLACE_SIZE];

    (void)snprintf(setting, sizeof setting, "%s = %s", key, value);
    put_line(page, setting, place_format(place, origin, sizeof origin));
}

/* A grant for a name that this host does not know is void: it stands there as a comment. */
static void put_grant(struct page *page, const char *key, const struct grant *grant)
{
    char subject[256], setting[512], place[PLACE_SIZE], origin[PLACE_SIZE + 64];
    bool known = grant->subject.resolved;

    (void)snprintf(setting, sizeof setting, "%s%s = %s", known ? "" : "#", key,
                   subject_format(&grant->subject, subject, sizeof subject));
    (void)snprintf(origin, sizeof origin, "%s%s", place_format(grant->place, place, sizeof place),
                   known ? "" : ", void: unknown to this host");
    put_line(page, setting, origin);
}

/* ---- sections ---- */

static void put_socket(struct page *page, size_t i, const char *key, const char *path)
{
    const struct desk *desk = page->request->desk;
    const struct config *config = desk->config;

    if (desk->socket_given) {
        char setting[512];

        (void)snprintf(setting, sizeof setting, "%s = %s", key, path);
        put_line(page, setting, "command line");
        return;
    }
    put_key(page, key, path, (struct place){config->main_path, config->broker_lines[i]});
}

static void put_number(struct page *page, size_t i, const char *key, uint64_t value)
{
    const struct config *config = page->request->desk->config;
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_key(page, key, text, (struct place){config->main_path, config->broker_lines[i]});
}

static void put_broker(struct page *page)
{
    const struct desk *desk = page->request->desk;
    const struct config *config = desk->config;
    char origin[PLACE_SIZE];

    put_socket(page, 0, "socket", desk->socket);
    put_socket(page, 1, "admin_socket", desk->admin_socket);
    put_number(page, 2, "max_clients", config->max_clients);
    put_number(page, 3, "max_clients_per_user", config->max_clients_per_user);
    for (size_t i = 0; i < config->admin.n; i++)
        put_grant(page, "admin", &config->admin.items[i]);
    /* Without this line what follows, if all of it is void, would be the default again. */
    put_line(page, "observe =", place_format(config->observe_place, origin, sizeof origin));
    for (size_t i = 0; i < config->observe.n; i++)
        put_grant(page, "observe", &config->observe.items[i]);
}

static void put_object(struct page *page, const struct object *object)
{
    const struct declaration *declaration = object->declaration;
    const struct kind *kind = declaration->kind;
    char value[300];

    for (size_t i = 0; i < kind->n_keys && i < KIND_KEYS_MAX; i++) {
        kind->settings_text(declaration, object->environment->naming, kind->keys[i].name, value,
                            sizeof value);
        if (value[0])
            put_key(page, kind->keys[i].name, value,
                    (struct place){declaration->place.path, declaration->key_lines[i]});
    }
    for (size_t i = 0; i < declaration->grants.n; i++)
        put_grant(page, kind_words(kind, declaration->grants.items[i].access),
                  &declaration->grants.items[i]);
}

static void put_header(struct page *page, const struct object *object)
{
    struct wire_writer *writer = &page->request->reply->writer;
    const struct declaration *declaration = object ? object->declaration : NULL;
    char name[WIRE_NAME_MAX + 32] = "broker", place[PLACE_SIZE];

    if (object)
        (void)snprintf(name, sizeof name, "%s:%s", declaration->kind->name, declaration->name);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "section", name);
    if (object)
        wire_put_fact_text(writer, WIRE_FACT_TEXT, "declared",
                           place_format(declaration->place, place, sizeof place));
}

/* A section or what is left of it. */
static void put_section(struct page *page)
{
    struct wire_writer *writer = &page->request->reply->writer;
    const struct registry *registry = page->request->desk->registry;
    struct object *object = page->section > 0 ? registry->objects[page->section - 1] : NULL;
    size_t mark = wire_open(writer, WIRE_FIELD_OBJECT);

    page->line = 0;
    put_header(page, object);
    if (writer->overflow) {
        wire_rewind(writer, mark);
        page->line = page->first;
        page->full = true;
        return;
    }
    if (object)
        put_object(page, object);
    else
        put_broker(page);
    wire_close(writer, mark);
}

/* ---- pages ---- */

static int read_cursor(struct request *request, struct page *ret)
{
    struct wire_field field;
    uint32_t at[2] = {0, 0};
    int r = request_next_of(request, WIRE_FIELD_CURSOR, &field);

    if (r < 0)
        return r;
    if (r > 0 && (wire_get_u32s(&field, at, 2) < 0 || at[0] > request->desk->registry->n))
        return say(&request->why, -EINVAL, "this cursor is of no page");
    *ret = (struct page){.request = request, .section = at[0], .first = at[1]};
    return 0;
}

int request_config(struct request *request)
{
    struct wire_writer *writer = &request->reply->writer;
    struct page page = {0}; /* the compiler does not see that say() keeps the error */
    int r;

    if (!request_may_observe(request))
        return say(&request->why, -EACCES,
                   "the configuration is for those who may observe: ask with --admin, or be named "
                   "in 'observe = user:%u'",
                   request->caller->peer->credentials.uid);
    r = read_cursor(request, &page);
    if (r < 0)
        return r;
    writer->capacity -= CURSOR_ROOM;
    for (; page.section <= request->desk->registry->n && !page.full; page.first = 0) {
        put_section(&page);
        page.section += !page.full;
    }
    writer->capacity += CURSOR_ROOM;
    if (page.full)
        wire_put_u32s(writer, WIRE_FIELD_CURSOR, (uint32_t[]){page.section, page.line}, 2);
    return 0;
}
