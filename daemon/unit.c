#include "daemon/unit.h"

#include "daemon/proc.h"
#include "daemon/unit_name.h"

#include <poll.h>
#include <string.h>
#include <systemd/sd-login.h>

/* 0 where the process has no number: it was reaped, or is not in our name space. */
static int number_of(int pidfd, pid_t *ret)
{
    uint64_t number = 0;
    int r = proc_fdinfo(pidfd, "\nPid:", 10, &number);

    if (r < 0 && r != -ENODATA)
        return r;
    *ret = (int64_t)number > 0 ? (pid_t)number : 0;
    return 0;
}

/* A pidfd can be read from when its process has ended. */
static bool has_ended(int pidfd)
{
    struct pollfd wait = {pidfd, POLLIN, 0};

    return poll(&wait, 1, 0) != 0;
}

/* Another user's manager has units of the same names. */
static int user_unit(pid_t pid, char **ret)
{
    uid_t owner;
    int r = sd_pid_get_owner_uid(pid, &owner);

    if (r >= 0 && owner != geteuid())
        r = -ENODATA;
    return r < 0 ? r : sd_pid_get_user_unit(pid, ret);
}

int unit_of_process(int pidfd, bool user, char **ret)
{
    _cleanup_free_ char *unit = NULL;
    pid_t pid = 0;
    int r = number_of(pidfd, &pid);

    if (r >= 0 && pid > 0)
        r = user ? user_unit(pid, &unit) : sd_pid_get_unit(pid, &unit);
    if (is_shortage(r))
        return r;
    if (unit && (has_ended(pidfd) || !unit_name_is_valid(unit))) {
        free(unit);
        unit = NULL;
    }
    *ret = TAKE_PTR(unit);
    return 0;
}
