#include "tools/ctl.h"
#include "tools/json.h"

#include <inttypes.h>

static bool parse(struct ctl *ctl, int argc, char **argv, int64_t *ret_timeout_us)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'}, CTL_OPTIONS};
    int c;

    *ret_timeout_us = -1;
    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (c != 't' || !ctl_timeout(optarg, ret_timeout_us))
            return false;
    return ctl_count_is(argc, 1, 1);
}

static int print(const struct ctl *ctl, uint64_t count)
{
    if (ctl->json)
        return json_print(json_from_count(count));
    (void)printf("%" PRIu64 "\n", count);
    return ctl_flush();
}

int verb_wait(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(event_freep) struct ipcb_event *e = NULL;
    int64_t timeout_us;
    uint64_t count;
    int r;

    if (!parse(ctl, argc, argv, &timeout_us))
        return EXIT_USAGE;
    r = ctl_acquire_event(ctl, argv[optind], &e);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_event_wait(e, &count, timeout_us);
    if (r == -EAGAIN || r == -ETIMEDOUT)
        return ctl_error(r, "'%s' has not been signalled%s", argv[optind],
                         r == -EAGAIN ? "" : " in time");
    return r < 0 ? ctl_error(r, "cannot wait for '%s': %m", argv[optind]) : print(ctl, count);
}
