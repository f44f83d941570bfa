#include "tools/ctl.h"

#include <string.h>

/* A broker that does not say how it does is not one to rely on. */
static bool is_ok(const struct ipcb_facts *facts)
{
    return strcmp(ctl_fact(facts, "state"), "ok") == 0;
}

int verb_status(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 0, 0))
        return EXIT_USAGE;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_status(ctl->broker, &facts);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    r = ctl_print_facts(ctl, facts);
    return r == EXIT_DONE && !is_ok(facts) ? EXIT_FAILED : r;
}
