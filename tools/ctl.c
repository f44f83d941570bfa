#include "tools/ctl.h"

#include "base/address.h"
#include "base/number.h"
#include "tools/json.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

/* ---- errors ---- */

_printf_(1, 0) static void complain(const char *format, va_list arguments)
{
    (void)fflush(stdout); /* so that the two streams keep their order */
    (void)fputs("ipcbrokerctl: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

static int exit_code(int r)
{
    switch (-r) {
    case ENOTCONN:
    case ECONNRESET:
        return EXIT_NO_BROKER;
    case EACCES:
        return EXIT_DENIED;
    case EAGAIN:
    case ETIMEDOUT:
        return EXIT_TIMEOUT;
    case ENOENT:
        return EXIT_NO_OBJECT;
    default:
        return EXIT_FAILED;
    }
}

int ctl_error(int r, const char *format, ...)
{
    va_list arguments;

    errno = -r; /* for %m */
    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return exit_code(r);
}

int ctl_broker_error(const struct ctl *ctl, int r)
{
    return ctl_error(r, "%s", ipcb_message(ctl->broker));
}

int ctl_usage(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

/* ---- options ---- */

int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options)
{
    const char *order = ctl->options_first ? "+" : "";
    int c;

    while ((c = getopt_long(argc, argv, order, options, NULL)) == 'j')
        ctl->json = true;
    if (c == 'h') {
        ctl_help(stdout);
        exit(ctl_flush());
    }
    return c;
}

bool ctl_count_is(int argc, int least, int most)
{
    int n = argc - optind;

    if (n >= least && n <= most)
        return true;
    (void)ctl_usage("%s arguments; see `ipcbrokerctl --help`", n < least ? "too few" : "too many");
    return false;
}

bool ctl_arguments(struct ctl *ctl, int argc, char **argv, int least, int most)
{
    static const struct option options[] = {CTL_OPTIONS};

    return ctl_option(ctl, argc, argv, options) == -1 && ctl_count_is(argc, least, most);
}

bool ctl_timeout(const char *text, int64_t *ret_us)
{
    if (parse_seconds(text, ret_us) == 0)
        return true;
    (void)ctl_usage("--timeout takes seconds, such as 2 or 0.25, not '%s'", text);
    return false;
}

/* ---- the handle ---- */

static int connect_to(struct ctl *ctl, const char *socket)
{
    int r = ipcb_new(&ctl->broker, socket);

    if (r == -EINVAL)
        return ctl_usage("the socket must be given by an absolute path%s%s", socket ? ", not " : "",
                         socket ? socket : ": look at IPCBROKER_SOCKET");
    return r < 0 ? ctl_error(r, "cannot use this socket: %m") : EXIT_DONE;
}

static int connect_to_admin(struct ctl *ctl)
{
    _cleanup_free_ char *path = admin_path_from(ipcb_socket(ctl->broker));

    if (!path)
        return ctl_error(-ENOMEM, "%m");
    ctl->broker = ipcb_free(ctl->broker);
    return connect_to(ctl, path);
}

int ctl_connect(struct ctl *ctl)
{
    _cleanup_free_ char *users = NULL;
    int r;

    /* A reader that has gone is an error of writing, which we report, rather than our death. */
    ctl->on_sigpipe = signal(SIGPIPE, SIG_IGN);
    if (ctl->user) {
        r = user_socket_path(&users);
        if (r == -ENXIO)
            return ctl_usage("--user needs XDG_RUNTIME_DIR, which is not set to an absolute path");
        if (r < 0)
            return ctl_error(r, "%m");
    }
    r = connect_to(ctl, users ? users : ctl->socket);
    return r == EXIT_DONE && ctl->admin ? connect_to_admin(ctl) : r;
}

/* ---- processes ---- */

void ctl_guard_streams(void)
{
    /* For the wrong direction each: reading or writing there is an error, as it was. */
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int fd = 0; fd < (int)ARRAY_SIZE(flags); fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd] | O_CLOEXEC) != fd)
            exit(EXIT_FAILED); /* there is nowhere to say it */
}

int ctl_become(char **program)
{
    int error;

    (void)execvp(program[0], program);
    error = errno;
    (void)ctl_error(-error, "cannot run %s: %m", program[0]);
    return error == ENOENT ? 127 : 126;
}

/* ---- output ---- */

int ctl_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_DONE;
    (void)ctl_error(errno > 0 ? -errno : -EIO, "cannot write the output: %m");
    return EXIT_FAILED;
}

static int longest_key(const struct ipcb_facts *facts)
{
    size_t longest = 0;

    for (size_t i = 0; i < ipcb_facts_count(facts); i++) {
        size_t size = strlen(ipcb_facts_at(facts, i)->key);
        longest = size > longest ? size : longest;
    }
    return (int)longest;
}

/* A line a fact; the key of a list stands at its first element only. */
static void print_lines(const struct ipcb_facts *facts)
{
    int width = longest_key(facts);
    const char *last = "";

    for (size_t i = 0; i < ipcb_facts_count(facts); i++) {
        const struct ipcb_fact *fact = ipcb_facts_at(facts, i);
        bool again = fact->is_list && strcmp(fact->key, last) == 0;

        (void)printf("%-*s  %s\n", width, again ? "" : fact->key, fact->text);
        last = fact->key;
    }
}

const char *ctl_fact(const struct ipcb_facts *facts, const char *key)
{
    const struct ipcb_fact *fact = ipcb_facts_find(facts, key);

    return fact ? fact->text : "";
}

int ctl_print_facts(const struct ctl *ctl, const struct ipcb_facts *facts)
{
    if (ctl->json)
        return json_print(json_from_facts(facts));
    print_lines(facts);
    return ctl_flush();
}
