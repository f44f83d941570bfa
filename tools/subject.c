#include "tools/subject.h"

#include "base/number.h"
#include "tools/ctl.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define GROUPS_FIRST 64
#define GROUPS_MOST  65536 /* the kernel's NGROUPS_MAX */

/* Whether the name service has answered that there is no such entry. */
static bool is_absent(void)
{
    return errno == 0 || errno == ENOENT || errno == ESRCH;
}

static int unknown(const char *noun, const char *name)
{
    if (is_absent())
        return ctl_error(-ESRCH, "this host knows no %s '%s'", noun, name);
    return ctl_error(-EIO, "the %s '%s' cannot be looked up: %s", noun, name, strerror(errno));
}

/* A number like that in the configuration, or -EINVAL: a name. */
static int number_from(const char *text, const char *noun, uint32_t *ret)
{
    uint64_t number;
    int r = parse_number(text, IPCB_NOBODY - 1, &number);

    if (r == -ERANGE)
        return ctl_usage("the number of a %s is at most %u", noun, IPCB_NOBODY - 1);
    if (r < 0)
        return r;
    *ret = (uint32_t)number;
    return EXIT_DONE;
}

/* getgrouplist() tells how many there are when it does not get room for all. */
static int list_groups(const struct passwd *user, struct ipcb_subject *ret, gid_t **ret_groups)
{
    int n = GROUPS_FIRST, room;

    do {
        gid_t *groups = reallocarray(*ret_groups, (size_t)n, sizeof *groups);

        if (!groups)
            return ctl_error(-ENOMEM, "%m");
        *ret_groups = groups;
        room = n;
        if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) >= 0) {
            ret->groups = groups;
            ret->n_groups = (size_t)n;
            return EXIT_DONE;
        }
    } while (n > room && n <= GROUPS_MOST);
    return ctl_error(-E2BIG, "the groups of '%s' cannot be listed", user->pw_name);
}

/* A number needs no entry in the user data base: then only grants for the user can match. */
static int user_from(const char *text, struct ipcb_subject *ret, gid_t **ret_groups)
{
    const struct passwd *user;
    int r = number_from(text, "user", &ret->uid);

    if (r > EXIT_DONE)
        return r;
    errno = 0;
    user = r == EXIT_DONE ? getpwuid(ret->uid) : getpwnam(text);
    if (!user)
        return r == EXIT_DONE && is_absent() ? EXIT_DONE : unknown("user", text);
    ret->uid = user->pw_uid;
    ret->gid = user->pw_gid;
    return list_groups(user, ret, ret_groups);
}

static int group_from(const char *text, struct ipcb_subject *ret)
{
    const struct group *group;
    int r = number_from(text, "group", &ret->gid);

    if (r >= EXIT_DONE)
        return r;
    errno = 0;
    group = getgrnam(text);
    if (!group)
        return unknown("group", text);
    ret->gid = group->gr_gid;
    return EXIT_DONE;
}

int subject_from(const char *text, struct ipcb_subject *ret, gid_t **ret_groups)
{
    *ret = (struct ipcb_subject){.uid = IPCB_NOBODY, .gid = IPCB_NOBODY};
    if (strcmp(text, "any") == 0)
        return EXIT_DONE;
    if (strncmp(text, "user:", 5) == 0 && text[5])
        return user_from(text + 5, ret, ret_groups);
    if (strncmp(text, "group:", 6) == 0 && text[6])
        return group_from(text + 6, ret);
    if (strncmp(text, "unit:", 5) == 0 && text[5]) {
        ret->unit = text + 5;
        return EXIT_DONE;
    }
    return ctl_usage("'%s' is not a subject; expected me, user:NAME, group:NAME, unit:NAME or any",
                     text);
}
