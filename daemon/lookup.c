#include "daemon/lookup.h"

#include "daemon/clock.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>

#define BUFFER_FIRST (4u << 10)
#define BUFFER_MOST  (16u << 20) /* a group may have very many members */

struct name {
    enum subject_type type;
    char *text; /* owned */
    uint32_t id;
    int error;
};

/* Of the thread and of whoever waits for it, in common: the last of them frees it. After the start
 * the thread alone reads the names' texts; all else is under the mutex. */
struct lookup {
    pthread_mutex_t mutex;
    pthread_cond_t end; /* by CLOCK_MONOTONIC */
    pthread_t thread;
    unsigned holders;
    bool over; /* all is answered, or nobody waits any more */
    uint64_t until_us;
    size_t n;
    struct name names[];
};

/* ---- the name service ---- */

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

/* ---- the thread ---- */

/* False: nobody waits for more. */
static bool put_result(struct lookup *lookup, size_t index, int error, uint32_t id)
{
    bool wanted;

    (void)pthread_mutex_lock(&lookup->mutex);
    wanted = !lookup->over;
    if (wanted) {
        lookup->names[index].error = error;
        lookup->names[index].id = id;
    }
    (void)pthread_mutex_unlock(&lookup->mutex);
    return wanted;
}

static bool is_same_name(const struct name *a, const struct name *b)
{
    return a->type == b->type && strcmp(a->text, b->text) == 0;
}

static void *look_up_all(void *argument)
{
    struct lookup *lookup = argument;
    uint32_t id = 0;
    int error = 0;

    for (size_t i = 0; i < lookup->n; i++) {
        const struct name *name = &lookup->names[i];

        if (i == 0 || !is_same_name(name, name - 1))
            error = look_up(name->type, name->text, &id);
        if (!put_result(lookup, i, error, id))
            break;
    }
    (void)pthread_mutex_lock(&lookup->mutex);
    lookup->over = true;
    (void)pthread_cond_signal(&lookup->end);
    (void)pthread_mutex_unlock(&lookup->mutex);
    (void)lookup_free(lookup);
    return NULL;
}

/* It takes no signal: those are the business of the loop. */
static int start_thread(struct lookup *lookup)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&lookup->thread, NULL, look_up_all, lookup);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

/* ---- who waits ---- */

/* A condition that waits by the clock of now_us(). */
static int init_end(pthread_cond_t *end)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);

    if (error == 0) {
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        error = pthread_cond_init(end, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    return -error;
}

int lookup_new(struct lookup **ret, size_t n)
{
    struct lookup *lookup = calloc(1, sizeof *lookup + n * sizeof lookup->names[0]);

    if (!lookup)
        return -ENOMEM;
    if (init_end(&lookup->end) < 0) {
        free(lookup);
        return -ENOMEM;
    }
    (void)pthread_mutex_init(&lookup->mutex, NULL);
    lookup->holders = 1;
    *ret = lookup;
    return 0;
}

int lookup_add(struct lookup *lookup, enum subject_type type, const char *name)
{
    char *text = strdup(name);

    if (!text)
        return -ENOMEM;
    lookup->names[lookup->n++] = (struct name){.type = type, .text = text, .error = -ETIME};
    return 0;
}

int lookup_start(struct lookup *lookup)
{
    int r;

    lookup->until_us = now_us() + LOOKUP_SECONDS * UINT64_C(1000000);
    lookup->holders = 2;
    r = start_thread(lookup);
    if (r < 0)
        lookup->holders = 1;
    return r;
}

void lookup_finish(struct lookup *lookup)
{
    const struct timespec until = {
        .tv_sec = (time_t)(lookup->until_us / 1000000),
        .tv_nsec = (long)(lookup->until_us % 1000000) * 1000,
    };
    bool late = false;

    (void)pthread_mutex_lock(&lookup->mutex);
    while (!lookup->over)
        if (pthread_cond_timedwait(&lookup->end, &lookup->mutex, &until) != 0)
            lookup->over = late = true;
    (void)pthread_mutex_unlock(&lookup->mutex);
    if (late)
        (void)pthread_detach(lookup->thread);
    else
        (void)pthread_join(lookup->thread, NULL); /* it is done but for its end */
}

int lookup_result(const struct lookup *lookup, size_t index, uint32_t *ret)
{
    const struct name *name = &lookup->names[index];

    if (name->error == 0)
        *ret = name->id;
    return name->error;
}

struct lookup *lookup_free(struct lookup *lookup)
{
    unsigned left;

    if (!lookup)
        return NULL;
    (void)pthread_mutex_lock(&lookup->mutex);
    left = --lookup->holders;
    (void)pthread_mutex_unlock(&lookup->mutex);
    if (left > 0)
        return NULL;
    for (size_t i = 0; i < lookup->n; i++)
        free(lookup->names[i].text);
    (void)pthread_cond_destroy(&lookup->end);
    (void)pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
    return NULL;
}
