#include "daemon/grants.h"

#include "protocol/wire.h"

const char *place_format(struct place place, char *buffer, size_t size)
{
    if (place.line == 0)
        (void)snprintf(buffer, size, "default");
    else
        (void)snprintf(buffer, size, "%s:%u", place.path, place.line);
    return buffer;
}

int grants_add(struct grants *grants, struct subject *subject, unsigned access, struct place place)
{
    struct grant *items = reallocarray(grants->items, grants->n + 1, sizeof *items);

    if (!items)
        return -ENOMEM;
    grants->items = items;
    items[grants->n++] = (struct grant){*subject, access, place};
    grants->by_group |= subject->type == SUBJECT_GROUP;
    grants->by_unit |= subject->type == SUBJECT_UNIT ? access : 0;
    *subject = (struct subject){.type = subject->type};
    return 0;
}

void grants_deinit(struct grants *grants)
{
    for (size_t i = 0; i < grants->n; i++)
        subject_deinit(&grants->items[i].subject);
    free(grants->items);
    *grants = (struct grants){0};
}

unsigned grants_access(const struct grants *grants, const struct credentials *who)
{
    unsigned access = 0;

    for (size_t i = 0; i < grants->n && access != WIRE_USE; i++)
        if (subject_matches(&grants->items[i].subject, who))
            access |= grants->items[i].access;
    return access;
}
