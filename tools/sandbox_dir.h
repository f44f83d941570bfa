/* The directory that a sandbox lives in. */
#pragma once

#include "base/base.h"

/* Makes a directory for us alone, short enough in name for the sockets in it, below
 * $XDG_RUNTIME_DIR, $TMPDIR or /tmp: a new string. -errno of the last that was tried. */
int sandbox_dir_make(char **ret) _must_check_;

/* Removes it with all that is in it. */
int sandbox_dir_remove(const char *path) _must_check_;

/* A socket PATH for datagrams, bound: the descriptor. */
int sandbox_dir_listen(const char *path) _must_check_;
