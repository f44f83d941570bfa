/* Queues: who may open one anew, what outlives a name, what a limit counts. */
#include "tests/kernel/kernel_cases.h"

#include <sys/resource.h>

static const struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};

static mqd_t make(const char *name, mode_t mode)
{
    struct mq_attr attributes = small;
    mode_t before = umask(0);
    mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, mode, &attributes);

    (void)umask(before);
    ck_assert_msg(queue >= 0, "mq_open: %s", strerror(errno));
    return queue;
}

/* ---- opening anew ---- */

/* What the holder of an O_WRONLY descriptor can open it anew for; the group is the client's where
 * GROUPED. 0 or the error. */
struct matrix_row {
    mode_t mode;
    bool grouped;
    int read, both, write;
};

static const struct matrix_row matrix[] = {
    {0600, false, -EACCES, -EACCES, -EACCES},
    {0600, true, -EACCES, -EACCES, -EACCES},
    {0660, false, -EACCES, -EACCES, -EACCES},
    {0660, true, 0, 0, 0},
    {0620, true, -EACCES, -EACCES, 0},
    {0640, true, 0, -EACCES, -EACCES},
    {0666, false, 0, 0, 0},
    {0622, false, -EACCES, -EACCES, 0},
    {0644, false, 0, -EACCES, -EACCES},
};

struct holder {
    int fd; /* O_WRONLY */
    const struct matrix_row *row;
};

static int expect_reopen(int fd, int flags, int expected, const char *word, mode_t mode)
{
    int opened = reopen(fd, flags);

    if (opened >= 0)
        close(opened);
    CHILD_CONTRACT((opened < 0 ? opened : 0) == expected,
                   "a holder of a send-only descriptor of a queue of mode %04o opens it for %s: "
                   "%s, where %s is expected; the grants of queues rest on this",
                   mode, word, opened < 0 ? strerror(-opened) : "allowed",
                   expected < 0 ? strerror(-expected) : "allowed");
    return 0;
}

static int try_reopen(void *argument)
{
    const struct holder *holder = argument;
    const struct matrix_row *row = holder->row;
    char buffer[64];

    CHILD_CONTRACT(mq_receive(holder->fd, buffer, sizeof buffer, NULL) < 0 && errno == EBADF,
                   "a send-only descriptor of a queue can receive");
    return expect_reopen(holder->fd, O_RDONLY, row->read, "receiving", row->mode) ||
           expect_reopen(holder->fd, O_RDWR, row->both, "both", row->mode) ||
           expect_reopen(holder->fd, O_WRONLY, row->write, "sending", row->mode);
}

static void hold_to_matrix(int queue, const struct matrix_row *row)
{
    struct holder holder = {reopen(queue, O_WRONLY), row};

    CONTRACT(holder.fd >= 0,
             "a queue cannot be opened anew through /proc/self/fd: %s; without "
             "that there is no fresh description to hand out",
             strerror(-holder.fd));
    ck_assert_int_eq(as_user(user(0), try_reopen, &holder), 0);
    close(holder.fd);
}

START_TEST(opening_anew_asks_the_mode)
{
    const struct matrix_row *row = &matrix[_i];
    mqd_t queue = make("/contract", row->mode);

    if (row->grouped)
        ck_assert_int_eq(fchown(queue, (uid_t)-1, user(0).gid), 0);
    hold_to_matrix(queue, row);
    ck_assert_int_eq(mq_unlink("/contract"), 0);
    hold_to_matrix(queue, row); /* and the same without a name */
}
END_TEST

START_TEST(an_unlinked_queue_can_be_opened_anew)
{
    mqd_t queue = make("/contract", 0600);
    struct stat status;
    char buffer[64];
    int fresh;

    ck_assert_int_eq(mq_send(queue, "kept", 4, 0), 0);
    ck_assert_int_eq(mq_unlink("/contract"), 0);
    fresh = reopen(queue, O_RDWR | O_NONBLOCK);
    CONTRACT(fresh >= 0,
             "a queue without a name cannot be opened anew: %s; private queues and "
             "those whose name was removed could not be handed out",
             strerror(-fresh));
    CONTRACT(mq_receive(fresh, buffer, sizeof buffer, NULL) == 4,
             "a queue without a name has lost its message");
    CONTRACT(!(fcntl(queue, F_GETFL) & O_NONBLOCK),
             "a queue opened anew shares O_NONBLOCK with the old description");
    ck_assert_int_eq(fstat(queue, &status), 0);
    CONTRACT(status.st_nlink == 0,
             "an unlinked queue has %lu links: a name removed from outside is not noticed any more",
             (unsigned long)status.st_nlink);
}
END_TEST

START_TEST(flags_belong_to_the_description)
{
    mqd_t queue = make("/contract", 0600), copy = dup(queue), fresh;

    ck_assert_int_eq(fcntl(copy, F_SETFL, O_NONBLOCK), 0);
    CONTRACT(fcntl(queue, F_GETFL) & O_NONBLOCK,
             "a duplicate has O_NONBLOCK of its own: handing out fresh descriptions is not needed");
    fresh = mq_open("/contract", O_WRONLY);
    CONTRACT(fresh >= 0 && !(fcntl(fresh, F_GETFL) & O_NONBLOCK),
             "mq_open by name gives no fresh description");
    CONTRACT(fcntl(fresh, F_GETFD) & FD_CLOEXEC, "mq_open does not set close-on-exec by itself");
}
END_TEST

/* ---- names ---- */

static int squat(void *argument)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};

    (void)argument;
    (void)umask(0);
    EXPECT(mq_open("/contract", O_CREAT | O_EXCL | O_RDWR, 0666, &attributes) >= 0);
    return 0;
}

START_TEST(only_o_excl_tells_a_squatter)
{
    struct mq_attr attributes = small;
    mqd_t queue;

    ck_assert_int_eq(as_user(user(0), squat, NULL), 0);
    CONTRACT(mq_open("/contract", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes) < 0 &&
                 errno == EEXIST,
             "O_EXCL does not refuse a queue that lies there: squatters would be served");
    queue = mq_open("/contract", O_CREAT | O_RDWR, 0600, &attributes);
    ck_assert_int_ge(queue, 0);
    ck_assert_int_eq(mq_getattr(queue, &attributes), 0);
    CONTRACT(attributes.mq_msgsize == 8, "O_CREAT without O_EXCL makes another's queue anew");
}
END_TEST

/* ---- limits ---- */

struct size_of_queue {
    long max_messages, message_size;
    rlim_t bytes; /* the least RLIMIT_MSGQUEUE that it fits in */
};

static const struct size_of_queue sizes[] = {
    {1, 1, 97}, {10, 1, 970}, {4, 64, 640}, {10, 8192, 82880}};

static int create_within(const struct size_of_queue *size, rlim_t bytes)
{
    const struct rlimit limit = {bytes, bytes};
    struct mq_attr attributes = {.mq_maxmsg = size->max_messages, .mq_msgsize = size->message_size};
    mqd_t queue;

    if (setrlimit(RLIMIT_MSGQUEUE, &limit) < 0)
        return -errno;
    queue = mq_open("/contract", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    if (queue < 0)
        return -errno;
    (void)mq_unlink("/contract");
    (void)mq_close(queue);
    return 0;
}

static int try_sizes(void *argument)
{
    const struct size_of_queue *size = argument;

    CHILD_CONTRACT(create_within(size, size->bytes) == 0,
                   "a queue of %ld messages of %ld bytes does not fit RLIMIT_MSGQUEUE = %lu any "
                   "more: daemon/limits.c reckons too little",
                   size->max_messages, size->message_size, (unsigned long)size->bytes);
    CHILD_CONTRACT(create_within(size, size->bytes - 1) == -EMFILE,
                   "a queue of %ld messages of %ld bytes fits RLIMIT_MSGQUEUE = %lu, or is refused "
                   "otherwise than with EMFILE: daemon/limits.c reckons too much",
                   size->max_messages, size->message_size, (unsigned long)size->bytes - 1);
    return 0;
}

START_TEST(rlimit_msgqueue_counts_as_the_calculator_does)
{
    struct size_of_queue size = sizes[_i];

    ck_assert_int_eq(as_user(user(1), try_sizes, &size), 0);
}
END_TEST

START_TEST(the_other_limits_have_their_own_errors)
{
    struct mq_attr attributes = {.mq_maxmsg = 11, .mq_msgsize = 8};

    set_mqueue_limit("msg_max", 10);
    CONTRACT(mq_open("/contract", O_CREAT | O_RDWR, 0600, &attributes) < 0 && errno == EINVAL,
             "a queue over fs.mqueue.msg_max is not refused with EINVAL: %s", strerror(errno));
    set_mqueue_limit("queues_max", 1);
    (void)make("/first", 0600);
    attributes.mq_maxmsg = 1;
    CONTRACT(mq_open("/contract", O_CREAT | O_RDWR, 0600, &attributes) < 0 && errno == ENOSPC,
             "a queue over fs.mqueue.queues_max is not refused with ENOSPC: %s", strerror(errno));
}
END_TEST

TCase *queue_contracts(void)
{
    TCase *tcase = broker_case("queues");

    tcase_add_loop_test(tcase, opening_anew_asks_the_mode, 0, (int)ARRAY_SIZE(matrix));
    tcase_add_test(tcase, an_unlinked_queue_can_be_opened_anew);
    tcase_add_test(tcase, flags_belong_to_the_description);
    tcase_add_test(tcase, only_o_excl_tells_a_squatter);
    tcase_add_loop_test(tcase, rlimit_msgqueue_counts_as_the_calculator_does, 0,
                        (int)ARRAY_SIZE(sizes));
    tcase_add_test(tcase, the_other_limits_have_their_own_errors);
    return tcase;
}
