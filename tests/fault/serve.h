/* A request to a broker whose calls fail: after each point it answers others as before. */
#pragma once

#include "tests/fault/living.h"

struct scene {
    const char *name;
    void (*deed)(struct ipcb *b); /* what the client does, and what shall come of it, as RESULT */
    unsigned who;                 /* of the client users; 3 has supplementary groups */
    bool admin;                   /* at the administrators' socket */
    const char *without;          /* see struct fixture */
    bool of_user;
    void (*before)(void); /* without faults, before each point */
};

extern const char serve_configuration[];

/* What a deed has come to: 0 or more, or -errno. */
void serve_tell(int result);
int serve_result(void);

/* The points of a scene, in a broker that runs. */
void serve_play(const struct scene *scene);

/* Each a client's deed: it is who he is when it is called. */
void ask_whoami(struct ipcb *b);
void come_too_often(struct ipcb *b);
void die_unread(struct ipcb *b);

void serve_add_sieges(TCase *tcase);
