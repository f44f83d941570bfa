#include "tools/ctl.h"
#include "tools/json.h"

#include <string.h>

/* The keys that have a column of their own; all others stand behind them. */
static const struct {
    const char *key, *title;
} columns[] = {{"name", "NAME"}, {"kind", "KIND"}, {"state", "STATE"}, {"access", "ACCESS"}};

#define N_COLUMNS ARRAY_SIZE(columns)

static const char *text_of(const struct ipcb_facts *object, const char *key)
{
    const struct ipcb_fact *fact = ipcb_facts_find(object, key);

    return fact ? fact->text : "-";
}

static bool has_column(const char *key)
{
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (strcmp(columns[i].key, key) == 0)
            return true;
    return false;
}

/* ---- a table ---- */

static void measure(const struct ipcb_list *list, const char *pattern, int widths[N_COLUMNS])
{
    for (size_t c = 0; c < N_COLUMNS; c++)
        widths[c] = (int)strlen(columns[c].title);
    for (size_t i = 0; i < ipcb_list_count(list); i++) {
        const struct ipcb_facts *object = ipcb_list_at(list, i);

        if (!ctl_matches(object, pattern))
            continue;
        for (size_t c = 0; c < N_COLUMNS; c++) {
            int width = (int)strlen(text_of(object, columns[c].key));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
}

/* key=value, in quotes where the value has blanks. */
static void print_detail(const struct ipcb_fact *fact)
{
    const char *quote = strchr(fact->text, ' ') ? "\"" : "";

    (void)printf("  %s=%s%s%s", fact->key, quote, fact->text, quote);
}

static void print_row(const struct ipcb_facts *object, const int widths[N_COLUMNS])
{
    for (size_t c = 0; c < N_COLUMNS; c++)
        (void)printf("%s%-*s", c > 0 ? "  " : "", widths[c], text_of(object, columns[c].key));
    for (size_t i = 0; i < ipcb_facts_count(object); i++)
        if (!has_column(ipcb_facts_at(object, i)->key))
            print_detail(ipcb_facts_at(object, i));
    (void)putchar('\n');
}

static int print_table(const struct ipcb_list *list, const char *pattern)
{
    int widths[N_COLUMNS];

    measure(list, pattern, widths);
    for (size_t c = 0; c < N_COLUMNS; c++)
        (void)printf("%s%-*s", c > 0 ? "  " : "", widths[c], columns[c].title);
    (void)puts("  DETAILS");
    for (size_t i = 0; i < ipcb_list_count(list); i++)
        if (ctl_matches(ipcb_list_at(list, i), pattern))
            print_row(ipcb_list_at(list, i), widths);
    return ctl_flush();
}

int verb_list(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(list_freep) struct ipcb_list *list = NULL;
    const char *pattern;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 0, 1))
        return EXIT_USAGE;
    pattern = argv[optind];
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_list(ctl->broker, &list);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    return ctl->json ? json_print_list(list, pattern) : print_table(list, pattern);
}
