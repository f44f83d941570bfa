/* What the process gives up for good when it starts. */
#pragma once

/* No program that it might ever execute gains privileges; nobody of its own user reads its memory
 * or takes its descriptors (ptrace(2), pidfd_getfd(2), /proc/PID/fd), and it leaves no core. */
void privilege_give_up(void);
