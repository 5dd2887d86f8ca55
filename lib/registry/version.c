/* Publishing and listing versions. */
#include <string.h>

#include "registry/registry_private.h"

/** Neither code nor configuration differ. */
static bool unchanged(const lambda__registry_port *port, const lambda__version *one, const lambda__version *two)
{
    return strcmp(port->code_sha256(lambda__version_code(one)), port->code_sha256(lambda__version_code(two))) == 0 &&
           strcmp(port->code_runtime(lambda__version_code(one)), port->code_runtime(lambda__version_code(two))) == 0 &&
           (one->settings == two->settings || lambda__settings_equal(one->settings, two->settings));
}

lambda_status lambda__publication_make(lambda_t *lambda, lambda__function *function, lambda__version *latest,
                                       const char *description, lambda__publication *made)
{
    const lambda__registry_port *port = &lambda->registry->port;
    const lambda__directory *old = lambda__directory_of(function);
    lambda__version *newest = old->versions_count > 0 ? old->versions[old->versions_count - 1] : NULL;
    *made = (lambda__publication){0};
    if (newest && newest->number + 1 == function->next_number && unchanged(port, newest, latest)) {
        made->version = newest;
        return LAMBDA_OK;
    }
    lambda__code *code = lambda__version_code(latest);
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    lambda__version *version =
        directory ? lambda__version_new(lambda, function, function->next_number, code, latest->settings, description)
                  : NULL;
    if (!version) {
        lambda__release(&lambda->base, directory);
        return lambda__out_of_memory(&lambda->base);
    }
    lambda__version_stamp(lambda, version);
    port->code_retain(code);
    atomic_fetch_add_explicit(&latest->settings->references, 1, memory_order_relaxed);
    directory->versions[directory->versions_count++] = version;
    *made = (lambda__publication){version, directory};
    return LAMBDA_OK;
}

void lambda__publication_show(const lambda__publication *made, lambda__image *image)
{
    if (!made->directory) return;
    image->directory = made->directory;
    image->next_number = made->version->number + 1;
}

void lambda__publication_commit(lambda_t *lambda, lambda__function *function, const lambda__publication *made,
                                lambda__unlinked *unlinked)
{
    if (!made->directory) return;
    function->next_number = made->version->number + 1;
    lambda->registry->code_bytes += lambda__version_code_size(lambda, made->version);
    unlinked->directory = atomic_exchange_explicit(&function->directory, made->directory, memory_order_acq_rel);
}

void lambda__publication_discard(lambda_t *lambda, const lambda__publication *made)
{
    if (!made->directory) return;
    lambda__version_release(lambda, made->version);
    lambda__release(&lambda->base, made->directory);
}

static lambda_status check_preconditions(lambda_t *lambda, const lambda__function *function,
                                         const lambda_version_options *options)
{
    const lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    const char *sha256 = lambda->registry->port.code_sha256(lambda__version_code(latest));
    if (options->code_sha256 && strcmp(options->code_sha256, sha256) != 0)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "code_sha256: CodeSHA256 (%.80s) is different from current CodeSHA256 in $LATEST (%s). "
                            "Please try again with "
                            "the CodeSHA256 in $LATEST.",
                            options->code_sha256, sha256);
    return lambda__revision_check(lambda, options->revision_id, latest->revision_id);
}

/** As writer: publishes $LATEST unless it was, and copies what was published. All of it or nothing. */
static lambda_status publish(lambda_t *lambda, lambda__function *function, const lambda_version_options *options,
                             lambda_function_configuration **configuration, lambda__unlinked *unlinked)
{
    lambda__publication made = {0};
    lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    lambda_status status = check_preconditions(lambda, function, options);
    if (status == LAMBDA_OK) status = lambda__publication_make(lambda, function, latest, options->description, &made);
    if (status == LAMBDA_OK && made.directory)
        status = lambda__code_storage_check(lambda, lambda__version_code_size(lambda, latest), 0);
    if (status == LAMBDA_OK && configuration) {
        *configuration = lambda__configuration_make(lambda, made.version, made.version->label);
        if (!*configuration) status = lambda__out_of_memory(&lambda->base);
    }
    if (status == LAMBDA_OK && made.directory) {
        lambda__image image = lambda__image_of(function);
        lambda__publication_show(&made, &image);
        status = lambda__store_put(lambda, &image);
    }
    if (status == LAMBDA_OK)
        lambda__publication_commit(lambda, function, &made, unlinked);
    else
        lambda__publication_discard(lambda, &made);
    return status;
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
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK)
        status = lambda__limit_text(lambda, "description", options.description, LAMBDA__DESCRIPTION_MIN,
                                    LAMBDA__DESCRIPTION_MAX);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    lambda_function_configuration *copied = NULL;
    if (status == LAMBDA_OK) status = publish(lambda, function, &options, configuration ? &copied : NULL, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.directory) lambda__unlinked_end(lambda, &unlinked);
    if (status == LAMBDA_OK && configuration)
        *configuration = copied;
    else
        lambda_function_configuration_free(copied);
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
