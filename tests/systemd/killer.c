/*
 * killer FILE PROGRAM [ARGUMENT...]: becomes PROGRAM, and kills it by SIGKILL before or after one
 * of its system calls.
 *
 * While FILE is there, each beginning and each end of a call is counted; FILE has the number at
 * which it strikes, and is removed before. Who counts is a child, so that PROGRAM has the process
 * id that a service manager expects.
 */
#include "base/base.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static void check(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(EXIT_FAILURE);
}

/* What the file says; 0: there is none. */
static unsigned long number_in(const char *path)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    unsigned long n = 0;

    return file && fscanf(file, "%lu", &n) == 1 ? n : 0;
}

static bool is_call(int status)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
}

static void count(pid_t program, const char *path)
{
    unsigned long n = 0;
    int status;

    while (waitpid(program, &status, __WALL) == program && WIFSTOPPED(status)) {
        unsigned long most = is_call(status) ? number_in(path) : 0;
        /* A signal is passed on; other stops are of the tracing itself. */
        int signal = is_call(status) || status >> 16 ? 0 : WSTOPSIG(status);

        n = most > 0 ? n + 1 : is_call(status) ? 0 : n;
        if (most > 0 && n >= most) {
            (void)unlink(path);
            (void)kill(program, SIGKILL);
            return;
        }
        check(ptrace(PTRACE_SYSCALL, program, NULL, (void *)(intptr_t)signal) == 0, "go on");
    }
}

static void trace(pid_t program, const char *path, int ready)
{
    check(ptrace(PTRACE_SEIZE, program, NULL, (void *)PTRACE_O_TRACESYSGOOD) == 0, "seize");
    check(write(ready, "", 1) == 1, "write");
    check(ptrace(PTRACE_INTERRUPT, program, NULL, NULL) == 0, "interrupt");
    count(program, path);
}

int main(int argc, char **argv)
{
    pid_t self = getpid(), child;
    int ready[2], go[2];
    char byte;

    check(argc > 2, "killer FILE PROGRAM");
    check(pipe(ready) == 0 && pipe(go) == 0, "pipe");
    child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        check(read(go[0], &byte, 1) == 1, "read");
        trace(self, argv[1], ready[1]);
        _exit(EXIT_SUCCESS);
    }
    check(prctl(PR_SET_PTRACER, (unsigned long)child) == 0 || errno == EINVAL, "allow");
    check(write(go[1], "", 1) == 1 && read(ready[0], &byte, 1) == 1, "wait");
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(go[i]);
    }
    (void)execv(argv[2], argv + 2);
    check(false, argv[2]);
}
