#include "tools/ctl.h"

#include <string.h>

static int connect_as_admin(struct ctl *ctl)
{
    ctl->admin = true;
    return ctl_connect(ctl);
}

int verb_replace(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 1, 1))
        return EXIT_USAGE;
    r = connect_as_admin(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_replace(ctl->broker, argv[optind], &facts);
    return r < 0 ? ctl_broker_error(ctl, r) : ctl_print_facts(ctl, facts);
}

/* At most as much as there was at first: what comes meanwhile is not ours to take. */
static int purge(struct ctl *ctl, const char *name)
{
    uint64_t taken = 0, most = 0, left;

    do {
        _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
        int r = ipcb_purge(ctl->broker, name, &facts);

        if (r < 0)
            return ctl_broker_error(ctl, r);
        if (!ipcb_facts_find(facts, "taken") || !ipcb_facts_find(facts, "left"))
            return ctl_error(-EPROTO, "the broker did not say what it took");
        left = ipcb_facts_find(facts, "left")->number;
        if (most == 0)
            most = ipcb_facts_find(facts, "taken")->number + left;
        taken += ipcb_facts_find(facts, "taken")->number;
        if (left == 0 || taken >= most || ipcb_facts_find(facts, "taken")->number == 0)
            break;
    } while (true);
    if (ctl->json)
        (void)printf("{\"taken\": %llu, \"left\": %llu}\n", (unsigned long long)taken,
                     (unsigned long long)left);
    else
        (void)printf("taken  %llu\nleft   %llu\n", (unsigned long long)taken,
                     (unsigned long long)left);
    return ctl_flush() == EXIT_DONE && left == 0 ? EXIT_DONE : EXIT_FAILED;
}

int verb_purge(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"retired", no_argument, NULL, 'r'}, CTL_OPTIONS};
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    bool retired = false;
    int c, r;

    while ((c = ctl_option(ctl, argc, argv, options)) != -1) {
        if (c != 'r')
            return EXIT_USAGE;
        retired = true;
    }
    if (!ctl_count_is(argc, !retired, !retired))
        return EXIT_USAGE;
    r = connect_as_admin(ctl);
    if (r != EXIT_DONE)
        return r;
    if (!retired)
        return purge(ctl, argv[optind]);
    r = ipcb_purge(ctl->broker, NULL, &facts);
    return r < 0 ? ctl_broker_error(ctl, r) : ctl_print_facts(ctl, facts);
}
