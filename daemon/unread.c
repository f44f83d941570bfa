#include "daemon/unread.h"

#include "daemon/connection.h"

#include <limits.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define PACKET_LEAST 256 /* less than what SIOCOUTQ counts for the smallest packet, 768 */

size_t quota_most(const struct quota *quota)
{
    size_t most = quota->limit / 4 * 3, least = quota->reserved + WIRE_DESCRIPTORS_MAX;

    return most > least ? most : least;
}

size_t quota_share(const struct quota *quota)
{
    size_t share = (quota_most(quota) - quota->reserved) / 16;

    return share > WIRE_DESCRIPTORS_MAX ? share : WIRE_DESCRIPTORS_MAX;
}

/* At most so many packets are unread; INT_MAX where the kernel does not tell. */
static unsigned unread_packets(const struct connection *connection)
{
    int queued;

    return ioctl(connection->source.fd, SIOCOUTQ, &queued) < 0 ? INT_MAX
                                                               : (unsigned)queued / PACKET_LEAST;
}

/* Not `== 0`: when a packet is read the kernel takes all but 1 off the count, then wakes us, then
 * takes the 1 off. Whoever asks in between would wait for an edge that never comes. */
bool unread_is_none(const struct connection *connection)
{
    return unread_packets(connection) == 0;
}

/* ---- who may have read ---- */

static void list(struct connection *connection)
{
    struct connection_context *context = connection->context;

    if (connection->listed)
        return;
    connection->listed = true;
    LIST_INSERT_HEAD(&context->unread, connection, unread_entry);
    if (connection->user)
        LIST_INSERT_HEAD(&connection->user->unread_list, connection, unread_sibling);
}

void unread_hide(struct connection *connection)
{
    if (!connection->listed)
        return;
    connection->listed = false;
    LIST_REMOVE(connection, unread_entry);
    if (connection->user)
        LIST_REMOVE(connection, unread_sibling);
}

/* An event of its own, so that everybody has his turn. */
static void wake_next(struct user *user)
{
    struct connection *next = user ? TAILQ_FIRST(&user->awaiting) : NULL;

    if (next)
        connection_poke(next);
}

/* N of those that were counted are not unread any more. */
static void discount(struct connection *connection, unsigned n)
{
    connection->unread -= n;
    connection->context->quota->unread -= n;
    if (connection->user)
        connection->user->unread -= n;
}

void unread_clear(struct connection *connection)
{
    unsigned n = connection->unread;

    unread_hide(connection);
    discount(connection, n);
    connection->largest = 0;
    if (n > 0)
        wake_next(connection->user);
}

void unread_add(struct connection *connection, size_t n)
{
    if (n == 0)
        return;
    if (n > connection->largest)
        connection->largest = (unsigned)n;
    connection->unread += (unsigned)n;
    connection->context->quota->unread += n;
    if (connection->user)
        connection->user->unread += n;
    if (!connection->held)
        list(connection);
}

/* What was counted up while he read is more than can be unread in the packets that are: whoever has
 * one unread at each connection must not be kept waiting for it. */
static void correct(struct connection *connection, unsigned packets)
{
    size_t most = (size_t)packets * connection->largest;

    if (most < connection->unread)
        discount(connection, connection->unread - (unsigned)most);
}

static void review(struct connection *connection)
{
    unsigned packets = unread_packets(connection);

    if (packets == 0) {
        unread_clear(connection);
        return;
    }
    correct(connection, packets);
    unread_hide(connection);
    connection_hold(connection);
}

/* ---- may more be sent ---- */

static bool own_is_full(struct connection *connection, size_t n)
{
    if (connection->unread + n <= WIRE_DESCRIPTORS_MAX)
        return false;
    if (!unread_is_none(connection))
        return true;
    unread_clear(connection);
    return false;
}

static bool share_is_full(struct connection *connection, size_t n)
{
    struct user *user = connection->user;
    size_t share = quota_share(connection->context->quota);

    if (!user)
        return false;
    while (user->unread + n > share && !LIST_EMPTY(&user->unread_list))
        review(LIST_FIRST(&user->unread_list));
    return user->unread + n > share;
}

static bool whole_is_full(struct connection_context *context, size_t n)
{
    const struct quota *quota = context->quota;
    size_t most = quota_most(quota);

    while (quota->reserved + quota->unread + n > most && !LIST_EMPTY(&context->unread))
        review(LIST_FIRST(&context->unread));
    return quota->reserved + quota->unread + n > most;
}

int unread_check(struct connection *connection, size_t n)
{
    if (n == 0)
        return 0;
    if (own_is_full(connection, n))
        return -EAGAIN;
    if (share_is_full(connection, n)) {
        unread_await(connection);
        return -EAGAIN;
    }
    return whole_is_full(connection->context, n) ? -EDQUOT : 0;
}

void unread_await(struct connection *connection)
{
    if (connection->awaiting)
        return;
    connection->awaiting = true;
    TAILQ_INSERT_TAIL(&connection->user->awaiting, connection, awaiting_entry);
}

void unread_stop_awaiting(struct connection *connection)
{
    if (!connection->awaiting)
        return;
    connection->awaiting = false;
    TAILQ_REMOVE(&connection->user->awaiting, connection, awaiting_entry);
    wake_next(connection->user);
}
