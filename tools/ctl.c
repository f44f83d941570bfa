#include "tools/ctl.h"

#include "base/address.h"
#include "base/number.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

/* ---- errors ---- */

_printf_(1, 0) static void complain(const char *format, va_list arguments)
{
    (void)fflush(stdout); /* so that the two streams keep their order */
    (void)fprintf(stderr, "%s: ", ctl_program);
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

/* ---- the start ---- */

void ctl_start(struct ctl *ctl, int argc, char **argv)
{
    /* For the wrong direction each: reading or writing there is an error, as it was. */
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int fd = 0; fd < (int)ARRAY_SIZE(flags); fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd] | O_CLOEXEC) != fd)
            exit(EXIT_FAILED); /* there is nowhere to say it */
    ctl->on_sigpipe = signal(SIGPIPE, SIG_IGN);
    if (argc > 0)
        argv[0] = (char *)ctl_program; /* what getopt begins its errors with */
}

/* ---- options ---- */

int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options)
{
    const char *letters = ctl->short_options ? ctl->short_options : "";
    int c;

    while ((c = getopt_long(argc, argv, letters, options, NULL)) == 'j')
        ctl->json = true;
    if (c == 'h')
        ctl_help(stdout);
    else if (c == 'V')
        (void)printf("%s " PACKAGE_VERSION "\n", ctl_program);
    else
        return c;
    exit(ctl_flush());
}

bool ctl_count_is(int argc, int least, int most)
{
    int n = argc - optind;

    if (n >= least && n <= most)
        return true;
    (void)ctl_usage("%s arguments; see `%s --help`", n < least ? "too few" : "too many",
                    ctl_program);
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
    (void)ctl_usage("'%s' is no time: seconds are expected, such as 2 or 0.25", text);
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

/* An acquire failed with R: if NAME is there and of another kind, OTHERS are the verbs for it. */
static int acquire_error(struct ctl *ctl, int r, const char *name, const char *others)
{
    _cleanup_(facts_freep) struct ipcb_facts *facts = NULL;
    _cleanup_free_ char *sentence = strdup(ipcb_message(ctl->broker));

    if (r != -EINVAL || !sentence || ipcb_show(ctl->broker, name, &facts) < 0)
        return ctl_error(r, "%s", sentence ? sentence : ipcb_message(ctl->broker));
    return ctl_error(r, "%s; for it there are `ipcbrokerctl %s", sentence, others);
}

int ctl_acquire_queue(struct ctl *ctl, const char *name, unsigned access, struct ipcb_queue **ret)
{
    int r = ctl_connect(ctl);

    if (r != EXIT_DONE)
        return r;
    r = ipcb_queue_acquire(ret, ctl->broker, name, access);
    return r < 0 ? acquire_error(ctl, r, name, "signal` and `ipcbrokerctl wait`") : EXIT_DONE;
}

int ctl_acquire_event(struct ctl *ctl, const char *name, struct ipcb_event **ret)
{
    int r = ctl_connect(ctl);

    if (r != EXIT_DONE)
        return r;
    r = ipcb_event_acquire(ret, ctl->broker, name);
    return r < 0 ? acquire_error(ctl, r, name, "send` and `ipcbrokerctl receive`") : EXIT_DONE;
}

/* ---- processes ---- */

int ctl_become(const struct ctl *ctl, char **program)
{
    int error;

    (void)signal(SIGPIPE, ctl->on_sigpipe);
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
