/* Queues, eventfds and pipes of the program's own, made and opened without a broker. */
#include "base/base.h"
#include "client/ipcbroker.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SOON_US 30000 /* a timeout that elapses */

static const struct ipcb_queue_limits small = {.max_messages = 3, .message_size = 16};

/* A name of this test's own, removed after it. */
static char name[64];

static void make_name(void)
{
    uint32_t random;

    ck_assert_int_eq(syscall(SYS_getrandom, &random, sizeof random, 0), sizeof random);
    (void)snprintf(name, sizeof name, "/ipcb-test-%d-%08x", getpid(), random);
}

static void remove_name(void)
{
    (void)ipcb_queue_unlink(name);
}

static struct ipcb_queue *open_queue(int oflag, const struct ipcb_queue_limits *limits)
{
    struct ipcb_queue *q = NULL;
    int r = ipcb_queue_open(&q, name, oflag, 0660, limits);

    ck_assert_msg(r == 0, "ipcb_queue_open: %s", strerror(-r));
    return q;
}

static struct ipcb_queue *create_queue(void)
{
    return open_queue(O_RDWR | O_CREAT | O_EXCL, &small);
}

static mode_t mode_of(const struct ipcb_queue *q)
{
    struct stat status;

    ck_assert_int_eq(fstat(ipcb_queue_fd(q), &status), 0);
    return status.st_mode & 07777;
}

static void send(struct ipcb_queue *q, const char *text)
{
    ck_assert_int_eq(ipcb_queue_send(q, text, strlen(text), 0, 0), 0);
}

static void ck_assert_receives(struct ipcb_queue *q, const char *text)
{
    const void *message;

    ck_assert_int_eq(ipcb_queue_receive(q, &message, NULL, 0), (int)strlen(text));
    ck_assert_str_eq(message, text);
}

/* ---- opening and creating ---- */

START_TEST(create_and_open)
{
    struct ipcb_queue *creator, *other;

    ck_assert_int_eq(ipcb_queue_open(&creator, name, O_RDWR, 0, NULL), -ENOENT);
    creator = open_queue(O_RDWR | O_CREAT, &small);
    other = open_queue(O_RDWR, NULL);
    send(creator, "hello");
    ck_assert_receives(other, "hello");
    ck_assert_int_eq(fcntl(ipcb_queue_fd(other), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    (void)ipcb_queue_free(creator);
    (void)ipcb_queue_free(other);
    other = open_queue(O_RDWR, NULL); /* nothing but unlink removes it */
    (void)ipcb_queue_free(other);
    ck_assert_int_eq(ipcb_queue_unlink(name), 0);
    ck_assert_int_eq(ipcb_queue_unlink(name), -ENOENT);
    ck_assert_int_eq(ipcb_queue_open(&other, name, O_RDWR, 0, NULL), -ENOENT);
}
END_TEST

START_TEST(create_exclusive)
{
    struct ipcb_queue *q = create_queue(), *second = NULL;

    ck_assert_int_eq(ipcb_queue_open(&second, name, O_RDWR | O_CREAT | O_EXCL, 0660, &small),
                     -EEXIST);
    ck_assert_ptr_null(second);
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(the_umask_takes_nothing_away)
{
    int oflag = _i ? O_CREAT : O_CREAT | O_EXCL;
    mode_t before = umask(077);
    struct ipcb_queue *q = open_queue(O_RDWR | oflag, &small);

    ck_assert_uint_eq(mode_of(q), 0660);
    (void)ipcb_queue_free(q);
    q = NULL;
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT, 0666, &small), 0);
    ck_assert_uint_eq(mode_of(q), 0660); /* what was there is not touched */
    (void)ipcb_queue_free(q);
    ck_assert_uint_eq(umask(before), 077);
}
END_TEST

START_TEST(an_existing_queue_tells_its_own_limits)
{
    struct ipcb_queue_limits others = {.max_messages = 2, .message_size = 8};
    struct ipcb_queue *creator = create_queue(), *q = open_queue(O_RDWR | O_CREAT, &others);
    struct mq_attr attributes;

    ck_assert_uint_eq(ipcb_queue_message_size(q), 16);
    ck_assert_uint_eq(ipcb_queue_max_messages(q), 3);
    send(creator, "sixteen bytes ..");
    ck_assert_int_eq(ipcb_queue_attributes(q, &attributes), 0);
    ck_assert_int_eq(attributes.mq_maxmsg, 3);
    ck_assert_int_eq(attributes.mq_msgsize, 16);
    ck_assert_int_eq(attributes.mq_curmsgs, 1);
    ck_assert_int_eq(attributes.mq_flags, 0);
    ck_assert_receives(q, "sixteen bytes .."); /* the buffer is as great as it must be */
    (void)ipcb_queue_free(creator);
    (void)ipcb_queue_free(q);
}
END_TEST

static long kernel_default(const char *path)
{
    FILE *file = fopen(path, "re");
    long value = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &value), 1);
    (void)fclose(file);
    return value;
}

START_TEST(without_limits_the_kernel_decides)
{
    struct ipcb_queue *q;

    /* RLIMIT_MSGQUEUE counts all queues of a user: be one who has no others. */
    ck_assert(geteuid() != 0 || setuid(1300000000 + (uid_t)getpid()) == 0);
    q = open_queue(O_RDWR | O_CREAT | O_EXCL, NULL);
    ck_assert_uint_eq(ipcb_queue_max_messages(q),
                      (size_t)kernel_default("/proc/sys/fs/mqueue/msg_default"));
    ck_assert_uint_eq(ipcb_queue_message_size(q),
                      (size_t)kernel_default("/proc/sys/fs/mqueue/msgsize_default"));
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(directions_are_as_opened)
{
    struct ipcb_queue *both = create_queue(), *sender = open_queue(O_WRONLY, NULL),
                      *receiver = open_queue(O_RDONLY, NULL);
    const void *message;

    ck_assert_int_eq(ipcb_queue_receive(sender, &message, NULL, 0), -EBADF);
    ck_assert_int_eq(ipcb_queue_send(receiver, "x", 1, 0, 0), -EBADF);
    send(sender, "x");
    ck_assert_receives(receiver, "x");
    (void)ipcb_queue_free(both);
    (void)ipcb_queue_free(sender);
    (void)ipcb_queue_free(receiver);
}
END_TEST

START_TEST(the_leading_slash_may_be_missing)
{
    struct ipcb_queue *q = create_queue(), *without = NULL;

    ck_assert_int_eq(ipcb_queue_open(&without, name + 1, O_RDWR, 0, NULL), 0);
    send(q, "same");
    ck_assert_receives(without, "same");
    ck_assert_int_eq(ipcb_queue_unlink(name + 1), 0);
    (void)ipcb_queue_free(q);
    (void)ipcb_queue_free(without);
}
END_TEST

START_TEST(what_is_no_name)
{
    static const char *const bad[] = {NULL, "", "/", "//", "/a/b", "a/b", "a/", "/.", "..", "/a//"};
    char longest[258];
    struct ipcb_queue *q = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_int_eq(ipcb_queue_open(&q, bad[i], O_RDWR | O_CREAT, 0660, &small), -EINVAL);
        ck_assert_int_eq(ipcb_queue_unlink(bad[i]), -EINVAL);
    }
    memset(longest, 'x', 256);
    longest[256] = '\0';
    ck_assert_int_eq(ipcb_queue_open(&q, longest, O_RDWR, 0, NULL), -ENAMETOOLONG);
    longest[255] = '\0'; /* which is one that could be */
    ck_assert_int_eq(ipcb_queue_open(&q, longest, O_RDWR, 0, NULL), -ENOENT);
    ck_assert_ptr_null(q);
}
END_TEST

START_TEST(what_cannot_be_opened)
{
    static const struct ipcb_queue_limits bad[] = {
        {0, 16}, {3, 0}, {SIZE_MAX, 16}, {3, SIZE_MAX}, {3, (size_t)1 << 40}};
    struct ipcb_queue *q = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT, 0660, &bad[i]), -EINVAL);
    ck_assert_int_eq(ipcb_queue_open(NULL, name, O_RDWR | O_CREAT, 0660, &small), -EINVAL);
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_ACCMODE | O_CREAT, 0660, &small), -EINVAL);
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT | O_TRUNC, 0660, &small), -EINVAL);
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT, 04660, &small), -EINVAL);
    ck_assert_ptr_null(q);
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR, 0, NULL), -ENOENT); /* nothing was made */
}
END_TEST

START_TEST(no_descriptor_left)
{
    struct ipcb_queue *q = NULL;
    struct ipcb_event *e = NULL;
    struct rlimit before, none;
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    close_fd(fd);
    none = (struct rlimit){(rlim_t)fd, before.rlim_max}; /* that is the first that is free */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT, 0660, &small), -EMFILE);
    ck_assert_int_eq(ipcb_event_create(&e, 0, 0), -EMFILE);
    ck_assert_int_eq(ipcb_event_pipe(&e, &e, 0), -EMFILE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_ptr_null(q);
    ck_assert_ptr_null(e);
}
END_TEST

#define N_RACERS 8
#define N_ROUNDS 200

/* Everybody opens or creates, and removes: whoever has a queue has a whole one. */
static void race(void)
{
    for (int i = 0; i < N_ROUNDS; i++) {
        struct ipcb_queue *q = NULL;
        int r = ipcb_queue_open(&q, name, O_RDWR | O_CREAT, 0660, &small);

        if (r < 0 || ipcb_queue_message_size(q) != 16)
            _exit(1);
        (void)ipcb_queue_free(q);
        r = ipcb_queue_unlink(name);
        if (r < 0 && r != -ENOENT)
            _exit(2);
    }
    _exit(0);
}

START_TEST(a_name_that_comes_and_goes)
{
    pid_t pids[N_RACERS];
    int status;

    (void)umask(077);
    for (size_t i = 0; i < N_RACERS; i++) {
        pids[i] = fork();
        ck_assert_int_ge(pids[i], 0);
        if (pids[i] == 0)
            race();
    }
    for (size_t i = 0; i < N_RACERS; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

/* ---- what a queue can do besides ---- */

START_TEST(nonblocking_is_set_and_unset)
{
    struct ipcb_queue *q = create_queue();
    char buffer[16];

    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 1), 0);
    ck_assert_int_eq(mq_receive(ipcb_queue_fd(q), buffer, sizeof buffer, NULL), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 1), 1);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 0), 1);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 0), 0);
    ck_assert_int_eq(fcntl(ipcb_queue_fd(q), F_GETFL) & O_NONBLOCK, 0);
    (void)ipcb_queue_free(q);
    q = open_queue(O_RDWR | O_NONBLOCK, NULL);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 0), 1);
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(own_buffers)
{
    struct ipcb_queue *q = create_queue();
    char buffer[17] = "................";
    unsigned priority = 77;

    ck_assert_int_eq(ipcb_queue_send(q, "mine", 4, 9, 0), 0);
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 15, &priority, 0), -EMSGSIZE);
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 15, &priority, -1), -EMSGSIZE);
    ck_assert_uint_eq(priority, 77);
    ck_assert_int_eq(ipcb_queue_depth(q), 1); /* and it waits on */
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 16, &priority, 0), 4);
    ck_assert_str_eq(buffer, "mine............");
    ck_assert_uint_eq(priority, 9);
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 16, NULL, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 16, NULL, SOON_US), -ETIMEDOUT);
    ck_assert_int_eq(ipcb_queue_receive_into(q, buffer, 16, NULL, -2), -EINVAL);
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(text_is_utf8)
{
    struct ipcb_queue *q = create_queue();
    const char *text = "untouched";
    const void *message;
    unsigned priority = 77;

    ck_assert_int_eq(ipcb_queue_send_text(q, "gr\xc3\xbc\xc3\x9f", 4, 0), 0);
    ck_assert_int_eq(ipcb_queue_send_text(q, "gr\xfc", 4, 0), -EILSEQ);
    ck_assert_int_eq(ipcb_queue_depth(q), 1);
    ck_assert_int_eq(ipcb_queue_receive_text(q, &text, &priority, 0), 6);
    ck_assert_str_eq(text, "gr\xc3\xbc\xc3\x9f");
    ck_assert_uint_eq(priority, 4);
    ck_assert_int_eq(ipcb_queue_send_text(q, "", 0, 0), 0);
    ck_assert_int_eq(ipcb_queue_receive_text(q, &text, NULL, 0), 0);
    ck_assert_str_eq(text, "");
    text = "untouched";
    ck_assert_int_eq(ipcb_queue_send(q, "gr\xfc", 3, 5, 0), 0);
    ck_assert_int_eq(ipcb_queue_receive_text(q, &text, &priority, 0), -EILSEQ);
    ck_assert_str_eq(text, "untouched");
    ck_assert_uint_eq(priority, 4);
    ck_assert_int_eq(ipcb_queue_last(q, &message, &priority), 3); /* it is not lost */
    ck_assert_mem_eq(message, "gr\xfc", 3);
    ck_assert_uint_eq(priority, 5);
    ck_assert_int_eq(ipcb_queue_receive_text(q, &text, NULL, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_queue_receive_text(q, &text, NULL, SOON_US), -ETIMEDOUT);
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(the_last_message_once_more)
{
    struct ipcb_queue *q = create_queue();
    const void *message = NULL;
    unsigned priority;

    ck_assert_int_eq(ipcb_queue_last(q, &message, NULL), -ENOMSG);
    send(q, "first");
    ck_assert_receives(q, "first");
    ck_assert_int_eq(ipcb_queue_receive(q, &message, NULL, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_queue_last(q, &message, &priority), 5);
    ck_assert_str_eq(message, "first");
    ck_assert_uint_eq(priority, 0);
    (void)ipcb_queue_free(q);
}
END_TEST

START_TEST(a_clone_has_a_description_of_its_own)
{
    struct ipcb_queue *q = create_queue(), *clone, *sender = open_queue(O_WRONLY, NULL);
    const void *message;

    ck_assert_int_eq(ipcb_queue_unlink(name), 0); /* without a name, too */
    ck_assert_int_eq(ipcb_queue_clone(&clone, q), 1);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(clone, 1), 0);
    ck_assert_int_eq(fcntl(ipcb_queue_fd(q), F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(ipcb_queue_fd(clone), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    send(clone, "one");
    ck_assert_receives(q, "one");
    (void)ipcb_queue_free(q);
    ck_assert_int_eq(ipcb_queue_clone(&q, clone), 1);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 0), 1); /* as the one that it is a clone of */
    (void)ipcb_queue_free(clone);
    ck_assert_int_eq(ipcb_queue_clone(&clone, sender), 1);
    ck_assert_int_eq(ipcb_queue_receive(clone, &message, NULL, 0), -EBADF);
    send(clone, "two");
    ck_assert_receives(q, "two");
    (void)ipcb_queue_free(clone);
    (void)ipcb_queue_free(sender);
    (void)ipcb_queue_free(q);
}
END_TEST

/* As of what a broker hands out: the mode lets in nobody but the owner. */
START_TEST(a_clone_that_may_not_open_shares)
{
    struct ipcb_queue *q = NULL, *clone = NULL;
    int status;
    pid_t pid;

    ck_assert_int_eq(ipcb_queue_open(&q, name, O_RDWR | O_CREAT | O_EXCL, 0600, &small), 0);
    pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 ? setuid(65534) < 0 : fchmod(ipcb_queue_fd(q), 0) < 0)
            _exit(1); /* root may open anything, and an owner what lets him */
        if (ipcb_queue_clone(&clone, q) != 0)
            _exit(2);
        if (ipcb_queue_set_nonblocking(clone, 1) != 0 || ipcb_queue_set_nonblocking(q, 1) != 1)
            _exit(3);
        _exit(!(fcntl(ipcb_queue_fd(clone), F_GETFD) & FD_CLOEXEC));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    (void)ipcb_queue_free(q);
}
END_TEST

/* ---- events ---- */

static struct ipcb_event *create_event(uint64_t initial, unsigned flags)
{
    struct ipcb_event *e = NULL;

    ck_assert_int_eq(ipcb_event_create(&e, initial, flags), 0);
    return e;
}

static uint64_t take(struct ipcb_event *e)
{
    uint64_t count = 0;

    ck_assert_int_eq(ipcb_event_wait(e, &count, 0), 0);
    return count;
}

static const unsigned modes[] = {0, IPCB_NONBLOCK};

START_TEST(an_eventfd_is_created)
{
    struct ipcb_event *e = create_event(1, modes[_i]);
    int flags = fcntl(ipcb_event_fd(e), F_GETFL);

    ck_assert_int_eq(!!(flags & O_NONBLOCK), !!modes[_i]);
    ck_assert_int_eq(fcntl(ipcb_event_fd(e), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_uint_eq(take(e), 1);
    ck_assert_int_eq(ipcb_event_signal(e, 42), 0);
    ck_assert_uint_eq(take(e), 42);
    ck_assert_int_eq(ipcb_event_signal(e, 5), 0);
    ck_assert_int_eq(ipcb_event_signal(e, 6), 0);
    ck_assert_uint_eq(take(e), 11);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, SOON_US), -ETIMEDOUT);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(initial_counts_have_64_bits)
{
    struct ipcb_event *e = create_event((UINT64_C(1) << 32) + 7, 0);

    ck_assert_uint_eq(take(e), (UINT64_C(1) << 32) + 7);
    (void)ipcb_event_free(e);
    e = create_event(UINT64_MAX - 1, modes[_i]);
    ck_assert_uint_eq(take(e), UINT64_MAX - 1);
    (void)ipcb_event_free(e);
    e = NULL;
    ck_assert_int_eq(ipcb_event_create(&e, UINT64_MAX, modes[_i]), -EINVAL);
    ck_assert_int_eq(ipcb_event_create(&e, 0, 4), -EINVAL);
    ck_assert_int_eq(ipcb_event_create(NULL, 0, 0), -EINVAL);
    ck_assert_ptr_null(e);
}
END_TEST

START_TEST(a_semaphore_is_created)
{
    struct ipcb_event *e = create_event(2, IPCB_SEMAPHORE | modes[_i]);

    ck_assert_uint_eq(take(e), 1);
    ck_assert_uint_eq(take(e), 1);
    ck_assert_int_eq(ipcb_event_wait(e, NULL, 0), -EAGAIN);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(a_clone_of_an_eventfd_shares)
{
    struct ipcb_event *e = create_event(0, 0), *clone = NULL;

    ck_assert_int_eq(ipcb_event_clone(&clone, e), 0);
    ck_assert_int_eq(fcntl(ipcb_event_fd(clone), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(ipcb_event_signal(e, 3), 0);
    (void)ipcb_event_free(e);
    ck_assert_uint_eq(take(clone), 3);
    (void)ipcb_event_free(clone);
}
END_TEST

START_TEST(a_pipe_pair)
{
    struct ipcb_event *writer = NULL, *reader = NULL;
    char bytes[8] = "";

    ck_assert_int_eq(ipcb_event_pipe(&writer, &reader, modes[_i]), 0);
    ck_assert_int_eq(ipcb_event_signal(writer, 3), 0);
    ck_assert_uint_eq(take(reader), 3);
    ck_assert_int_eq(ipcb_event_signal(reader, 1), -EBADF);
    ck_assert_int_eq(ipcb_event_wait(writer, NULL, 0), -EBADF);
    ck_assert_int_eq(!!(fcntl(ipcb_event_fd(writer), F_GETFL) & O_NONBLOCK), !!modes[_i]);
    ck_assert_int_eq(!!(fcntl(ipcb_event_fd(reader), F_GETFL) & O_NONBLOCK), !!modes[_i]);
    ck_assert_int_eq(fcntl(ipcb_event_fd(writer), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(ipcb_event_fd(reader), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    /* Bytes are bytes, for who wants them. */
    ck_assert_int_eq(write(ipcb_event_fd(writer), "hello", 5), 5);
    ck_assert_int_eq(read(ipcb_event_fd(reader), bytes, sizeof bytes), 5);
    ck_assert_str_eq(bytes, "hello");
    (void)ipcb_event_free(writer); /* the end */
    ck_assert_int_eq(read(ipcb_event_fd(reader), bytes, sizeof bytes), 0);
    ck_assert_int_eq(ipcb_event_wait(reader, NULL, -1), -EPIPE);
    (void)ipcb_event_free(reader);
}
END_TEST

START_TEST(a_clone_of_a_pipes_end_is_its_own)
{
    struct ipcb_event *writer, *reader, *clone, *second;

    ck_assert_int_eq(ipcb_event_pipe(&writer, &reader, modes[_i]), 0);
    ck_assert_int_eq(ipcb_event_clone(&clone, reader), 1);
    ck_assert_int_eq(ipcb_event_clone(&second, writer), 1);
    ck_assert_int_eq(!!(fcntl(ipcb_event_fd(clone), F_GETFL) & O_NONBLOCK), !!modes[_i]);
    ck_assert_int_eq(fcntl(ipcb_event_fd(clone), F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(!!(fcntl(ipcb_event_fd(reader), F_GETFL) & O_NONBLOCK), !!modes[_i]);
    ck_assert_int_eq(ipcb_event_signal(second, 2), 0);
    (void)ipcb_event_free(reader);
    ck_assert_uint_eq(take(clone), 2);
    (void)ipcb_event_free(writer);
    (void)ipcb_event_free(clone);
    ck_assert_int_eq(ipcb_event_signal(second, 1), -EPIPE);
    (void)ipcb_event_free(second);
}
END_TEST

/* ---- misuse ---- */

START_TEST(nothing_is_nothing)
{
    struct ipcb_queue *q = create_queue();
    struct ipcb_event *e = create_event(1, 0);
    struct mq_attr attributes;
    const void *message;
    const char *text;
    char buffer[16];

    ck_assert_int_eq(ipcb_queue_adopt(NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_acquire(NULL, NULL, "x", 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_clone(NULL, q), -EINVAL);
    ck_assert_int_eq(ipcb_queue_clone(&q, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_release(NULL), -EINVAL);
    ck_assert_ptr_null(ipcb_queue_free(NULL));
    ck_assert_int_eq(ipcb_queue_fd(NULL), -EINVAL);
    ck_assert_uint_eq(ipcb_queue_message_size(NULL), 0);
    ck_assert_uint_eq(ipcb_queue_max_messages(NULL), 0);
    ck_assert_int_eq(ipcb_queue_depth(NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_attributes(NULL, &attributes), -EINVAL);
    ck_assert_int_eq(ipcb_queue_attributes(q, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(NULL, 1), -EINVAL);
    ck_assert_int_eq(ipcb_queue_send(NULL, "x", 1, 0, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_send(q, NULL, 1, 0, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_send_text(NULL, "x", 0, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_send_text(q, NULL, 0, 0), -EINVAL);
    send(q, "x");
    ck_assert_int_eq(ipcb_queue_receive(NULL, &message, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive(q, NULL, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive_into(NULL, buffer, 16, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive_into(q, NULL, 16, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive_text(NULL, &text, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_receive_text(q, NULL, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_queue_last(NULL, &message, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_last(q, NULL, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_queue_depth(q), 1); /* none of them took it */
    ck_assert_int_eq(ipcb_event_adopt(NULL, ipcb_event_fd(e)), -EINVAL);
    ck_assert_int_eq(ipcb_event_acquire(NULL, NULL, "x"), -EINVAL);
    ck_assert_int_eq(ipcb_event_pipe(NULL, &e, 0), -EINVAL);
    ck_assert_int_eq(ipcb_event_pipe(&e, NULL, 0), -EINVAL);
    ck_assert_int_eq(ipcb_event_pipe(&e, &e, IPCB_SEMAPHORE), -EINVAL);
    ck_assert_int_eq(ipcb_event_clone(NULL, e), -EINVAL);
    ck_assert_int_eq(ipcb_event_clone(&e, NULL), -EINVAL);
    ck_assert_int_eq(ipcb_event_fd(NULL), -EINVAL);
    ck_assert_int_eq(ipcb_event_release(NULL), -EINVAL);
    ck_assert_int_eq(ipcb_event_signal(NULL, 1), -EINVAL);
    ck_assert_int_eq(ipcb_event_wait(NULL, NULL, 0), -EINVAL);
    ck_assert_uint_eq(take(e), 1);
    (void)ipcb_queue_free(q);
    (void)ipcb_event_free(e);
}
END_TEST

START_TEST(a_descriptor_closed_behind_the_wrapper)
{
    struct ipcb_queue *q = create_queue(), *clone = NULL;
    struct ipcb_event *e = create_event(1, 0), *other = NULL;
    struct mq_attr attributes;
    const void *message;

    close_fd(ipcb_queue_fd(q));
    for (int64_t timeout = -1; timeout <= 1; timeout++) { /* at once, whatever the timeout */
        ck_assert_int_eq(ipcb_queue_send(q, "x", 1, 0, timeout), -EBADF);
        ck_assert_int_eq(ipcb_queue_receive(q, &message, NULL, timeout), -EBADF);
    }
    ck_assert_int_eq(ipcb_queue_depth(q), -EBADF);
    ck_assert_int_eq(ipcb_queue_attributes(q, &attributes), -EBADF);
    ck_assert_int_eq(ipcb_queue_set_nonblocking(q, 1), -EBADF);
    ck_assert_int_eq(ipcb_queue_clone(&clone, q), -EBADF);
    ck_assert_ptr_null(clone);
    close_fd(ipcb_event_fd(e));
    for (int64_t timeout = -1; timeout <= 1; timeout++)
        ck_assert_int_eq(ipcb_event_wait(e, NULL, timeout), -EBADF);
    ck_assert_int_eq(ipcb_event_signal(e, 1), -EBADF);
    ck_assert_int_eq(ipcb_event_clone(&other, e), -EBADF);
    ck_assert_ptr_null(other);
    (void)ipcb_queue_release(q);
    (void)ipcb_event_release(e);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plain");
    TCase *opening = tcase_create("opening"), *queues = tcase_create("queues"),
          *events = tcase_create("events"), *misuse = tcase_create("misuse");

    suite_add_tcase(suite, opening);
    tcase_add_checked_fixture(opening, make_name, remove_name);
    tcase_set_timeout(opening, 30);
    tcase_add_test(opening, create_and_open);
    tcase_add_test(opening, create_exclusive);
    tcase_add_loop_test(opening, the_umask_takes_nothing_away, 0, 2);
    tcase_add_test(opening, an_existing_queue_tells_its_own_limits);
    tcase_add_test(opening, without_limits_the_kernel_decides);
    tcase_add_test(opening, directions_are_as_opened);
    tcase_add_test(opening, the_leading_slash_may_be_missing);
    tcase_add_test(opening, what_is_no_name);
    tcase_add_test(opening, what_cannot_be_opened);
    tcase_add_test(opening, no_descriptor_left);
    tcase_add_test(opening, a_name_that_comes_and_goes);
    suite_add_tcase(suite, queues);
    tcase_add_checked_fixture(queues, make_name, remove_name);
    tcase_add_test(queues, nonblocking_is_set_and_unset);
    tcase_add_test(queues, own_buffers);
    tcase_add_test(queues, text_is_utf8);
    tcase_add_test(queues, the_last_message_once_more);
    tcase_add_test(queues, a_clone_has_a_description_of_its_own);
    tcase_add_test(queues, a_clone_that_may_not_open_shares);
    suite_add_tcase(suite, events);
    tcase_add_loop_test(events, an_eventfd_is_created, 0, 2);
    tcase_add_loop_test(events, initial_counts_have_64_bits, 0, 2);
    tcase_add_loop_test(events, a_semaphore_is_created, 0, 2);
    tcase_add_test(events, a_clone_of_an_eventfd_shares);
    tcase_add_loop_test(events, a_pipe_pair, 0, 2);
    tcase_add_loop_test(events, a_clone_of_a_pipes_end_is_its_own, 0, 2);
    suite_add_tcase(suite, misuse);
    tcase_add_checked_fixture(misuse, make_name, remove_name);
    tcase_add_test(misuse, nothing_is_nothing);
    tcase_add_test(misuse, a_descriptor_closed_behind_the_wrapper);
    return check_main(suite);
}
