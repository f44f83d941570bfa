/* remove-queues PREFIX N: removes the POSIX queues PREFIX0000, PREFIX0001 and so on. */
#include "bench/worker.h"

#include <mqueue.h>

int main(int argc, char **argv)
{
    char name[64];

    if (argc != 3) {
        (void)fputs("usage: remove-queues PREFIX N\n", stderr);
        return 2;
    }
    for (size_t i = number_of(argv[2]); i-- > 0;) {
        (void)snprintf(name, sizeof name, "/%s%04zu", argv[1], i);
        (void)mq_unlink(name);
    }
    return 0;
}
