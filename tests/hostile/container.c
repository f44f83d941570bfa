/* Root where only the directory of the main socket is to be seen, as in a container: with the
 * host's users, and with users of its own. */
#include "tests/hostile/hostile.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define APART                                                                                      \
    "[broker]\nsocket = $D/run/ipcbroker.sock\nadmin_socket = $D/admin/admin.sock\n"               \
    "[queue:roots]\nuse = user:0\n[queue:his]\nuse = user:$C3\n[queue:others]\nuse = user:$C1\n"

#define INSIDE "/run/ipcbroker.sock"

/* Whether an ordinary user may have a user name space here: not in a chroot(2), nor where the host
 * forbids it. */
bool users_have_name_spaces(void)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(setresuid(65534, 65534, 65534) < 0 || unshare(CLONE_NEWUSER) < 0);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* ---- the view ---- */

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool well = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    close_fd(fd);
    return well ? 0 : -1;
}

static int be_root_inside(uid_t uid)
{
    char map[32];

    (void)snprintf(map, sizeof map, "0 %u 1", uid);
    EXPECT(write_text("/proc/self/setgroups", "deny") == 0);
    EXPECT(write_text("/proc/self/uid_map", map) == 0);
    EXPECT(write_text("/proc/self/gid_map", map) == 0);
    return 0;
}

/* A root directory that holds the main socket's directory and nothing else. */
static int see_the_socket_only(void)
{
    char view[96], run[128], source[96];

    (void)snprintf(view, sizeof view, "%s/view", broker.directory);
    (void)snprintf(run, sizeof run, "%s/run", view);
    (void)snprintf(source, sizeof source, "%s/run", broker.directory);
    EXPECT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    EXPECT(mount("view", view, "tmpfs", 0, NULL) == 0);
    EXPECT(mkdir(run, 0755) == 0);
    EXPECT(mount(source, run, NULL, MS_BIND, NULL) == 0);
    EXPECT(chdir(view) == 0);
    EXPECT(syscall(SYS_pivot_root, ".", ".") == 0);
    EXPECT(umount2(".", MNT_DETACH) == 0);
    EXPECT(chdir("/") == 0);
    return 0;
}

static size_t entries(const char *path)
{
    DIR *directory = opendir(path);
    size_t n = 0;

    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

/* ---- what root sees ---- */

static int acquire_inside(const char *name)
{
    struct ipcb *b;
    int fd, r = ipcb_new(&b, INSIDE);

    if (r < 0)
        return r;
    fd = ipcb_acquire(b, name, 0);
    (void)ipcb_free(b);
    r = fd < 0 ? fd : fcntl(fd, F_GETFL) & O_ACCMODE;
    close_fd(fd);
    return r;
}

/* What administrators ask, asked at the socket that is there. */
static int ask_as_administrator(void)
{
    const struct ipcb_subject another = {.uid = 1, .gid = 1};
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;
    struct ipcb *b;

    EXPECT(ipcb_new(&b, INSIDE) == 0);
    EXPECT(ipcb_whoami(b, &facts) == 0);
    EXPECT(strcmp(ipcb_facts_find(facts, "administrator")->text, "no") == 0);
    (void)ipcb_facts_free(facts);
    EXPECT(ipcb_config(b, &list) == -EACCES);
    EXPECT(ipcb_can(b, &another, "others", IPCB_SEND, &facts) == -EACCES);
    EXPECT(ipcb_show(b, "others", &facts) == -EACCES);
    (void)ipcb_free(b);
    return 0;
}

static int act_as_root(bool users_of_its_own)
{
    EXPECT(geteuid() == 0 && getpid() == 1);
    EXPECT(entries("/") == 3 && entries("/run") == 3); /* with . and .. */
    EXPECT(raw_connect(broker.admin) < 0 && errno == ENOENT);
    EXPECT(kill(broker.broker, 0) < 0 && errno == ESRCH);
    EXPECT(mq_open("/others", O_RDWR) < 0 && errno == ENOENT);
    EXPECT(acquire_inside("others") == -EACCES);
    EXPECT(acquire_inside("roots") == (users_of_its_own ? -EACCES : O_RDWR));
    EXPECT(acquire_inside("his") == (users_of_its_own ? O_RDWR : -EACCES));
    return ask_as_administrator();
}

static int be_root_of_a_container(void *argument)
{
    bool users_of_its_own = *(bool *)argument;
    uid_t uid = geteuid();
    pid_t child;
    int status;

    EXPECT(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                   (users_of_its_own ? CLONE_NEWUSER : 0)) == 0);
    EXPECT(!users_of_its_own || be_root_inside(uid) == 0);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0)
        _exit(see_the_socket_only() || act_as_root(users_of_its_own));
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(status == 0);
    return 0;
}

static void contain(struct who who, bool users_of_its_own)
{
    char view[96];

    (void)snprintf(view, sizeof view, "%s/view", broker.directory);
    ck_assert_int_eq(mkdir(view, 0755), 0);
    ck_assert_int_eq(as_user(who, be_root_of_a_container, &users_of_its_own), 0);
}

START_TEST(root_of_a_container_is_bound_by_grants)
{
    fixture_set_admin_apart(&broker);
    besiege(APART);
    contain(root(), false);
}
END_TEST

START_TEST(root_of_a_container_with_users_of_its_own_is_who_he_is_outside)
{
    fixture_set_admin_apart(&broker);
    besiege(APART);
    contain(user(3), true);
}
END_TEST

TCase *hostile_container_case(void)
{
    TCase *tcase = hostile_case("container");

    tcase_add_test(tcase, root_of_a_container_is_bound_by_grants);
    if (users_have_name_spaces())
        tcase_add_test(tcase, root_of_a_container_with_users_of_its_own_is_who_he_is_outside);
    return tcase;
}
