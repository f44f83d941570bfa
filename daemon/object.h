/*
 * Objects: what the broker owns and names, whatever their kind.
 *
 * A kind is one file and one row of the table in object.c: its name and words, its keys in the
 * configuration, how it is made, handed out and described. Nothing outside the kind's own file
 * knows what is particular to it.
 */
#pragma once

#include "daemon/grants.h"
#include "protocol/wire.h"

struct kind;
struct object;
struct registry;

#define KIND_KEYS_MAX 16u /* plain keys of a section, at most */

/* What a configuration says of one object, and owns; a retired object has one of its own. */
struct declaration {
    char *name;
    const struct kind *kind;
    struct place place; /* of the section's header */
    void *settings;     /* the kind's own struct, set from its keys */
    struct grants grants;
    struct place subject_place;        /* of the key that sets settings_subject() */
    unsigned key_lines[KIND_KEYS_MAX]; /* where each of the kind's keys was said, 0: was not */
    char *own_path; /* of a copy: what the path of `place` is; else NULL, and that is borrowed */
};

/* Which queues have a name of their own in the kernel. */
enum naming {
    NAMING_ALL,      /* unless posix_name = none */
    NAMING_IF_GIVEN, /* only with a posix_name: brokers of a user, who would share names */
    NAMING_NONE,     /* none: a sandbox */
};

/* What all objects of a broker share. */
struct environment {
    enum naming naming;
    /* Who of the registry's lives under a name in the kernel; NULL: nobody can, at the start. */
    struct object *(*holder)(const struct registry *registry, const char *name);
    const struct registry *registry;
    int descriptors_dir; /* /proc/self/fd, for opening a descriptor's object anew */
};

struct object {
    const struct declaration *declaration; /* borrowed, but for `own` */
    struct declaration *own;               /* of a retired object: its declaration, owned */
    const struct environment *environment; /* borrowed */
    int fd;                                /* -1: failed */
    char *kernel_name;                     /* that it lives under, owned; NULL: without one */
    bool name_lost;  /* declared with a name that it could not have, or that was removed */
    bool adopted;    /* was there before, rather than made */
    bool adjusted;   /* is as its declaration says in what `adjust` sets; else that is not known */
    unsigned traits; /* given at birth, where the kernel does not tell: the kind's own bits */
    struct wire_identity identity;
    char *failure;        /* why it is failed, NULL when it is not */
    char *difference;     /* how it differs from its declaration, NULL when it does not */
    uint64_t retry_at_us; /* of a failed object: when to try again, by CLOCK_MONOTONIC */
    uint64_t backoff_us;
    unsigned bag; /* of the store, that it belongs to; 0: none yet */
    bool stored;  /* it is in there */
};

/* A descriptor on its way to a client. */
struct handout {
    int fd;
    bool owned; /* to be closed once sent; else the object's own */
    struct wire_descriptor descriptor;
};

/* What objects need of the system, added up before they are made. */
struct need {
    size_t descriptors;
    uint64_t msgqueue_bytes; /* of RLIMIT_MSGQUEUE */
    struct need_sysctl {
        const char *name; /* "fs.mqueue.msg_max" */
        uint64_t value;
    } sysctls[8]; /* more than all kinds together name */
    size_t n_sysctls;
};

/* A sysctl must be VALUE at least; or VALUE more than what was asked of it before. */
void need_at_least(struct need *need, const char *sysctl, uint64_t value);
void need_more(struct need *need, const char *sysctl, uint64_t value);

/* Room for what one object claims of a name space outside the broker, with its NUL. */
#define CLAIM_SIZE 300

struct kind_key {
    const char *name;
    /* Sets *target, which lies at `offset` of the settings, from the text of a value.
     * -EINVAL with a sentence that says what was expected; -ENOMEM. */
    int (*parse)(const char *value, void *target, struct sentence *why);
    size_t offset;
};

struct kind {
    const char *name; /* in section headers, lists, logs */
    enum wire_kind number;
    const char *write_word; /* the words for the single directions, which are also keys; */
    const char *read_word;  /* NULL: the kind has no single directions, only `use` */
    const struct kind_key *keys;
    size_t n_keys;
    size_t settings_size;
    void (*settings_init)(void *settings); /* the defaults */
    void (*settings_deinit)(void *settings);
    /* Checks the keys against each other, where one has any say over another; may be NULL.
     * -EINVAL with a sentence. */
    int (*settings_check)(const void *settings, struct sentence *why);
    /* What an administrator should know of settings that are allowed, NULL for nothing; may be
     * NULL. */
    const char *(*settings_warning)(const void *settings);
    /* A user or group among the settings that wants resolving, borrowed; NULL when there is none;
     * may be NULL. What stays unresolved is the kind's to fail on. */
    struct subject *(*settings_subject)(void *settings);
    /* The value in force of one of the keys, as a configuration would say it; "": there is nothing
     * to say. */
    void (*settings_text)(const struct declaration *declaration, enum naming naming,
                          const char *key, char *ret, size_t size);
    /* What no other object may claim too, such as a queue's POSIX name; "" for nothing; may be
     * NULL. */
    void (*claim)(const struct declaration *declaration, enum naming naming, char *ret,
                  size_t size);
    /* Adds what an object with these settings needs. */
    void (*weigh)(const void *settings, struct need *need);
    /* Makes or adopts the object: sets fd, kernel_name, identity, difference. Any error makes it
     * failed, with the sentence as the cause. */
    int (*create)(struct object *object, struct sentence *why);
    /* The object is FD, which came back from the store and is taken over on success, and lived
     * under KERNEL_NAME (NULL: none): sets what create() does. -EBADMSG with a sentence: it is no
     * object of this kind, or not ours. */
    int (*recover)(struct object *object, int fd, const char *kernel_name, struct sentence *why);
    /* How the object differs from what DECLARATION, of its kind, says of it, as new text; NULL: not
     * at all. -errno: it cannot be told. */
    int (*compare)(const struct object *object, const struct declaration *declaration, char **ret);
    /* What DECLARATION says and can be set while the object lives, but is not so yet, as text; ""
     * for nothing. Returns whether setting it gives holders of one direction the other. May be
     * NULL. */
    bool (*adjustment)(const struct object *object, const struct declaration *declaration,
                       char *ret, size_t size);
    /* Sets that, of its own declaration. -errno with a sentence. May be NULL. */
    int (*adjust)(struct object *object, struct sentence *why);
    /* How much waits in it: messages, a count, bytes. */
    int (*depth)(const struct object *object, uint64_t *ret);
    /* Takes at most N of them, never waits. NULL: they go with the object. */
    int (*take)(const struct object *object, uint64_t n, uint64_t *ret_taken);
    /* Removes its name from the kernel, if it has one; may be NULL. A failure is logged. */
    int (*remove)(struct object *object);
    /* A descriptor with just this access, WIRE_NONBLOCK in FLAGS if asked for. ACCESS has been
     * checked against the kind's directions and the grants. */
    int (*hand_out)(struct object *object, unsigned access, unsigned flags, struct handout *ret,
                    struct sentence *why);
    /* Notices what was done to the object from outside, such as its name removed; may be NULL. */
    void (*look)(struct object *object);
    /* Adds the kind's own facts; DETAIL: also those that cost more than a system call. */
    void (*describe)(struct object *object, bool detail, struct wire_writer *writer);
};

/* The kinds, by what they are called in the configuration; NULL: no such kind. */
const struct kind *kind_find(const char *name);
/* All of them: the I-th, NULL past the end. */
const struct kind *kind_at(size_t i);
/* The access that a key or a request's word means for a kind; 0: it has no such word. */
unsigned kind_access(const struct kind *kind, const char *word);
/* Whether objects of the kind have this access, which is not 0. -EINVAL with a sentence. */
int declaration_check_access(const struct declaration *declaration, unsigned access,
                             struct sentence *why) _must_check_;
/* An access in the words of the kind: "send", "receive", "use", "nothing". */
const char *kind_words(const struct kind *kind, unsigned access);

void object_init(struct object *object, const struct declaration *declaration,
                 const struct environment *environment);
/* Closes the broker's descriptor. Nothing in the kernel is removed. */
void object_deinit(struct object *object);
/* The same of one on the heap. NULL: out of memory. */
struct object *object_new(const struct declaration *declaration,
                          const struct environment *environment);
struct object *object_free(struct object *object);

/* From now on the object is no more in the configuration. OWN, which it takes over, is a copy of
 * its declaration, under the name NAME@NUMBER. */
void object_retire(struct object *object, struct declaration *own);
bool object_is_retired(const struct object *object);

/* Makes the object; on failure, which it returns, it is failed, with its cause, and the next try is
 * set. */
int object_create(struct object *object, uint64_t now_us);
/* The same for a failed one whose time has come. */
void object_retry(struct object *object, uint64_t now_us);
bool object_is_failed(const struct object *object);

/* A descriptor for somebody who is granted GRANTED and asks for ACCESS (0: all of it).
 * -EINVAL: the kind has no such access; -EACCES: not all of it is granted (the caller words that);
 * -ENXIO: failed; or what the kernel says. */
int object_hand_out(struct object *object, unsigned granted, unsigned access, unsigned flags,
                    struct handout *ret, struct sentence *why) _must_check_;
void handout_deinit(struct handout *handout);

/* The object's kernel object opened anew: a description of its own with these flags, whoever shares
 * the old one. Works without a name. -errno of open(2). */
int object_reopen(const struct object *object, int fd, int flags) _must_check_;

/* Adds the object's facts: name, kind, state, the caller's access, and those of its kind. */
void object_describe(struct object *object, unsigned granted, bool detail,
                     struct wire_writer *writer);
/* Notices what was done to the object from outside. */
void object_look(struct object *object);

/* "queue 'orders'", into BUFFER; returns it. */
const char *declaration_format(const struct declaration *declaration, char *buffer, size_t size);
