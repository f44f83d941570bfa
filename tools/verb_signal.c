#include "base/number.h"
#include "tools/ctl.h"

int verb_signal(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(event_freep) struct ipcb_event *e = NULL;
    const char *name;
    uint64_t n = 1;
    int r;

    if (!ctl_arguments(ctl, argc, argv, 1, 2))
        return EXIT_USAGE;
    name = argv[optind];
    if (argv[optind + 1] && (parse_number(argv[optind + 1], UINT64_MAX - 1, &n) < 0 || n == 0))
        return ctl_usage("signal takes a number from 1 to 2^64-2, not '%s'", argv[optind + 1]);
    r = ctl_acquire_event(ctl, name, &e);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_event_signal(e, n);
    if (r == -EAGAIN)
        return ctl_error(r, "the count of '%s' is too high to add %llu", name,
                         (unsigned long long)n);
    return r < 0 ? ctl_error(r, "cannot signal '%s': %m", name) : EXIT_DONE;
}
