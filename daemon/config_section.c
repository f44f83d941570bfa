#include "daemon/config_section.h"

#include "base/number.h"
#include "daemon/config_reader.h"
#include "daemon/value.h"

#include <string.h>

#define CLIENTS_MAX (1u << 30) /* more descriptors than any kernel gives a process */

/* All that gives access to an object of some kind. */
static const char *const words[] = {"send", "receive", "write", "read", "use"};

static const char *const broker_lists[] = {"admin", "observe"};

static int parse_clients(const char *text, void *target, struct sentence *why)
{
    uint64_t n = 0;

    if (parse_number(text, CLIENTS_MAX, &n) < 0 || n == 0)
        return say(why, -EINVAL, "'%s' is not a number of clients; expected 1 to %u", text,
                   CLIENTS_MAX);
    *(uint64_t *)target = n;
    return 0;
}

static const struct kind_key broker_keys[] = {
    {"socket", value_socket_path, offsetof(struct broker_section, socket)},
    {"admin_socket", value_socket_path, offsetof(struct broker_section, admin_socket)},
    {"max_clients", parse_clients, offsetof(struct broker_section, max_clients)},
    {"max_clients_per_user", parse_clients, offsetof(struct broker_section, max_clients_per_user)},
};

static struct place place_of(const struct section *section, unsigned line)
{
    return (struct place){section->file->path, line};
}

static struct declaration *declaration_of(const struct section *section)
{
    return section->file->objects[section->file->n_objects - 1];
}

/* ---- words of a kind ---- */

static const char *find_word(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], text) == 0)
            return words[i];
    return NULL;
}

unsigned config_word_access(const struct kind *kind, const char *word, struct sentence *why)
{
    unsigned access = kind_access(kind, word);

    if (access == 0 && !kind->write_word)
        (void)say(why, 0, "'%s': an object of the kind %s has no single directions; expected 'use'",
                  word, kind->name);
    else if (access == 0)
        (void)say(why, 0,
                  "'%s': an object of the kind %s has no such access; expected %s, %s or use", word,
                  kind->name, kind->write_word, kind->read_word);
    return access;
}

/* ---- headers ---- */

static void list_kinds(char *buffer, size_t size)
{
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; kind_at(i) && used < size; i++)
        used += (size_t)snprintf(buffer + used, size - used, "[%s:NAME], ", kind_at(i)->name);
}

static void unknown_section(struct section *section, unsigned line)
{
    char known[256];

    list_kinds(known, sizeof known);
    problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                 "unknown section [%s]; expected %s[grant:NAME]%s", section->header, known,
                 section->file->main ? " or [broker]" : "");
}

static void begin_broker(struct section *section, unsigned line)
{
    struct broker_section *broker = &section->file->broker;

    if (!section->file->main) {
        problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                     "[broker] in a drop-in; expected it in the main file only");
        return;
    }
    if (broker->place.line > 0) {
        problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                     "[broker] again; it is at line %u already", broker->place.line);
        return;
    }
    broker->place = place_of(section, line);
    section->type = SECTION_BROKER;
    section->keys = broker_keys;
    section->n_keys = ARRAY_SIZE(broker_keys);
    section->target = broker;
}

static int begin_object(struct section *section, const struct kind *kind, const char *name,
                        unsigned line)
{
    int r = config_file_add_object(section->file, kind, name, line);

    if (r < 0)
        return r;
    section->type = SECTION_OBJECT;
    section->keys = kind->keys;
    section->n_keys = kind->n_keys;
    section->target = declaration_of(section)->settings;
    return 0;
}

static int begin_grant(struct section *section, const char *name, unsigned line)
{
    int r = config_file_add_grants(section->file, name, line);

    if (r < 0)
        return r;
    section->type = SECTION_GRANT;
    return 0;
}

/* [KIND:NAME], split at the first colon. */
static int begin_named(struct section *section, const char *kind_name, const char *name,
                       unsigned line)
{
    const struct kind *kind = kind_find(kind_name);
    bool grant = strcmp(kind_name, "grant") == 0;

    if (!kind && !grant) {
        unknown_section(section, line);
        return 0;
    }
    if (!wire_name_is_valid(name, strlen(name))) {
        problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                     "'%s' is not an object's name; expected 1 to %u of the characters A-Z a-z 0-9 "
                     "_ . - of which the first is neither . nor -",
                     name, WIRE_NAME_MAX);
        return 0;
    }
    return grant ? begin_grant(section, name, line) : begin_object(section, kind, name, line);
}

int config_section_begin(void *user, const char *text, unsigned line)
{
    struct section *section = user;
    _cleanup_free_ char *kind = NULL;
    const char *colon = strchr(text, ':');

    config_section_end(section);
    *section = (struct section){
        .file = section->file,
        .problems = section->problems,
        .errors = section->problems->n_errors,
    };
    (void)strcpy(section->header, text); /* at most a line's length */
    if (strcmp(text, "broker") == 0) {
        begin_broker(section, line);
        return 0;
    }
    if (!colon) {
        unknown_section(section, line);
        return 0;
    }
    kind = strndup(text, (size_t)(colon - text));
    return kind ? begin_named(section, kind, colon + 1, line) : -ENOMEM;
}

/* ---- the end of a section ---- */

static void end_broker(const struct section *section)
{
    struct broker_section *broker = &section->file->broker;

    for (size_t i = 0; i < section->n_keys; i++) {
        struct place place = place_of(section, section->lines[i]);
        if (section->keys[i].offset == offsetof(struct broker_section, max_clients))
            broker->max_clients_place = place;
        if (section->keys[i].offset == offsetof(struct broker_section, max_clients_per_user))
            broker->max_clients_per_user_place = place;
    }
}

static void end_object(const struct section *section)
{
    const struct declaration *declaration = declaration_of(section);
    const struct kind *kind = declaration->kind;
    struct sentence why;

    /* What the keys say together means nothing while one of them is wrong. */
    if (section->problems->n_errors > section->errors || !kind->settings_check)
        return;
    if (kind->settings_check(declaration->settings, &why) < 0)
        problems_add(section->problems, SEVERITY_ERROR, declaration->place, "[%s]: %s",
                     section->header, why.text);
}

void config_section_end(struct section *section)
{
    if (section->type == SECTION_BROKER)
        end_broker(section);
    if (section->type == SECTION_OBJECT)
        end_object(section);
}

/* ---- keys ---- */

/* The list keys of the section: the I-th, NULL past the end. */
static const char *list_key(const struct section *section, size_t i)
{
    const struct kind *kind;

    if (section->type == SECTION_BROKER)
        return i < ARRAY_SIZE(broker_lists) ? broker_lists[i] : NULL;
    if (section->type == SECTION_GRANT)
        return i < ARRAY_SIZE(words) ? words[i] : NULL;
    kind = declaration_of(section)->kind;
    if (!kind->write_word)
        return i == 0 ? "use" : NULL;
    return i == 0 ? kind->write_word : i == 1 ? kind->read_word : i == 2 ? "use" : NULL;
}

static const char *find_list_key(const struct section *section, const char *key)
{
    const char *name;

    for (size_t i = 0; (name = list_key(section, i)); i++)
        if (strcmp(name, key) == 0)
            return name;
    return NULL;
}

static void unknown_key(const struct section *section, const char *key, unsigned line)
{
    struct sentence why;
    char known[512] = "";
    size_t used = 0;
    const char *name;

    if (section->type == SECTION_OBJECT && find_word(key)) {
        (void)config_word_access(declaration_of(section)->kind, key, &why);
        problems_add(section->problems, SEVERITY_ERROR, place_of(section, line), "%s", why.text);
        return;
    }
    for (size_t i = 0; i < section->n_keys && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 section->keys[i].name);
    for (size_t i = 0; (name = list_key(section, i)) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name);
    problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                 "unknown key '%s' in [%s]; known keys: %s", key, section->header, known);
}

static int take_subject(struct section *section, const char *key, struct subject *subject,
                        unsigned line)
{
    struct broker_section *broker = &section->file->broker;
    struct place place = place_of(section, line);
    struct declaration *declaration;

    if (section->type == SECTION_GRANT)
        return config_file_add_grant(section->file, key, subject, line);
    if (section->type == SECTION_BROKER)
        return grants_add(strcmp(key, "admin") == 0 ? &broker->admin : &broker->observe, subject,
                          WIRE_USE, place);
    declaration = declaration_of(section);
    return grants_add(&declaration->grants, subject, kind_access(declaration->kind, key), place);
}

/* KEY is one of our own constants. */
static int take_list(struct section *section, const char *key, const char *value, unsigned line)
{
    char element[CONFIG_LINE_MAX + 1];
    const char *rest = value_next(value, element, sizeof element);

    if (!rest && section->type != SECTION_BROKER)
        problems_add(section->problems, SEVERITY_ERROR, place_of(section, line),
                     "no value for '%s'; expected user:NAME, group:NAME or any", key);
    if (section->type == SECTION_BROKER && strcmp(key, "observe") == 0)
        section->file->broker.observe_place = place_of(section, line);
    for (; rest; rest = value_next(rest, element, sizeof element)) {
        _cleanup_(subject_deinit) struct subject subject = {0};
        struct sentence why;
        int r = subject_parse(element, &subject, &why);
        if (r == -EINVAL) {
            problems_add(section->problems, SEVERITY_ERROR, place_of(section, line), "%s: %s", key,
                         why.text);
            continue;
        }
        if (r >= 0)
            r = take_subject(section, key, &subject, line);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_plain(struct section *section, size_t i, const char *value, unsigned line)
{
    const struct kind_key *key = &section->keys[i];
    struct place place = place_of(section, line);
    struct sentence why;
    int r;

    if (section->lines[i] > 0) {
        problems_add(section->problems, SEVERITY_ERROR, place,
                     "'%s' again; it is at line %u already", key->name, section->lines[i]);
        return 0;
    }
    section->lines[i] = line;
    if (section->type == SECTION_OBJECT)
        declaration_of(section)->key_lines[i] = line;
    else
        section->file->broker.key_lines[i] = line;
    if (!*value) {
        problems_add(section->problems, SEVERITY_ERROR, place, "no value for '%s'; expected one",
                     key->name);
        return 0;
    }
    r = key->parse(value, (char *)section->target + key->offset, &why);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        problems_add(section->problems, SEVERITY_ERROR, place, "%s: %s", key->name, why.text);
    if (key->parse == value_group)
        declaration_of(section)->subject_place = place;
    return 0;
}

int config_section_key(void *user, const char *key, const char *value, unsigned line)
{
    struct section *section = user;
    const char *list;

    if (section->type == SECTION_UNKNOWN)
        return 0;
    for (size_t i = 0; i < section->n_keys && i < SECTION_KEYS_MAX; i++)
        if (strcmp(section->keys[i].name, key) == 0)
            return take_plain(section, i, value, line);
    list = find_list_key(section, key);
    if (list)
        return take_list(section, list, value, line);
    unknown_key(section, key, line);
    return 0;
}
