#include "tools/access.h"
#include "tools/ctl.h"
#include "tools/hand_down.h"

#include <string.h>

#define PATIENCE_US 10000000 /* for the broker's answer, as that of the library's other calls */

struct wish {
    struct ipcb_item items[IPCB_ITEMS_MAX];
    const char *names[IPCB_ITEMS_MAX]; /* by which PROGRAM shall know them */
    char variables[IPCB_ITEMS_MAX][VARIABLE_SIZE];
    size_t n;
    unsigned flags;
    int64_t timeout_us;
    char **program; /* with its arguments */
};

/* ---- what is wished for ---- */

static bool is_fd_name(const char *text)
{
    size_t size = 0;

    while (text[size] >= ' ' && text[size] < 0x7f && text[size] != ':')
        size++;
    return text[size] == '\0' && size > 0 && size <= HAND_DOWN_NAME_MAX;
}

/* NAME[:ACCESS][=ALIAS], which is cut into its parts where it stands. */
static bool parse_item(struct wish *wish, char *text)
{
    struct ipcb_item *item = &wish->items[wish->n];
    char *alias = text, *word;

    if (wish->n == IPCB_ITEMS_MAX) {
        (void)ctl_usage("exec takes at most %d names", IPCB_ITEMS_MAX);
        return false;
    }
    (void)strsep(&alias, "=");
    word = strchr(text, ':');
    if (word)
        *word++ = '\0';
    *item = (struct ipcb_item){.name = text, .flags = wish->flags};
    item->access = word ? access_from(word, &item->kinds) : 0;
    if (word && item->access == 0)
        return false;
    if (alias && !is_fd_name(alias)) {
        (void)ctl_usage("'%s' cannot be an alias: it takes 1 to %d printable characters but ':'",
                        alias, HAND_DOWN_NAME_MAX);
        return false;
    }
    wish->names[wish->n] = alias ? alias : text + (*text == '/');
    hand_down_variable(wish->names[wish->n], wish->variables[wish->n]);
    wish->n++;
    return true;
}

/* A script could not tell two apart whose variable is the same. */
static bool names_are_distinct(const struct wish *wish)
{
    for (size_t i = 0; i < wish->n; i++) {
        if (getenv(wish->variables[i])) {
            (void)ctl_usage("%s is there already; give '%s' another alias: NAME=ALIAS",
                            wish->variables[i], wish->names[i]);
            return false;
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(wish->variables[i], wish->variables[j]) == 0) {
                (void)ctl_usage("'%s' and '%s' would both be %s; give one an alias: NAME=ALIAS",
                                wish->names[j], wish->names[i], wish->variables[i]);
                return false;
            }
    }
    return true;
}

static bool take_option(struct wish *wish, int c)
{
    switch (c) {
    case 'n':
        wish->flags |= IPCB_NONBLOCK;
        return true;
    case 'w':
        wish->flags |= IPCB_UNTIL_DECLARED;
        wish->timeout_us = -1;
        return !optarg || ctl_timeout(optarg, &wish->timeout_us);
    default:
        return false;
    }
}

static bool parse_options(struct ctl *ctl, int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {
        {"nonblock", no_argument, NULL, 'n'}, {"wait", optional_argument, NULL, 'w'}, CTL_OPTIONS};
    int c;

    while ((c = ctl_option(ctl, argc, argv, options)) != -1)
        if (!take_option(wish, c))
            return false;
    if (wish->timeout_us != 0)
        return true;
    (void)ctl_usage("--wait=0 would not wait; leave it out");
    return false;
}

/* The first "--" parts our own arguments from PROGRAM's. */
static bool parse(struct ctl *ctl, int argc, char **argv, struct wish *wish)
{
    int ours = 1;

    while (ours < argc && strcmp(argv[ours], "--") != 0)
        ours++;
    if (!parse_options(ctl, ours, argv, wish))
        return false;
    wish->program = argv + ours + (ours < argc);
    if (optind == ours || !*wish->program) {
        (void)ctl_usage("exec takes NAME... -- PROGRAM; see `ipcbrokerctl --help`");
        return false;
    }
    for (int i = optind; i < ours; i++)
        if (!parse_item(wish, argv[i]))
            return false;
    return true;
}

/* ---- doing it ---- */

static int acquire(struct ctl *ctl, struct wish *wish)
{
    int r = ctl_connect(ctl);

    if (r != EXIT_DONE)
        return r;
    r = ipcb_acquire_many(ctl->broker, wish->items, wish->n, wish->timeout_us);
    if (r == -EINVAL)
        return ctl_usage("%s", ipcb_message(ctl->broker));
    if (r == -ETIMEDOUT && wish->flags & IPCB_UNTIL_DECLARED)
        return ctl_error(r, "not all of these objects have been declared in time");
    if (r < 0)
        return ctl_broker_error(ctl, r);
    ctl->broker = ipcb_free(ctl->broker); /* its socket may have a number that we need */
    return EXIT_DONE;
}

static int hand_down(const struct wish *wish, const struct hand_down *inherited)
{
    struct sentence why;
    int fds[IPCB_ITEMS_MAX], r;

    for (size_t i = 0; i < wish->n; i++)
        fds[i] = wish->items[i].fd;
    r = hand_down_place(inherited, fds, wish->n, &why);
    if (r < 0)
        return ctl_error(-EIO, "%s", why.text);
    if (hand_down_announce(inherited, fds, wish->names, wish->n) < 0)
        return ctl_error(-ENOMEM, "%m");
    return EXIT_DONE;
}

int verb_exec(struct ctl *ctl, int argc, char **argv)
{
    struct wish wish = {.timeout_us = PATIENCE_US};
    struct hand_down inherited;
    struct sentence why;
    int r;

    if (!parse(ctl, argc, argv, &wish))
        return EXIT_USAGE;
    if (hand_down_init(&inherited, &why) < 0)
        return ctl_error(-EIO, "%s", why.text);
    if (!names_are_distinct(&wish))
        return EXIT_USAGE;
    r = acquire(ctl, &wish);
    if (r == EXIT_DONE)
        r = hand_down(&wish, &inherited);
    return r == EXIT_DONE ? ctl_become(ctl, wish.program) : r;
}
