/* The cases of test-failures, a file each. */
#pragma once

#include "tests/integration/cases.h"

#include <sys/types.h>

TCase *restart_case(void);
TCase *names_case(void);
TCase *limits_case(void);
TCase *sockets_case(void);
TCase *clients_case(void);
TCase *backpressure_case(void);
TCase *configuration_case(void);

/* The inode of the queue behind a descriptor. */
ino_t inode_of(int fd);
/* The inode of what WHO gets for NAME. */
ino_t inode_for(struct who who, const char *name);
/* Ends the broker as SIGNAL does and starts it again. */
void restart(int signal);
