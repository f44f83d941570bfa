/* Messages to the administrator: one line each on stderr, with the priority that journald reads
 * where stderr is the journal. */
#pragma once

#include "base/base.h"

#include <syslog.h>

void log_write(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
