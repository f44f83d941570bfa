#include "daemon/limits.h"

#include "base/number.h"
#include "daemon/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

static void raise_soft(__rlimit_resource_t resource)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(resource, &limit); /* cannot fail; were it to, the old limit is in force */
}

static uint64_t soft(__rlimit_resource_t resource)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return 0;
    return limit.rlim_cur;
}

void limits_raise(void)
{
    raise_soft(RLIMIT_NOFILE);
    raise_soft(RLIMIT_MSGQUEUE);
}

uint64_t limits_descriptors(void)
{
    return soft(RLIMIT_NOFILE);
}

uint64_t limits_msgqueue_bytes(void)
{
    return soft(RLIMIT_MSGQUEUE);
}

uint64_t limits_queue_bytes(uint64_t max_messages, uint64_t message_size)
{
    /* The kernel's own structures: a message's header, and a tree's node for each priority that
     * can be in use at once, of which there are 32768. Both are 48 bytes on 64-bit machines. */
    const uint64_t header = 48, node = 48, priorities = 32768;

    return max_messages * (message_size + header) +
           (max_messages < priorities ? max_messages : priorities) * node;
}

int limits_read_sysctl(const char *name, uint64_t *ret)
{
    char path[128], text[32];
    int r;

    (void)snprintf(path, sizeof path, "/proc/sys/%s", name);
    for (char *c = path; *c; c++)
        if (*c == '.')
            *c = '/';
    r = proc_text(path, text, sizeof text);
    if (r < 0)
        return r;
    text[strcspn(text, "\n")] = '\0';
    return parse_number(text, UINT64_MAX, ret);
}

static bool over_sysctl(const char *name, uint64_t wanted, uint64_t *ret)
{
    return limits_read_sysctl(name, ret) == 0 && wanted > *ret;
}

int limits_explain_sysctl(int error, const char *what, const char *name, uint64_t limit,
                          uint64_t needed, struct sentence *why)
{
    return say(why, error,
               "%s is over %s = %" PRIu64 ": raise it with 'sysctl %s=%" PRIu64
               "', and for good with that line in a file of /etc/sysctl.d",
               what, name, limit, name, needed);
}

static int explain_einval(int error, uint64_t max_messages, uint64_t message_size,
                          struct sentence *why)
{
    char what[64];
    uint64_t limit;

    (void)snprintf(what, sizeof what, "max_messages = %" PRIu64, max_messages);
    if (over_sysctl("fs.mqueue.msg_max", max_messages, &limit))
        return limits_explain_sysctl(error, what, "fs.mqueue.msg_max", limit, max_messages, why);
    (void)snprintf(what, sizeof what, "message_size = %" PRIu64, message_size);
    if (over_sysctl("fs.mqueue.msgsize_max", message_size, &limit))
        return limits_explain_sysctl(error, what, "fs.mqueue.msgsize_max", limit, message_size,
                                     why);
    return say(why, error, "the kernel takes no queue of %" PRIu64 " messages of %" PRIu64 " bytes",
               max_messages, message_size);
}

/* EMFILE has two causes: no descriptor free, or RLIMIT_MSGQUEUE. Trying tells which. */
static bool descriptors_are_free(void)
{
    _cleanup_close_ int fd = open("/", O_PATH | O_CLOEXEC);

    return fd >= 0;
}

bool limits_is_shortage(int error)
{
    return error == -ENOMEM || error == -ENFILE || (error == -EMFILE && !descriptors_are_free());
}

/* While the host has none, not even this file can be opened: 0 then. */
static uint64_t file_max(void)
{
    uint64_t limit;

    return limits_read_sysctl("fs.file-max", &limit) < 0 ? 0 : limit;
}

int limits_explain_descriptor(int error, struct sentence *why)
{
    if (error == -EMFILE)
        return say(why, error,
                   "all %" PRIu64 " descriptors of RLIMIT_NOFILE are in use: raise it with "
                   "LimitNOFILE=%" PRIu64 " in ipcbroker.service, or lower max_clients",
                   limits_descriptors(), limits_descriptors() * 2);
    if (error == -ENFILE)
        return say(why, error,
                   "all descriptors of the host are in use (fs.file-max = %" PRIu64
                   "): raise fs.file-max with sysctl, and for good in a file of /etc/sysctl.d",
                   file_max());
    return say(why, error, "%s", strerror(-error));
}

static int explain_emfile(int error, uint64_t max_messages, uint64_t message_size,
                          struct sentence *why)
{
    uint64_t bytes = limits_queue_bytes(max_messages, message_size);

    if (!descriptors_are_free())
        return limits_explain_descriptor(error, why);
    return say(
        why, error,
        "its %" PRIu64 " bytes do not fit any more into RLIMIT_MSGQUEUE = %" PRIu64
        ", which counts all queues of uid %u: raise it with LimitMSGQUEUE=%" PRIu64
        " at least in ipcbroker.service, or 'ulimit -q'; 'ipcbrokerd --check-config' adds up "
        "what the configuration needs",
        bytes, limits_msgqueue_bytes(), geteuid(), limits_msgqueue_bytes() + bytes);
}

static int explain_enospc(int error, struct sentence *why)
{
    uint64_t limit;

    if (limits_read_sysctl("fs.mqueue.queues_max", &limit) < 0)
        return say(why, error, "the host has as many queues as fs.mqueue.queues_max allows");
    return say(why, error,
               "the host has as many queues as fs.mqueue.queues_max = %" PRIu64
               " allows: raise it with 'sysctl fs.mqueue.queues_max=%" PRIu64
               "', and for good with that line in a file of /etc/sysctl.d",
               limit, limit * 4);
}

int limits_explain_queue(int error, uint64_t max_messages, uint64_t message_size,
                         struct sentence *why)
{
    switch (error) {
    case -EINVAL:
        return explain_einval(error, max_messages, message_size, why);
    case -EMFILE:
        return explain_emfile(error, max_messages, message_size, why);
    case -ENOSPC:
        return explain_enospc(error, why);
    case -ENFILE:
        return limits_explain_descriptor(error, why);
    case -ENOSYS:
        return say(why, error, "this kernel has no POSIX message queues (CONFIG_POSIX_MQUEUE)");
    default:
        return say(why, error, "the kernel does not make it: %s", strerror(-error));
    }
}
