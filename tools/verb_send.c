#include "base/number.h"
#include "tools/ctl.h"

#include <string.h>

#define PRIORITY_MAX 32767u /* mq_send(3) */

struct wish {
    const char *name;
    const char *text; /* NULL: the message is on stdin */
    unsigned priority;
    int64_t timeout_us;
};

static bool parse_priority(const char *text, unsigned *ret)
{
    uint64_t priority;

    if (parse_number(text, PRIORITY_MAX, &priority) < 0) {
        (void)ctl_usage("--priority takes a number from 0 to %u, not '%s'", PRIORITY_MAX, text);
        return false;
    }
    *ret = (unsigned)priority;
    return true;
}

static bool parse(struct ctl *ctl, int argc, char **argv, struct wish *ret)
{
    static const struct option options[] = {{"priority", required_argument, NULL, 'p'},
                                            {"timeout", required_argument, NULL, 't'},
                                            CTL_OPTIONS};
    int c;

    *ret = (struct wish){.timeout_us = -1};
    while ((c = ctl_option(ctl, argc, argv, options)) != -1) {
        if (c == 'p' && parse_priority(optarg, &ret->priority))
            continue;
        if (c == 't' && ctl_timeout(optarg, &ret->timeout_us))
            continue;
        return false;
    }
    if (!ctl_count_is(argc, 1, 2))
        return false;
    ret->name = argv[optind];
    ret->text = argv[optind + 1];
    if (ret->text && strcmp(ret->text, "-") == 0)
        ret->text = NULL;
    return true;
}

static int explain(const struct ipcb_queue *q, const struct wish *wish, int r)
{
    switch (r) {
    case -EAGAIN:
    case -ETIMEDOUT:
        return ctl_error(r, "'%s' is full%s", wish->name,
                         r == -EAGAIN ? "" : ", and nobody received from it in time");
    case -EMSGSIZE:
        return ctl_error(r, "the message is too long: '%s' takes at most %zu bytes", wish->name,
                         ipcb_queue_message_size(q));
    default:
        return ctl_error(r, "cannot send to '%s': %m", wish->name);
    }
}

static int send_message(struct ipcb_queue *q, const struct wish *wish, const void *message,
                        size_t size)
{
    int r = ipcb_queue_send(q, message, size, wish->priority, wish->timeout_us);

    return r < 0 ? explain(q, wish, r) : EXIT_DONE;
}

/* All of stdin is one message: not a byte is added or dropped. */
static int send_stdin(struct ipcb_queue *q, const struct wish *wish)
{
    size_t room = ipcb_queue_message_size(q) + 1; /* one more tells that there is too much */
    _cleanup_free_ char *message = malloc(room);
    size_t size;

    if (!message)
        return ctl_error(-ENOMEM, "%m");
    size = fread(message, 1, room, stdin);
    if (ferror(stdin))
        return ctl_error(-EIO, "cannot read the message from stdin");
    if (size == room)
        return explain(q, wish, -EMSGSIZE);
    return send_message(q, wish, message, size);
}

int verb_send(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(queue_freep) struct ipcb_queue *q = NULL;
    struct wish wish;
    int r;

    if (!parse(ctl, argc, argv, &wish))
        return EXIT_USAGE;
    r = ctl_connect(ctl);
    if (r != EXIT_DONE)
        return r;
    r = ipcb_queue_acquire(&q, ctl->broker, wish.name, IPCB_SEND);
    if (r < 0)
        return ctl_broker_error(ctl, r);
    return wish.text ? send_message(q, &wish, wish.text, strlen(wish.text)) : send_stdin(q, &wish);
}
