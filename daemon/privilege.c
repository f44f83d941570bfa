#include "daemon/privilege.h"

#include <sys/prctl.h>

/* Neither can fail on a kernel that is new enough for the rest. */
void privilege_give_up(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
