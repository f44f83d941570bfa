/* What a broker has, in words that can be compared. */
#include "tests/hostile/hostile.h"

#include <dirent.h>

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

#define KIND_SIZE 128

/* What a descriptor is of, without the numbers that differ between two of the same kind. */
static bool read_kind(int directory, const char *number, char *ret)
{
    ssize_t size = readlinkat(directory, number, ret, KIND_SIZE - 1);
    char *bracket, *deleted;

    if (size < 0)
        return false; /* just closed */
    ret[size] = '\0';
    deleted = strstr(ret, " (deleted)"); /* root has removed the name, and nothing else */
    if (deleted)
        *deleted = '\0';
    bracket = strstr(ret, ":[");
    if (bracket && bracket[2] >= '0' && bracket[2] <= '9')
        *bracket = '\0';
    return true;
}

char *census_descriptors(void)
{
    char path[64], (*kinds)[KIND_SIZE] = NULL, *text = NULL;
    struct dirent *entry;
    size_t n = 0, size;
    DIR *directory;
    FILE *stream = open_memstream(&text, &size);

    (void)snprintf(path, sizeof path, "/proc/%d/fd", broker.broker);
    directory = opendir(path);
    ck_assert(stream && directory);
    while ((entry = readdir(directory))) {
        if (n % 256 == 0)
            kinds = realloc(kinds, (n + 256) * sizeof *kinds);
        ck_assert_ptr_nonnull(kinds);
        if (entry->d_name[0] != '.' && read_kind(dirfd(directory), entry->d_name, kinds[n]))
            n++;
    }
    closedir(directory);
    qsort(kinds, n, sizeof *kinds, compare);
    for (size_t i = 0, same; i < n; i += same) {
        for (same = 1; i + same < n && strcmp(kinds[i], kinds[i + same]) == 0;)
            same++;
        (void)fprintf(stream, "%zu %s;", same, kinds[i]);
    }
    free(kinds);
    ck_assert_int_eq(fclose(stream), 0);
    return text;
}

/* What is the object itself, and not what lies in it. */
char *census_objects(struct ipcb *administrator)
{
    static const char *const keys[] = {"kind", "state", "device", "inode"};
    struct ipcb_list *list = NULL;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(stream);
    ck_assert_msg(ipcb_list(administrator, &list) == 0, "list: %s", ipcb_message(administrator));
    for (size_t i = 0; i < ipcb_list_count(list); i++) {
        const char *name = fact_text(ipcb_list_at(list, i), "name");
        struct ipcb_facts *facts = show(administrator, name);

        (void)fprintf(stream, "%s", name);
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
            const struct ipcb_fact *fact = ipcb_facts_find(facts, keys[k]);

            (void)fprintf(stream, " %s", fact ? fact->text : "-");
        }
        (void)fputc(';', stream);
        (void)ipcb_facts_free(facts);
    }
    (void)ipcb_list_free(list);
    ck_assert_int_eq(fclose(stream), 0);
    return text;
}
