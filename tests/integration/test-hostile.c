/* What users try with what they are granted, and around it: see docs/security.md. */
#include "tests/check_main.h"
#include "tests/integration/hostile_cases.h"

#include <fcntl.h>

static int acquire_and_attack(void *argument)
{
    struct attacker *attacker = argument;
    struct ipcb *b = fixture_handle(&broker);
    int fd = ipcb_acquire(b, attacker->name, 0);
    char byte;

    EXPECT(fd >= 0);
    EXPECT(attacker->attack(fd) == 0);
    EXPECT(write(attacker->done[1], "", 1) == 1);
    close(attacker->leaves[1]);
    EXPECT(read(attacker->leaves[0], &byte, 1) == 0);
    close(fd);
    (void)ipcb_free(b);
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

int main(void)
{
    Suite *suite;

    if (geteuid() != 0) {
        (void)puts("1..0 # SKIP needs root");
        return 0;
    }
    suite = suite_create("hostile");
    suite_add_tcase(suite, hostile_queue_case());
    suite_add_tcase(suite, hostile_event_case());
    suite_add_tcase(suite, hostile_peer_case());
    suite_add_tcase(suite, hostile_system_case());
    return check_main(suite);
}
