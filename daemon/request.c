#include "daemon/request_parts.h"

#include "daemon/clock.h"
#include "daemon/unit_name.h"

#include <string.h>

#define NO_FIELD    0x10000u /* a type that no field can have */
#define FILES_ROOM  24576u   /* of a status, for paths of up to 4096 bytes each */
#define GRANTS_ROOM 64u      /* kept for the count of grants that do not fit a reply */

/* ---- replies ---- */

static void begin(struct reply *reply, unsigned type, uint32_t serial, int error)
{
    const struct wire_header header = {
        .version = WIRE_VERSION,
        .type = serial == 0 ? WIRE_EVENT : (uint8_t)type,
        .flags = serial == 0 ? 0 : WIRE_REPLY,
        .serial = serial,
        .status = (uint32_t)-error,
    };

    wire_writer_init(&reply->writer, reply->frame, sizeof reply->frame);
    wire_put_header(&reply->writer, &header);
}

void reply_error(struct reply *reply, unsigned type, uint32_t serial, int error,
                 const char *sentence)
{
    reply_deinit(reply);
    begin(reply, type, serial, error);
    wire_put_text(&reply->writer, WIRE_FIELD_SENTENCE, sentence);
}

void reply_turn_error(struct reply *reply, int error, const char *sentence)
{
    struct wire_reader fields;
    struct wire_header header;

    if (wire_read_header(&fields, reply->frame, reply->writer.size, &header) >= 0)
        reply_error(reply, header.type, header.serial, error, sentence);
}

/* What a reply has beside its frame. */
static void reply_reset(struct reply *reply)
{
    reply->n_handouts = 0;
    reply->close = reply->later = reply->done = false;
    reply->run = reply->cancel = 0;
}

void reply_restore(struct reply *reply, const void *frame, size_t size)
{
    reply_reset(reply);
    reply->done = true;
    wire_writer_init(&reply->writer, reply->frame, sizeof reply->frame);
    memcpy(reply->frame, frame, size);
    reply->writer.size = size;
}

/* Up to which of the handouts from the I-th on they are owned, and each the descriptor after the
 * one before. */
static size_t end_of_run(const struct reply *reply, size_t i)
{
    const struct handout *handouts = reply->handouts;

    while (++i < reply->n_handouts)
        if (!handouts[i].owned || !handouts[i - 1].owned ||
            handouts[i].fd != handouts[i - 1].fd + 1)
            break;
    return i;
}

/* What was opened one after the other is closed by one call, as far as the kernel does so. */
void reply_deinit(struct reply *reply)
{
    struct handout *handouts = reply->handouts;

    for (size_t i = 0, end; i < reply->n_handouts; i = end) {
        end = end_of_run(reply, i);
        if (end - i == 1 ||
            close_range((unsigned)handouts[i].fd, (unsigned)handouts[end - 1].fd, 0) < 0)
            for (size_t k = i; k < end; k++)
                handout_deinit(&handouts[k]);
    }
    reply->n_handouts = 0;
}

/* ---- who may ---- */

unsigned request_access(struct request *request, const struct grants *grants, unsigned wanted)
{
    struct peer *peer = request->caller->peer;
    unsigned has;

    if (grants->by_group)
        peer_learn_groups(peer, request->caller->fd);
    has = grants_access(grants, &peer->credentials);
    if (peer->unit_known || !(wanted & ~has & grants->by_unit))
        return has;
    request_learn_unit(request);
    return grants_access(grants, &peer->credentials);
}

/* WANTED 0: all that there is to be had. */
static unsigned granted(struct request *request, const struct grants *grants, unsigned wanted)
{
    return request->caller->admin ? WIRE_USE
                                  : request_access(request, grants, wanted ? wanted : WIRE_USE);
}

/* What is retired, an administrator may read: to look at what it holds, or to drain it. */
static unsigned granted_on(struct request *request, const struct object *object, unsigned wanted)
{
    const struct kind *kind = object->declaration->kind;

    if (!object_is_retired(object))
        return granted(request, &object->declaration->grants, wanted);
    return !request->caller->admin ? 0 : kind->read_word ? WIRE_READ : WIRE_USE;
}

bool request_may_observe(struct request *request)
{
    return request->caller->admin || granted(request, &request->desk->config->observe, 0) != 0;
}

static int deny_retired(struct request *request, const struct declaration *declaration)
{
    return say(&request->why, -EACCES,
               "'%s' is retired, no longer in the configuration: only an administrator can acquire "
               "it, for reading",
               declaration->name);
}

/* Says what the caller lacks, how the broker sees him, and which line would help. */
static int deny(struct request *request, const struct declaration *declaration, unsigned access)
{
    unsigned has = granted(request, &declaration->grants, 0);
    unsigned wanted = access ? access : WIRE_USE;
    struct peer *peer = request->caller->peer;
    const char *words = kind_words(declaration->kind, wanted);
    char who[CREDENTIALS_SIZE], name[256], unit[UNIT_NAME_MAX + 32] = "";

    peer_learn_groups(peer, request->caller->fd);
    credentials_format(&peer->credentials, who, sizeof who);
    declaration_format(declaration, name, sizeof name);
    if (peer->unit)
        (void)snprintf(unit, sizeof unit, " or '%s = unit:%s'", words, peer->unit);
    return say(&request->why, -EACCES,
               "%s is granted %s on %s; '%s = user:%u'%s in a [grant:%s] section would grant %s",
               who, kind_words(declaration->kind, has), name, words, peer->credentials.uid, unit,
               declaration->name, access ? words : "it");
}

/* ---- fields ---- */

/* Names in a sentence are the caller's bytes: only printable ones are repeated. */
static int unknown_name(struct request *request, const char *name, size_t size)
{
    if (!wire_name_is_valid(name, size))
        return say(&request->why, -EINVAL,
                   "not a name: 1 to %u of the characters A-Z a-z 0-9 _ . -, not beginning with "
                   "'.' or '-'",
                   WIRE_NAME_MAX);
    return say(&request->why, -ENOENT,
               "no object '%.*s' is declared; a section [queue:%.*s], [eventfd:%.*s] or "
               "[pipe:%.*s] in the broker's configuration would declare it",
               (int)size, name, (int)size, name, (int)size, name, (int)size, name);
}

/* Whether he may have what is RETIRED is only asked where nothing else has the name: most requests
 * need not know who observes. */
static int find(struct request *request, const char *name, size_t size, bool retired,
                struct object **ret)
{
    struct object *object;

    if (size > 0 && name[0] == '/') {
        name++;
        size--;
    }
    object = registry_find(request->desk->registry, name, size);
    retired = !object && retired && request_may_observe(request);
    if (retired)
        object = registry_find_retired(request->desk->registry, name, size);
    if (!object && retired && size > 0 && memchr(name, '@', size))
        return say(&request->why, -ENOENT, "no object of that name and number is retired");
    if (!object)
        return unknown_name(request, name, size);
    *ret = object;
    return 0;
}

int request_find(struct request *request, const char *name, size_t size, struct object **ret)
{
    return find(request, name, size, true, ret);
}

int request_find_declared(struct request *request, const char *name, size_t size,
                          struct object **ret)
{
    return find(request, name, size, false, ret);
}

int request_malformed(struct request *request, const char *what)
{
    return say(&request->why, -EBADMSG, "malformed request: %s", what);
}

int request_not_known(struct request *request, const struct wire_field *field)
{
    return say(&request->why, -EOPNOTSUPP,
               "the request has a critical field of type %u, which this broker does not know",
               field->type);
}

int request_next_of(struct request *request, unsigned type, struct wire_field *ret)
{
    int r;

    while ((r = wire_next(&request->fields, ret)) > 0) {
        if (ret->type == type)
            return 1;
        if (ret->critical)
            return request_not_known(request, ret);
    }
    return r < 0 ? request_malformed(request, "bytes that are no field") : 0;
}

/* Behind the fields that were read there may be none that has to be understood. */
static int check_rest(struct request *request)
{
    struct wire_field field;

    return request_next_of(request, NO_FIELD, &field);
}

int request_only_of(struct request *request, unsigned type, struct wire_field *ret)
{
    int r = request_next_of(request, type, ret), rest = r > 0 ? check_rest(request) : 0;

    return rest < 0 ? rest : r;
}

/* ---- acquire ---- */

/* Is not of one of the kinds that the item takes, which are named. */
static int refuse_kind(struct request *request, const struct wire_item *item,
                       const struct declaration *declaration)
{
    char wanted[128] = "";
    size_t used = 0;

    for (size_t i = 0; kind_at(i) && used < sizeof wanted; i++)
        if (item->kinds & 1u << kind_at(i)->number)
            used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%s",
                                     used ? " or " : "", kind_at(i)->name);
    return say(&request->why, -EINVAL, "'%s' is of the kind %s, not %s", declaration->name,
               declaration->kind->name, used ? wanted : "of one that was asked for");
}

static int acquire_one(struct request *request, const struct wire_item *item)
{
    struct reply *reply = request->reply;
    struct object *object = NULL;
    const struct kind *kind;
    unsigned has;
    int r;

    if (item->access & ~WIRE_USE || item->flags & ~WIRE_NONBLOCK)
        return say(&request->why, -EINVAL, "an access or a flag that this broker does not know");
    r = request_find(request, item->name, item->name_size, &object);
    if (r < 0)
        return r;
    kind = object->declaration->kind;
    if (item->kinds && !(item->kinds & 1u << kind->number))
        return refuse_kind(request, item, object->declaration);
    has = granted_on(request, object, item->access);
    r = object_hand_out(object, has, item->access, item->flags, &reply->handouts[reply->n_handouts],
                        &request->why);
    if (r == -EACCES && object_is_retired(object))
        return deny_retired(request, object->declaration);
    if (r == -EACCES)
        return deny(request, object->declaration, item->access);
    if (r < 0)
        return r;
    wire_put_descriptor(&reply->writer, &reply->handouts[reply->n_handouts].descriptor);
    reply->n_handouts++;
    return 0;
}

static int refuse_item(struct request *request, size_t index, int error)
{
    struct reply *reply = request->reply;

    reply_error(reply, request->header.type, request->header.serial, error, request->why.text);
    wire_put_u32(&reply->writer, WIRE_FIELD_INDEX, (uint32_t)index);
    return 0;
}

static int answer_acquire(struct request *request)
{
    struct wire_field field;
    struct wire_item item;
    size_t n = 0;
    int r;

    for (; (r = request_next_of(request, WIRE_FIELD_ITEM, &field)) > 0; n++) {
        if (n == WIRE_DESCRIPTORS_MAX)
            return say(&request->why, -E2BIG, "more than %u objects in one request",
                       WIRE_DESCRIPTORS_MAX);
        if (wire_get_item(&field, &item) < 0)
            return request_malformed(request, "an item that is too short");
        r = acquire_one(request, &item);
        if (r < 0)
            return refuse_item(request, n, r);
    }
    if (r == 0 && n == 0)
        return request_malformed(request, "an acquire without an item");
    return r;
}

/* ---- list, show, status, whoami ---- */

static int answer_list(struct request *request)
{
    struct wire_writer *writer = &request->reply->writer;
    const struct registry *registry = request->desk->registry;
    bool observer = request_may_observe(request);
    struct wire_field cursor = {0};
    const char *last = NULL; /* that the caller is told of: a cursor names nothing else */
    struct object *object;
    size_t i, room = writer->capacity;
    int r = request_next_of(request, WIRE_FIELD_CURSOR, &cursor);

    if (r < 0)
        return r;
    i = registry_after(registry, (const char *)cursor.value, cursor.size);
    writer->capacity -= WIRE_NAME_MAX + 4; /* kept for the cursor */
    for (; (object = registry_at(registry, i)); i++) {
        unsigned has = granted_on(request, object, 0);
        size_t mark;

        if (!has && !observer)
            continue;
        mark = wire_open(writer, WIRE_FIELD_OBJECT);
        object_describe(object, has, false, writer);
        wire_close(writer, mark);
        if (writer->overflow) {
            wire_rewind(writer, mark);
            break;
        }
        last = object->declaration->name;
    }
    writer->capacity = room;
    if (object && last)
        wire_put_text(writer, WIRE_FIELD_CURSOR, last);
    return 0;
}

/* False: there is no room for it. */
static bool put_grant(struct request *request, const struct kind *kind, const struct grant *grant,
                      bool places)
{
    struct wire_writer *writer = &request->reply->writer;
    char subject[256], place[PLACE_SIZE] = "", text[PLACE_SIZE + 300];
    size_t before = writer->size;

    if (places)
        place_format(grant->place, place, sizeof place);
    (void)snprintf(text, sizeof text, "%s = %s%s%s%s", kind_words(kind, grant->access),
                   subject_format(&grant->subject, subject, sizeof subject), places ? " (" : "",
                   place, places ? ")" : "");
    wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "grant", text);
    if (!writer->overflow)
        return true;
    wire_rewind(writer, before);
    return false;
}

void request_put_grants(struct request *request, const struct declaration *declaration,
                        const struct credentials *who, bool places)
{
    struct wire_writer *writer = &request->reply->writer;
    const struct grants *grants = &declaration->grants;
    size_t n_hidden = 0;

    writer->capacity -= GRANTS_ROOM;
    for (size_t i = 0; i < grants->n; i++) {
        if (who && !subject_matches(&grants->items[i].subject, who))
            continue;
        if (n_hidden > 0 || !put_grant(request, declaration->kind, &grants->items[i], places))
            n_hidden++;
    }
    writer->capacity += GRANTS_ROOM;
    if (n_hidden > 0)
        wire_put_fact_number(writer, "grants_not_shown", n_hidden);
}

static int answer_show(struct request *request)
{
    struct wire_writer *writer = &request->reply->writer;
    struct object *object = NULL;
    struct wire_field field;
    bool observer;
    unsigned has;
    char place[PLACE_SIZE];
    int r = request_next_of(request, WIRE_FIELD_NAME, &field);

    if (r < 0)
        return r;
    if (r == 0)
        return request_malformed(request, "a show without a name");
    r = request_find(request, (const char *)field.value, field.size, &object);
    if (r < 0)
        return r;
    has = granted_on(request, object, 0);
    observer = request_may_observe(request);
    if (!has && !observer)
        return deny(request, object->declaration, 0);
    object_describe(object, has, true, writer);
    if (!observer)
        return 0;
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "declared",
                       place_format(object->declaration->place, place, sizeof place));
    request_put_grants(request, object->declaration, NULL, false);
    return 0;
}

bool desk_is_degraded(const struct desk *desk)
{
    return registry_count(desk->registry).failed || desk->config->n_left_out ||
           desk->config->n_stale;
}

static void describe_files(struct request *request)
{
    const struct config *config = request->desk->config;
    struct wire_writer *writer = &request->reply->writer;
    const char *path;

    wire_put_fact_number(writer, "left_out_files", config->n_left_out);
    wire_put_fact_number(writer, "stale_files", config->n_stale);
    if (!request_may_observe(request))
        return;
    for (size_t i = 0; i < config->n_left_out && writer->size < FILES_ROOM / 2; i++)
        wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "left_out",
                           config->left_out[i]);
    for (size_t i = 0; i < config->n_files && writer->size < FILES_ROOM; i++)
        if (config_file_is_stale(config, i, &path))
            wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "stale", path);
}

static int answer_status(struct request *request)
{
    struct wire_writer *writer = &request->reply->writer;
    const struct desk *desk = request->desk;
    bool observer = request_may_observe(request);
    struct registry_counts counts;
    struct object *object;

    /* A system call an object, so not for everybody who asks. */
    for (size_t i = 0; observer && (object = registry_at(desk->registry, i)); i++)
        object_look(object);
    counts = registry_count(desk->registry);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "state", desk_is_degraded(desk) ? "degraded" : "ok");
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "version", PACKAGE_VERSION);
    wire_put_fact_number(writer, "pid", (uint64_t)getpid());
    wire_put_fact_number(writer, "uid", geteuid());
    wire_put_fact_number(writer, "uptime_seconds", (now_us() - desk->started_us) / 1000000);
    wire_put_fact_number(writer, "objects", desk->registry->n);
    wire_put_fact_number(writer, "failed", counts.failed);
    wire_put_fact_number(writer, "differing", counts.differing);
    wire_put_fact_number(writer, "retired", desk->registry->n_retired);
    describe_files(request);
    wire_put_fact_number(writer, "clients", desk->n_clients);
    if (observer) {
        wire_put_fact_number(writer, "unread_descriptors", desk->quota.unread);
        wire_put_fact_number(writer, "max_unread_descriptors", quota_most(&desk->quota));
        wire_put_fact_number(writer, "max_unread_descriptors_per_user", quota_share(&desk->quota));
    }
    wire_put_fact_number(writer, "max_clients", desk->config->max_clients);
    wire_put_fact_number(writer, "max_clients_per_user", desk->config->max_clients_per_user);
    return 0;
}

static int answer_whoami(struct request *request)
{
    struct wire_writer *writer = &request->reply->writer;
    struct peer *peer = request->caller->peer;
    char number[16];

    peer_learn_groups(peer, request->caller->fd);
    wire_put_fact_number(writer, "uid", peer->credentials.uid);
    wire_put_fact_number(writer, "gid", peer->credentials.gid);
    for (size_t i = 0; i < peer->credentials.n_groups && i < 1024; i++) {
        (void)snprintf(number, sizeof number, "%u", peer->credentials.groups[i]);
        wire_put_fact_text(writer, WIRE_FACT_TEXT | WIRE_FACT_LIST, "groups", number);
    }
    request_learn_unit(request);
    if (request->unit_error == -EAGAIN)
        request->unit_error = 0; /* what is known is told all the same */
    if (peer->unit)
        wire_put_fact_text(writer, WIRE_FACT_TEXT, "unit", peer->unit);
    wire_put_fact_number(writer, "pid", (uint64_t)peer->pid);
    wire_put_fact_boolean(writer, "administrator", request->caller->admin);
    wire_put_fact_boolean(writer, "observer", request_may_observe(request));
    return 0;
}

/* ---- dispatch ---- */

static int dispatch(struct request *request)
{
    if (request->header.type >= WIRE_ADMIN_TYPES && request->header.type <= WIRE_PURGE &&
        !request->caller->admin)
        return say(&request->why, -EACCES,
                   "requests that change the broker, or tell what would, are for its "
                   "administrators: at %s",
                   request->desk->admin_socket);
    switch (request->header.type) {
    case WIRE_ACQUIRE:
        return answer_acquire(request);
    case WIRE_LIST:
        return answer_list(request);
    case WIRE_SHOW:
        return answer_show(request);
    case WIRE_STATUS:
        return answer_status(request);
    case WIRE_WHOAMI:
        return answer_whoami(request);
    case WIRE_CAN:
        return request_can(request);
    case WIRE_CONFIG:
        return request_config(request);
    case WIRE_AWAIT:
        return request_await(request);
    case WIRE_CANCEL:
        return request_cancel(request);
    case WIRE_RELOAD:
        return request_reload(request, RUN_RELOAD);
    case WIRE_PLAN:
        return request_reload(request, RUN_PLAN);
    case WIRE_REPLACE:
        request->reply->done = true;
        return request_replace(request);
    case WIRE_PURGE:
        request->reply->done = true;
        return request_purge(request);
    case WIRE_PROVE:
        return request_prove(request);
    default:
        return say(&request->why, -ENOSYS, "this broker does not know requests of type %u",
                   request->header.type);
    }
}

void request_answer(const struct desk *desk, const struct caller *caller, const void *frame,
                    size_t size, struct reply *reply)
{
    struct request request = {.desk = desk, .caller = caller, .size = size, .reply = reply};
    struct wire_header *header = &request.header;
    int r;

    reply_reset(reply);
    r = wire_read_header(&request.fields, frame, size, header);
    if (r < 0 || (header->version == WIRE_VERSION &&
                  (header->flags & WIRE_REPLY || header->serial == 0 || header->status != 0))) {
        reply_error(reply, WIRE_EVENT, 0, -EBADMSG,
                    size == 0 ? "malformed request: empty, or over 65536 bytes"
                              : "malformed request: not a request's header");
        reply->close = true;
        return;
    }
    if (header->version != WIRE_VERSION) {
        reply_error(reply, header->type, header->serial, -EPROTONOSUPPORT,
                    "this broker speaks version 1 of the protocol");
        return;
    }
    begin(reply, header->type, header->serial, 0);
    reply->serial = header->serial;
    r = caller->kept && caller->kept->cancelled
            ? say(&request.why, -ECANCELED, "cancelled by its client")
            : dispatch(&request);
    if (r >= 0 && !reply->later)
        r = check_rest(&request);
    if (r >= 0 && reply->writer.overflow)
        r = say(&request.why, -EMSGSIZE, "the answer does not fit a frame");
    if (request.unit_error && r != -EBADMSG) {
        request_refuse_unit(&request);
    } else if (r < 0) {
        reply_error(reply, header->type, header->serial, r, request.why.text);
        reply->close = r == -EBADMSG;
    }
}
