/* The requests REPLACE and PURGE, the only ones that end the life of what may hold data. */
#include "daemon/request_parts.h"

#include "daemon/clock.h"
#include "daemon/declaration.h"
#include "daemon/log.h"
#include "daemon/store.h"

#include <inttypes.h>
#include <string.h>

#define TAKEN_MAX 4096u /* of one request: the loop has others to serve */

/* A run through the registry must find it as it was. */
static int check_free(struct request *request)
{
    if (!reload_is_walking(request->desk->reload))
        return 0;
    return say(&request->why, -EBUSY, "a reload is under way: ask again");
}

static int depth_of(struct request *request, const struct object *object, uint64_t *ret)
{
    int r = object->declaration->kind->depth(object, ret);

    return r < 0 ? say(&request->why, -EIO, "what waits in '%s' cannot be seen: %s",
                       object->declaration->name, strerror(-r))
                 : 0;
}

/* ---- replace ---- */

/* Whether there could be a new one at all: after the old has lost its name is too late to learn
 * that there cannot. */
static int try_out(struct request *request, const struct object *object)
{
    struct environment nameless = *object->environment;
    struct object trial;
    int r;

    nameless.naming = NAMING_NONE;
    object_init(&trial, object->declaration, &nameless);
    r = object->declaration->kind->create(&trial, &request->why);
    object_deinit(&trial);
    return r < 0 ? -EAGAIN : 0;
}

static int make_new(struct request *request, struct object *old, struct object **ret)
{
    struct object *new = object_new(old->declaration, old->environment);
    int r = new && old->declaration->kind->remove ? old->declaration->kind->remove(old) : 0;

    if (!new)
        return say(&request->why, -EAGAIN, "the broker is short of memory");
    if (r < 0) { /* the new one would be the old */
        object_free(new);
        return say(&request->why, -EIO, "the name of the old one cannot be removed: %s",
                   strerror(-r));
    }
    if (object_create(new, now_us()) < 0) {
        (void)say(&request->why, 0, "%s", new->failure ? new->failure : "out of memory");
        object_free(new);
        return -EIO;
    }
    *ret = new;
    return 0;
}

static int replace(struct request *request, struct object *old)
{
    struct registry *registry = request->desk->registry;
    const struct declaration *declaration = old->declaration;
    _cleanup_(declaration_freep) struct declaration *own = NULL;
    char name[WIRE_NAME_MAX + 16];
    struct object *new = NULL;
    size_t i = registry_after(registry, declaration->name, strlen(declaration->name)) - 1;
    int r;

    (void)snprintf(name, sizeof name, "%s@%u", declaration->name,
                   registry_next_number(registry, declaration->name));
    own = declaration_copy(declaration, name, old->environment->naming);
    if (!own || registry_reserve(registry, registry->n, 1) < 0)
        return say(&request->why, -EAGAIN, "the broker is short of memory");
    r = try_out(request, old);
    if (r >= 0)
        r = make_new(request, old, &new);
    if (r < 0)
        return r;
    object_retire(old, TAKE_PTR(own));
    registry->objects[i] = new;
    registry_index(registry);
    registry_add_retired(registry, old);
    store_save(request->desk->store, registry);
    log_info("%s '%s' is replaced; the old one is retired as %s", declaration->kind->name,
             declaration->name, name);
    server_announce(request->desk->server, new);
    wire_put_fact_text(&request->reply->writer, WIRE_FACT_TEXT, "retired", name);
    return 0;
}

int request_replace(struct request *request)
{
    struct object *object = NULL;
    struct wire_field field;
    uint64_t depth = 0;
    int r = request_only_of(request, WIRE_FIELD_NAME, &field);

    if (r < 0)
        return r;
    if (r == 0)
        return request_malformed(request, "a replace without a name");
    r = request_find_declared(request, (const char *)field.value, field.size, &object);
    if (r >= 0)
        r = check_free(request);
    if (r < 0)
        return r;
    if (object_is_failed(object))
        return say(&request->why, -ENXIO, "'%s' has failed: there is nothing to replace",
                   object->declaration->name);
    r = depth_of(request, object, &depth);
    if (r < 0)
        return r;
    if (depth > 0)
        return say(&request->why, -ENOTEMPTY,
                   "%" PRIu64 " wait in '%s': have them received first, then replace it", depth,
                   object->declaration->name);
    return replace(request, object);
}

/* ---- purge ---- */

static void end(struct request *request, struct object *object)
{
    struct registry *registry = request->desk->registry;
    const struct kind *kind = object->declaration->kind;

    log_info("%s '%s' is purged", kind->name, object->declaration->name);
    if (kind->remove)
        (void)kind->remove(object);
    registry_drop_retired(registry, object);
    store_save(request->desk->store, registry);
}

/* Only what is empty ends: more may have come while it was being emptied. */
static int purge(struct request *request, struct object *object)
{
    struct wire_writer *writer = &request->reply->writer;
    const struct kind *kind = object->declaration->kind;
    uint64_t taken = 0, left = 0;
    bool is_known = true;
    int r = depth_of(request, object, &left);

    if (r >= 0 && !kind->take)
        taken = left;
    else if (r >= 0 && left > 0)
        r = kind->take(object, left < TAKEN_MAX ? left : TAKEN_MAX, &taken);
    if (r < 0)
        return say(&request->why, r == -ENOMEM || r == -EMFILE ? -EAGAIN : -EIO,
                   "'%s' cannot be emptied: %s", object->declaration->name, strerror(-r));
    left -= taken;
    if (kind->take) /* what was taken is told in any case */
        is_known = kind->depth(object, &left) >= 0;
    wire_put_fact_number(writer, "taken", taken);
    wire_put_fact_number(writer, "left", left);
    if (is_known && left == 0)
        end(request, object);
    return 0;
}

static int purge_empty(struct request *request)
{
    struct registry *registry = request->desk->registry;
    uint64_t n = 0, depth;

    for (size_t i = registry->n_retired; i-- > 0;) {
        struct object *object = registry->retired[i];
        if (object->declaration->kind->depth(object, &depth) < 0 || depth > 0)
            continue;
        end(request, object);
        n++;
    }
    wire_put_fact_number(&request->reply->writer, "purged", n);
    wire_put_fact_number(&request->reply->writer, "left", registry->n_retired);
    return 0;
}

int request_purge(struct request *request)
{
    struct registry *registry = request->desk->registry;
    struct object *object;
    struct wire_field field;
    const char *name;
    int r = request_only_of(request, WIRE_FIELD_NAME, &field), busy = check_free(request);

    if (r < 0 || busy < 0)
        return r < 0 ? r : busy;
    if (r == 0)
        return purge_empty(request);
    name = (const char *)field.value;
    object = registry_find_retired(registry, name, field.size);
    if (object)
        return purge(request, object);
    if (registry_find(registry, name, field.size))
        return say(&request->why, -EBUSY, "'%.*s' is declared: only what is retired can be purged",
                   (int)field.size, name);
    return request_find(request, name, field.size, &object);
}
