#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <sys/prctl.h>

/* ---- one who holds something ---- */

static int acquire_and_attack(void *argument)
{
    struct attacker *attacker = argument;
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, attacker->name, 0);
    char byte;

    (void)ipcb_free(b);
    EXPECT(fd >= 0);
    EXPECT(attacker->attack(fd) == 0);
    EXPECT(write(attacker->done[1], "", 1) == 1);
    close(attacker->leaves[1]);
    EXPECT(read(attacker->leaves[0], &byte, 1) == 0);
    close(fd);
    return 0;
}

struct attacker attack_begin(struct who who, const char *name, int (*attack)(int fd))
{
    struct attacker attacker = {.name = name, .attack = attack};
    char byte;

    ck_assert_int_eq(pipe2(attacker.done, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(attacker.leaves, O_CLOEXEC), 0);
    attacker.child = as_user_begin(who, acquire_and_attack, &attacker);
    close(attacker.done[1]);
    close(attacker.leaves[0]);
    ck_assert_msg(read(attacker.done[0], &byte, 1) == 1, "the attacker failed");
    return attacker;
}

void attack_end(struct attacker *attacker)
{
    close(attacker->leaves[1]);
    ck_assert_int_eq(as_user_end(attacker->child), 0);
    close(attacker->done[0]);
}

/* ---- many who do not stop ---- */

struct mob {
    int (*attack)(void);
    pid_t parent;
};

/* Until he is killed, also by the end of the test. */
static int attack_on(void *argument)
{
    const struct mob *mob = argument;

    EXPECT(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    while (getppid() == mob->parent)
        EXPECT(mob->attack() == 0);
    return 0;
}

struct crowd crowd_begin(struct who who, unsigned n, int (*attack)(void))
{
    struct mob mob = {attack, getpid()};
    struct crowd crowd = {.n = n};

    ck_assert_uint_le(n, CROWD_MOST);
    for (unsigned i = 0; i < n; i++)
        crowd.children[i] = as_user_begin(who, attack_on, &mob);
    return crowd;
}

void crowd_end(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n; i++) {
        ck_assert_int_eq(kill(crowd->children[i], SIGKILL), 0);
        ck_assert_int_eq(as_user_end(crowd->children[i]), 128 + SIGKILL);
    }
}
