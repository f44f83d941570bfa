#include "tools/access.h"
#include "tools/ctl.h"
#include "tools/subject.h"

#include <string.h>

static void free_gids(gid_t **groups)
{
    free(*groups);
}

/* Each kind has its own words for the directions, in a configuration too. */
static int print(const struct ctl *ctl, const char *word, const struct ipcb_facts *facts)
{
    int r;

    if (strcmp(ctl_fact(facts, "asked"), word) != 0)
        return ctl_usage("'%s': an object of the kind %s has no such access; its word for it is %s",
                         word, ctl_fact(facts, "kind"), ctl_fact(facts, "asked"));
    r = ctl_print_facts(ctl, facts);
    if (r != EXIT_DONE)
        return r;
    return strcmp(ctl_fact(facts, "allowed"), "yes") == 0 ? EXIT_DONE : EXIT_DENIED;
}

static int ask(struct ctl *ctl, char **arguments)
{
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    _cleanup_(free_gids) gid_t *groups = NULL;
    bool me = strcmp(arguments[0], "me") == 0;
    unsigned kinds, access = access_from(arguments[1], &kinds);
    struct ipcb_subject subject;
    int r;

    if (access == 0)
        return EXIT_USAGE;
    r = me ? EXIT_DONE : subject_from(arguments[0], &subject, &groups);
    if (r == EXIT_DONE)
        r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_can(ctl->broker, me ? NULL : &subject, arguments[2], access, &facts);
    if (r == -EINVAL)
        return ctl_usage("%s", ipcb_message(ctl->broker));
    return r < 0 ? ctl_broker_error(ctl, r) : print(ctl, arguments[1], facts);
}

int verb_can(struct ctl *ctl, int argc, char **argv)
{
    if (!ctl_arguments(ctl, argc, argv, 3, 3))
        return EXIT_USAGE;
    return ask(ctl, argv + optind);
}
