#include "tools/ctl.h"
#include "tools/sandbox_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define BROKER_STOP_MS 10000 /* then it is killed */

struct sandbox {
    const struct ctl *ctl;
    const char *config;
    char **program; /* with its arguments */
    char *directory, *socket, *notify_path;
    int notify_fd, signal_fd;
    sigset_t mask;                 /* as it was for us, and shall be for PROGRAM */
    pid_t broker_pid, program_pid; /* 0: not started, or ended and reaped */
};

/* ---- setting up ---- */

/* Signals are read from a descriptor, so that none comes between looking and waiting. */
static int take_signals(struct sandbox *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD};
    sigset_t set;

    (void)signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, no child could be awaited */
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        (void)sigaddset(&set, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &set, &s->mask);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? -errno : 0;
}

/* What fails before PROGRAM runs is our failure, whatever its errno means in an answer. */
#define set_up_error(...) ((void)ctl_error(__VA_ARGS__), EXIT_FAILED)

static int set_up(struct sandbox *s)
{
    int r;

    r = take_signals(s);
    if (r < 0)
        return set_up_error(r, "cannot await signals: %m");
    r = sandbox_dir_make(&s->directory);
    if (r < 0)
        return set_up_error(r, "cannot make a directory below $XDG_RUNTIME_DIR, $TMPDIR or /tmp: "
                               "%m");
    if (asprintf(&s->socket, "%s/ipcbroker.sock", s->directory) < 0 ||
        asprintf(&s->notify_path, "%s/notify", s->directory) < 0)
        return set_up_error(-ENOMEM, "%m");
    s->notify_fd = sandbox_dir_listen(s->notify_path);
    if (s->notify_fd < 0)
        return set_up_error(s->notify_fd, "cannot listen at %s: %m", s->notify_path);
    return EXIT_DONE;
}

/* ---- children ---- */

/* The child of fork() that becomes the broker. It has a session of its own, so that Ctrl-C ends
 * PROGRAM before it, and it ends with us whatever becomes of us. */
static _Noreturn void become_broker(const struct sandbox *s, pid_t parent)
{
    const char *path = getenv("IPCBROKERD");
    char *arguments[] = {(char *)"ipcbrokerd", (char *)"--config", (char *)s->config,
                         (char *)"--socket",   s->socket,          (char *)"--private",
                         (char *)"--quiet",    (char *)"--strict", NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (!path || !*path)
        path = SBINDIR "/ipcbrokerd";
    (void)setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(EXIT_FAILED);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        setenv("NOTIFY_SOCKET", s->notify_path, 1) < 0 || unsetenv("WATCHDOG_USEC") < 0 ||
        unsetenv("LISTEN_FDS") < 0)
        _exit(ctl_error(-errno, "cannot prepare a broker: %m"));
    (void)execv(path, arguments);
    (void)ctl_error(-errno, "cannot run %s: %m; IPCBROKERD can name another", path);
    _exit(EXIT_FAILED);
}

static _Noreturn void become_program(const struct sandbox *s)
{
    if (setenv("IPCBROKER_SOCKET", s->socket, 1) < 0 || unsetenv("NOTIFY_SOCKET") < 0)
        _exit(ctl_error(-errno, "%m"));
    _exit(ctl_become(s->ctl, s->program));
}

static int start(struct sandbox *s, bool broker, pid_t *ret)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0)
        return set_up_error(-errno, "cannot start a process: %m");
    if (pid == 0) {
        (void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
        if (broker)
            become_broker(s, parent);
        become_program(s);
    }
    *ret = pid;
    return EXIT_DONE;
}

/* Whether the child has ended; if so *PID becomes 0. */
static bool has_ended(pid_t *pid, int *ret_status)
{
    if (*pid <= 0 || waitpid(*pid, ret_status, WNOHANG) != *pid)
        return false;
    *pid = 0;
    return true;
}

/* The next signal that has come, 0: none. */
static int next_signal(const struct sandbox *s, bool *ret_from_terminal)
{
    struct signalfd_siginfo info;

    if (read(s->signal_fd, &info, sizeof info) != sizeof info)
        return 0;
    *ret_from_terminal = info.ssi_code == SI_KERNEL;
    return (int)info.ssi_signo;
}

static void await(int fd, int other_fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = other_fd, .events = POLLIN}};

    (void)poll(fds, ARRAY_SIZE(fds), timeout_ms); /* whatever it says, we look */
}

/* ---- the broker ---- */

static bool is_ready(const struct sandbox *s)
{
    char text[4096];
    ssize_t n;

    while ((n = recv(s->notify_fd, text, sizeof text - 1, 0)) >= 0) {
        char *rest = text, *line;

        text[n] = '\0';
        while ((line = strsep(&rest, "\n")))
            if (strcmp(line, "READY=1") == 0)
                return true;
    }
    return false;
}

/* What a broker that is not ready has to say, it has said; its death it could not. */
static int broker_failed(int status)
{
    if (WIFSIGNALED(status))
        return ctl_error(-EIO, "the broker was killed by signal %d before it was ready",
                         WTERMSIG(status));
    if (WEXITSTATUS(status) == 0)
        return ctl_error(-EIO, "the broker ended before it was ready");
    return EXIT_FAILED;
}

static int await_ready(struct sandbox *s)
{
    for (;;) {
        bool from_terminal;
        int number, status;

        if (is_ready(s))
            return EXIT_DONE;
        while ((number = next_signal(s, &from_terminal)) > 0)
            if (number != SIGCHLD)
                return 128 + number;
        if (has_ended(&s->broker_pid, &status))
            return is_ready(s) ? EXIT_DONE : broker_failed(status);
        await(s->notify_fd, s->signal_fd, -1);
    }
}

/* A second wish to end, or none of it in time, and the broker is killed. */
static void stop_broker(struct sandbox *s)
{
    bool from_terminal;
    int number, status;

    if (s->broker_pid <= 0)
        return;
    (void)kill(s->broker_pid, SIGTERM);
    while (!has_ended(&s->broker_pid, &status)) {
        await(s->signal_fd, -1, BROKER_STOP_MS);
        number = next_signal(s, &from_terminal);
        if (number != SIGCHLD)
            (void)kill(s->broker_pid, SIGKILL);
    }
}

/* ---- the program ---- */

/* What the terminal sends goes to all of its processes; only what was sent to us is passed on. */
static void forward_signals(const struct sandbox *s)
{
    bool from_terminal;
    int number;

    while ((number = next_signal(s, &from_terminal)) > 0)
        if (number != SIGCHLD && !from_terminal)
            (void)kill(s->program_pid, number);
}

static int await_program(struct sandbox *s)
{
    int status;

    for (;;) {
        forward_signals(s);
        if (has_ended(&s->broker_pid, &status))
            (void)ctl_error(-EIO,
                            "the broker ended before %s; what it had acquired goes on working",
                            s->program[0]);
        if (has_ended(&s->program_pid, &status))
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        await(s->signal_fd, -1, -1);
    }
}

static int run(struct sandbox *s)
{
    int r;

    r = set_up(s);
    if (r == EXIT_DONE)
        r = start(s, true, &s->broker_pid);
    if (r == EXIT_DONE)
        r = await_ready(s);
    if (r == EXIT_DONE)
        r = start(s, false, &s->program_pid);
    return r == EXIT_DONE ? await_program(s) : r;
}

static void sandbox_deinit(struct sandbox *s)
{
    s->notify_fd = close_fd(s->notify_fd);
    s->signal_fd = close_fd(s->signal_fd);
    free(s->directory);
    free(s->socket);
    free(s->notify_path);
}

static bool parse(struct ctl *ctl, int argc, char **argv, struct sandbox *s)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, CTL_OPTIONS};
    int c;

    ctl->short_options = "+"; /* what follows the first argument is PROGRAM's */
    while ((c = ctl_option(ctl, argc, argv, options)) != -1) {
        if (c != 'c')
            return false;
        s->config = optarg;
    }
    s->program = argv + optind;
    if (s->config && *s->program)
        return true;
    (void)ctl_usage("sandbox takes --config FILE -- PROGRAM; see `ipcbrokerctl --help`");
    return false;
}

int verb_sandbox(struct ctl *ctl, int argc, char **argv)
{
    _cleanup_(sandbox_deinit) struct sandbox s = {.ctl = ctl, .notify_fd = -1, .signal_fd = -1};
    int r, left;

    if (!parse(ctl, argc, argv, &s))
        return EXIT_USAGE;
    r = run(&s);
    stop_broker(&s);
    left = s.directory ? sandbox_dir_remove(s.directory) : 0;
    if (left < 0) {
        (void)ctl_error(left, "cannot remove %s: %m", s.directory);
        return r == EXIT_DONE ? EXIT_FAILED : r;
    }
    return r;
}
