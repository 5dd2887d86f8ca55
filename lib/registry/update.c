/* Changing $LATEST: a new version object takes its place, the old one drains. */
#include <string.h>

#include "registry/registry_private.h"

/** What $LATEST was when a change began; holds references. */
typedef struct snapshot {
    lambda__version *version;
    lambda__code *code; /* of the version: where it was unbound, it may have been bound meanwhile */
    char name[LAMBDA__FUNCTION_NAME_MAX + 1];
} snapshot;

static lambda_status take_snapshot(lambda_t *lambda, const lambda__name *name, snapshot *taken)
{
    lambda__function *function = NULL;
    lambda__registry_lock(lambda);
    lambda_status status = lambda__function_find(lambda, name, &function);
    if (status == LAMBDA_OK) {
        taken->version = lambda__version_retain(atomic_load_explicit(&function->latest, memory_order_acquire));
        taken->code = lambda__version_code(taken->version);
        memcpy(taken->name, function->name, function->entry.name_length + 1);
    }
    lambda__registry_unlock(lambda);
    return status;
}

/** What was asked for: one of both, and where to say what came of it. */
typedef struct wish {
    const lambda_function_config *changes;
    const lambda_function_code_update *update;
    lambda_function_configuration **made; /* NULL: nobody asks */
} wish;

static bool publishes(const wish *wanted)
{
    return wanted->update && wanted->update->publish;
}

/** As writer or for a version that nobody else has: says what it is, if that was asked for. */
static lambda_status tell(lambda_t *lambda, const wish *wanted, const lambda__version *version, const char *qualifier)
{
    if (!wanted->made) return LAMBDA_OK;
    *wanted->made = lambda__configuration_make(lambda, version, qualifier);
    return *wanted->made ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
}

/** As writer: puts `latest` in the place of what the snapshot holds, and publishes it where asked. */
static lambda_status replace_latest(lambda_t *lambda, lambda__function *function, lambda__version *latest,
                                    const wish *wanted, lambda__unlinked *unlinked)
{
    lambda__version *old = atomic_load_explicit(&function->latest, memory_order_relaxed);
    uint64_t more = lambda__version_code_size(lambda, latest);
    uint64_t less = lambda__version_code_size(lambda, old);
    lambda__publication published = {0};
    lambda_status status = LAMBDA_OK;
    if (publishes(wanted)) status = lambda__publication_make(lambda, function, latest, NULL, &published);
    if (status == LAMBDA_OK) status = lambda__code_storage_check(lambda, published.directory ? 2 * more : more, less);
    if (status == LAMBDA_OK)
        status = published.version ? tell(lambda, wanted, published.version, published.version->label)
                                   : tell(lambda, wanted, latest, NULL);
    if (status == LAMBDA_OK) {
        lambda__image image = lambda__image_of(function);
        image.latest = latest;
        lambda__publication_show(&published, &image);
        status = lambda__store_put(lambda, &image);
    }
    if (status != LAMBDA_OK) {
        lambda__publication_discard(lambda, &published);
        return status;
    }
    atomic_store_explicit(&function->latest, latest, memory_order_release);
    lambda->registry->code_bytes += more - less;
    lambda__publication_commit(lambda, function, &published, unlinked);
    unlinked->version = old;
    atomic_store_explicit(&old->retired, true, memory_order_seq_cst);
    return LAMBDA_OK;
}

/**
 * Registers `latest`, which was made from the snapshot; takes its reference over. ResourceConflict where somebody
 * else changed the function meanwhile: the caller makes it anew.
 */
static lambda_status commit(lambda_t *lambda, const lambda__name *name, const snapshot *from, lambda__version *latest,
                            const wish *wanted, bool *stale)
{
    lambda__function *function = NULL;
    lambda__unlinked unlinked = {0};
    lambda__registry_lock(lambda);
    lambda_status status = lambda__function_find(lambda, name, &function);
    *stale = status == LAMBDA_OK && (atomic_load_explicit(&function->latest, memory_order_relaxed) != from->version ||
                                     lambda__version_code(from->version) != from->code);
    if (status == LAMBDA_OK && !*stale) status = replace_latest(lambda, function, latest, wanted, &unlinked);
    lambda__registry_unlock(lambda);
    if (status != LAMBDA_OK || *stale) unlinked = (lambda__unlinked){.version = latest};
    lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/** The version that the changes make of the snapshot. Code and settings are released whatever comes of it. */
static lambda_status make_latest(lambda_t *lambda, const snapshot *from, lambda__code *code, lambda__settings *settings,
                                 lambda__version **latest)
{
    *latest = lambda__version_new(lambda, from->version->function, 0, code, settings, NULL);
    if (*latest) {
        lambda__version_stamp(lambda, *latest);
        return LAMBDA_OK;
    }
    lambda->registry->port.code_release(lambda, code);
    lambda__settings_release(lambda, settings);
    return lambda__out_of_memory(&lambda->base);
}

/**
 * The same code for another runtime: its driver knows it by its reference, which stands for the layers too that it had. Where those change as well, that is a second step.
 */
static lambda_status load_for_runtime(lambda_t *lambda, const snapshot *from, const lambda_function_config *changes,
                                      lambda__settings *settings, lambda__code **code)
{
    const lambda__registry_port *port = &lambda->registry->port;
    lambda__settings *old = from->version->settings;
    lambda__settings *between = NULL;
    lambda__code *loaded = NULL;
    lambda__recipe recipe = {0};
    port->code_describe(from->code, &recipe);
    const lambda_code description = {.runtime = changes->runtime, .reference = recipe.reference};
    if (!recipe.reference)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "runtime: \"%.80s\" is not the code's; change it with the code", changes->runtime);
    if (lambda__layers_equal(settings, old)) return port->code_load(lambda, &description, from->name, settings, code);
    lambda_function_config others = *changes;
    others.layers = NULL;
    others.layers_count = 0;
    lambda_status status = lambda__settings_make(lambda, from->name, &others, old, &between);
    if (status != LAMBDA_OK) return status;
    status = port->code_load(lambda, &description, from->name, between, &loaded);
    if (status == LAMBDA_OK) status = port->code_reload(lambda, loaded, from->name, settings, code);
    port->code_release(lambda, loaded);
    lambda__settings_release(lambda, between);
    return status;
}

static bool changes_runtime(lambda_t *lambda, const snapshot *from, const lambda_function_config *changes)
{
    return changes->runtime && strcmp(changes->runtime, lambda->registry->port.code_runtime(from->code)) != 0;
}

static lambda_status configured(lambda_t *lambda, const snapshot *from, const lambda_function_config *changes,
                                lambda__version **latest)
{
    const lambda__registry_port *port = &lambda->registry->port;
    const lambda__version *old = from->version;
    lambda__settings *settings = NULL;
    lambda__code *code = NULL;
    lambda_status status = lambda__settings_make(lambda, from->name, changes, old->settings, &settings);
    if (status != LAMBDA_OK) return status;
    if (changes_runtime(lambda, from, changes))
        status = load_for_runtime(lambda, from, changes, settings, &code);
    else if (strcmp(settings->handler, old->settings->handler) == 0 && lambda__layers_equal(settings, old->settings))
        code = port->code_retain(from->code);
    else
        status = port->code_reload(lambda, from->code, from->name, settings, &code);
    if (status != LAMBDA_OK) {
        lambda__settings_release(lambda, settings);
        return status;
    }
    return make_latest(lambda, from, code, settings, latest);
}

static lambda_status coded(lambda_t *lambda, const snapshot *from, const lambda_function_code_update *update,
                           lambda__version **latest)
{
    lambda__settings *settings = from->version->settings;
    lambda__code *code = NULL;
    lambda_status status = lambda->registry->port.code_load(lambda, &update->code, from->name, settings, &code);
    if (status != LAMBDA_OK) return status;
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return make_latest(lambda, from, code, settings, latest);
}

/** What the version would be. */
static lambda_status tell_dry(lambda_t *lambda, const wish *wanted, const lambda__version *latest)
{
    lambda__registry_lock(lambda);
    lambda_status status = tell(lambda, wanted, latest, NULL);
    lambda__registry_unlock(lambda);
    return status;
}

/** One attempt at a change; `*stale` if another change came between. */
static lambda_status change_once(lambda_t *lambda, const lambda__name *name, const wish *wanted, bool *stale)
{
    const lambda_function_config *changes = wanted->changes;
    const lambda_function_code_update *update = wanted->update;
    snapshot from = {0};
    lambda__version *latest = NULL;
    *stale = false;
    lambda_status status = take_snapshot(lambda, name, &from);
    if (status != LAMBDA_OK) return status;
    status =
        lambda__revision_check(lambda, changes ? changes->revision_id : update->revision_id, from.version->revision_id);
    if (status == LAMBDA_OK)
        status = changes ? configured(lambda, &from, changes, &latest) : coded(lambda, &from, update, &latest);
    if (status == LAMBDA_OK && update && update->dry_run) {
        status = tell_dry(lambda, wanted, latest);
        lambda__version_release(lambda, latest);
    } else if (status == LAMBDA_OK) {
        status = commit(lambda, name, &from, latest, wanted, stale);
    }
    lambda__version_release(lambda, from.version);
    return status;
}

static lambda_status change(lambda_t *lambda, const char *function_name, const wish *wanted)
{
    lambda__name name;
    bool stale = true;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    while (status == LAMBDA_OK && stale)
        status = change_once(lambda, &name, wanted, &stale);
    if (status != LAMBDA_OK && wanted->made) {
        lambda_function_configuration_free(*wanted->made);
        *wanted->made = NULL;
    }
    return status;
}

lambda_status lambda_function_update_configuration_sized(lambda_t *lambda, const char *function_name,
                                                         const lambda_function_config *given, size_t size)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!lambda || !given)
        return lambda__fail(lambda ? &lambda->base : NULL, invalid, "%s: is NULL", lambda ? "changes" : "lambda");
    lambda_function_config changes = LAMBDA_ZERO;
    memcpy(&changes, given, size < sizeof(changes) ? size : sizeof(changes));
    static const lambda_code no_code = LAMBDA_ZERO;
    if (changes.made) *changes.made = NULL;
    if (changes.function_name) return lambda__fail(&lambda->base, invalid, "changes.function_name: cannot be changed");
    if (memcmp(&changes.code, &no_code, sizeof(no_code)) != 0)
        return lambda__fail(&lambda->base, invalid, "changes.code: is changed with lambda_function_update_code");
    if (changes.tags || changes.tags_count > 0)
        return lambda__fail(&lambda->base, invalid, "changes.tags: are changed with lambda_function_tag");
    if (changes.publish)
        return lambda__fail(&lambda->base, invalid, "changes.publish: is done with lambda_version_publish");
    return change(lambda, function_name, &(wish){.changes = &changes, .made = changes.made});
}

lambda_status lambda_function_update_code_sized(lambda_t *lambda, const char *function_name,
                                                const lambda_function_code_update *given, size_t size)
{
    if (!lambda || !given)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "update" : "lambda");
    lambda_function_code_update update = LAMBDA_ZERO;
    memcpy(&update, given, size < sizeof(update) ? size : sizeof(update));
    if (update.made) *update.made = NULL;
    return change(lambda, function_name, &(wish){.update = &update, .made = update.made});
}
