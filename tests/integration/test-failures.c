/* What the broker makes of what goes wrong around it: the real daemon, the real kernel. */
#include "tests/check_main.h"
#include "tests/integration/failures_cases.h"

#include <sys/stat.h>

ino_t inode_of(int fd)
{
    struct stat status;

    ck_assert_int_eq(fstat(fd, &status), 0);
    return status.st_ino;
}

ino_t inode_for(struct who who, const char *name)
{
    struct ipcb_queue *q = queue_of(who, name);
    ino_t inode = inode_of(ipcb_queue_fd(q));

    (void)ipcb_queue_free(q);
    return inode;
}

void restart(int signal)
{
    ck_assert_int_eq(fixture_end(&broker, signal), signal == SIGKILL ? 128 + SIGKILL : 0);
    fixture_start(&broker);
}

int main(void)
{
    Suite *suite;

    if (!check_is_root())
        return 0;
    suite = suite_create("failures");
    suite_add_tcase(suite, restart_case());
    suite_add_tcase(suite, names_case());
    suite_add_tcase(suite, limits_case());
    suite_add_tcase(suite, sockets_case());
    suite_add_tcase(suite, clients_case());
    suite_add_tcase(suite, backpressure_case());
    suite_add_tcase(suite, configuration_case());
    return check_main(suite);
}
