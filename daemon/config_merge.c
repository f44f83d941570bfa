#include "daemon/config_merge.h"

#include "daemon/config_section.h"

#include <search.h>
#include <string.h>

/* An object that a file declares. */
struct item {
    const struct declaration *declaration;
    char *claim; /* outside the broker, NULL for none; owned */
    size_t file;
};

/* One file's part in the merge. */
struct part {
    struct config_file *file;
    struct item *items;
    size_t n;
    bool placed; /* applied, as far as is known in this round */
    bool faulty; /* has a grant that its object cannot have */
};

struct merge {
    struct part *parts;
    size_t n;
    struct item *items;   /* of all parts */
    void *names, *claims; /* trees of tsearch(3), of the items that are placed */
};

/* ---- life ---- */

static void leave_node(void *node)
{
    (void)node; /* the items are in one array */
}

static void clear_trees(struct merge *merge)
{
    tdestroy(merge->names, leave_node);
    tdestroy(merge->claims, leave_node);
    merge->names = merge->claims = NULL;
}

static void merge_deinit(struct merge *merge)
{
    clear_trees(merge);
    for (size_t i = 0; i < merge->n; i++)
        for (size_t k = 0; k < merge->parts[i].n; k++)
            free(merge->parts[i].items[k].claim);
    free(merge->parts);
    free(merge->items);
}

static int item_init(struct item *item, const struct declaration *declaration, size_t file,
                     enum naming naming)
{
    char claim[CLAIM_SIZE] = "";

    *item = (struct item){.declaration = declaration, .file = file};
    if (declaration->kind->claim)
        declaration->kind->claim(declaration, naming, claim, sizeof claim);
    if (claim[0] && !(item->claim = strdup(claim)))
        return -ENOMEM;
    return 0;
}

static int merge_init(struct merge *merge, struct config_file *const *files, size_t n,
                      enum naming naming)
{
    size_t total = 0;
    struct item *next;

    for (size_t i = 0; i < n; i++)
        total += files[i]->n_objects;
    merge->parts = calloc(n + 1, sizeof *merge->parts);
    merge->items = next = calloc(total + 1, sizeof *merge->items);
    if (!merge->parts || !merge->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct part *part = &merge->parts[merge->n++];
        *part = (struct part){.file = files[i], .items = next};
        for (size_t k = 0; k < files[i]->n_objects; k++, part->n++)
            if (item_init(next++, files[i]->objects[k], i, naming) < 0)
                return -ENOMEM;
    }
    return 0;
}

/* ---- placing files, the earlier first ---- */

static int compare_names(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    return strcmp(left->declaration->name, right->declaration->name);
}

static int compare_claims(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    return strcmp(left->claim, right->claim);
}

/* 0: *ret is who has the place now, the item itself or another. */
static int enter(void **tree, struct item *item, int (*compare)(const void *, const void *),
                 struct item **ret)
{
    struct item **node = tsearch(item, tree, compare);

    if (!node)
        return -ENOMEM;
    *ret = *node;
    return 0;
}

static void leave(void **tree, struct item *item, int (*compare)(const void *, const void *))
{
    struct item **node = tfind(item, tree, compare);

    if (node && *node == item)
        (void)tdelete(item, tree, compare);
}

static void say_taken(const struct item *item, const struct item *holder, bool by_name,
                      struct problems *problems)
{
    const struct declaration *late = item->declaration, *early = holder->declaration;
    const char *claim = item->claim;

    if (by_name)
        problems_add(problems, SEVERITY_ERROR, late->place,
                     "[%s:%s] declares a name again; [%s:%s] is at %s:%u already", late->kind->name,
                     late->name, early->kind->name, early->name, early->place.path,
                     early->place.line);
    else
        problems_add(problems, SEVERITY_ERROR, late->place,
                     "[%s:%s] would have the name %s, which is that of [%s:%s] at %s:%u; expected "
                     "another name",
                     late->kind->name, late->name, claim, early->kind->name, early->name,
                     early->place.path, early->place.line);
}

/* 1: placed; 0: something of it is taken. */
static int place_item(struct merge *merge, struct item *item, struct problems *problems)
{
    struct item *holder;
    int r = enter(&merge->names, item, compare_names, &holder);

    if (r < 0)
        return r;
    if (holder != item) {
        say_taken(item, holder, true, problems);
        return 0;
    }
    if (!item->claim)
        return 1;
    r = enter(&merge->claims, item, compare_claims, &holder);
    if (r < 0)
        return r;
    if (holder != item)
        say_taken(item, holder, false, problems);
    return holder == item;
}

static int place_part(struct merge *merge, struct part *part, struct problems *problems)
{
    part->placed = true;
    for (size_t i = 0; i < part->n; i++) {
        int r = place_item(merge, &part->items[i], problems);
        if (r < 0)
            return r;
        if (r == 0)
            part->placed = false;
    }
    if (part->placed)
        return 0;
    for (size_t i = 0; i < part->n; i++) {
        leave(&merge->names, &part->items[i], compare_names);
        if (part->items[i].claim)
            leave(&merge->claims, &part->items[i], compare_claims);
    }
    return 0;
}

static int place_all(struct merge *merge, struct problems *problems)
{
    clear_trees(merge);
    for (size_t i = 0; i < merge->n; i++) {
        int r;
        merge->parts[i].placed = merge->parts[i].faulty = false;
        r = merge->parts[i].file->bad ? 0 : place_part(merge, &merge->parts[i], problems);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- grants of other files ---- */

static const struct item *find_item(const struct merge *merge, char *name)
{
    const struct declaration declaration = {.name = name};
    const struct item key = {.declaration = &declaration};
    struct item **node = tfind(&key, &merge->names, compare_names);

    return node ? *node : NULL;
}

/* Whether the object can have all grants of the section. */
static bool section_fits(const struct grant_section *section, const struct item *item,
                         struct problems *problems)
{
    struct sentence why;
    const char *last = NULL;
    bool fits = true;

    for (size_t i = 0; i < section->n; i++) {
        const struct foreign_grant *grant = &section->items[i];
        if (config_word_access(item->declaration->kind, grant->word, &why))
            continue;
        fits = false;
        if (grant->word != last) /* once a key, not once a subject */
            problems_add(problems, SEVERITY_ERROR, grant->place, "[grant:%s]: %s", section->name,
                         why.text);
        last = grant->word;
    }
    return fits;
}

/* Whether some grant of the part does not fit; SOUND: judged against files without such a fault. */
static bool has_misfit(const struct merge *merge, const struct part *part, bool sound,
                       struct problems *problems)
{
    bool misfit = false;

    for (size_t i = 0; i < part->file->n_grants; i++) {
        const struct grant_section *section = &part->file->grants[i];
        const struct item *item = find_item(merge, section->name);
        if (!item || section_fits(section, item, problems))
            continue;
        misfit |= !sound || !merge->parts[item->file].faulty || &merge->parts[item->file] == part;
    }
    return misfit;
}

/* The file whose fault is to be settled first: one that a file without faults convicts, since a
 * faulty file may yet go, and its objects with it; else the last. NULL: there is none. */
static struct part *find_faulty(struct merge *merge)
{
    struct part *last = NULL;

    for (size_t i = 0; i < merge->n; i++) {
        struct part *part = &merge->parts[i];
        part->faulty = part->placed && has_misfit(merge, part, false, NULL);
        if (part->faulty)
            last = part;
    }
    for (size_t i = 0; i < merge->n; i++)
        if (merge->parts[i].faulty && has_misfit(merge, &merge->parts[i], true, NULL))
            return &merge->parts[i];
    return last;
}

/* ---- the whole ---- */

static bool all_are_placed(const struct merge *merge)
{
    for (size_t i = 0; i < merge->n; i++)
        if (!merge->parts[i].placed && !merge->parts[i].file->bad)
            return false;
    return true;
}

/* Leaving a file out can free a name that kept another out: the round begins anew until all that is
 * placed goes together. Each round is one file shorter. */
static int settle(struct merge *merge, struct problems *problems)
{
    for (;;) {
        struct part *faulty;
        int r = place_all(merge, NULL);
        if (r < 0)
            return r;
        faulty = find_faulty(merge);
        if (!faulty)
            break;
        (void)has_misfit(merge, faulty, false, problems);
        faulty->file->bad = true;
    }
    return all_are_placed(merge) ? 0
                                 : place_all(merge, problems); /* once more, to say what is taken */
}

/* The place where a file that is left out declares NAME; NULL: nobody does. */
static const struct place *find_left_out(const struct merge *merge, const char *name)
{
    for (size_t i = 0; i < merge->n; i++)
        for (size_t k = 0; !merge->parts[i].placed && k < merge->parts[i].n; k++)
            if (strcmp(merge->parts[i].items[k].declaration->name, name) == 0)
                return &merge->parts[i].items[k].declaration->place;
    return NULL;
}

static void warn_of_orphans(const struct merge *merge, const struct part *part,
                            struct problems *problems)
{
    for (size_t i = 0; i < part->file->n_grants; i++) {
        const struct grant_section *section = &part->file->grants[i];
        const struct place *place;
        if (find_item(merge, section->name))
            continue;
        place = find_left_out(merge, section->name);
        if (place)
            problems_add(problems, SEVERITY_WARNING, section->place,
                         "[grant:%s] waits: the file that declares '%s', at %s:%u, has errors",
                         section->name, section->name, place->path, place->line);
        else
            problems_add(problems, SEVERITY_WARNING, section->place,
                         "[grant:%s] waits: no file declares '%s'", section->name, section->name);
    }
}

int config_merge(struct config_file *const *files, size_t n, enum naming naming,
                 struct problems *errors, struct problems *warnings)
{
    _cleanup_(merge_deinit) struct merge merge = {0};
    int r = merge_init(&merge, files, n, naming);

    if (r >= 0)
        r = settle(&merge, errors);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (merge.parts[i].placed)
            warn_of_orphans(&merge, &merge.parts[i], warnings);
        else
            files[i]->bad = true;
    }
    return 0;
}
