/* idle-clients SOCKET N: connects N times, says "ready", and waits for the end of its input. */
#include "bench/worker.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
    struct rlimit limit;
    char byte;

    if (argc != 3) {
        (void)fputs("usage: idle-clients SOCKET N\n", stderr);
        return 2;
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t n = number_of(argv[2]); n > 0; n--)
        (void)dial(argv[1]); /* kept open until the process ends */
    (void)puts("ready");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
