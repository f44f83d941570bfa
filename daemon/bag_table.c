#include "daemon/bag_table.h"

#include "base/number.h"
#include "daemon/bag.h"

#include <inttypes.h>
#include <string.h>

#define VERSION_LINE "ipcbroker objects 1"

static void recovered_deinit(struct recovered *item)
{
    item->declaration = declaration_free(item->declaration);
    free_charp(&item->kernel_name);
    item->fd = close_fd(item->fd);
}

void recovered_list_cut(struct recovered_list *list, size_t n)
{
    while (list->n > n)
        recovered_deinit(&list->items[--list->n]);
}

void recovered_list_deinit(struct recovered_list *list)
{
    recovered_list_cut(list, 0);
    free(list->items);
    *list = (struct recovered_list){NULL, 0};
}

/* ---- writing ---- */

void bag_table_begin(FILE *file, unsigned bag, size_t n)
{
    (void)fprintf(file, VERSION_LINE "\nbag %u holds %zu\n", bag, n);
}

/* No value has a blank, nor has a name; only the path, which comes last, may have some. */
void bag_table_add(FILE *file, const struct object *object)
{
    const struct declaration *declaration = object->declaration;
    const struct kind *kind = declaration->kind;
    char value[CLAIM_SIZE];

    (void)fprintf(file, "%s %s %s id=%" PRIu64 ":%" PRIu64, kind->name, declaration->name,
                  object_is_retired(object) ? "retired" : "declared", object->identity.device,
                  object->identity.inode);
    if (object->traits)
        (void)fprintf(file, " traits=%u", object->traits);
    if (object->kernel_name)
        (void)fprintf(file, " kernel_name=%s", object->kernel_name);
    for (size_t i = 0; i < kind->n_keys; i++) {
        kind->settings_text(declaration, object->environment->naming, kind->keys[i].name, value,
                            sizeof value);
        if (value[0] && !strpbrk(value, " \n"))
            (void)fprintf(file, " %s=%s", kind->keys[i].name, value);
    }
    if (declaration->place.path && !strchr(declaration->place.path, '\n'))
        (void)fprintf(file, " at=%u:%s", declaration->place.line, declaration->place.path);
    (void)fputc('\n', file);
}

/* ---- reading ---- */

static int parse_pair(char *text, uint64_t *ret_left, uint64_t *ret_right)
{
    char *colon = strchr(text, ':');
    int r;

    if (!colon)
        return -EINVAL;
    *colon = '\0';
    r = parse_number(text, UINT64_MAX, ret_left);
    return r < 0 ? r : parse_number(colon + 1, UINT64_MAX, ret_right);
}

static int parse_place(char *text, struct declaration *declaration)
{
    char *colon = strchr(text, ':');
    uint64_t line;

    if (!colon)
        return -EINVAL;
    *colon = '\0';
    if (parse_number(text, UINT32_MAX, &line) < 0)
        return -EINVAL;
    declaration->own_path = strdup(colon + 1);
    if (!declaration->own_path)
        return -ENOMEM;
    declaration->place = (struct place){declaration->own_path, (unsigned)line};
    return 0;
}

static int set_field(struct recovered *item, const char *key, char *value)
{
    if (strcmp(key, "id") == 0)
        return parse_pair(value, &item->identity.device, &item->identity.inode);
    if (strcmp(key, "traits") == 0)
        return parse_number(value, UINT32_MAX, &item->traits);
    if (strcmp(key, "kernel_name") == 0 && !item->kernel_name) {
        item->kernel_name = strdup(value);
        return item->kernel_name ? 0 : -ENOMEM;
    }
    return declaration_set(item->declaration, key, value, NULL);
}

static int parse_fields(struct recovered *item, char *rest)
{
    int r = 0;

    while (r >= 0 && rest) {
        char *field, *value;

        if (strncmp(rest, "at=", 3) == 0)
            return parse_place(rest + 3, item->declaration);
        field = strsep(&rest, " ");
        value = strchr(field, '=');
        if (!value)
            return -EINVAL;
        *value = '\0';
        r = set_field(item, field, value + 1);
    }
    return r;
}

/* NAME, or of a retired object NAME@NUMBER. */
static bool name_is_valid(const char *name, bool retired)
{
    const char *at = strchr(name, '@');
    uint64_t number;

    if (retired != (at != NULL))
        return false;
    return wire_name_is_valid(name, at ? (size_t)(at - name) : strlen(name)) &&
           (!at || parse_number(at + 1, UINT32_MAX, &number) == 0);
}

static int parse_line(char *line, struct recovered *item)
{
    char *kind_name = strsep(&line, " "), *name = line ? strsep(&line, " ") : NULL;
    char *state = line ? strsep(&line, " ") : NULL;
    const struct kind *kind = kind_find(kind_name);

    if (!kind || !name || !state)
        return -EINVAL;
    item->retired = strcmp(state, "retired") == 0;
    if (!item->retired && strcmp(state, "declared") != 0)
        return -EINVAL;
    if (!name_is_valid(name, item->retired))
        return -EINVAL;
    item->declaration = declaration_new(kind, name, (struct place){NULL, 0});
    return item->declaration ? parse_fields(item, line) : -ENOMEM;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* Adds the lines of TEXT, which it takes to pieces; there is room. */
static int parse_lines(char *text, unsigned bag, struct recovered_list *list)
{
    int r = 0;

    while (r >= 0 && text[0]) {
        char *line = strsep(&text, "\n");
        struct recovered *item = &list->items[list->n++];

        *item = (struct recovered){.fd = -1, .bag = bag};
        r = text ? parse_line(line, item) : -EINVAL; /* each line ends */
    }
    return r;
}

/* The two lines at the head. */
static int parse_head(char **text, unsigned bag, size_t *ret_n)
{
    char *version = strsep(text, "\n"), *line = *text ? strsep(text, "\n") : NULL;
    unsigned number;

    if (!*text || strcmp(version, VERSION_LINE) != 0 ||
        sscanf(line, "bag %u holds %zu", &number, ret_n) != 2 || number != bag)
        return -EINVAL;
    return 0;
}

static int read_table(const char *text, unsigned bag, struct recovered_list *list)
{
    _cleanup_free_ char *copy = strdup(text);
    char *rest = copy;
    struct recovered *items;
    size_t n;
    int r;

    if (!copy)
        return -ENOMEM;
    r = parse_head(&rest, bag, &n);
    if (r < 0 || count_lines(rest) != n || n > BAG_MOST)
        return -EINVAL;
    items = reallocarray(list->items, list->n + n + 1, sizeof *items);
    if (!items)
        return -ENOMEM;
    list->items = items;
    r = parse_lines(rest, bag, list);
    return r < 0 ? r : (int)n;
}

int bag_table_read(const char *text, unsigned bag, struct recovered_list *list,
                   struct sentence *why)
{
    size_t before = list->n;
    int r = read_table(text, bag, list);

    if (r >= 0)
        return r;
    recovered_list_cut(list, before);
    if (r == -ENOMEM)
        return say(why, r, "out of memory");
    return say(why, -EBADMSG, "its table is in no format that this version knows");
}
