#include "tools/message.h"

#include "base/number.h"

#define PRIORITY_MAX 32767u /* mq_send(3) */

static bool number_option(const char *option, uint64_t max, uint64_t *ret)
{
    if (parse_number(optarg, max, ret) == 0)
        return true;
    (void)ctl_usage("--%s takes a number from 0 to %llu, not '%s'", option, (unsigned long long)max,
                    optarg);
    return false;
}

/* ---- sending ---- */

bool sending_option(struct sending *s, int c)
{
    uint64_t priority;

    if (c == 't')
        return ctl_timeout(optarg, &s->timeout_us);
    if (c != 'p' || !number_option("priority", PRIORITY_MAX, &priority))
        return false;
    s->priority = (unsigned)priority;
    return true;
}

static int too_long(const struct sending *s)
{
    return ctl_error(-EMSGSIZE, "the message is too long: '%s' takes at most %zu bytes", s->name,
                     ipcb_queue_message_size(s->queue));
}

int send_message(const struct sending *s, const void *message, size_t size)
{
    int r = ipcb_queue_send(s->queue, message, size, s->priority, s->timeout_us);

    switch (r) {
    case 0:
        return EXIT_DONE;
    case -EAGAIN:
    case -ETIMEDOUT:
        return ctl_error(r, "'%s' is full%s", s->name,
                         r == -EAGAIN ? "" : ", and nobody received from it in time");
    case -EMSGSIZE:
        return too_long(s);
    default:
        return ctl_error(r, "cannot send to '%s': %m", s->name);
    }
}

int send_stdin(const struct sending *s, int delimiter)
{
    size_t most = ipcb_queue_message_size(s->queue), size;
    _cleanup_free_ char *message = malloc(most);
    int r, c;

    if (!message)
        return ctl_error(-ENOMEM, "%m");
    do {
        for (size = 0; (c = getc(stdin)) != EOF && c != delimiter; message[size++] = (char)c)
            if (size == most)
                return too_long(s);
        if (ferror(stdin))
            return ctl_error(-EIO, "cannot read the message from stdin");
        if (c == EOF && size == 0 && delimiter != EOF)
            return EXIT_DONE; /* nothing stands behind the last delimiter */
        r = send_message(s, message, size);
    } while (r == EXIT_DONE && c != EOF);
    return r;
}

/* ---- receiving ---- */

bool receiving_option(struct receiving *r, int c)
{
    switch (c) {
    case 't':
        return ctl_timeout(optarg, &r->timeout_us);
    case 'N':
        r->counted = true;
        return number_option("count", UINT64_MAX, &r->count);
    case 'f':
        r->follow = true;
        return true;
    default:
        return false;
    }
}

bool receiving_is_clear(const struct receiving *r)
{
    if (!r->follow || !r->counted)
        return true;
    (void)ctl_usage("--count and --follow exclude each other");
    return false;
}

int receive_messages(const struct receiving *r,
                     int (*print)(const struct ctl *ctl, const void *message, size_t size,
                                  unsigned priority),
                     const struct ctl *ctl)
{
    for (uint64_t i = 0; r->follow || i < r->count; i++) {
        const void *message;
        unsigned priority;
        ssize_t n = ipcb_queue_receive(r->queue, &message, &priority, r->timeout_us);
        int code;

        if (n == -EAGAIN || n == -ETIMEDOUT)
            return ctl_error((int)n, "'%s' is empty%s", r->name,
                             n == -EAGAIN ? "" : ", and nobody sent to it in time");
        if (n < 0)
            return ctl_error((int)n, "cannot receive from '%s': %m", r->name);
        code = print(ctl, message, (size_t)n, priority);
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}
