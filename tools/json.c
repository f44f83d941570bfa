#include "tools/json.h"

#include "base/utf8.h"
#include "tools/ctl.h"

#include <string.h>

/* ---- building; a value is taken over whether it can be added or not ---- */

static int add(struct json_object *object, const char *key, struct json_object *value)
{
    if (!value)
        return -ENOMEM;
    if (json_object_object_add(object, key, value) == 0)
        return 0;
    (void)json_object_put(value);
    return -ENOMEM;
}

static int append(struct json_object *array, struct json_object *value)
{
    if (!value)
        return -ENOMEM;
    if (json_object_array_add(array, value) == 0)
        return 0;
    (void)json_object_put(value);
    return -ENOMEM;
}

/* ---- facts ---- */

static struct json_object *from_fact(const struct ipcb_fact *fact)
{
    switch (fact->type) {
    case IPCB_FACT_NUMBER:
        return json_object_new_uint64(fact->number);
    case IPCB_FACT_BOOLEAN:
        return json_object_new_boolean(fact->number != 0);
    default:
        return json_object_new_string(fact->text);
    }
}

static int add_fact(struct json_object *object, const struct ipcb_fact *fact)
{
    struct json_object *list;

    if (!fact->is_list)
        return add(object, fact->key, from_fact(fact));
    if (!json_object_object_get_ex(object, fact->key, &list) ||
        !json_object_is_type(list, json_type_array)) {
        list = json_object_new_array();
        if (add(object, fact->key, list) < 0)
            return -ENOMEM;
    }
    return append(list, from_fact(fact));
}

struct json_object *json_from_facts(const struct ipcb_facts *facts)
{
    _cleanup_(json_freep) struct json_object *object = json_object_new_object();

    if (!object)
        return NULL;
    for (size_t i = 0; i < ipcb_facts_count(facts); i++)
        if (add_fact(object, ipcb_facts_at(facts, i)) < 0)
            return NULL;
    return TAKE_PTR(object);
}

/* ---- messages ---- */

/* A new string. */
static char *base64_from(const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *at = text;

    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16;

        if (n > 1)
            bits |= (uint32_t)data[i + 1] << 8;
        if (n > 2)
            bits |= data[i + 2];
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = n > 1 ? digits[bits >> 6 & 63] : '=';
        *at++ = n > 2 ? digits[bits & 63] : '=';
    }
    *at = '\0';
    return text;
}

static int add_message(struct json_object *object, const void *message, size_t size)
{
    _cleanup_free_ char *base64 = NULL;

    if (utf8_is_valid(message, size))
        return add(object, "message", json_object_new_string_len(message, (int)size));
    base64 = base64_from(message, size);
    return base64 ? add(object, "base64", json_object_new_string(base64)) : -ENOMEM;
}

struct json_object *json_from_message(const void *message, size_t size, unsigned priority)
{
    _cleanup_(json_freep) struct json_object *object = json_object_new_object();

    if (!object || add_message(object, message, size) < 0 ||
        add(object, "priority", json_object_new_uint64(priority)) < 0 ||
        add(object, "size", json_object_new_uint64(size)) < 0)
        return NULL;
    return TAKE_PTR(object);
}

struct json_object *json_from_count(uint64_t count)
{
    _cleanup_(json_freep) struct json_object *object = json_object_new_object();

    if (!object || add(object, "count", json_object_new_uint64(count)) < 0)
        return NULL;
    return TAKE_PTR(object);
}

/* ---- printing ---- */

int json_print(struct json_object *object)
{
    _cleanup_(json_freep) struct json_object *owned = object;
    const char *text = NULL;
    size_t size = 0;

    if (owned)
        text = json_object_to_json_string_length(
            owned, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    if (!text)
        return ctl_error(-ENOMEM, "cannot make JSON: %m");
    (void)fwrite(text, 1, size, stdout);
    (void)fputc('\n', stdout);
    return ctl_flush();
}

int json_print_list(const struct ipcb_list *list, const char *pattern)
{
    _cleanup_(json_freep) struct json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < ipcb_list_count(list); i++)
        if (ctl_matches(ipcb_list_at(list, i), pattern) &&
            append(array, json_from_facts(ipcb_list_at(list, i))) < 0)
            return json_print(NULL);
    return json_print(TAKE_PTR(array));
}
