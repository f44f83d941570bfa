#include "daemon/users.h"

#include <search.h>

static int compare(const void *a, const void *b)
{
    const struct user *x = a, *y = b;

    return (x->uid > y->uid) - (x->uid < y->uid);
}

static void forget(struct users *users, struct user *user)
{
    (void)tdelete(user, &users->tree, compare);
    free(user);
}

static struct user *find_or_add(struct users *users, uid_t uid)
{
    struct user wanted = {.uid = uid}, *user, **node;

    node = tfind(&wanted, &users->tree, compare);
    if (node)
        return *node;
    user = malloc(sizeof *user);
    if (!user)
        return NULL;
    *user = wanted;
    if (!tsearch(user, &users->tree, compare)) {
        free(user);
        return NULL;
    }
    return user;
}

int users_enter(struct users *users, uid_t uid, size_t most, struct user **ret)
{
    struct user *user = find_or_add(users, uid);

    if (!user)
        return -ENOMEM;
    if (user->n_clients >= most) {
        if (user->n_clients == 0)
            forget(users, user);
        return -EBUSY;
    }
    user->n_clients++;
    *ret = user;
    return 0;
}

void users_leave(struct users *users, struct user *user)
{
    if (--user->n_clients == 0)
        forget(users, user);
}
