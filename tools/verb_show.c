#include "tools/ctl.h"

int verb_show(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 1, 1))
        return EXIT_USAGE;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_show(ctl->broker, argv[optind], &facts);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    return ctl_print_facts(ctl, facts);
}
