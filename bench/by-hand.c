/* by-hand NAME: opens a queue by its name and closes it, over and over, without any server. */
#include "bench/worker.h"

#include <fcntl.h>
#include <mqueue.h>

static size_t open_and_close(void *name)
{
    mqd_t queue = mq_open(name, O_WRONLY | O_CLOEXEC);

    if (queue < 0)
        give_up(name);
    (void)mq_close(queue);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: by-hand NAME\n", stderr);
        return 2;
    }
    worker_serve(open_and_close, argv[1]);
    return 0;
}
