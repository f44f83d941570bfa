#include "daemon/config_merge.h"

#include "daemon/config_section.h"
#include "daemon/names.h"

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
    struct item *items;         /* of all parts */
    struct names names, claims; /* of the items that are placed */
};

/* ---- life ---- */

static void merge_deinit(struct merge *merge)
{
    names_deinit(&merge->names);
    names_deinit(&merge->claims);
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
    if (!merge->parts || !merge->items || names_reserve(&merge->names, total) < 0 ||
        names_reserve(&merge->claims, total) < 0)
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

/* False: something of it is taken. */
static bool place_item(struct merge *merge, struct item *item, struct problems *problems)
{
    const struct item *holder = names_add(&merge->names, item->declaration->name, item);

    if (holder != item) {
        say_taken(item, holder, true, problems);
        return false;
    }
    if (!item->claim)
        return true;
    holder = names_add(&merge->claims, item->claim, item);
    if (holder != item)
        say_taken(item, holder, false, problems);
    return holder == item;
}

/* The last one that was placed. */
static void take_off(struct merge *merge, const struct item *item)
{
    names_drop(&merge->names, item->declaration->name, item);
    if (item->claim)
        names_drop(&merge->claims, item->claim, item);
}

static void place_part(struct merge *merge, struct part *part, struct problems *problems)
{
    part->placed = true;
    for (size_t i = 0; i < part->n; i++)
        part->placed &= place_item(merge, &part->items[i], problems);
    for (size_t i = part->n; !part->placed && i > 0; i--)
        take_off(merge, &part->items[i - 1]);
}

static void place_all(struct merge *merge, struct problems *problems)
{
    names_clear(&merge->names);
    names_clear(&merge->claims);
    for (size_t i = 0; i < merge->n; i++) {
        merge->parts[i].placed = merge->parts[i].faulty = false;
        if (!merge->parts[i].file->bad)
            place_part(merge, &merge->parts[i], problems);
    }
}

/* ---- grants of other files ---- */

static const struct item *find_item(const struct merge *merge, const char *name)
{
    return names_find(&merge->names, name, strlen(name));
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
static void settle(struct merge *merge, struct problems *problems)
{
    struct part *faulty;

    for (place_all(merge, NULL); (faulty = find_faulty(merge)); place_all(merge, NULL)) {
        (void)has_misfit(merge, faulty, false, problems);
        faulty->file->bad = true;
    }
    if (!all_are_placed(merge))
        place_all(merge, problems); /* once more, to say what is taken */
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

    if (r < 0)
        return r;
    settle(&merge, errors);
    for (size_t i = 0; i < n; i++) {
        if (merge.parts[i].placed)
            warn_of_orphans(&merge, &merge.parts[i], warnings);
        else
            files[i]->bad = true;
    }
    return 0;
}
