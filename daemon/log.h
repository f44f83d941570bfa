/* Messages to the administrator: with fields of their own where stderr is the journal
 * (systemd.journal-fields(7)), else one line each on stderr. The text is the same. */
#pragma once

#include "base/base.h"

#include <syslog.h>

/* What an administrator may want to look for, to filter by, or to read up in the catalog: each has
 * an entry in systemd/ipcbroker.catalog, of the same number for ever. */
#define LOG_OBJECT_FAILED  "606fcea0b82a4b43b321dee00dc19569"
#define LOG_OBJECT_DIFFERS "8a1f72a6da0e48c0902f0bda5b178f86"
#define LOG_CONFIG_PROBLEM "471498c235804acaad0a31c128901a4f"
#define LOG_FILE_LEFT_OUT  "4252a0a1f10f4702979c098379ad3d7f"
#define LOG_RELOAD_REFUSED "400f6d69c5a24bb898e97e8d6fee8b3a"
#define LOG_STORE_REFUSED  "c9184fc4774048d1ad1b9ae2b7ccd673"
#define LOG_STORE_SHORT    "b8ec577e9ca744f3b95c4f8ab156f05e"
#define LOG_NAME_LOST      "5f66254745414e7ea841895251a0e775"
#define LOG_CLIENT_HELD_UP "1ec9de1d81b045e7b6aaad9545ce497c"

/* How often a message that clients can cause was written; zeroed at first, one for each kind. */
struct log_limit {
    uint64_t since_us;
    unsigned n, suppressed;
};

/* What a message is about; all but the priority may be left out. */
struct log_event {
    int priority;
    const char *id;          /* one of those above: MESSAGE_ID */
    const char *object;      /* IPCBROKER_OBJECT */
    const char *file;        /* CONFIG_FILE */
    unsigned line;           /* CONFIG_LINE */
    int error;               /* ERRNO, positive or negative */
    const unsigned *uid;     /* IPCBROKER_CLIENT_UID */
    struct log_limit *limit; /* at most 10 in 30 s are written, and then how many were not */
};

void log_event(const struct log_event *event, const char *format, ...) _printf_(2, 3);
void log_write(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
