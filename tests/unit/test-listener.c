/* Listening sockets at paths, and the lock that makes a path ours. */
#include "tests/check_main.h"

#include "base/address.h"
#include "daemon/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define OTHER_UID 4000000000u /* nobody's */

static char directory[64], path[96], other_path[96];
static struct sentence why;
static struct listener listener;
static struct lock lock;

static void set_up(void)
{
    (void)umask(0);
    (void)snprintf(directory, sizeof directory, "/tmp/ipcbroker-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/it", directory);
    (void)snprintf(other_path, sizeof other_path, "%s/other", directory);
    listener = LISTENER_NULL;
    lock = LOCK_NULL;
    why.text[0] = '\0';
}

static void tear_down(void)
{
    listener_deinit(&listener);
    lock_deinit(&lock);
    (void)chmod(directory, 0700);
    (void)unlink(path);
    (void)rmdir(path);
    (void)unlink(other_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

#define assert_why(part) ck_assert_msg(strstr(why.text, part), "no \"%s\" in: %s", part, why.text)

static mode_t mode_of(const char *file)
{
    struct stat status;

    return lstat(file, &status) < 0 ? 0 : status.st_mode;
}

static void touch(const char *file, mode_t mode)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* A socket at FILE as another program leaves it. */
static int bound_socket(const char *file, int type, bool listening)
{
    struct sockaddr_un address;
    int length = address_from_path(file, &address);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, (socklen_t)length), 0);
    if (listening)
        ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static int dial(const char *file)
{
    struct sockaddr_un address;
    int length = address_from_path(file, &address);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (connect(fd, (struct sockaddr *)&address, (socklen_t)length) == 0)
        return fd;
    close_fd(fd);
    return -errno;
}

/* ---- a socket ---- */

static const struct {
    mode_t mode, mask;
} modes[] = {{0666, 0}, {0666, 077}, {0666, 0777}, {0600, 0}, {0600, 022}, {0600, 0777}};

/* Whatever the process's umask, which is left as it was. */
START_TEST(the_mode_is_exact)
{
    (void)umask(modes[_i].mask);
    ck_assert_int_eq(listener_open(&listener, path, modes[_i].mode, 0, &why), 0);
    ck_assert_uint_eq(umask(0), modes[_i].mask);
    ck_assert_uint_eq(mode_of(path), S_IFSOCK | modes[_i].mode);
}
END_TEST

/* Nobody changes it after the socket was born, which would be too late. */
START_TEST(the_mode_is_there_from_birth_on)
{
    char events[1024] __attribute__((aligned(8)));
    const struct inotify_event *event = (const void *)events;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    ck_assert_int_ge(inotify_add_watch(fd, directory, IN_CREATE | IN_ATTRIB | IN_DELETE), 0);
    ck_assert_int_eq(listener_open(&listener, path, modes[_i].mode, 0, &why), 0);
    ck_assert_int_eq(read(fd, events, sizeof events), sizeof *event + event->len);
    ck_assert_uint_eq(event->mask, IN_CREATE);
    close(fd);
}
END_TEST

START_TEST(it_listens_without_blocking)
{
    int client, fd;

    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), 0);
    ck_assert_int_eq(accept(listener.fd, NULL, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    client = dial(path);
    ck_assert_int_ge(client, 0);
    fd = accept(listener.fd, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(listener.fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    close(client);
}
END_TEST

START_TEST(many_may_wait)
{
    int clients[128];

    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        ck_assert_int_ge(clients[i] = dial(path), 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        close(clients[i]);
}
END_TEST

START_TEST(closed_it_is_gone)
{
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), 0);
    listener_deinit(&listener);
    ck_assert_uint_eq(mode_of(path), 0);
    ck_assert_int_eq(listener.fd, -1);
    listener_deinit(&listener);
}
END_TEST

START_TEST(another_ones_socket_stays_when_it_is_closed)
{
    int fd;

    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), 0);
    ck_assert_int_eq(unlink(path), 0);
    fd = bound_socket(path, SOCK_SEQPACKET, true);
    listener_deinit(&listener);
    ck_assert_uint_ne(mode_of(path), 0);
    close(fd);
}
END_TEST

/* ---- what is in the way ---- */

START_TEST(a_stale_socket_is_replaced)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    int client;

    close(bound_socket(path, types[_i], types[_i] != SOCK_DGRAM));
    ck_assert_msg(listener_open(&listener, path, 0666, 0, &why) == 0, "%s", why.text);
    client = dial(path);
    ck_assert_int_ge(client, 0);
    close(client);
}
END_TEST

START_TEST(a_live_socket_is_not)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    int fd = bound_socket(path, types[_i], types[_i] != SOCK_DGRAM);

    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("somebody is listening");
    ck_assert_int_eq(listener.fd, -1);
    if (types[_i] == SOCK_SEQPACKET) {
        int client = dial(path);

        ck_assert_int_ge(client, 0);
        close(client);
    }
    close(fd);
}
END_TEST

/* It has no room for the probe: that is no sign of death. */
START_TEST(a_live_socket_with_a_full_backlog_is_not)
{
    int fd = bound_socket(path, SOCK_SEQPACKET, true), clients[8], n = 0;

    while (n < 8 && (clients[n] = dial(path)) >= 0)
        n++;
    ck_assert_int_lt(n, 8);
    ck_assert_int_eq(clients[n], -EAGAIN);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("somebody is listening");
    while (n-- > 0)
        close(clients[n]);
    close(fd);
}
END_TEST

START_TEST(a_file_is_not)
{
    touch(path, 0644);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("is no socket");
    ck_assert(S_ISREG(mode_of(path)));
}
END_TEST

START_TEST(a_directory_is_not)
{
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("is no socket");
    ck_assert(S_ISDIR(mode_of(path)));
}
END_TEST

static const char *const targets[] = {"other", "/nowhere/at/all", "it", "/dev/null"};

/* Wherever it leads. */
START_TEST(a_link_is_not)
{
    int fd = bound_socket(other_path, SOCK_SEQPACKET, false);

    ck_assert_int_eq(symlink(targets[_i], path), 0);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("is no socket");
    ck_assert(S_ISLNK(mode_of(path)));
    ck_assert(S_ISSOCK(mode_of(other_path)));
    close(fd);
}
END_TEST

START_TEST(a_socket_of_another_user_is_not)
{
    close(bound_socket(path, SOCK_SEQPACKET, false));
    ck_assert_int_eq(lchown(path, OTHER_UID, 0), 0);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EADDRINUSE);
    assert_why("of uid 4000000000");
    ck_assert(S_ISSOCK(mode_of(path)));
}
END_TEST

/* ---- paths and directories ---- */

static const char *const no_paths[] = {
    "",
    "it",
    "./it",
    "../it",
    "/tmp/"
    "a-path-of-108-bytes-is-one-too-many-for-the-kernel-and-for-everybody-else-123456789-12345678"
    "9-123456789",
};

START_TEST(no_path_for_a_socket)
{
    ck_assert_int_lt(listener_open(&listener, no_paths[_i], 0666, 0, &why), 0);
    assert_why("is no path for a socket");
    ck_assert_int_eq(listener.fd, -1);
    ck_assert_int_lt(access(no_paths[_i][0] ? no_paths[_i] : "it", F_OK), 0);
}
END_TEST

static const struct {
    mode_t mode;
    int r;
} directories[] = {
    {0755, 0},      {0700, 0},      {0711, 0},      {01777, 0},     {01775, 0},
    {0775, -EPERM}, {0757, -EPERM}, {0777, -EPERM}, {0702, -EPERM}, {02775, -EPERM},
};

/* Where others may write they could replace what we make, unless it is sticky. */
START_TEST(the_mode_of_the_directory)
{
    ck_assert_int_eq(chmod(directory, directories[_i].mode), 0);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), directories[_i].r);
    ck_assert_int_eq(lock_take(&lock, other_path, &why), directories[_i].r);
    if (directories[_i].r) {
        assert_why("chmod go-w");
        ck_assert_uint_eq(mode_of(path), 0);
        ck_assert_uint_eq(mode_of(other_path), 0);
    }
}
END_TEST

START_TEST(the_directory_of_another_user)
{
    ck_assert_int_eq(chown(directory, OTHER_UID, 0), 0);
    ck_assert_int_eq(listener_open(&listener, path, 0666, 0, &why), -EPERM);
    assert_why("belongs to uid 4000000000");
    ck_assert_int_eq(lock_take(&lock, other_path, &why), -EPERM);
    assert_why("belongs to uid 4000000000");
}
END_TEST

START_TEST(what_is_no_directory)
{
    char inside[128];

    touch(path, 0644);
    (void)snprintf(inside, sizeof inside, "%s/socket", path);
    ck_assert_int_eq(listener_open(&listener, inside, 0666, 0, &why), -ENOTDIR);
    ck_assert_int_eq(lock_take(&lock, inside, &why), -ENOTDIR);
}
END_TEST

/* One level is made, with a mode that does not depend on the umask's good will; two are not. */
START_TEST(a_missing_directory)
{
    char inside[128], deeper[160];

    (void)snprintf(inside, sizeof inside, "%s/socket", path);
    (void)snprintf(deeper, sizeof deeper, "%s/deep/socket", path);
    ck_assert_int_eq(listener_open(&listener, deeper, 0666, 0, &why), -ENOENT);
    assert_why("cannot be made");
    ck_assert_uint_eq(mode_of(path), 0);
    ck_assert_int_eq(listener_open(&listener, inside, 0666, 0, &why), 0);
    ck_assert_uint_eq(mode_of(path), S_IFDIR | 0755);
    listener_deinit(&listener);
}
END_TEST

START_TEST(the_directory_of_a_lock_is_its_owners_alone)
{
    char inside[128];

    (void)snprintf(inside, sizeof inside, "%s/lock", path);
    ck_assert_int_eq(lock_take(&lock, inside, &why), 0);
    ck_assert_uint_eq(mode_of(path), S_IFDIR | 0700);
    lock_deinit(&lock);
}
END_TEST

/* ---- the lock ---- */

START_TEST(a_lock_is_held_once)
{
    struct lock second;
    char pid[32];

    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
    ck_assert_uint_eq(mode_of(path), S_IFREG | 0600);
    ck_assert_int_eq(fcntl(lock.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(lock_take(&second, path, &why), -EBUSY);
    (void)snprintf(pid, sizeof pid, "(pid %d)", getpid());
    assert_why(pid);
    assert_why(path);
    lock_deinit(&lock);
    ck_assert_uint_eq(mode_of(path), 0);
    lock_deinit(&lock);
    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
}
END_TEST

/* A refused one must not take the file away from under its holder. */
START_TEST(a_refused_lock_leaves_it_alone)
{
    struct lock second = LOCK_NULL;

    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
    ck_assert_int_eq(lock_take(&second, path, &why), -EBUSY);
    lock_deinit(&second);
    ck_assert_uint_eq(mode_of(path), S_IFREG | 0600);
    ck_assert_int_eq(lock_take(&second, path, &why), -EBUSY);
}
END_TEST

/* Of a broker that was killed, and whatever was in it. */
START_TEST(a_stale_lock_file_is_used_again)
{
    char text[32] = "";
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, "1234567890123456789\n", 20), 20);
    close(fd);
    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
    ck_assert_int_gt(pread(lock.fd, text, sizeof text - 1, 0), 0);
    ck_assert_int_eq(atoi(text), getpid());
    ck_assert_ptr_null(strstr(text, "890"));
}
END_TEST

START_TEST(the_dead_hold_nothing)
{
    pid_t child = fork();

    if (child == 0)
        _exit(lock_take(&lock, path, NULL) == 0 ? 0 : 1); /* goes without giving it back */
    ck_assert_int_eq(waitpid(child, &(int){0}, 0), child);
    ck_assert_uint_ne(mode_of(path), 0);
    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
}
END_TEST

START_TEST(a_lock_is_no_link)
{
    touch(other_path, 0600);
    ck_assert_int_eq(symlink(_i ? "other" : "nowhere", path), 0);
    ck_assert_int_eq(lock_take(&lock, path, &why), -ELOOP);
    assert_why("symbolic link");
    ck_assert(S_ISLNK(mode_of(path)));
}
END_TEST

/* Opening one of these could wait for ever. */
START_TEST(a_lock_is_a_file)
{
    ck_assert_int_eq(_i ? mkfifo(path, 0600) : mkdir(path, 0700), 0);
    ck_assert_int_lt(lock_take(&lock, path, &why), 0);
    ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(a_lock_of_another_user)
{
    touch(path, 0666);
    ck_assert_int_eq(chown(path, OTHER_UID, 0), 0);
    ck_assert_int_eq(lock_take(&lock, path, &why), -EPERM);
    assert_why("is not a file of uid 0");
    ck_assert_uint_ne(mode_of(path), 0);
}
END_TEST

/* The last holder goes between the opening of the file and the lock; _i: another has made a new
 * one since. */
static bool meddle;

int flock(int fd, int operation)
{
    if (meddle) {
        meddle = false;
        (void)unlink(path);
        if (access(other_path, F_OK) == 0)
            (void)rename(other_path, path);
    }
    return (int)syscall(SYS_flock, fd, operation);
}

START_TEST(a_lock_that_goes_meanwhile)
{
    struct stat locked, named;

    touch(path, 0600);
    if (_i)
        touch(other_path, 0600);
    meddle = true;
    ck_assert_int_eq(lock_take(&lock, path, &why), 0);
    ck_assert(!meddle);
    ck_assert_int_eq(fstat(lock.fd, &locked), 0);
    ck_assert_int_eq(lstat(path, &named), 0);
    ck_assert_uint_eq(locked.st_ino, named.st_ino);
}
END_TEST

START_TEST(a_lock_with_another_name)
{
    touch(other_path, 0600);
    ck_assert_int_eq(link(other_path, path), 0);
    ck_assert_int_eq(lock_take(&lock, path, &why), -EPERM);
    assert_why("is not a file of uid 0 alone");
}
END_TEST

/* ---- many at once ---- */

#define RIVALS 6
#define ROUNDS 4000

static int take_and_give(_Atomic int *holders, _Atomic int *taken)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct lock mine;
        int r = lock_take(&mine, path, NULL);

        if (r == -EBUSY)
            continue;
        if (r < 0 || ++*holders != 1)
            return 1;
        ++*taken;
        --*holders;
        lock_deinit(&mine);
    }
    return 0;
}

/* The file goes with each holder, and comes with the next: there are never two. */
START_TEST(one_of_many_rivals)
{
    _Atomic int *shared =
        mmap(NULL, 2 * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[RIVALS];

    ck_assert_ptr_ne(shared, MAP_FAILED);
    for (int i = 0; i < RIVALS; i++)
        if ((children[i] = fork()) == 0)
            _exit(take_and_give(&shared[0], &shared[1]));
    for (int i = 0; i < RIVALS; i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_ge(shared[1], 1);
    ck_assert_uint_eq(mode_of(path), 0);
    (void)munmap((void *)shared, 2 * sizeof *shared);
}
END_TEST

/* ---- suite ---- */

static void add_socket_cases(Suite *suite)
{
    TCase *cases = tcase_create("socket");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, the_mode_is_exact, 0, (int)ARRAY_SIZE(modes));
    tcase_add_loop_test(cases, the_mode_is_there_from_birth_on, 0, (int)ARRAY_SIZE(modes));
    tcase_add_test(cases, it_listens_without_blocking);
    tcase_add_test(cases, many_may_wait);
    tcase_add_test(cases, closed_it_is_gone);
    tcase_add_test(cases, another_ones_socket_stays_when_it_is_closed);
    tcase_add_loop_test(cases, a_stale_socket_is_replaced, 0, 3);
    tcase_add_loop_test(cases, a_live_socket_is_not, 0, 3);
    tcase_add_test(cases, a_live_socket_with_a_full_backlog_is_not);
    tcase_add_test(cases, a_file_is_not);
    tcase_add_test(cases, a_directory_is_not);
    tcase_add_loop_test(cases, a_link_is_not, 0, (int)ARRAY_SIZE(targets));
    tcase_add_loop_test(cases, no_path_for_a_socket, 0, (int)ARRAY_SIZE(no_paths));
    tcase_add_loop_test(cases, the_mode_of_the_directory, 0, (int)ARRAY_SIZE(directories));
    tcase_add_test(cases, what_is_no_directory);
    tcase_add_test(cases, a_missing_directory);
    suite_add_tcase(suite, cases);
}

static void add_lock_cases(Suite *suite)
{
    TCase *cases = tcase_create("lock");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, the_directory_of_a_lock_is_its_owners_alone);
    tcase_add_test(cases, a_lock_is_held_once);
    tcase_add_test(cases, a_refused_lock_leaves_it_alone);
    tcase_add_test(cases, a_stale_lock_file_is_used_again);
    tcase_add_test(cases, the_dead_hold_nothing);
    tcase_add_loop_test(cases, a_lock_is_no_link, 0, 2);
    tcase_add_loop_test(cases, a_lock_is_a_file, 0, 2);
    tcase_add_test(cases, one_of_many_rivals);
    suite_add_tcase(suite, cases);
}

/* Others' files are root's to make. */
static void add_foreign_cases(Suite *suite)
{
    TCase *cases = tcase_create("foreign");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_socket_of_another_user_is_not);
    tcase_add_test(cases, the_directory_of_another_user);
    tcase_add_test(cases, a_lock_of_another_user);
    tcase_add_loop_test(cases, a_lock_that_goes_meanwhile, 0, 2);
    tcase_add_test(cases, a_lock_with_another_name);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    Suite *suite = suite_create("listener");

    add_socket_cases(suite);
    add_lock_cases(suite);
    if (geteuid() == 0)
        add_foreign_cases(suite);
    else
        puts("# the 3 tests of other users' files are left out: they need root");
    return check_main(suite);
}
