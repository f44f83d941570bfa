/* What a broker answers, as the library takes it: the first byte tells the call, the second how
 * many descriptors come with each frame, then frames with their lengths (two bytes). The library
 * ends each call with a result, a sentence if it failed, and no descriptor lost. */
#include "client/internal.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define ITEMS 3u

static struct ipcb *handle; /* never connects by itself: there is nobody at its address */

/* ---- the broker's side ---- */

static void attach(struct msghdr *message, void *room, size_t n)
{
    struct cmsghdr *header = room;
    int *fds = (int *)(void *)CMSG_DATA(header);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n * sizeof *fds);
    for (size_t i = 0; i < n; i++)
        fds[i] = STDIN_FILENO;
    message->msg_control = room;
    message->msg_controllen = CMSG_SPACE(n * sizeof *fds);
}

static void send_frames(int fd, struct bytes *bytes, size_t n_descriptors)
{
    while (bytes->left > 0) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = {0};
        size_t wanted = take_byte(bytes), size;
        const uint8_t *frame;
        struct iovec part;
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        wanted |= (size_t)take_byte(bytes) << 8;
        frame = take_bytes(bytes, wanted, &size);
        part = (struct iovec){(void *)(uintptr_t)frame, size};
        if (n_descriptors > 0)
            attach(&message, &control, n_descriptors);
        if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return;
    }
}

/* ---- the library's side ---- */

static void check_facts(struct ipcb_facts *facts)
{
    const struct ipcb_fact *fact;

    for (size_t i = 0; facts && (fact = ipcb_facts_at(facts, i)); i++) {
        ORACLE(*fact->key && fact->text, "a fact without a key or text");
        ORACLE(ipcb_facts_find(facts, fact->key), "a fact is not found by its key");
        ORACLE(fact->type >= IPCB_FACT_NUMBER && fact->type <= IPCB_FACT_BOOLEAN, "type %u",
               fact->type);
    }
    (void)ipcb_facts_free(facts);
}

static void check_list(struct ipcb_list *list)
{
    const struct ipcb_facts *facts;

    for (size_t i = 0; list && (facts = ipcb_list_at(list, i)); i++)
        (void)ipcb_facts_find(facts, "name");
    (void)ipcb_list_free(list);
}

static int acquire(void)
{
    struct ipcb_item items[ITEMS] = {
        {.name = "a", .fd = -1}, {.name = "b", .fd = -1}, {.name = "c", .fd = -1}};
    int r = ipcb_acquire_many(handle, items, ITEMS, 0);

    for (size_t i = 0; i < ITEMS; i++) {
        ORACLE((items[i].fd >= 0) == (r == 0), "item %zu has the descriptor %d after %d", i,
               items[i].fd, r);
        (void)close_fd(items[i].fd);
    }
    return r;
}

static int call(unsigned which)
{
    const struct ipcb_subject subject = {.uid = 1, .gid = 1};
    struct ipcb_facts *facts = NULL;
    struct ipcb_list *list = NULL;
    int r;

    switch (which % 7) {
    case 0:
        r = acquire();
        break;
    case 1:
        r = ipcb_show(handle, "a", &facts);
        break;
    case 2:
        r = ipcb_status(handle, &facts);
        break;
    case 3:
        r = ipcb_whoami(handle, &facts);
        break;
    case 4:
        r = ipcb_can(handle, &subject, "a", IPCB_USE, &facts);
        break;
    case 5:
        r = ipcb_list(handle, &list);
        break;
    default:
        r = ipcb_config(handle, &list);
    }
    ORACLE(which % 7 == 0 || (facts || list) == (r == 0), "a result after %d", r);
    check_facts(facts);
    check_list(list);
    return r;
}

static void check_sentence(int r)
{
    const char *text = ipcb_message(handle);

    ORACLE(r <= 0 && r > -4096, "a result of %d", r);
    ORACLE(r == 0 || *text, "%d without a sentence", r);
    for (; r < 0 && *text; text++)
        ORACLE((unsigned char)*text >= ' ' && *text != 0x7f, "a control character in a sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    unsigned which = take_byte(&bytes), n_descriptors = take_byte(&bytes) % 8;
    size_t open_before = count_open();
    int ends[2], r;

    if (!handle) {
        ORACLE(ipcb_new(&handle, "/nowhere/fuzz.sock") == 0, "no handle");
        ORACLE(ipcb_set_timeout(handle, 0) == 0, "no timeout");
    }
    ORACLE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "%s",
           strerror(errno));
    handle->fd = ends[0];
    handle->pid = getpid();
    handle->serial = 0; /* so that the request has the serial 1 */
    send_frames(ends[1], &bytes, n_descriptors);
    r = call(which);
    check_sentence(r);
    connection_close(handle);
    (void)close_fd(ends[1]);
    ORACLE(count_open() == open_before, "a descriptor is lost");
    return 0;
}
