#include "tools/ctl.h"
#include "tools/json.h"

#include <string.h>

/* What is wrong goes where errors go. */
static void print_problems(const struct ipcb_list *list)
{
    for (size_t i = 1; i < ipcb_list_count(list); i++) {
        const struct ipcb_facts *line = ipcb_list_at(list, i);
        bool warning = strcmp(ctl_fact(line, "severity"), "warning") == 0;

        if (ipcb_facts_find(line, "problem"))
            (void)fprintf(stderr, "%s%s\n", warning ? "warning: " : "", ctl_fact(line, "problem"));
    }
}

static void print_changes(const struct ipcb_list *list)
{
    for (size_t i = 1; i < ipcb_list_count(list); i++) {
        const struct ipcb_facts *line = ipcb_list_at(list, i);

        if (ipcb_facts_find(line, "change"))
            (void)printf("%-8s  %-7s  %s%s%s\n", ctl_fact(line, "change"), ctl_fact(line, "kind"),
                         ctl_fact(line, "name"), *ctl_fact(line, "detail") ? "  " : "",
                         ctl_fact(line, "detail"));
    }
}

static int print(const struct ctl *ctl, const struct ipcb_list *list)
{
    const struct ipcb_facts *summary = ipcb_list_at(list, 0);

    if (ctl->json)
        return json_print_list(list, NULL);
    print_changes(list);
    print_problems(list);
    if (ipcb_facts_find(summary, "why"))
        return ctl_error(-EINVAL, "%s, nothing was changed: %s", ctl_fact(summary, "state"),
                         ctl_fact(summary, "why"));
    return ctl_flush();
}

/* Whether the files were, or would be, applied as they stand there. */
static bool is_good(const struct ipcb_facts *summary)
{
    const char *state = ctl_fact(summary, "state");

    return (strcmp(state, "applied") == 0 || strcmp(state, "planned") == 0) &&
           strcmp(ctl_fact(summary, "left_out_files"), "0") == 0 &&
           strcmp(ctl_fact(summary, "stale_files"), "0") == 0;
}

static int run(struct ctl *ctl, int argc, char **argv,
               int (*ask)(struct ipcb *b, struct ipcb_list **ret))
{
    _cleanup_(list_freep) struct ipcb_list *list = NULL;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 0, 0))
        return EXIT_USAGE;
    ctl->admin = true;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    ipcb_set_timeout(ctl->broker, -1); /* files and names may take their time */
    r = ask(ctl->broker, &list);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    if (ipcb_list_count(list) == 0)
        return ctl_error(-EPROTO, "the broker did not say what came of it");
    r = print(ctl, list);
    return r == EXIT_DONE && !is_good(ipcb_list_at(list, 0)) ? EXIT_FAILED : r;
}

int verb_plan(struct ctl *ctl, int argc, char **argv)
{
    return run(ctl, argc, argv, ipcb_plan);
}

int verb_reload(struct ctl *ctl, int argc, char **argv)
{
    return run(ctl, argc, argv, ipcb_reload);
}
