#include "daemon/config_text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the checks of one file share. */
struct check {
    struct place place; /* the file, line 0 */
    enum severity severity;
    struct problems *problems;
    bool failed; /* at a check that is an error */
};

static void fail(struct check *check, const char *what, const char *why)
{
    problems_add(check->problems, SEVERITY_ERROR, check->place, "%s: %s", what, why);
    check->failed = true;
}

static void check_owner(struct check *check, const char *what, const struct stat *status)
{
    if (status->st_uid == 0 || status->st_uid == geteuid())
        return;
    problems_add(check->problems, check->severity, check->place,
                 "%s belongs to uid %u, who could change what the broker does; expected root or "
                 "uid %u",
                 what, status->st_uid, geteuid());
    check->failed |= check->severity == SEVERITY_ERROR;
}

static void check_writers(struct check *check, const char *what, const struct stat *status)
{
    /* In a sticky directory, such as /tmp, nobody can replace what belongs to another. */
    bool sticky = S_ISDIR(status->st_mode) && status->st_mode & S_ISVTX;

    if (!(status->st_mode & 022) || sticky)
        return;
    problems_add(check->problems, check->severity, check->place,
                 "%s is writable by others than its owner (mode %04o); expected no write bit for "
                 "group and others, see chmod go-w",
                 what, status->st_mode & 07777);
    check->failed |= check->severity == SEVERITY_ERROR;
}

/* The directory that holds PATH. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int check_directory(struct check *check, const char *path, struct stat *ret)
{
    _cleanup_free_ char *parent = parent_of(path), *what = NULL;

    if (!parent)
        return -ENOMEM;
    if (stat(parent, ret) < 0) {
        fail(check, parent, strerror(errno));
        return 0;
    }
    if (asprintf(&what, "its directory %s", parent) < 0) {
        what = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    check_owner(check, what, ret);
    check_writers(check, what, ret);
    return 0;
}

/* Whoever owns the link, or may write beside the file behind it, chooses the file. What has gone
 * since it was opened cannot be judged, and is not taken. */
static int check_link(struct check *check, const struct stat *directory)
{
    const char *path = check->place.path;
    _cleanup_free_ char *target = NULL, *parent = NULL;
    struct stat link, there;

    if (lstat(path, &link) < 0) {
        fail(check, "the file's name cannot be looked at", strerror(errno));
        return 0;
    }
    if (!S_ISLNK(link.st_mode))
        return 0;
    check_owner(check, "the link", &link);
    target = realpath(path, NULL);
    if (!target && errno == ENOMEM)
        return -ENOMEM;
    if (!target) {
        fail(check, "the link cannot be followed", strerror(errno));
        return 0;
    }
    parent = parent_of(target);
    if (!parent)
        return -ENOMEM;
    if (stat(parent, &there) == 0 && there.st_dev == directory->st_dev &&
        there.st_ino == directory->st_ino)
        return 0;
    return check_directory(check, target, &there);
}

static int check_surroundings(struct check *check, const struct stat *status)
{
    struct stat directory = {0};
    int r;

    check_owner(check, "the file", status);
    check_writers(check, "the file", status);
    r = check_directory(check, check->place.path, &directory);
    if (r < 0)
        return r;
    return check_link(check, &directory);
}

/* Reads to the end, which need not be where fstat() saw it. A NUL follows the last byte. */
static int read_all(int fd, size_t expected, char **ret, size_t *ret_size)
{
    size_t capacity = expected + 2, size = 0;
    _cleanup_free_ char *text = malloc(capacity);

    if (!text)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, text + size, capacity - 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > CONFIG_TEXT_MAX)
            return -EFBIG;
        if (size == capacity - 1) {
            char *larger = realloc(text, capacity * 2);
            if (!larger)
                return -ENOMEM;
            text = larger;
            capacity *= 2;
        }
    }
    text[size] = '\0';
    *ret = TAKE_PTR(text);
    *ret_size = size;
    return 0;
}

static int open_regular(struct check *check, struct stat *ret)
{
    _cleanup_close_ int fd = open(check->place.path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOMEM)
        return -ENOMEM;
    if (fd < 0 || fstat(fd, ret) < 0)
        fail(check, "the file cannot be opened", strerror(errno));
    else if (!S_ISREG(ret->st_mode))
        fail(check, "not a regular file", "expected one, or a link to one");
    else if (ret->st_size > (off_t)CONFIG_TEXT_MAX)
        fail(check, "the file is too large", "expected at most 4 MiB");
    return check->failed ? -EBADMSG : TAKE_FD(fd);
}

int config_text_read(const char *path, bool offline, struct problems *problems, char **ret,
                     size_t *ret_size)
{
    struct check check = {
        .place.path = path,
        .severity = offline ? SEVERITY_WARNING : SEVERITY_ERROR,
        .problems = problems,
    };
    struct stat status;
    _cleanup_close_ int fd = open_regular(&check, &status);
    int r;

    if (fd < 0)
        return fd;
    r = check_surroundings(&check, &status);
    if (r < 0)
        return r;
    if (check.failed)
        return -EBADMSG;
    r = read_all(fd, (size_t)status.st_size, ret, ret_size);
    if (r == -ENOMEM || r == 0)
        return r;
    if (r == -EFBIG)
        fail(&check, "the file is too large", "expected at most 4 MiB");
    else
        fail(&check, "the file cannot be read", strerror(-r));
    return -EBADMSG;
}
