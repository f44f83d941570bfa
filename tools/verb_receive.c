#include "base/number.h"
#include "tools/ctl.h"
#include "tools/json.h"

struct wish {
    const char *name;
    uint64_t count; /* of messages */
    bool follow;    /* for ever */
    int64_t timeout_us;
};

static bool parse_count(const char *text, uint64_t *ret)
{
    if (parse_number(text, UINT64_MAX, ret) == 0 && *ret > 0)
        return true;
    (void)ctl_usage("--count takes a number from 1, not '%s'", text);
    return false;
}

static bool parse(struct ctl *ctl, int argc, char **argv, struct wish *ret)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"follow", no_argument, NULL, 'f'},
                                            CTL_OPTIONS};
    int c;

    *ret = (struct wish){.timeout_us = -1};
    while ((c = ctl_option(ctl, argc, argv, options)) != -1) {
        if (c == 't' && ctl_timeout(optarg, &ret->timeout_us))
            continue;
        if (c == 'n' && parse_count(optarg, &ret->count))
            continue;
        if (c != 'f')
            return false;
        ret->follow = true;
    }
    if (!ctl_count_is(argc, 1, 1))
        return false;
    if (ret->follow && ret->count > 0) {
        (void)ctl_usage("--count and --follow exclude each other");
        return false;
    }
    if (ret->count == 0)
        ret->count = 1;
    ret->name = argv[optind];
    return true;
}

/* The message as it is and a newline; at once, as whoever reads may act on it. */
static int print(const struct ctl *ctl, const void *message, size_t size, unsigned priority)
{
    if (ctl->json)
        return json_print(json_from_message(message, size, priority));
    (void)fwrite(message, 1, size, stdout);
    (void)putchar('\n');
    return ctl_flush();
}

static int receive(const struct ctl *ctl, struct ipcb_queue *q, const struct wish *wish)
{
    const void *message;
    unsigned priority;
    ssize_t n = ipcb_queue_receive(q, &message, &priority, wish->timeout_us);

    if (n == -EAGAIN || n == -ETIMEDOUT)
        return ctl_error((int)n, "'%s' is empty%s", wish->name,
                         n == -EAGAIN ? "" : ", and nobody sent to it in time");
    if (n < 0)
        return ctl_error((int)n, "cannot receive from '%s': %m", wish->name);
    return print(ctl, message, (size_t)n, priority);
}

int verb_receive(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct wish wish;
    int r;

    if (!parse(ctl, argc, argv, &wish))
        return EXIT_USAGE;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_queue_acquire(&q, ctl->broker, wish.name, IPCB_RECEIVE);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    do
        r = receive(ctl, q, &wish);
    while (r == EXIT_DONE && (wish.follow || --wish.count > 0));
    return r;
}
