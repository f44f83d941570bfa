#include "tests/unit/fake_broker.h"

#undef NDEBUG
#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- in the test ---- */

int fake_listen(struct fake *fake, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    *fake = (struct fake){.directory = "/tmp/ipcb-fake-XXXXXX"};
    ck_assert(fd >= 0);
    ck_assert_ptr_nonnull(mkdtemp(fake->directory));
    (void)snprintf(fake->path, sizeof fake->path, "%s/socket", fake->directory);
    strcpy(address.sun_path, fake->path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

void fake_start(struct fake *fake, void (*serve)(int listener))
{
    int listener = fake_listen(fake, 16);
    pid_t parent = getpid();

    fake->pid = fork();
    ck_assert_int_ge(fake->pid, 0);
    if (fake->pid == 0) {
        FAKE_EXPECT(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
        serve(listener);
        _exit(0);
    }
    close_fd(listener);
}

void fake_stop(struct fake *fake)
{
    int status = 0;

    if (fake->pid > 0)
        ck_assert_int_eq(waitpid(fake->pid, &status, 0), fake->pid);
    ck_assert_int_eq(unlink(fake->path), 0);
    ck_assert_int_eq(rmdir(fake->directory), 0);
    ck_assert_msg(status == 0, "the fake broker was not content");
}

size_t count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t n = 0;

    ck_assert_ptr_nonnull(directory);
    while (readdir(directory))
        n++;
    ck_assert_int_eq(closedir(directory), 0);
    return n;
}

/* ---- in the child ---- */

int fake_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    FAKE_EXPECT(fd >= 0);
    return fd;
}

bool fake_receive(int fd, struct fake_request *ret)
{
    ssize_t n = recv(fd, ret->frame, sizeof ret->frame, 0);

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return false;
    FAKE_EXPECT(n > 0);
    FAKE_EXPECT(wire_read_header(&ret->fields, ret->frame, (size_t)n, &ret->header) == 0);
    FAKE_EXPECT(ret->header.version == WIRE_VERSION && ret->header.flags == 0);
    FAKE_EXPECT(ret->header.serial != 0 && ret->header.status == 0);
    return true;
}

void fake_begin(struct wire_writer *reply, const struct fake_request *request, int status)
{
    static uint8_t buffer[2 * WIRE_REPLY_MAX];
    struct wire_header header = request->header;

    header.flags = WIRE_REPLY;
    header.status = (uint32_t)status;
    wire_writer_init(reply, buffer, sizeof buffer);
    wire_put_header(reply, &header);
}

void fake_send(int fd, const struct wire_writer *reply, const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS_MAX)];
    } control = {0};
    struct iovec iov = {reply->data, reply->size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    FAKE_EXPECT(!reply->overflow);
    if (n > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
    }
    /* A client may have gone, which the next receive tells. */
    FAKE_EXPECT(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)reply->size || errno == EPIPE);
}

void fake_await_close(int fd)
{
    struct pollfd pollfd = {.fd = fd};

    FAKE_EXPECT(poll(&pollfd, 1, -1) == 1 && pollfd.revents & POLLHUP);
}

size_t fake_count_items(const struct fake_request *request)
{
    struct wire_reader fields = request->fields;
    struct wire_field field;
    size_t n = 0;

    while (wire_next(&fields, &field) > 0)
        n += field.type == WIRE_FIELD_ITEM;
    return n;
}

void fake_eventfds(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = eventfd((unsigned)i + 1, EFD_CLOEXEC | EFD_NONBLOCK);
        FAKE_EXPECT(fds[i] >= 0);
    }
}

void fake_close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close_fd(fds[i]);
}

void fake_hand_out(int fd, const struct fake_request *request, size_t n_fields, size_t n_fds)
{
    struct wire_descriptor descriptor = {
        .kind = WIRE_EVENTFD, .access = WIRE_USE, .flags = WIRE_NONBLOCK};
    struct wire_writer reply;
    int fds[WIRE_DESCRIPTORS_MAX];

    fake_begin(&reply, request, 0);
    for (size_t i = 0; i < n_fields; i++) {
        descriptor.identity.inode = 100 + i;
        wire_put_descriptor(&reply, &descriptor);
    }
    fake_eventfds(fds, n_fds);
    fake_send(fd, &reply, fds, n_fds);
    fake_close_all(fds, n_fds);
}

void fake_await_sleep(pid_t pid)
{
    char path[64], text[512], state = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");

        FAKE_EXPECT(file);
        FAKE_EXPECT(fgets(text, sizeof text, file));
        state = strrchr(text, ')')[2];
        (void)fclose(file);
    }
}
