/* Publishing and listing versions. */
#include <string.h>

#include "registry/registry_private.h"

/** Neither code nor configuration differ. */
static bool unchanged(const lambda__registry_port *port, const lambda__version *one, const lambda__version *two)
{
    return strcmp(port->code_sha256(one->code), port->code_sha256(two->code)) == 0 &&
           strcmp(port->code_runtime(one->code), port->code_runtime(two->code)) == 0 &&
           (one->settings == two->settings || lambda__settings_equal(one->settings, two->settings));
}

lambda_status lambda__version_publish_locked(lambda_t *lambda, lambda__function *function, const char *description,
                                             lambda__version **published, lambda__unlinked *unlinked)
{
    const lambda__registry_port *port = &lambda->registry->port;
    lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    const lambda__directory *old = lambda__directory_of(function);
    lambda__version *newest = old->versions_count > 0 ? old->versions[old->versions_count - 1] : NULL;
    if (newest && newest->number + 1 == function->next_number && unchanged(port, newest, latest)) {
        *published = newest;
        return LAMBDA_OK;
    }
    lambda_status status = lambda__code_storage_check(lambda, lambda__version_code_size(lambda, latest), 0);
    if (status != LAMBDA_OK) return status;
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    lambda__version *version = directory ? lambda__version_new(lambda, function, function->next_number, latest->code,
                                                               latest->settings, description)
                                         : NULL;
    if (!version) {
        lambda__release(&lambda->base, directory);
        return lambda__out_of_memory(&lambda->base);
    }
    port->code_retain(latest->code);
    atomic_fetch_add_explicit(&latest->settings->references, 1, memory_order_relaxed);
    function->next_number++;
    lambda->registry->code_bytes += lambda__version_code_size(lambda, version);
    directory->versions[directory->versions_count++] = version;
    unlinked->directory = atomic_exchange_explicit(&function->directory, directory, memory_order_acq_rel);
    *published = version;
    return LAMBDA_OK;
}

static lambda_status check_preconditions(lambda_t *lambda, const lambda__function *function,
                                         const lambda_version_options *options)
{
    const lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    const char *sha256 = lambda->registry->port.code_sha256(latest->code);
    if (options->code_sha256 && strcmp(options->code_sha256, sha256) != 0)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "code_sha256: \"%.80s\" is not that of $LATEST, \"%s\"", options->code_sha256, sha256);
    return lambda__revision_check(lambda, options->revision_id, latest->revision_id);
}

/** As writer: takes the version that was published just now out again. */
static void unpublish(lambda_t *lambda, lambda__function *function, lambda__unlinked *unlinked)
{
    lambda__directory *with = atomic_exchange_explicit(&function->directory, unlinked->directory, memory_order_acq_rel);
    unlinked->directory = with;
    unlinked->version = with->versions[with->versions_count - 1];
    atomic_store_explicit(&unlinked->version->retired, true, memory_order_seq_cst);
    lambda->registry->code_bytes -= lambda__version_code_size(lambda, unlinked->version);
    function->next_number--;
}

lambda_status lambda_version_publish_sized(lambda_t *lambda, const char *function_name,
                                           const lambda_version_options *given, size_t size,
                                           lambda_function_configuration **configuration)
{
    if (configuration) *configuration = NULL;
    if (!lambda) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda_version_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    lambda__name name;
    lambda__function *function = NULL;
    lambda__version *version = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK)
        status = lambda__limit_text(lambda, "description", options.description, LAMBDA__DESCRIPTION_MIN,
                                    LAMBDA__DESCRIPTION_MAX);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    uint64_t next_number = status == LAMBDA_OK ? function->next_number : 0;
    if (status == LAMBDA_OK) status = check_preconditions(lambda, function, &options);
    if (status == LAMBDA_OK)
        status = lambda__version_publish_locked(lambda, function, options.description, &version, &unlinked);
    bool made = status == LAMBDA_OK && function->next_number != next_number;
    if (status == LAMBDA_OK && configuration) {
        *configuration = lambda__configuration_make(lambda, version, version->label);
        if (!*configuration) {
            status = lambda__out_of_memory(&lambda->base);
            if (made) unpublish(lambda, function, &unlinked);
        }
    }
    lambda__registry_unlock(lambda);
    if (made) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

lambda_status lambda_version_list_page(lambda_t *lambda, const char *function_name, const lambda_list_options *options,
                                       lambda_function_list **listed)
{
    if (listed) *listed = NULL;
    if (!lambda || !listed)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "list" : "lambda");
    lambda__name name;
    lambda__function *function = NULL;
    uint64_t first = 0;
    size_t max_items = 0;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__list_options_number(lambda, options, &first, &max_items);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) {
        const lambda__directory *directory = lambda__directory_of(function);
        size_t at = 0;
        lambda__directory_find_version(directory, first, &at);
        size_t left = directory->versions_count - at + (first == 0);
        lambda_function_list *list = lambda__function_list_new(lambda, left < max_items ? left : max_items);
        bool complete = list != NULL;
        if (complete && first == 0) {
            const lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
            list->items[list->count] = lambda__configuration_make(lambda, latest, latest->label);
            complete = list->items[list->count++] != NULL;
        }
        for (; complete && at < directory->versions_count && list->count < max_items; at++) {
            const lambda__version *version = directory->versions[at];
            list->items[list->count] = lambda__configuration_make(lambda, version, version->label);
            complete = list->items[list->count++] != NULL;
        }
        if (complete && at < directory->versions_count)
            lambda__function_list_mark(list, directory->versions[at]->number);
        if (complete)
            *listed = list;
        else
            lambda_function_list_free(list);
        if (!complete) status = lambda__out_of_memory(&lambda->base);
    }
    lambda__registry_unlock(lambda);
    return status;
}
