#include "daemon/users.h"

#include "daemon/clock.h"

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
    LIST_INIT(&user->unread_list);
    TAILQ_INIT(&user->awaiting);
    if (!tsearch(user, &users->tree, compare)) {
        free(user);
        return NULL;
    }
    return user;
}

static void forget_if_idle(struct users *users, struct user *user)
{
    if (user->n_clients == 0 && user->barred_until_us == 0)
        forget(users, user);
}

static void unbar(struct users *users, struct user *user)
{
    TAILQ_REMOVE(&users->barred, user, barred);
    user->barred_until_us = 0;
    forget_if_idle(users, user);
}

void users_bar(struct users *users, struct user *user)
{
    if (user->barred_until_us)
        TAILQ_REMOVE(&users->barred, user, barred);
    user->barred_until_us = now_us() + USERS_BARRED_US;
    TAILQ_INSERT_TAIL(&users->barred, user, barred);
}

static void unbar_due(struct users *users)
{
    struct user *first;

    while ((first = TAILQ_FIRST(&users->barred)) && first->barred_until_us <= now_us())
        unbar(users, first);
}

void users_init(struct users *users)
{
    users->tree = NULL;
    TAILQ_INIT(&users->barred);
}

void users_deinit(struct users *users)
{
    while (!TAILQ_EMPTY(&users->barred))
        unbar(users, TAILQ_FIRST(&users->barred));
}

int users_enter(struct users *users, uid_t uid, size_t most, struct user **ret)
{
    struct user *user;

    unbar_due(users);
    user = find_or_add(users, uid);
    if (!user)
        return -ENOMEM;
    if (user->barred_until_us)
        return -EPERM;
    if (user->n_clients + user->n_proofs >= most) {
        forget_if_idle(users, user);
        return -EBUSY;
    }
    user->n_clients++;
    *ret = user;
    return 0;
}

void users_leave(struct users *users, struct user *user)
{
    user->n_clients--;
    forget_if_idle(users, user);
}
