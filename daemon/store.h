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

struct bag {
    unsigned number, serial; /* serial 0: it is not in the store yet */
    int *fds;                /* what it holds, borrowed from the objects; only to be compared */
    size_t n;
    char *text;
};

struct store {
    size_t most; /* descriptors that the service manager keeps; 0: there is no store */
    struct bag *bags;
    size_t n_bags;
    unsigned last_number;
};

/* What the service manager offers. PRIVATE: a broker that keeps nothing. */
void store_init(struct store *store, bool private);
void store_deinit(struct store *store);
bool store_is_there(const struct store *store);

/* Takes what came back out of HANDED, and what is in it into LIST. What is wrong is said and left
 * alone. -EMFILE, -ENOMEM with a sentence: not all of it could be taken, though it may be good. */
int store_collect(struct store *store, struct handed *handed, struct recovered_list *list,
                  struct sentence *why) _must_check_;

/* What is in a bag is not what its text says: it is to be renewed. */
void store_spoil(struct store *store, unsigned number);

/* Makes the store hold every object of the registry as it is now: to be called after each change
 * and before what is new is handed out. What cannot be stored is said. */
void store_save(struct store *store, const struct registry *registry);
/* How many descriptors are in the bags, which the kernel counts as on their way: the largest bag
 * twice, as when it is renewed. */
size_t store_in_flight(const struct store *store);
