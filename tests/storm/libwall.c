/* Preloaded into a program that must not know what time it is: whoever asks for the wall clock,
 * which jumps, ends with a line. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void refuse(const char *who)
{
    (void)!write(STDERR_FILENO, who, strlen(who));
    (void)!write(STDERR_FILENO, " asks for the wall clock\n", 25);
    abort();
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI)
        refuse("clock_gettime()");
    return (int)syscall(SYS_clock_gettime, id, ret);
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    (void)zone;
    *ret = (struct timeval){0, 0};
    refuse("gettimeofday()");
    return 0;
}

time_t time(time_t *ret)
{
    refuse("time()");
    return ret ? *ret : 0;
}
