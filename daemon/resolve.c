#include "daemon/resolve.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define BUFFER_FIRST (4u << 10)
#define BUFFER_MOST  (16u << 20) /* a group may have very many members */

/* One try with a buffer of that size. A positive errno, or 0: *ret_found says whether there is such
 * a name. */
static int look_up_user(const char *name, char *buffer, size_t size, bool *ret_found, uint32_t *ret)
{
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(name, &entry, buffer, size, &found);

    *ret_found = found;
    if (found)
        *ret = found->pw_uid;
    return found ? 0 : error;
}

static int look_up_group(const char *name, char *buffer, size_t size, bool *ret_found,
                         uint32_t *ret)
{
    struct group entry, *found = NULL;
    int error = getgrnam_r(name, &entry, buffer, size, &found);

    *ret_found = found;
    if (found)
        *ret = found->gr_gid;
    return found ? 0 : error;
}

/* 0, -ENOENT: no such name, or what went wrong. */
static int look_up(enum subject_type type, const char *name, uint32_t *ret)
{
    size_t size = BUFFER_FIRST;

    for (;;) {
        _cleanup_free_ char *buffer = malloc(size);
        bool found;
        int error;

        if (!buffer)
            return -ENOMEM;
        error = type == SUBJECT_USER ? look_up_user(name, buffer, size, &found, ret)
                                     : look_up_group(name, buffer, size, &found, ret);
        if (error == EINTR)
            continue;
        if (error == ERANGE && size < BUFFER_MOST) {
            size *= 2;
            continue;
        }
        if (error == 0 || error == ESRCH) /* the manual leaves it to the service which it is */
            return found ? 0 : -ENOENT;
        return -error;
    }
}

static int compare(const void *a, const void *b)
{
    const struct resolve_item *left = a, *right = b;

    if (left->subject->type != right->subject->type)
        return left->subject->type < right->subject->type ? -1 : 1;
    return strcmp(left->subject->name, right->subject->name);
}

int resolve(struct resolve_item *items, size_t n)
{
    if (n > 0)
        qsort(items, n, sizeof *items, compare);
    for (size_t i = 0; i < n; i++) {
        struct subject *subject = items[i].subject;
        if (i > 0 && compare(&items[i - 1], &items[i]) == 0) {
            subject->id = items[i - 1].subject->id;
            items[i].error = items[i - 1].error;
        } else {
            items[i].error = look_up(subject->type, subject->name, &subject->id);
        }
        if (items[i].error == -ENOMEM)
            return -ENOMEM;
        subject->resolved = items[i].error == 0;
    }
    return 0;
}
