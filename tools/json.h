/* JSON for ipcbrokerctl. Constructors return NULL when memory is short. */
#pragma once

#include "client/ipcbroker.h"

#include <json-c/json.h>

/* An object with a member a key, typed; facts that are elements of a list are always an array. */
struct json_object *json_from_facts(const struct ipcb_facts *facts);

/* "message" (or "base64", when it is not UTF-8), "priority", "size". */
struct json_object *json_from_message(const void *message, size_t size, unsigned priority);

/* "count". */
struct json_object *json_from_count(uint64_t count);

/* Prints OBJECT on one line, at once, and frees it; NULL: says that memory is short. Returns an
 * exit code. */
int json_print(struct json_object *object);

/* Prints an array of those facts of LIST that ctl_matches(). Returns an exit code. */
int json_print_list(const struct ipcb_list *list, const char *pattern);

static inline void json_freep(struct json_object **object)
{
    (void)json_object_put(*object);
    *object = NULL;
}
