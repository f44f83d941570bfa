/* Directions, seen by everybody whom the kernel may take for somebody else: the owner, a group, the
 * others; while the object has its name, and without. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#define OBJECTS                                                                                    \
    "[queue:plain]\nuse = user:$C0\nsend = user:$C1\nreceive = user:$C2\n"                         \
    "[queue:private]\nposix_name = none\nuse = user:$C0\nsend = user:$C1\nreceive = user:$C2\n"    \
    "[queue:shared]\nmode = 0660\ngroup = $B\nsend = any\n"                                        \
    "[queue:writable]\nmode = 0622\nsend = any\n"                                                  \
    "[pipe:done]\nuse = user:$C0\nwrite = user:$C1\nread = user:$C2\n"

#define READ  1u
#define WRITE 2u
#define BOTH  4u
#define ALL   (READ | WRITE | BOTH)

struct cell {
    unsigned who; /* a client, who is in the broker's group if `member` */
    bool member;
    const char *name;
    unsigned access;  /* what he asks for */
    int gets;         /* the mode of his descriptor */
    unsigned reopens; /* in which modes he can open it again */
};

static const struct cell cells[] = {
    /* The mode is 0600: his descriptor is all that he ever has, of whatever group he is. */
    {0, false, "plain", WIRE_WRITE, O_WRONLY, 0},
    {0, false, "plain", WIRE_READ, O_RDONLY, 0},
    {0, true, "plain", 0, O_RDWR, 0},
    {1, false, "plain", 0, O_WRONLY, 0},
    {1, true, "plain", 0, O_WRONLY, 0},
    {2, true, "plain", 0, O_RDONLY, 0},
    {0, false, "private", WIRE_READ, O_RDONLY, 0},
    {1, true, "private", 0, O_WRONLY, 0},
    {2, false, "private", 0, O_RDONLY, 0},
    /* With a mode or a group they are more, as the check warns. */
    {1, false, "shared", 0, O_WRONLY, 0},
    {1, true, "shared", 0, O_WRONLY, ALL},
    {1, false, "writable", 0, O_WRONLY, WRITE},
    {1, true, "writable", 0, O_WRONLY, WRITE},
    /* A pipe has an owner as a queue has. */
    {0, false, "done", WIRE_WRITE, O_WRONLY, 0},
    {0, true, "done", WIRE_READ, O_RDONLY, 0},
    {1, true, "done", 0, O_WRONLY, 0},
    {2, false, "done", 0, O_RDONLY, 0},
};

static unsigned reopens(int fd)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    unsigned found = 0;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        int again = open(path, modes[i] | O_NONBLOCK | O_CLOEXEC);

        if (again >= 0)
            found |= 1u << i;
        close_fd(again);
    }
    return found;
}

static int try_all_directions(void *argument)
{
    const struct cell *cell = argument;
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, cell->name, cell->access);

    (void)ipcb_free(b);
    EXPECT(fd >= 0);
    EXPECT((fcntl(fd, F_GETFL) & O_ACCMODE) == cell->gets);
    EXPECT(fchmod(fd, 0666) < 0 && errno == EPERM);
    EXPECT(fchown(fd, geteuid(), getegid()) < 0 && errno == EPERM);
    EXPECT(reopens(fd) == cell->reopens);
    close(fd);
    return 0;
}

static void try_cell(const struct cell *cell)
{
    gid_t groups[] = {broker.broker_uid};
    struct who who = user(cell->who);

    if (cell->member) {
        who.groups = groups;
        who.n_groups = 1;
    }
    ck_assert_msg(as_user(who, try_all_directions, (void *)(uintptr_t)cell) == 0,
                  "client %u, %s, %s, access %u", cell->who,
                  cell->member ? "of the broker's group" : "of no group", cell->name, cell->access);
}

START_TEST(nobody_opens_a_descriptor_in_another_direction)
{
    besiege(OBJECTS);
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        try_cell(&cells[i]);
}
END_TEST

START_TEST(nor_when_the_names_are_gone)
{
    besiege(OBJECTS);
    ck_assert_int_eq(mq_unlink("/plain"), 0);
    ck_assert_int_eq(mq_unlink("/shared"), 0);
    ck_assert_int_eq(mq_unlink("/writable"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        try_cell(&cells[i]);
}
END_TEST

/* The broker's own user may do all: never run a client as this user. */
START_TEST(the_owner_is_trusted_and_bound_by_nothing)
{
    struct who itself = {.uid = broker.broker_uid, .gid = broker.broker_uid};
    int fd;

    besiege(OBJECTS);
    ck_assert_int_eq(get(itself, "plain", 0), -EACCES); /* grants bind him at the socket, */
    become(itself);
    fd = mq_open("/plain", O_RDWR); /* and nothing elsewhere */
    become_root();
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

TCase *hostile_direction_case(void)
{
    TCase *tcase = hostile_case("direction");

    tcase_add_test(tcase, nobody_opens_a_descriptor_in_another_direction);
    tcase_add_test(tcase, nor_when_the_names_are_gone);
    tcase_add_test(tcase, the_owner_is_trusted_and_bound_by_nothing);
    return tcase;
}
