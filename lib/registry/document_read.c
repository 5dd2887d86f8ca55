/* Reading a function's document. Whatever it says, it is checked as if a caller had said it. */
#include <string.h>

#include <jansson.h>

#include "base/digest.h"
#include "registry/document.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** A document while it is read. */
typedef struct reader {
    lambda_t *lambda;
    lambda__base *base;
    lambda__function *function;
    lambda__code_maker *make_code;
    json_t *codes;
    lambda__code **made; /* of each of `codes`, with a reference; NULL until a version has it */
} reader;

#define MEMBERS(object, members, why)                                                                                  \
    lambda__document_members((object), (members), sizeof(members) / sizeof((members)[0]), (why))
#define refuse(reading, ...) lambda__fail((reading)->base, INVALID, __VA_ARGS__)

/** A number of 32 bits that is not negative. */
static bool narrow(json_int_t value, uint32_t *number)
{
    *number = (uint32_t)value;
    return value >= 0 && value <= (json_int_t)UINT32_MAX;
}

/** Pairs that point into the object, the caller's to release. */
static lambda_status read_pairs(const reader *reading, const char *where, json_t *object, lambda_pair **pairs)
{
    if (!json_is_object(object)) return refuse(reading, "%s: is no object", where);
    *pairs = lambda__allocate(reading->base, json_object_size(object) * sizeof(**pairs));
    if (!*pairs) return lambda__out_of_memory(reading->base);
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach(object, name, value)
    {
        if (!json_is_string(value)) return refuse(reading, "%s: \"%.80s\" is no string", where, name);
        (*pairs)[count++] = (lambda_pair){name, json_string_value(value)};
    }
    return LAMBDA_OK;
}

static lambda_status read_tags(const reader *reading, json_t *tags)
{
    lambda__function *function = reading->function;
    size_t count = json_object_size(tags);
    lambda_pair *pairs = NULL;
    lambda_status status = read_pairs(reading, "tags", tags, &pairs);
    if (status == LAMBDA_OK) status = lambda__limit_tags(reading->lambda, pairs, count);
    if (status == LAMBDA_OK && !lambda__tags_copy(reading->lambda, pairs, count, &function->tags))
        status = lambda__out_of_memory(reading->base);
    if (status == LAMBDA_OK) function->tags_count = (uint32_t)count;
    lambda__release(reading->base, pairs);
    return status;
}

/* ---- versions */

/** Settings that are one of few, as words; those that may be missing are NULL then. */
typedef struct chosen_words {
    const char *isolation;
    const char *log_format;
    const char *application_log_level;
    const char *system_log_level;
    const char *tracing_mode;
    const char *metrics_mode;
} chosen_words;

static lambda_status read_words(const reader *reading, size_t at, const chosen_words *words,
                                lambda_function_config *config)
{
    enum { ISOLATION, FORMAT, APPLICATION, SYSTEM, TRACING, METRICS, COUNT };
    const struct {
        const char *name;
        const char *word;
        lambda__document_choice choice;
    } table[COUNT] = {
        [ISOLATION] = {"isolation", words->isolation, LAMBDA__WORD_ISOLATION},
        [FORMAT] = {"log_format", words->log_format, LAMBDA__WORD_LOG_FORMAT},
        [APPLICATION] = {"application_log_level", words->application_log_level, LAMBDA__WORD_LOG_LEVEL},
        [SYSTEM] = {"system_log_level", words->system_log_level, LAMBDA__WORD_LOG_LEVEL},
        [TRACING] = {"tracing_mode", words->tracing_mode, LAMBDA__WORD_TRACING_MODE},
        [METRICS] = {"metrics_mode", words->metrics_mode, LAMBDA__WORD_METRICS_MODE},
    };
    unsigned values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        if (!lambda__document_value(table[i].choice, table[i].word, &values[i]))
            return refuse(reading, "versions[%zu].settings.%s: \"%.40s\" is none", at, table[i].name, table[i].word);
    config->isolation = (lambda_isolation)values[ISOLATION];
    config->logging_config.log_format = (lambda_log_format)values[FORMAT];
    config->logging_config.application_log_level = (lambda_log_level)values[APPLICATION];
    config->logging_config.system_log_level = (lambda_log_level)values[SYSTEM];
    config->tracing_mode = (lambda_tracing_mode)values[TRACING];
    config->metrics_mode = (lambda_metrics_mode)values[METRICS];
    return LAMBDA_OK;
}

/** ARNs that point into the array, at most LAMBDA__LAYERS_MAX of them; NULL for no array. */
static lambda_status read_layers(const reader *reading, size_t at, json_t *array,
                                 const char *layers[LAMBDA__LAYERS_MAX])
{
    size_t count = json_array_size(array);
    if (!array) return LAMBDA_OK;
    if (!json_is_array(array) || count > LAMBDA__LAYERS_MAX)
        return refuse(reading, "versions[%zu].settings.layers: is no array of at most %d", at, (int)LAMBDA__LAYERS_MAX);
    for (size_t i = 0; i < count; i++) {
        layers[i] = json_string_value(json_array_get(array, i));
        if (!layers[i]) return refuse(reading, "versions[%zu].settings.layers: one is no string", at);
    }
    return LAMBDA_OK;
}

static lambda_status read_settings(const reader *reading, size_t at, json_t *object, lambda__settings **settings)
{
    json_int_t memory_size = 0;
    json_int_t timeout_ms = 0;
    json_int_t ephemeral = 0;
    json_int_t spare = 0;
    chosen_words words = {0};
    json_t *environment = NULL;
    json_t *layers = NULL;
    const char *layer_arns[LAMBDA__LAYERS_MAX];
    char why[160];
    lambda_function_config config = LAMBDA_ZERO;
    const lambda__document_member members[] = {
        {"memory_size", LAMBDA__MEMBER_NUMBER, &memory_size, false},
        {"timeout_ms", LAMBDA__MEMBER_NUMBER, &timeout_ms, false},
        {"ephemeral_storage_size", LAMBDA__MEMBER_NUMBER, &ephemeral, false},
        {"spare_environments", LAMBDA__MEMBER_NUMBER, &spare, false},
        {"isolation", LAMBDA__MEMBER_TEXT, &words.isolation, false},
        {"description", LAMBDA__MEMBER_TEXT, &config.description, false},
        {"handler", LAMBDA__MEMBER_TEXT, &config.handler, false},
        {"role", LAMBDA__MEMBER_TEXT, &config.role, false},
        {"dead_letter_target_arn", LAMBDA__MEMBER_TEXT, &config.dead_letter_target_arn, false},
        {"environment", LAMBDA__MEMBER_ANY, &environment, false},
        {"log_format", LAMBDA__MEMBER_TEXT, &words.log_format, true},
        {"application_log_level", LAMBDA__MEMBER_TEXT, &words.application_log_level, true},
        {"system_log_level", LAMBDA__MEMBER_TEXT, &words.system_log_level, true},
        {"log_group", LAMBDA__MEMBER_TEXT, &config.logging_config.log_group, true},
        {"tracing_mode", LAMBDA__MEMBER_TEXT, &words.tracing_mode, true},
        {"metrics_mode", LAMBDA__MEMBER_TEXT, &words.metrics_mode, true},
        {"layers", LAMBDA__MEMBER_ANY, &layers, true},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "versions[%zu].settings: %s", at, why);
    if (!narrow(memory_size, &config.memory_size) || !narrow(timeout_ms, &config.timeout_ms) ||
        !narrow(ephemeral, &config.ephemeral_storage_size) || !narrow(spare, &config.spare_environments))
        return refuse(reading, "versions[%zu].settings: a number is negative or too large", at);
    lambda_status status = read_words(reading, at, &words, &config);
    if (status == LAMBDA_OK) status = read_layers(reading, at, layers, layer_arns);
    if (status != LAMBDA_OK) return status;
    config.layers = layer_arns;
    config.layers_count = json_array_size(layers);
    config.environment_count = json_object_size(environment);
    lambda_pair *pairs = NULL;
    status = read_pairs(reading, "environment", environment, &pairs);
    config.environment = pairs;
    if (status == LAMBDA_OK) status = lambda__settings_make(reading->lambda, NULL, &config, NULL, settings);
    lambda__release(reading->base, pairs);
    return status;
}

/** One of `codes`, made when the first version asks for it. */
static lambda_status read_code(const reader *reading, json_int_t index, const lambda__settings *settings)
{
    char why[160];
    lambda__recipe recipe = {0};
    const char *sha256 = NULL;
    json_int_t size = 0;
    bool loadable = false;
    bool bytes = false;
    if (index < 0 || (size_t)index >= json_array_size(reading->codes))
        return refuse(reading, "codes: there is none at %lld", (long long)index);
    if (reading->made[index]) return LAMBDA_OK;
    const lambda__document_member members[] = {
        {"runtime", LAMBDA__MEMBER_TEXT, &recipe.runtime, false},
        {"sha256", LAMBDA__MEMBER_TEXT, &sha256, false},
        {"size", LAMBDA__MEMBER_NUMBER, &size, false},
        {"path", LAMBDA__MEMBER_TEXT, &recipe.path, true},
        {"declaration", LAMBDA__MEMBER_TEXT, &recipe.declaration, true},
        {"reference", LAMBDA__MEMBER_TEXT, &recipe.reference, true},
        {"loadable", LAMBDA__MEMBER_FLAG, &loadable, false},
        {"bytes", LAMBDA__MEMBER_FLAG, &bytes, false},
    };
    if (!MEMBERS(json_array_get(reading->codes, (size_t)index), members, why))
        return refuse(reading, "codes[%lld]: %s", (long long)index, why);
    if (!lambda__sha256_base64_valid(sha256)) return refuse(reading, "codes[%lld].sha256: is none", (long long)index);
    if (size < 0) return refuse(reading, "codes[%lld].size: is negative", (long long)index);
    size_t length = strlen(recipe.runtime);
    if (length == 0 || length > 64)
        return refuse(reading, "codes[%lld].runtime: is no driver's name", (long long)index);
    if (recipe.reference && strlen(recipe.reference) > LAMBDA__REFERENCE_MAX)
        return refuse(reading, "codes[%lld].reference: is longer than %d bytes", (long long)index,
                      LAMBDA__REFERENCE_MAX);
    recipe.loadable = loadable;
    recipe.has_bytes = bytes;
    return reading->make_code(reading->lambda, reading->function->name, settings, &recipe, sha256, (uint64_t)size,
                              &reading->made[index]);
}

static lambda_status read_version(const reader *reading, size_t at, json_t *object, lambda__version **version)
{
    char why[160];
    json_int_t number = 0;
    json_int_t code = 0;
    json_int_t modified = 0;
    const char *revision_id = NULL;
    const char *description = NULL;
    json_t *settings_object = NULL;
    lambda_t *lambda = reading->lambda;
    const lambda__directory *directory = lambda__directory_of(reading->function);
    json_int_t before = at > 1 ? (json_int_t)directory->versions[at - 2]->number : 0;
    const lambda__document_member members[] = {
        {"number", LAMBDA__MEMBER_NUMBER, &number, false},
        {"code", LAMBDA__MEMBER_NUMBER, &code, false},
        {"revision_id", LAMBDA__MEMBER_TEXT, &revision_id, false},
        {"modified", LAMBDA__MEMBER_NUMBER, &modified, false},
        {"description", LAMBDA__MEMBER_TEXT, &description, true},
        {"settings", LAMBDA__MEMBER_ANY, &settings_object, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "versions[%zu]: %s", at, why);
    if (at == 0 ? number != 0 : number <= before || (uint64_t)number >= reading->function->next_number)
        return refuse(reading, "versions[%zu].number: is not its place's", at);
    if (strlen(revision_id) != sizeof((*version)->revision_id) - 1)
        return refuse(reading, "versions[%zu].revision_id: is none", at);
    lambda__settings *settings = NULL;
    lambda_status status =
        lambda__limit_text(lambda, "description", description, LAMBDA__DESCRIPTION_MIN, LAMBDA__DESCRIPTION_MAX);
    if (status == LAMBDA_OK) status = read_settings(reading, at, settings_object, &settings);
    if (status == LAMBDA_OK) status = read_code(reading, code, settings);
    if (status == LAMBDA_OK) {
        lambda__code *made = reading->made[code];
        *version = lambda__version_new(lambda, reading->function, (uint64_t)number, made, settings, description);
        if (*version) lambda->registry->port.code_retain(made);
        if (!*version) status = lambda__out_of_memory(reading->base);
    }
    if (status != LAMBDA_OK) {
        lambda__settings_release(lambda, settings);
        return status;
    }
    (*version)->modified = (uint64_t)modified;
    memcpy((*version)->revision_id, revision_id, sizeof((*version)->revision_id));
    return LAMBDA_OK;
}

static lambda_status read_versions(reader *reading, json_t *versions, size_t aliases)
{
    lambda__function *function = reading->function;
    size_t count = json_array_size(versions);
    if (count == 0) return refuse(reading, "versions: are none");
    if (!json_is_array(reading->codes)) return refuse(reading, "codes: is no array");
    size_t codes = json_array_size(reading->codes);
    reading->made = lambda__allocate_zeroed(reading->base, codes * sizeof(*reading->made));
    if (!reading->made) return lambda__out_of_memory(reading->base);
    if (count > 1 || aliases > 0) {
        lambda__directory *directory = lambda__directory_new(reading->lambda, count - 1, aliases);
        if (!directory) return lambda__out_of_memory(reading->base);
        atomic_store_explicit(&function->directory, directory, memory_order_relaxed);
    }
    lambda__directory *directory = atomic_load_explicit(&function->directory, memory_order_relaxed);
    for (size_t i = 0; i < count; i++) {
        lambda__version *version = NULL;
        lambda_status status = read_version(reading, i, json_array_get(versions, i), &version);
        if (status != LAMBDA_OK) return status;
        if (i == 0)
            atomic_store_explicit(&function->latest, version, memory_order_relaxed);
        else
            directory->versions[directory->versions_count++] = version;
    }
    return LAMBDA_OK;
}

/* ---- aliases, event invoke configs, concurrency */

static lambda_status read_alias(const reader *reading, size_t at, json_t *object, lambda__alias **alias)
{
    char why[160];
    const char *name = NULL;
    const char *description = NULL;
    const char *revision_id = NULL;
    json_int_t version = 0;
    json_int_t additional = 0;
    lambda__destinations to = {0};
    lambda_t *lambda = reading->lambda;
    const lambda__document_member members[] = {
        {"name", LAMBDA__MEMBER_TEXT, &name, false},
        {"description", LAMBDA__MEMBER_TEXT, &description, false},
        {"revision_id", LAMBDA__MEMBER_TEXT, &revision_id, false},
        {"version", LAMBDA__MEMBER_NUMBER, &version, false},
        {"additional_version", LAMBDA__MEMBER_NUMBER, &additional, false},
        {"additional_weight", LAMBDA__MEMBER_REAL, &to.weight, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "aliases[%zu]: %s", at, why);
    const lambda__directory *directory = lambda__directory_of(reading->function);
    if (at > 0 && strcmp(directory->aliases[at - 1]->name, name) >= 0)
        return refuse(reading, "aliases[%zu]: stands out of order", at);
    if (strlen(revision_id) != sizeof((*alias)->revision_id) - 1)
        return refuse(reading, "aliases[%zu].revision_id: is none", at);
    if (version != 0) to.version = lambda__function_version(reading->function, (uint64_t)version);
    if (additional != 0) to.additional = lambda__function_version(reading->function, (uint64_t)additional);
    if ((version != 0 && !to.version) || (additional != 0 && !to.additional))
        return refuse(reading, "aliases[%zu]: leads to a version that is not there", at);
    lambda_status status = lambda__alias_name_check(lambda, "aliases: name", name);
    if (status == LAMBDA_OK)
        status = lambda__limit_text(lambda, "aliases: description", description, LAMBDA__DESCRIPTION_MIN,
                                    LAMBDA__DESCRIPTION_MAX);
    if (status == LAMBDA_OK) status = lambda__destinations_check(lambda, &to);
    if (status != LAMBDA_OK) return status;
    *alias = lambda__alias_new(lambda, name, description, &to);
    if (!*alias) return lambda__out_of_memory(reading->base);
    memcpy((*alias)->revision_id, revision_id, sizeof((*alias)->revision_id));
    return LAMBDA_OK;
}

static lambda_status read_aliases(const reader *reading, json_t *aliases)
{
    lambda__directory *directory = atomic_load_explicit(&reading->function->directory, memory_order_relaxed);
    for (size_t i = 0; i < json_array_size(aliases); i++) {
        lambda_status status =
            read_alias(reading, i, json_array_get(aliases, i), &directory->aliases[directory->aliases_count]);
        if (status != LAMBDA_OK) return status;
        directory->aliases_count++;
    }
    return LAMBDA_OK;
}

/** A published version or an alias of the function. */
static bool is_qualifier(const reader *reading, const char *text)
{
    size_t length = strlen(text);
    if (lambda__function_alias(reading->function, text, length)) return true;
    bool number = length > 0 && strspn(text, "0123456789") == length;
    return number && lambda__function_resolve(reading->function, text, length, NULL) != NULL;
}

static lambda_status read_event_invoke(const reader *reading, size_t at, json_t *object, lambda__event_invoke *item)
{
    char why[160];
    json_int_t attempts = 0;
    json_int_t age = 0;
    json_int_t modified = 0;
    lambda_t *lambda = reading->lambda;
    const lambda__document_member members[] = {
        {"qualifier", LAMBDA__MEMBER_TEXT, &item->qualifier, false},
        {"maximum_retry_attempts", LAMBDA__MEMBER_NUMBER, &attempts, false},
        {"maximum_event_age_s", LAMBDA__MEMBER_NUMBER, &age, false},
        {"on_success", LAMBDA__MEMBER_TEXT, &item->on_success, false},
        {"on_failure", LAMBDA__MEMBER_TEXT, &item->on_failure, false},
        {"modified", LAMBDA__MEMBER_NUMBER, &modified, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "event_invoke_configs[%zu]: %s", at, why);
    if (at > 0 && strcmp(item[-1].qualifier, item->qualifier) >= 0)
        return refuse(reading, "event_invoke_configs[%zu]: stands out of order", at);
    if (strcmp(item->qualifier, "$LATEST") != 0 && !is_qualifier(reading, item->qualifier))
        return refuse(reading, "event_invoke_configs[%zu].qualifier: leads nowhere", at);
    if (attempts < 0 || attempts > LAMBDA__MAXIMUM_RETRY_ATTEMPTS_MAX || age < LAMBDA__MAXIMUM_EVENT_AGE_S_MIN ||
        age > LAMBDA__MAXIMUM_EVENT_AGE_S_MAX)
        return refuse(reading, "event_invoke_configs[%zu]: a number is not within its limits", at);
    item->maximum_retry_attempts = (uint32_t)attempts;
    item->maximum_event_age_s = (uint32_t)age;
    item->modified = (uint64_t)modified;
    lambda_status status = lambda__target_text_check(lambda, "event_invoke_configs: on_success", item->on_success);
    return status == LAMBDA_OK ? lambda__target_text_check(lambda, "event_invoke_configs: on_failure", item->on_failure)
                               : status;
}

static lambda_status read_event_invokes(const reader *reading, json_t *configs)
{
    size_t count = json_array_size(configs);
    if (!json_is_array(configs)) return refuse(reading, "event_invoke_configs: is no array");
    if (count == 0) return LAMBDA_OK;
    lambda__event_invoke *items = lambda__allocate_zeroed(reading->base, count * sizeof(*items));
    if (!items) return lambda__out_of_memory(reading->base);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = read_event_invoke(reading, i, json_array_get(configs, i), &items[i]);
    lambda__event_invokes *all = status == LAMBDA_OK ? lambda__event_invokes_make(reading->lambda, items, count) : NULL;
    if (status == LAMBDA_OK && !all) status = lambda__out_of_memory(reading->base);
    lambda__release(reading->base, items);
    atomic_store_explicit(&reading->function->event_invokes, all, memory_order_relaxed);
    if (all) atomic_store_explicit(&reading->function->async_settings, true, memory_order_relaxed);
    return status;
}

static lambda_status read_provision(const reader *reading, size_t at, json_t *object, lambda__kept_provision *item)
{
    char why[160];
    json_int_t requested = 0;
    json_int_t modified = 0;
    const lambda__document_member members[] = {
        {"qualifier", LAMBDA__MEMBER_TEXT, &item->qualifier, false},
        {"requested", LAMBDA__MEMBER_NUMBER, &requested, false},
        {"modified", LAMBDA__MEMBER_NUMBER, &modified, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "concurrency.provisioned[%zu]: %s", at, why);
    if (at > 0 && strcmp(item[-1].qualifier, item->qualifier) >= 0)
        return refuse(reading, "concurrency.provisioned[%zu]: stands out of order", at);
    if (!is_qualifier(reading, item->qualifier))
        return refuse(reading, "concurrency.provisioned[%zu].qualifier: leads nowhere", at);
    item->modified = (uint64_t)modified;
    if (narrow(requested, &item->requested) && requested > 0) return LAMBDA_OK;
    return refuse(reading, "concurrency.provisioned[%zu].requested: is not within its limits", at);
}

static lambda_status read_concurrency(const reader *reading, json_t *object)
{
    char why[160];
    json_int_t reserved = -1;
    json_t *provisioned = NULL;
    const lambda__document_member members[] = {
        {"reserved", LAMBDA__MEMBER_NUMBER, &reserved, true},
        {"provisioned", LAMBDA__MEMBER_ANY, &provisioned, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "concurrency: %s", why);
    size_t count = json_array_size(provisioned);
    if (!json_is_array(provisioned)) return refuse(reading, "concurrency.provisioned: is no array");
    bool present = json_object_get(object, "reserved") != NULL;
    if (!present && count == 0) return LAMBDA_OK;
    lambda__kept_concurrency *kept =
        lambda__allocate_zeroed(reading->base, sizeof(*kept) + count * sizeof(kept->provisions[0]));
    if (!kept) return lambda__out_of_memory(reading->base);
    kept->reserved = present;
    kept->count = count;
    lambda_status status = LAMBDA_OK;
    if (present && !narrow(reserved, &kept->reserved_count))
        status = refuse(reading, "concurrency.reserved: is negative or too large");
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = read_provision(reading, i, json_array_get(provisioned, i), &kept->provisions[i]);
    if (status == LAMBDA_OK)
        status = reading->lambda->registry->port.concurrency_restore(reading->lambda, reading->function, kept);
    lambda__release(reading->base, kept);
    return status;
}

static lambda_status read_attachment(const reader *reading, size_t at, json_t *object, lambda__attachment *item)
{
    char why[160];
    json_t *value = NULL;
    const lambda__document_member members[] = {
        {"qualifier", LAMBDA__MEMBER_TEXT, &item->qualifier, false},
        {"kind", LAMBDA__MEMBER_TEXT, &item->kind, false},
        {"value", LAMBDA__MEMBER_ANY, &value, false},
    };
    if (!MEMBERS(object, members, why)) return refuse(reading, "attachments[%zu]: %s", at, why);
    if (!json_is_string(value)) return refuse(reading, "attachments[%zu].value: is no string", at);
    int order = at > 0 ? strcmp(item[-1].qualifier, item->qualifier) : -1;
    if (order > 0 || (order == 0 && strcmp(item[-1].kind, item->kind) >= 0))
        return refuse(reading, "attachments[%zu]: stands out of order", at);
    if (item->qualifier[0] && !is_qualifier(reading, item->qualifier))
        return refuse(reading, "attachments[%zu].qualifier: leads nowhere", at);
    item->value = json_string_value(value);
    item->length = json_string_length(value);
    return lambda__attachment_check(reading->lambda, item->kind, (lambda_bytes){item->value, item->length});
}

/** They came later: a document need not have them. */
static lambda_status read_attachments(const reader *reading, json_t *attachments)
{
    size_t count = json_array_size(attachments);
    if (!attachments) return LAMBDA_OK;
    if (!json_is_array(attachments)) return refuse(reading, "attachments: is no array");
    if (count == 0) return LAMBDA_OK;
    lambda__attachment *items = lambda__allocate_zeroed(reading->base, count * sizeof(*items));
    if (!items) return lambda__out_of_memory(reading->base);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = read_attachment(reading, i, json_array_get(attachments, i), &items[i]);
    lambda__attachments *all = status == LAMBDA_OK ? lambda__attachments_make(reading->lambda, items, count) : NULL;
    if (status == LAMBDA_OK && !all) status = lambda__out_of_memory(reading->base);
    lambda__release(reading->base, items);
    atomic_store_explicit(&reading->function->attachments, all, memory_order_relaxed);
    return status;
}

/* ---- the whole */

static lambda_status check_format(const reader *reading, json_t *document)
{
    int format = 0;
    if (json_unpack(document, "{s:i}", "format", &format) != 0)
        return refuse(reading, "format: is missing, or no number");
    if (format > LAMBDA__DOCUMENT_FORMAT)
        return refuse(reading, "format: is %d, and this library knows no later one than %d", format,
                      LAMBDA__DOCUMENT_FORMAT);
    return format == LAMBDA__DOCUMENT_FORMAT ? LAMBDA_OK : refuse(reading, "format: %d is none", format);
}

static lambda_status read_document(reader *reading, const char *kept_name, json_t *document)
{
    char why[160];
    json_int_t format = 0;
    const char *name = NULL;
    const char *loop = NULL;
    json_int_t sequence = 0;
    json_int_t next_number = 0;
    json_t *tags = NULL;
    json_t *versions = NULL;
    json_t *aliases = NULL;
    json_t *configs = NULL;
    json_t *concurrency = NULL;
    json_t *attachments = NULL;
    lambda__name parsed;
    const lambda__document_member members[] = {
        {"format", LAMBDA__MEMBER_NUMBER, &format, false},
        {"name", LAMBDA__MEMBER_TEXT, &name, false},
        {"sequence", LAMBDA__MEMBER_NUMBER, &sequence, false},
        {"next_number", LAMBDA__MEMBER_NUMBER, &next_number, false},
        {"recursive_loop", LAMBDA__MEMBER_TEXT, &loop, false},
        {"tags", LAMBDA__MEMBER_ANY, &tags, false},
        {"codes", LAMBDA__MEMBER_ANY, &reading->codes, false},
        {"versions", LAMBDA__MEMBER_ANY, &versions, false},
        {"aliases", LAMBDA__MEMBER_ANY, &aliases, false},
        {"event_invoke_configs", LAMBDA__MEMBER_ANY, &configs, false},
        {"concurrency", LAMBDA__MEMBER_ANY, &concurrency, false},
        {"attachments", LAMBDA__MEMBER_ANY, &attachments, true},
    };
    if (!MEMBERS(document, members, why)) return refuse(reading, "%s", why);
    if (strcmp(name, kept_name) != 0) return refuse(reading, "name: is \"%.80s\"", name);
    lambda_status status = lambda__name_parse(reading->lambda, name, &parsed);
    if (status != LAMBDA_OK) return status;
    if (parsed.function != name || parsed.qualifier) return refuse(reading, "name: is no plain name");
    if (sequence < 1 || next_number < 1) return refuse(reading, "sequence, next_number: are not from 1 on");
    bool allowed = strcmp(loop, "Allow") == 0;
    if (!allowed && strcmp(loop, "Terminate") != 0) return refuse(reading, "recursive_loop: \"%.40s\" is none", loop);
    if (!json_is_array(aliases)) return refuse(reading, "aliases: is no array");
    reading->function = lambda__function_new(reading->lambda, name, strlen(name));
    if (!reading->function) return lambda__out_of_memory(reading->base);
    reading->function->sequence = (uint64_t)sequence;
    reading->function->next_number = (uint64_t)next_number;
    atomic_store_explicit(&reading->function->loops_allowed, allowed, memory_order_relaxed);
    status = read_tags(reading, tags);
    if (status == LAMBDA_OK) status = read_versions(reading, versions, json_array_size(aliases));
    if (status == LAMBDA_OK) status = read_aliases(reading, aliases);
    if (status == LAMBDA_OK) status = read_event_invokes(reading, configs);
    if (status == LAMBDA_OK) status = read_concurrency(reading, concurrency);
    if (status == LAMBDA_OK) status = read_attachments(reading, attachments);
    return status;
}

lambda_status lambda__document_read(lambda_t *lambda, const char *name, const lambda__parsed *parsed,
                                    lambda__code_maker *make_code, lambda__function **function)
{
    json_error_t error;
    reader reading = {.lambda = lambda, .base = &lambda->base, .make_code = make_code};
    *function = NULL;
    json_t *document = json_incref(parsed->document);
    if (!document) document = json_loadb(parsed->text.data, parsed->text.length, JSON_REJECT_DUPLICATES, &error);
    if (!document && json_error_code(&error) == json_error_out_of_memory) return lambda__out_of_memory(&lambda->base);
    if (!document) return refuse(&reading, "is not JSON: %s", error.text);
    lambda_status status = check_format(&reading, document);
    if (status == LAMBDA_OK) status = read_document(&reading, name, document);
    for (size_t i = 0; reading.made && i < json_array_size(reading.codes); i++)
        lambda->registry->port.code_release(lambda, reading.made[i]);
    lambda__release(&lambda->base, reading.made);
    json_decref(document);
    if (status == LAMBDA_OK)
        *function = reading.function;
    else if (reading.function)
        lambda__function_discard(lambda, reading.function);
    return status;
}
