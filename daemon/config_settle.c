#include "daemon/config_settle.h"

#include "daemon/config_merge.h"

#include <string.h>

static const struct config_file *find_previous(const struct config_source *source,
                                               const struct config_file *file)
{
    const struct config *previous = source->previous;

    for (size_t i = 0; !file->main && !file->stale && i < previous->n_files; i++)
        if (!previous->files[i]->main && strcmp(previous->files[i]->path, file->path) == 0)
            return previous->files[i];
    return NULL;
}

/* The file as it was applied last takes the place of the one that is there now. */
static int replace(struct config_file **file, const struct config_file *with,
                   const struct config_source *source)
{
    struct config_file *again = NULL;
    int r = config_file_read_again(with, &again);

    if (r < 0)
        return r;
    (void)config_file_free(*file);
    *file = again;
    again->names_known = true;
    return config_names_from(again, source->previous);
}

/* Replaces what is bad and can be replaced. */
static int replace_bad(struct config *config, const struct config_source *source)
{
    for (size_t i = 0; i < config->n_files; i++) {
        const struct config_file *with =
            config->files[i]->bad ? find_previous(source, config->files[i]) : NULL;
        int r = with ? replace(&config->files[i], with, source) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static size_t count_bad(const struct config *config)
{
    size_t n = 0;

    for (size_t i = 0; i < config->n_files; i++)
        n += config->files[i]->bad;
    return n;
}

/* Each round but the last replaces a file or leaves one out, so there is an end. Names are looked
 * up last, of files that go together: what is left out anyway need not be right in them. */
int config_settle(struct config *config, const struct config_source *source,
                  struct problems *problems)
{
    for (;;) {
        int r = replace_bad(config, source);
        size_t bad = count_bad(config);

        if (r >= 0)
            r = config_merge(config->files, config->n_files, source->naming, problems, NULL);
        if (r >= 0 && count_bad(config) == bad)
            r = config_names_of(config->files, config->n_files, problems);
        if (r < 0 || count_bad(config) == bad)
            return r;
    }
}
