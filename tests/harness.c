#include "tests/harness.h"

#include "base/base.h"

#include "tests/check_main.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_UID 1000000000u
#define UIDS      16u
#define LOOK_NS   5000000 /* between two looks at something that nobody announces */

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(UNDER_SANITIZER)
#define UNDER_SANITIZER 1
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

static char last_status[1024];
static char last_sentence[1024];

/* ---- where everything is slower ---- */

int load(int n)
{
    const char *percent = getenv("TEST_LOAD");
    int part = n * (percent ? atoi(percent) : UNDER_SANITIZER ? 25 : 100) / 100;

    return part > 0 ? part : 1;
}

bool memory_is_inflated(void)
{
    return UNDER_SANITIZER || getenv("TEST_WRAPPER");
}

/* ---- files ---- */

static void path_of(const struct fixture *f, char *path, size_t size, const char *name)
{
    ck_assert_int_lt(snprintf(path, size, "%s/%s", f->directory, name), size);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char inside[512];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (unlink(inside) < 0)
            remove_tree(inside);
    }
    if (directory)
        closedir(directory);
    (void)rmdir(path);
}

/* "$C3" and "$B" become numbers. */
static void expand(const struct fixture *f, const char *text, char *to, size_t size)
{
    size_t used = 0;

    for (; *text; text++) {
        unsigned uid = 0;

        ck_assert_uint_lt(used + sizeof f->directory, size);
        if (text[0] == '$' && text[1] == 'D') {
            used += (size_t)snprintf(to + used, size - used, "%s", f->directory);
            text++;
            continue;
        }
        if (text[0] == '$' && text[1] == 'B')
            uid = f->broker_uid;
        else if (text[0] == '$' && text[1] == 'C' && text[2] >= '0' && text[2] <= '7')
            uid = f->client_uid + (unsigned)(text[2] - '0');
        if (uid == 0) {
            to[used++] = *text;
            continue;
        }
        used += (size_t)snprintf(to + used, size - used, "%u", uid);
        text += text[1] == 'B' ? 1 : 2;
    }
    to[used] = '\0';
}

static void write_expanded(const struct fixture *f, const char *path, const char *text)
{
    size_t size = strlen(text) * 4 + 1024;
    char *expanded = malloc(size);

    ck_assert_ptr_nonnull(expanded);
    expand(f, text, expanded, size);
    write_file(path, expanded, 0644);
    free(expanded);
}

void fixture_configure(struct fixture *f, const char *text)
{
    write_expanded(f, f->config, text);
}

void fixture_drop_in(struct fixture *f, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s.d", f->config);
    ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
    (void)snprintf(path, sizeof path, "%s.d/%s", f->config, name);
    write_expanded(f, path, text);
}

const char *fixture_log(struct fixture *f)
{
    static char text[65536];
    int fd = open(f->log, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    ssize_t size;

    ck_assert_msg(fd >= 0, "%s: %s", f->log, strerror(errno));
    size = read(fd, text, sizeof text - 1);
    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    close(fd);
    return text;
}

/* ---- life ---- */

static void open_notify(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    path_of(f, address.sun_path, sizeof address.sun_path, "notify");
    f->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(f->notify, 0);
    ck_assert_int_eq(bind(f->notify, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(address.sun_path, 0666), 0);
}

void fixture_setup(struct fixture *f)
{
    char run[96];

    *f = (struct fixture){.pidfd = -1, .without = f->without};
    (void)umask(022);
    ck_assert_msg(unshare(CLONE_NEWIPC) == 0, "unshare: %s", strerror(errno));
    f->broker_uid = FIRST_UID + (uid_t)getpid() * UIDS;
    f->client_uid = f->broker_uid + 1;
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/ipcbroker-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->directory));
    ck_assert_int_eq(chmod(f->directory, 0755), 0);
    path_of(f, run, sizeof run, "run");
    ck_assert_int_eq(mkdir(run, 0755), 0);
    ck_assert_int_eq(chown(run, f->broker_uid, f->broker_uid), 0);
    path_of(f, f->config, sizeof f->config, "broker.conf");
    path_of(f, f->log, sizeof f->log, "log");
    path_of(f, f->socket, sizeof f->socket, "run/ipcbroker.sock");
    path_of(f, f->admin, sizeof f->admin, "run/ipcbroker.sock.admin");
    open_notify(f);
}

void fixture_set_admin_apart(struct fixture *f)
{
    char directory[96];

    path_of(f, directory, sizeof directory, "admin");
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    ck_assert_int_eq(chown(directory, f->broker_uid, f->broker_uid), 0);
    path_of(f, f->admin, sizeof f->admin, "admin/admin.sock");
    f->admin_apart = true;
}

void fixture_set_of_user(struct fixture *f)
{
    path_of(f, f->config, sizeof f->config, "ipcbroker");
    ck_assert_int_eq(mkdir(f->config, 0755), 0);
    path_of(f, f->config, sizeof f->config, "ipcbroker/ipcbroker.conf");
    (void)snprintf(f->config_home, sizeof f->config_home, "XDG_CONFIG_HOME=%s", f->directory);
    f->of_user = true;
}

void fixture_limit(struct fixture *f, int resource, uint64_t most)
{
    ck_assert_uint_lt(f->n_limits, sizeof f->limits / sizeof *f->limits);
    f->limits[f->n_limits].resource = resource;
    f->limits[f->n_limits++].most = most;
}

void fixture_listen(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, f->socket);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(chmod(f->socket, 0666), 0);
    ck_assert_int_eq(listen(fd, 256), 0);
    f->handed[f->n_handed++] = (struct handed_in){fd, "ipcbroker"};
}

/* In the child: the descriptors and the variables of sd_listen_fds(3). */
static void hand_in(const struct fixture *f)
{
    char pid[32], number[32], names[512] = "";
    int high[ARRAY_SIZE(f->handed)];
    size_t used = 0;

    for (size_t i = 0; i < f->n_handed; i++) { /* out of the way of those that come to be there */
        high[i] = fcntl(f->handed[i].fd, F_DUPFD_CLOEXEC, 3 + (int)f->n_handed);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ":" : "",
                                 f->handed[i].name);
    }
    for (size_t i = 0; i < f->n_handed; i++)
        if (high[i] < 0 || dup2(high[i], 3 + (int)i) < 0)
            _exit(98);
    (void)snprintf(pid, sizeof pid, "%d", getpid());
    (void)snprintf(number, sizeof number, "%zu", f->n_handed);
    (void)setenv("LISTEN_PID", pid, 1);
    (void)setenv("LISTEN_FDS", number, 1);
    (void)setenv("LISTEN_FDNAMES", names, 1);
}

/* In the child: the limits, and the descriptors that the program inherits. What ignores SIGPIPE
 * must be the broker itself. */
static void prepare(const struct fixture *f)
{
    (void)signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < f->n_limits; i++) {
        const struct rlimit limit = {f->limits[i].most, f->limits[i].most};

        if (setrlimit((__rlimit_resource_t)f->limits[i].resource, &limit) < 0)
            _exit(98);
    }
    if (f->n_handed > 0)
        hand_in(f);
    for (unsigned i = 0; i < f->inherited; i++)
        if (open("/dev/null", O_RDONLY) < 0)
            _exit(98);
}

/* The words of TEST_WRAPPER, which come before the program. */
static int wrap(const char **argv, int most)
{
    const char *wrapper = getenv("TEST_WRAPPER");
    char *words = wrapper ? strdup(wrapper) : NULL, *word = words ? strtok(words, " ") : NULL;
    int n = 0;

    for (; word && n < most; word = strtok(NULL, " "))
        argv[n++] = word;
    return n;
}

static void execute(struct fixture *f, const char *const *arguments)
{
    const char *argv[64] = {NULL};
    char program[512], notify[128];
    int n = wrap(argv, 32), log = open(f->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    argv[n++] = program;
    argv[n++] = f->of_user ? "--user" : "--config";
    if (!f->of_user)
        argv[n++] = f->config;
    if (f->without) {
        argv[n++] = "--without";
        argv[n++] = f->without;
    }
    if (!f->admin_apart) {
        argv[n++] = "--socket";
        argv[n++] = f->socket;
    }
    while (arguments && *arguments && n < 63)
        argv[n++] = *arguments++;
    path_of(f, notify, sizeof notify, "notify");
    (void)setenv("NOTIFY_SOCKET", notify, 1);
    (void)unsetenv("JOURNAL_STREAM");
    if (f->of_user)
        (void)putenv(f->config_home);
    for (size_t i = 0; i < ARRAY_SIZE(f->environment) && f->environment[i]; i++)
        (void)putenv((char *)(uintptr_t)f->environment[i]);
    (void)snprintf(program, sizeof program, "%s/ipcbrokerd", getenv("TEST_SBINDIR"));
    (void)dup2(log, STDERR_FILENO);
    prepare(f);
    if (setgroups(0, NULL) < 0 || setresgid(f->broker_uid, f->broker_uid, f->broker_uid) < 0 ||
        setresuid(f->broker_uid, f->broker_uid, f->broker_uid) < 0)
        _exit(99);
    (void)execvp(argv[0], (char *const *)argv);
    (void)fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(99);
}

void fixture_spawn(struct fixture *f, const char *const *arguments)
{
    ck_assert_ptr_nonnull(getenv("TEST_SBINDIR"));
    f->broker = fork();
    ck_assert_int_ge(f->broker, 0);
    if (f->broker == 0)
        execute(f, arguments);
    f->pidfd = (int)syscall(SYS_pidfd_open, f->broker, 0);
    ck_assert_int_ge(f->pidfd, 0);
}

bool fixture_says_ready(struct fixture *f)
{
    char text[1024];
    ssize_t size;
    size_t n;
    int fds[253];
    bool ready = false;

    while ((size = raw_receive(f->notify, text, sizeof text - 1, fds, &n)) >= 0) {
        char *status;

        text[size] = '\0';
        if (f->told)
            f->told(text, fds, n);
        else
            while (n > 0)
                close(fds[--n]);
        ready = ready || strstr(text, "READY=1");
        status = strstr(text, "STATUS=");
        if (status)
            (void)snprintf(last_status, sizeof last_status, "%s", status + strlen("STATUS="));
    }
    return ready;
}

const char *fixture_status(void)
{
    return last_status;
}

int fixture_reap(struct fixture *f)
{
    struct pollfd wait = {f->pidfd, POLLIN, 0};
    int status;

    ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "the broker does not end; log:\n%s",
                  fixture_log(f));
    ck_assert_int_eq(waitpid(f->broker, &status, 0), f->broker);
    close(f->pidfd);
    f->pidfd = -1;
    f->broker = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void fixture_await_ready(struct fixture *f)
{
    struct pollfd wait[2];

    wait[0] = (struct pollfd){f->notify, POLLIN, 0};
    wait[1] = (struct pollfd){f->pidfd, POLLIN, 0};
    while (!fixture_says_ready(f)) {
        ck_assert_int_gt(poll(wait, 2, PATIENCE_MS), 0);
        ck_assert_msg(!wait[1].revents, "the broker ended before it was ready; log:\n%s",
                      fixture_log(f));
    }
}

void fixture_start(struct fixture *f)
{
    (void)fixture_says_ready(f); /* what an earlier broker has said is forgotten */
    fixture_spawn(f, NULL);
    fixture_await_ready(f);
}

int fixture_start_refused(struct fixture *f, const char *const *arguments)
{
    fixture_spawn(f, arguments);
    return fixture_reap(f);
}

int fixture_end(struct fixture *f, int signal)
{
    ck_assert_int_ne(f->broker, 0);
    ck_assert_int_eq(kill(f->broker, signal), 0);
    return fixture_reap(f);
}

const char *fixture_left_open(struct fixture *f)
{
    const char *log = fixture_log(f);

    while ((log = strstr(log, "== Open "))) {
        const char *next = strchr(log, '\n'), *inherited = next ? strstr(next, "<inherited") : NULL;

        if (!inherited || inherited - next >= 80)
            return log;
        log = next;
    }
    return NULL;
}

void fixture_teardown(struct fixture *f)
{
    const char *left;

    if (f->broker) {
        int status = fixture_end(f, SIGTERM);

        ck_assert_msg(status == 0, "the broker ended with %d; log:\n%s", status, fixture_log(f));
    }
    assert_has_not(fixture_log(f), "Sanitizer");
    left = fixture_left_open(f);
    ck_assert_msg(!left, "left open: %.1000s", left);
    close(f->notify);
    remove_tree(f->directory);
}

/* ---- clients ---- */

int expect_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: not so: %s (errno %s)\n", file, line, condition, strerror(errno));
    return 1;
}

struct who client(const struct fixture *f, unsigned which)
{
    return (struct who){f->client_uid + which, f->client_uid + which, NULL, 0};
}

struct who root(void)
{
    return (struct who){0};
}

void become(struct who who)
{
    ck_assert_int_eq(setgroups(who.n_groups, who.groups), 0);
    ck_assert_int_eq(setegid(who.gid), 0);
    ck_assert_int_eq(seteuid(who.uid), 0);
}

void become_root(void)
{
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(setegid(0), 0);
    ck_assert_int_eq(setgroups(0, NULL), 0);
    (void)prctl(PR_SET_DUMPABLE, 1); /* a change of user has taken it away */
}

struct ipcb *handle_as(const struct fixture *f, struct who who)
{
    struct ipcb *b = fixture_handle(f);
    struct ipcb_facts *facts = NULL;
    int r;

    ck_assert_ptr_nonnull(b);
    become(who);
    r = ipcb_whoami(b, &facts);
    become_root();
    ck_assert_msg(r == 0, "whoami: %s", ipcb_message(b));
    (void)ipcb_facts_free(facts);
    return b;
}

static int acquire_at(const char *socket, struct who who, const char *name, unsigned access)
{
    struct ipcb *b;
    int fd, mode;

    ck_assert_int_eq(ipcb_new(&b, socket), 0);
    become(who);
    fd = ipcb_acquire(b, name, access);
    become_root();
    (void)snprintf(last_sentence, sizeof last_sentence, "%s", ipcb_message(b));
    (void)ipcb_free(b);
    if (fd < 0)
        return fd;
    mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    close(fd);
    return mode;
}

int acquire_as(const struct fixture *f, struct who who, const char *name, unsigned access)
{
    return acquire_at(f->socket, who, name, access);
}

int admin_acquire_as(const struct fixture *f, struct who who, const char *name, unsigned access)
{
    return acquire_at(f->admin, who, name, access);
}

const char *said(void)
{
    return last_sentence;
}

pid_t as_user_begin(struct who who, int (*body)(void *), void *argument)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child > 0)
        return child;
    if (setgroups(who.n_groups, who.groups) < 0 || setresgid(who.gid, who.gid, who.gid) < 0 ||
        setresuid(who.uid, who.uid, who.uid) < 0)
        _exit(99);
    (void)prctl(PR_SET_DUMPABLE, 1); /* /proc/self stays this user's own */
    _exit(body(argument));
}

int as_user_end(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int as_user(struct who who, int (*body)(void *), void *argument)
{
    return as_user_end(as_user_begin(who, body, argument));
}

struct ipcb *fixture_handle(const struct fixture *f)
{
    struct ipcb *b;

    return ipcb_new(&b, f->socket) == 0 ? b : NULL;
}

void set_mqueue_limit(const char *name, uint64_t value)
{
    char path[128], text[32];
    int fd;

    (void)snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

size_t count_descriptors(pid_t pid)
{
    char path[64];
    DIR *directory;
    size_t n = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        n++;
    closedir(directory);
    return n - 2 - (pid == getpid()); /* . and .., and the directory itself */
}

uint64_t process_number(pid_t pid, const char *key, int base)
{
    char path[64], text[4096];
    const char *at;
    int fd;
    ssize_t size;

    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    size = read(fd, text, sizeof text - 1);
    close(fd);
    ck_assert_int_gt(size, 0);
    text[size] = '\0';
    at = strstr(text, key);
    ck_assert_msg(at, "no %s in %s", key, path);
    return strtoull(at + strlen(key), NULL, base);
}

void await(bool (*condition)(void *), void *argument)
{
    const struct timespec a_little = {.tv_nsec = LOOK_NS};

    for (int i = 0; !condition(argument); i++) {
        ck_assert_msg(i < PATIENCE_MS / (LOOK_NS / 1000000), "it does not happen");
        (void)ppoll(NULL, 0, &a_little, NULL);
    }
}

static const struct ipcb_fact *fact(const struct ipcb_facts *facts, const char *key)
{
    const struct ipcb_fact *found = ipcb_facts_find(facts, key);

    ck_assert_msg(found, "no fact '%s'", key);
    return found;
}

uint64_t fact_number(const struct ipcb_facts *facts, const char *key)
{
    return fact(facts, key)->number;
}

const char *fact_text(const struct ipcb_facts *facts, const char *key)
{
    return fact(facts, key)->text;
}

struct ipcb_facts *show(struct ipcb *b, const char *name)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_show(b, name, &facts);

    ck_assert_msg(r == 0, "show %s: %s", name, ipcb_message(b));
    return facts;
}

struct ipcb_facts *status(struct ipcb *b)
{
    struct ipcb_facts *facts = NULL;
    int r = ipcb_status(b, &facts);

    ck_assert_msg(r == 0, "status: %s", ipcb_message(b));
    return facts;
}

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int saved = errno;

        if (fd >= 0)
            close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

ssize_t raw_receive(int fd, void *buffer, size_t size, int *fds, size_t *n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control;
    struct iovec bytes = {buffer, size};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header;
    ssize_t r = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

    *n_fds = 0;
    if (r < 0)
        return r;
    header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) {
        *n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), *n_fds * sizeof(int));
    }
    return r;
}
