/*
 * The store: every object, from its birth on, in bags that the service manager keeps
 * (FileDescriptorStoreMax= in systemd.service(5)).
 *
 * A bag is called bag.NUMBER.SERIAL there, both its ends alike. A change makes a new one with the
 * next serial, and the old one is removed after that is in: whenever the process dies, all objects
 * are in a bag.
 */
#pragma once

#include "daemon/bag_table.h"
#include "daemon/registry.h"
#include "daemon/service.h"
#include "daemon/unread.h"

struct bag {
    unsigned number, serial; /* serial 0: it is not in the store yet */
    unsigned newest;         /* serial of its number there, maybe of one that is not whole */
    int *fds;                /* what it holds, borrowed from the objects; only to be compared */
    size_t n;
    char *text;
};

struct store {
    size_t most; /* descriptors that the service manager keeps; 0: there is no store */
    struct notifier *notifier; /* borrowed, as is QUOTA */
    struct quota *quota;
    struct bag *bags;
    size_t n_bags;
    unsigned last_number;
    size_t said; /* the weight when it was last said that it does not fit */
};

/* What the service manager offers. PRIVATE: a broker that keeps nothing. The bags count in QUOTA.
 */
void store_init(struct store *store, struct notifier *notifier, struct quota *quota, bool private);
void store_deinit(struct store *store);
bool store_is_there(const struct store *store);

/* Takes what came back out of HANDED, and what is in it into LIST. What is wrong is said and left
 * alone. -EMFILE, -ENOMEM with a sentence: not all of it could be taken, though it may be good. */
int store_collect(struct store *store, struct handed *handed, struct recovered_list *list,
                  struct sentence *why) _must_check_;

/* What is in a bag is not what its text says: it is to be renewed. */
void store_spoil(struct store *store, unsigned number);

/* How many descriptors count as on their way for N objects: every bag may be renewed, and counts
 * twice then. */
size_t store_weight(size_t n);
/* The RLIMIT_NOFILE that this needs. */
size_t store_needs_limit(size_t weight);

/* Makes the store hold every object of the registry as it is now: to be called after each change
 * and before what is new is handed out. What cannot be stored is said, and tried again by the next
 * call. */
void store_save(struct store *store, const struct registry *registry);
