#include "daemon/losses.h"

#include "daemon/log.h"

#include <inttypes.h>
#include <string.h>

struct losses {
    size_t n; /* objects without a name in the kernel */
    struct loss {
        size_t n;         /* those of a kind, */
        uint64_t waiting; /* and what waits in them: messages, counts, bytes */
    } kinds[8];           /* more than there are */
};

static size_t index_of(const struct kind *kind)
{
    size_t i = 0;

    while (kind_at(i) != kind)
        i++;
    return i;
}

static struct losses add_up(const struct registry *registry)
{
    struct losses losses = {0};
    struct object *object;

    for (size_t i = 0; (object = registry_at(registry, i)); i++) {
        struct loss *loss = &losses.kinds[index_of(object->declaration->kind)];
        uint64_t depth = 0;

        if (object_is_failed(object) || object->kernel_name)
            continue;
        (void)object->declaration->kind->depth(object, &depth);
        losses.n++;
        loss->n++;
        loss->waiting += depth;
    }
    return losses;
}

void losses_say_at_start(const struct registry *registry, const struct store *store)
{
    size_t n = store_is_there(store) ? 0 : add_up(registry).n;

    if (n > 0)
        log_info("%zu of the objects (eventfds, pipes, queues without a name) live as long as this "
                 "broker, since there is no descriptor store: a restart makes them anew, without "
                 "their counts and messages",
                 n);
}

void losses_say_at_stop(const struct registry *registry, const struct store *store,
                        const char *signal)
{
    struct losses losses = add_up(registry);
    char text[256] = "";
    size_t length = 0;

    for (size_t i = 0; kind_at(i); i++)
        if (losses.kinds[i].n > 0)
            length += (size_t)snprintf(
                text + length, sizeof text - length, "%s%zu of kind %s with %" PRIu64 " waiting",
                length ? ", " : "", losses.kinds[i].n, kind_at(i)->name, losses.kinds[i].waiting);
    log_info("stopping on %s; queues with a name stay, with their messages%s%s%s", signal,
             losses.n == 0 ? ""
             : store_is_there(store)
                 ? "; unless this is a restart, the descriptor store is emptied "
                   "now, and these are lost: "
                 : "; these are lost: ",
             text, losses.n && !store_is_there(store) ? " (there is no descriptor store)" : "");
}
