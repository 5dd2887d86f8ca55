/* Writing a function's document. The names of its members are the format: they never change their meaning. */
#include <string.h>

#include <jansson.h>

#include "registry/document.h"

/* json_pack steals what it is given, and answers NULL where a part of it was NULL: so each step may hand on what failed. */

static json_t *write_pairs(const lambda_pair *pairs, size_t count)
{
    json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; complete && i < count; i++)
        complete = json_object_set_new(object, pairs[i].name, json_string(pairs[i].value)) == 0;
    if (complete) return object;
    json_decref(object);
    return NULL;
}

/** The word of a setting that stands in the document only where it is not what it is by default. */
static const char *unless(lambda__document_choice choice, unsigned value, unsigned standard)
{
    return value == standard ? NULL : lambda__document_word(choice, value);
}

/** Takes the settings over and adds the layers, if there are some. */
static json_t *add_layers(json_t *object, const lambda__settings *settings)
{
    if (settings->layers_count == 0) return object;
    json_t *layers = json_array();
    bool complete = layers != NULL;
    for (size_t i = 0; complete && i < settings->layers_count; i++)
        complete = json_array_append_new(layers, json_string(settings->layers[i])) == 0;
    if (!complete) {
        json_decref(layers);
        layers = NULL;
    }
    if (object && json_object_set_new(object, "layers", layers) == 0) return object;
    json_decref(object);
    return NULL;
}

static json_t *write_settings(const lambda__settings *settings)
{
    const char *log_group = settings->log_group[0] ? settings->log_group : NULL;
    /* What came later is left out where it is the default: functions without it are written as they always were. */
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "memory_size",
        (json_int_t)settings->memory_size, "timeout_ms", (json_int_t)settings->timeout_ms, "ephemeral_storage_size",
        (json_int_t)settings->ephemeral_storage_size, "spare_environments", (json_int_t)settings->spare_environments,
        "isolation", lambda__document_word(LAMBDA__WORD_ISOLATION, settings->isolation), "description",
        settings->description, "handler", settings->handler, "role", settings->role, "dead_letter_target_arn",
        settings->dead_letter, "environment", write_pairs(settings->environment, settings->environment_count),
        "log_format", unless(LAMBDA__WORD_LOG_FORMAT, settings->log_format, LAMBDA_LOG_FORMAT_TEXT),
        "application_log_level", unless(LAMBDA__WORD_LOG_LEVEL, settings->application_log_level, LAMBDA_LOG_DEFAULT),
        "system_log_level", unless(LAMBDA__WORD_LOG_LEVEL, settings->system_log_level, LAMBDA_LOG_DEFAULT), "log_group",
        log_group, "tracing_mode",
        unless(LAMBDA__WORD_TRACING_MODE, settings->tracing_mode, LAMBDA_TRACING_PASS_THROUGH), "metrics_mode",
        unless(LAMBDA__WORD_METRICS_MODE, settings->metrics_mode, LAMBDA_METRICS_ON));
    return add_layers(object, settings);
}

static json_t *write_code(const lambda__registry_port *port, lambda__code *code)
{
    lambda__recipe recipe;
    port->code_describe(code, &recipe);
    return json_pack("{s:s, s:s, s:I, s:s*, s:s*, s:s*, s:b, s:b}", "runtime", recipe.runtime, "sha256",
                     port->code_sha256(code), "size", (json_int_t)port->code_size(code), "path", recipe.path,
                     "declaration", recipe.declaration, "reference", recipe.reference, "loadable", (int)recipe.loadable,
                     "bytes", (int)recipe.has_bytes);
}

/** Versions share code: each piece stands once in `codes`, and a version has its index. */
typedef struct code_list {
    const lambda__registry_port *port;
    json_t *codes;
    lambda__code *last; /* of the version before, and its index: mostly it is the same */
    size_t last_at;
    const lambda__image *image;
} code_list;

static const lambda__version *version_at(const lambda__image *image, size_t at)
{
    return at == 0 ? image->latest : image->directory->versions[at - 1];
}

/** The index of the code of the version at this place; it is added where no version before has it. */
static size_t code_index(code_list *list, json_t *indexes, size_t at)
{
    lambda__code *code = lambda__version_code(version_at(list->image, at));
    if (code == list->last) return list->last_at;
    list->last = code;
    for (size_t i = 0; i < at; i++)
        if (lambda__version_code(version_at(list->image, i)) == code) {
            list->last_at = (size_t)json_integer_value(json_array_get(indexes, i));
            return list->last_at;
        }
    list->last_at = json_array_size(list->codes);
    json_array_append_new(list->codes, write_code(list->port, code));
    return list->last_at;
}

static json_t *write_version(const lambda__version *version, size_t code)
{
    return json_pack("{s:I, s:I, s:s, s:I, s:s*, s:o}", "number", (json_int_t)version->number, "code", (json_int_t)code,
                     "revision_id", version->revision_id, "modified", (json_int_t)version->modified, "description",
                     version->description_owned, "settings", write_settings(version->settings));
}

/** `*codes` is what they refer to. NULL when memory is out. */
static json_t *write_versions(const lambda__registry_port *port, const lambda__image *image, json_t **codes)
{
    json_t *versions = json_array();
    json_t *indexes = json_array();
    code_list list = {.port = port, .codes = json_array(), .image = image};
    size_t count = image->directory->versions_count + 1;
    bool complete = versions && indexes && list.codes;
    for (size_t i = 0; complete && i < count; i++) {
        size_t code = code_index(&list, indexes, i);
        complete = json_array_size(list.codes) > code &&
                   json_array_append_new(indexes, json_integer((json_int_t)code)) == 0 &&
                   json_array_append_new(versions, write_version(version_at(image, i), code)) == 0;
    }
    json_decref(indexes);
    *codes = list.codes;
    if (complete) return versions;
    json_decref(versions);
    return NULL;
}

static json_t *write_alias(const lambda__image *image, const lambda__alias *alias)
{
    bool changed = image->alias == alias;
    const lambda__route *route = changed ? image->route : atomic_load_explicit(&alias->route, memory_order_relaxed);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "name", alias->name, "description",
                     changed ? image->description : alias->description, "revision_id",
                     changed ? image->revision_id : alias->revision_id, "version",
                     (json_int_t)(route->version ? route->version->number : 0), "additional_version",
                     (json_int_t)(route->additional ? route->additional->number : 0), "additional_weight",
                     route->weight);
}

static json_t *write_aliases(const lambda__image *image)
{
    json_t *aliases = json_array();
    for (size_t i = 0; aliases && i < image->directory->aliases_count; i++)
        if (json_array_append_new(aliases, write_alias(image, image->directory->aliases[i])) != 0) {
            json_decref(aliases);
            return NULL;
        }
    return aliases;
}

static json_t *write_event_invokes(const lambda__event_invokes *all)
{
    json_t *configs = json_array();
    for (size_t i = 0; configs && all && i < all->count; i++) {
        const lambda__event_invoke *item = &all->items[i];
        json_t *config = json_pack(
            "{s:s, s:I, s:I, s:s, s:s, s:I}", "qualifier", item->qualifier, "maximum_retry_attempts",
            (json_int_t)item->maximum_retry_attempts, "maximum_event_age_s", (json_int_t)item->maximum_event_age_s,
            "on_success", item->on_success, "on_failure", item->on_failure, "modified", (json_int_t)item->modified);
        if (json_array_append_new(configs, config) != 0) {
            json_decref(configs);
            return NULL;
        }
    }
    return configs;
}

/** Does the qualifier lead to a version or an alias that the function is about to have? */
static bool leads(const lambda__image *image, const char *qualifier)
{
    size_t at = 0;
    size_t length = strlen(qualifier);
    if (strspn(qualifier, "0123456789") != length)
        return lambda__directory_find_alias(image->directory, qualifier, length, &at);
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (uint64_t)(qualifier[i] - '0');
    return lambda__directory_find_version(image->directory, number, &at);
}

/** What is provisioned for what is about to be deleted goes with it. */
static json_t *write_concurrency(const lambda__image *image, const lambda__kept_concurrency *kept)
{
    json_t *provisioned = json_array();
    for (size_t i = 0; provisioned && kept && i < kept->count; i++) {
        const lambda__kept_provision *each = &kept->provisions[i];
        if (!leads(image, each->qualifier)) continue;
        json_t *item = json_pack("{s:s, s:I, s:I}", "qualifier", each->qualifier, "requested",
                                 (json_int_t)each->requested, "modified", (json_int_t)each->modified);
        if (json_array_append_new(provisioned, item) != 0) {
            json_decref(provisioned);
            return NULL;
        }
    }
    if (kept && kept->reserved)
        return json_pack("{s:I, s:o}", "reserved", (json_int_t)kept->reserved_count, "provisioned", provisioned);
    return json_pack("{s:o}", "provisioned", provisioned);
}

/** Takes the document over and adds the attachments, if there are some. */
static json_t *add_attachments(json_t *object, const lambda__attachments *all)
{
    if (!all) return object;
    json_t *attachments = json_array();
    bool complete = attachments != NULL;
    for (size_t i = 0; complete && i < all->count; i++) {
        const lambda__attachment *each = &all->items[i];
        json_t *item = json_pack("{s:s, s:s, s:o}", "qualifier", each->qualifier, "kind", each->kind, "value",
                                 json_stringn(each->value, each->length));
        complete = json_array_append_new(attachments, item) == 0;
    }
    if (!complete) {
        json_decref(attachments);
        attachments = NULL;
    }
    if (object && json_object_set_new(object, "attachments", attachments) == 0) return object;
    if (!object) json_decref(attachments);
    json_decref(object);
    return NULL;
}

static json_t *write_all(lambda_t *lambda, const lambda__image *image, const lambda__kept_concurrency *kept)
{
    json_t *codes = NULL;
    json_t *versions = write_versions(&lambda->registry->port, image, &codes);
    json_t *document =
        json_pack("{s:i, s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "format", LAMBDA__DOCUMENT_FORMAT, "name",
                  image->function->name, "sequence", (json_int_t)image->function->sequence, "next_number",
                  (json_int_t)image->next_number, "recursive_loop", image->loops_allowed ? "Allow" : "Terminate",
                  "tags", write_pairs(image->tags, image->tags_count), "codes", codes, "versions", versions, "aliases",
                  write_aliases(image), "event_invoke_configs", write_event_invokes(image->event_invokes),
                  "concurrency", write_concurrency(image, kept));
    return add_attachments(document, image->attachments);
}

typedef struct output {
    lambda__base *base;
    lambda__buffer *text;
    bool complete; /* jansson goes on after some failures to write */
} output;

static int append(const char *data, size_t length, void *user)
{
    output *to = user;
    to->complete = to->complete && lambda__buffer_append(to->base, to->text, data, length);
    return to->complete ? 0 : -1;
}

bool lambda__document_write(lambda_t *lambda, const lambda__image *image, lambda__buffer *text)
{
    lambda__kept_concurrency *own = NULL;
    const lambda__kept_concurrency *kept = image->concurrency;
    bool present = atomic_load_explicit(&image->function->concurrency, memory_order_acquire) != NULL;
    if (!kept && present) {
        if (lambda->registry->port.concurrency_describe(lambda, image->function, &own) != LAMBDA_OK) return false;
        kept = own;
    }
    json_t *document = write_all(lambda, image, kept);
    output to = {&lambda->base, text, true};
    bool complete = document && json_dump_callback(document, append, &to, JSON_COMPACT) == 0 && to.complete;
    json_decref(document);
    lambda__release(&lambda->base, own);
    return complete;
}
