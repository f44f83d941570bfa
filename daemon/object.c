#include "daemon/object.h"

#include "daemon/declaration.h"
#include "daemon/kinds.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <string.h>

#define BACKOFF_FIRST_US 1000000u
#define BACKOFF_MOST_US  64000000u

static const struct kind *const kinds[] = {
    &kind_queue,
    &kind_eventfd,
    &kind_pipe,
};

const struct kind *kind_at(size_t i)
{
    return i < ARRAY_SIZE(kinds) ? kinds[i] : NULL;
}

const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

unsigned kind_access(const struct kind *kind, const char *word)
{
    if (strcmp(word, "use") == 0)
        return WIRE_USE;
    if (kind->write_word && strcmp(word, kind->write_word) == 0)
        return WIRE_WRITE;
    if (kind->read_word && strcmp(word, kind->read_word) == 0)
        return WIRE_READ;
    return 0;
}

const char *kind_words(const struct kind *kind, unsigned access)
{
    switch (access) {
    case WIRE_USE:
        return "use";
    case WIRE_WRITE:
        return kind->write_word ? kind->write_word : "write";
    case WIRE_READ:
        return kind->read_word ? kind->read_word : "read";
    default:
        return "nothing";
    }
}

const char *declaration_format(const struct declaration *declaration, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s '%s'", declaration->kind->name, declaration->name);
    return buffer;
}

/* ---- needs ---- */

static struct need_sysctl *sysctl_of(struct need *need, const char *name)
{
    for (size_t i = 0; i < need->n_sysctls; i++)
        if (strcmp(need->sysctls[i].name, name) == 0)
            return &need->sysctls[i];
    need->sysctls[need->n_sysctls] = (struct need_sysctl){.name = name};
    return &need->sysctls[need->n_sysctls++];
}

void need_at_least(struct need *need, const char *sysctl, uint64_t value)
{
    struct need_sysctl *entry = sysctl_of(need, sysctl);

    if (value > entry->value)
        entry->value = value;
}

void need_more(struct need *need, const char *sysctl, uint64_t value)
{
    sysctl_of(need, sysctl)->value += value;
}

/* ---- life ---- */

void object_init(struct object *object, const struct declaration *declaration,
                 const struct environment *environment)
{
    *object = (struct object){
        .declaration = declaration,
        .environment = environment,
        .fd = -1,
    };
}

void object_deinit(struct object *object)
{
    object->fd = close_fd(object->fd);
    free_charp(&object->kernel_name);
    free_charp(&object->failure);
    free_charp(&object->difference);
    object->own = declaration_free(object->own);
}

struct object *object_new(const struct declaration *declaration,
                          const struct environment *environment)
{
    struct object *object = malloc(sizeof *object);

    if (object)
        object_init(object, declaration, environment);
    return object;
}

struct object *object_free(struct object *object)
{
    if (object)
        object_deinit(object);
    free(object);
    return NULL;
}

void object_retire(struct object *object, struct declaration *own)
{
    free_charp(&object->difference); /* from a declaration that is no more */
    object->declaration = object->own = own;
}

bool object_is_retired(const struct object *object)
{
    return object->own;
}

bool object_is_failed(const struct object *object)
{
    return object->fd < 0;
}

/* Keeps the cause, says it where it is news, and sets the next try. */
static void fail(struct object *object, int error, const struct sentence *why, uint64_t now_us)
{
    char name[256];

    if (!object->failure || strcmp(object->failure, why->text) != 0) {
        free(object->failure);
        object->failure = strdup(why->text); /* out of memory: failed without a cause */
        log_event(&(struct log_event){.priority = LOG_ERR,
                                      .id = LOG_OBJECT_FAILED,
                                      .object = object->declaration->name,
                                      .error = error,
                                      .file = object->declaration->place.path,
                                      .line = object->declaration->place.line},
                  "%s failed: %s (declared at %s:%u)",
                  declaration_format(object->declaration, name, sizeof name), why->text,
                  object->declaration->place.path, object->declaration->place.line);
    }
    object->backoff_us = object->backoff_us ? object->backoff_us * 2 : BACKOFF_FIRST_US;
    if (object->backoff_us > BACKOFF_MOST_US)
        object->backoff_us = BACKOFF_MOST_US;
    object->retry_at_us = now_us + object->backoff_us;
}

int object_create(struct object *object, uint64_t now_us)
{
    char name[256];
    struct sentence why = {.text = ""};
    int r = object->declaration->kind->create(object, &why);

    if (r < 0) {
        fail(object, r, &why, now_us);
        return r;
    }
    object->backoff_us = 0;
    object->adjusted = true;
    if (object->difference)
        log_event(&(struct log_event){.priority = LOG_WARNING,
                                      .id = LOG_OBJECT_DIFFERS,
                                      .object = object->declaration->name,
                                      .file = object->declaration->place.path,
                                      .line = object->declaration->place.line},
                  "%s differs from its declaration at %s:%u: %s; it stays as it is",
                  declaration_format(object->declaration, name, sizeof name),
                  object->declaration->place.path, object->declaration->place.line,
                  object->difference);
    return 0;
}

void object_retry(struct object *object, uint64_t now_us)
{
    char name[256];

    if (!object_is_failed(object) || now_us < object->retry_at_us)
        return;
    if (object_create(object, now_us) < 0)
        return;
    free_charp(&object->failure);
    log_info("%s is there now", declaration_format(object->declaration, name, sizeof name));
}

void object_look(struct object *object)
{
    if (!object_is_failed(object) && object->declaration->kind->look)
        object->declaration->kind->look(object);
}

/* ---- hand out ---- */

void handout_deinit(struct handout *handout)
{
    if (handout->owned)
        handout->fd = close_fd(handout->fd);
    handout->fd = -1;
}

int object_reopen(const struct object *object, int fd, int flags)
{
    char number[16];
    int new;

    (void)snprintf(number, sizeof number, "%d", fd);
    new = openat(object->environment->descriptors_dir, number, flags | O_CLOEXEC);
    return new < 0 ? -errno : new;
}

static bool kind_has_access(const struct kind *kind, unsigned access)
{
    return access == WIRE_USE || (access == WIRE_WRITE && kind->write_word) ||
           (access == WIRE_READ && kind->read_word);
}

int declaration_check_access(const struct declaration *declaration, unsigned access,
                             struct sentence *why)
{
    char name[256];

    if (kind_has_access(declaration->kind, access))
        return 0;
    return say(why, -EINVAL, "%s has no single directions, only 'use': ask for both, or for none",
               declaration_format(declaration, name, sizeof name));
}

/* What the kernel refused is the broker's trouble: a shortage passes, and no errno of ours may look
 * like one of the client's. */
static int translate(int error)
{
    switch (error) {
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        return -EAGAIN;
    case -EINVAL: /* of a flag that the object cannot have: the caller's own */
        return error;
    default:
        return -EIO;
    }
}

int object_hand_out(struct object *object, unsigned granted, unsigned access, unsigned flags,
                    struct handout *ret, struct sentence *why)
{
    const struct declaration *declaration = object->declaration;
    struct handout handout = {.fd = -1};
    char name[256];
    int r;

    if (access == 0)
        access = granted;
    if (access == 0 || (access & ~granted && kind_has_access(declaration->kind, access)))
        return -EACCES;
    r = declaration_check_access(declaration, access, why);
    if (r < 0)
        return r;
    if (object_is_failed(object))
        return say(why, -ENXIO, "%s is declared, but failed: %s",
                   declaration_format(declaration, name, sizeof name),
                   object->failure ? object->failure : "out of memory");
    r = declaration->kind->hand_out(object, access, flags, &handout, why);
    if (r < 0)
        return translate(r);
    handout.descriptor.kind = (uint8_t)declaration->kind->number;
    handout.descriptor.access = (uint8_t)access;
    handout.descriptor.identity = object->identity;
    *ret = handout;
    return 0;
}

/* ---- describe ---- */

static const char *state(const struct object *object)
{
    if (object_is_failed(object))
        return "failed";
    if (object_is_retired(object))
        return "retired";
    return object->difference ? "differs" : "ready";
}

void object_describe(struct object *object, unsigned granted, bool detail,
                     struct wire_writer *writer)
{
    const struct declaration *declaration = object->declaration;

    object_look(object);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "name", declaration->name);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "kind", declaration->kind->name);
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "state", state(object));
    wire_put_fact_text(writer, WIRE_FACT_TEXT, "access", kind_words(declaration->kind, granted));
    if (object_is_failed(object)) {
        if (object->failure)
            wire_put_fact_text(writer, WIRE_FACT_TEXT, "failure", object->failure);
        return;
    }
    if (object->difference)
        wire_put_fact_text(writer, WIRE_FACT_TEXT, "difference", object->difference);
    declaration->kind->describe(object, detail, writer);
    if (detail) {
        wire_put_fact_number(writer, "device", object->identity.device);
        wire_put_fact_number(writer, "inode", object->identity.inode);
    }
}
