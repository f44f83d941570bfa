/*
 * Prints what sd_listen_fds(3) finds, one descriptor a line: its number, name, kind, direction, and
 * whether it is nonblocking; then every other socket like that of the broker. It knows nothing of
 * ipcbroker.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static const char *kind_of(int fd)
{
    char link[64], path[64] = "";

    if (sd_is_mq(fd, NULL) > 0)
        return "queue";
    if (sd_is_fifo(fd, NULL) > 0)
        return "pipe";
    if (sd_is_socket(fd, AF_UNSPEC, 0, -1) > 0)
        return "socket";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0)
        return "nothing";
    return strstr(path, "[eventfd]") ? "eventfd" : "other";
}

static const char *direction_of(int flags)
{
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return "in";
    case O_WRONLY:
        return "out";
    default:
        return "both";
    }
}

static void print_others(int n)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        int fd = atoi(entry->d_name);

        if (fd >= SD_LISTEN_FDS_START + n && sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, -1) > 0)
            (void)printf("%d besides: a socket\n", fd);
    }
    if (directory)
        (void)closedir(directory);
}

int main(void)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(0, &names);

    if (n < 0) {
        (void)printf("error: %s\n", strerror(-n));
        return 1;
    }
    for (int i = 0; i < n; i++) {
        int fd = SD_LISTEN_FDS_START + i, flags = fcntl(fd, F_GETFL);

        (void)printf("%d %s %s %s%s\n", fd, names[i], kind_of(fd), direction_of(flags),
                     flags & O_NONBLOCK ? " nonblocking" : "");
        free(names[i]);
    }
    free(names);
    print_others(n);
    return fflush(stdout) != 0;
}
