#include "daemon/resolve.h"

#include "daemon/lookup.h"

#include <string.h>

#define AT_ONCE 16 /* look-ups that run beside each other */

/* The items of one file, with the look-up of their names. */
struct batch {
    struct resolve_item *items;
    size_t n;
    struct lookup *lookup; /* owned; NULL: not begun */
    bool runs;
};

struct batches {
    struct batch *items;
    size_t n;
};

static void batches_deinit(struct batches *batches)
{
    for (size_t i = 0; i < batches->n; i++) {
        if (batches->items[i].runs) /* where something else has failed */
            lookup_finish(batches->items[i].lookup);
        (void)lookup_free(batches->items[i].lookup);
    }
    free(batches->items);
}

/* Defaults are of no file. */
static int compare_files(const struct resolve_item *a, const struct resolve_item *b)
{
    return strcmp(a->place.path ? a->place.path : "", b->place.path ? b->place.path : "");
}

static int compare(const void *a, const void *b)
{
    const struct resolve_item *left = a, *right = b;
    int r = compare_files(left, right);

    if (r == 0 && left->subject->type != right->subject->type)
        return left->subject->type < right->subject->type ? -1 : 1;
    return r ? r : strcmp(left->subject->name, right->subject->name);
}

/* The sorted items, by their files. */
static int split(struct resolve_item *items, size_t n, struct batches *ret)
{
    ret->items = calloc(n, sizeof *ret->items);
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_files(&items[i - 1], &items[i]) != 0)
            ret->items[ret->n++].items = &items[i];
        ret->items[ret->n - 1].n++;
    }
    return 0;
}

/* Where there may be no thread, that is what the names cannot be looked up for. */
static int begin(struct batch *batch)
{
    int r = lookup_new(&batch->lookup, batch->n);

    for (size_t i = 0; r >= 0 && i < batch->n; i++) {
        const struct subject *subject = batch->items[i].subject;
        r = lookup_add(batch->lookup, subject->type, subject->name);
    }
    if (r >= 0)
        r = lookup_start(batch->lookup);
    batch->runs = r >= 0;
    for (size_t i = 0; i < batch->n; i++)
        batch->items[i].error = r;
    return r == -ENOMEM ? r : 0;
}

static int finish(struct batch *batch)
{
    if (batch->runs)
        lookup_finish(batch->lookup);
    batch->runs = false;
    for (size_t i = 0; i < batch->n; i++) {
        struct resolve_item *item = &batch->items[i];

        if (item->error == 0)
            item->error = lookup_result(batch->lookup, i, &item->subject->id);
        if (item->error == -ENOMEM)
            return -ENOMEM;
        item->subject->resolved = item->error == 0;
    }
    batch->lookup = lookup_free(batch->lookup);
    return 0;
}

int resolve(struct resolve_item *items, size_t n)
{
    _cleanup_(batches_deinit) struct batches batches = {0};
    int r;

    if (n == 0)
        return 0;
    qsort(items, n, sizeof *items, compare);
    r = split(items, n, &batches);
    for (size_t i = 0; r >= 0 && i < batches.n + AT_ONCE; i++) {
        if (i >= AT_ONCE && i - AT_ONCE < batches.n)
            r = finish(&batches.items[i - AT_ONCE]);
        if (r >= 0 && i < batches.n)
            r = begin(&batches.items[i]);
    }
    return r;
}
