/* A function's configuration, checked and copied into one allocation. */
#include <string.h>

#include "observe/metrics/metrics.h"
#include "registry/registry_private.h"

/** How it is told of: log, traces, metrics. An update may take the log group away. */
static lambda_status check_observed(lambda_t *lambda, const lambda_function_config *config, bool update)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if ((unsigned)config->tracing_mode > LAMBDA_TRACING_OFF)
        return lambda__fail(&lambda->base, invalid, "tracing_mode: %d is none", (int)config->tracing_mode);
    if ((unsigned)config->metrics_mode > LAMBDA_METRICS_OFF)
        return lambda__fail(&lambda->base, invalid, "metrics_mode: %d is none", (int)config->metrics_mode);
    return lambda__limit_logging(lambda, &config->logging_config, update ? 0 : LAMBDA__LOG_GROUP_MIN);
}

static lambda_status check(lambda_t *lambda, const lambda_function_config *config, bool update)
{
    lambda_status status = lambda__limit_number(lambda, "memory_size", config->memory_size, LAMBDA__MEMORY_SIZE_MIN,
                                                LAMBDA__MEMORY_SIZE_MAX);
    if (status == LAMBDA_OK)
        status = lambda__limit_number(lambda, "timeout_ms", config->timeout_ms, LAMBDA__TIMEOUT_MS_MIN,
                                      LAMBDA__TIMEOUT_MS_MAX);
    if (status == LAMBDA_OK)
        status = lambda__limit_number(lambda, "ephemeral_storage_size", config->ephemeral_storage_size,
                                      LAMBDA__EPHEMERAL_STORAGE_SIZE_MIN, LAMBDA__EPHEMERAL_STORAGE_SIZE_MAX);
    if (status == LAMBDA_OK && config->spare_environments != LAMBDA_NO_SPARE_ENVIRONMENTS)
        status = lambda__limit_number(lambda, "spare_environments", config->spare_environments,
                                      LAMBDA__SPARE_ENVIRONMENTS_MIN, LAMBDA__SPARE_ENVIRONMENTS_MAX);
    if (status == LAMBDA_OK && (unsigned)config->isolation > LAMBDA_ISOLATION_PROCESS)
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "isolation: %d is none",
                              (int)config->isolation);
    if (status == LAMBDA_OK && config->isolation == LAMBDA_ISOLATION_THREAD &&
        lambda->base.executor.kind == LAMBDA_EXECUTOR_NONE)
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                              "isolation: THREAD needs an executor, and the service has none");
    if (status == LAMBDA_OK)
        status = lambda__limit_text(lambda, "description", config->description, LAMBDA__DESCRIPTION_MIN,
                                    LAMBDA__DESCRIPTION_MAX);
    if (status == LAMBDA_OK) status = lambda__limit_handler(lambda, config->handler);
    if (status == LAMBDA_OK) status = lambda__limit_role(lambda, config->role);
    if (status == LAMBDA_OK) status = lambda__limit_environment(lambda, config->environment, config->environment_count);
    if (status == LAMBDA_OK) status = lambda__limit_layers(lambda, config->layers, config->layers_count);
    if (status == LAMBDA_OK) status = check_observed(lambda, config, update);
    return status;
}

/** Code is made ready by a driver of one kind: an update cannot give it to the other. */
static lambda_status check_isolation(lambda_t *lambda, lambda_isolation wanted, const lambda__settings *old)
{
    bool process = old->isolation == LAMBDA_ISOLATION_PROCESS;
    if (wanted == LAMBDA_ISOLATION_DEFAULT || (wanted == LAMBDA_ISOLATION_PROCESS) == process) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "isolation: an update cannot change it %s PROCESS", process ? "from" : "to");
}

static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/** One allocation: the struct, its pairs, its layers, then all strings. */
static lambda__settings *copy(lambda_t *lambda, const lambda__settings *from)
{
    size_t size = strlen(from->description) + strlen(from->handler) + strlen(from->role) + strlen(from->dead_letter) +
                  strlen(from->log_group) + 5;
    for (size_t i = 0; i < from->environment_count; i++)
        size += strlen(from->environment[i].name) + strlen(from->environment[i].value) + 2;
    for (size_t i = 0; i < from->layers_count; i++)
        size += strlen(from->layers[i]) + 1;
    size_t pairs_size = from->environment_count * sizeof(lambda_pair);
    size_t layers_size = from->layers_count * sizeof(char *);
    lambda__settings *made = lambda__allocate(&lambda->base, sizeof(*made) + pairs_size + layers_size + size);
    if (!made) return NULL;
    lambda_pair *pairs = (lambda_pair *)(made + 1);
    const char **layers = (const char **)(pairs + from->environment_count);
    char *at = (char *)(layers + from->layers_count);
    *made = (lambda__settings){.memory_size = from->memory_size,
                               .timeout_ms = from->timeout_ms,
                               .ephemeral_storage_size = from->ephemeral_storage_size,
                               .spare_environments = from->spare_environments,
                               .isolation = from->isolation,
                               .log_format = from->log_format,
                               .application_log_level = from->application_log_level,
                               .system_log_level = from->system_log_level,
                               .tracing_mode = from->tracing_mode,
                               .metrics_mode = from->metrics_mode,
                               .environment = pairs,
                               .environment_count = from->environment_count,
                               .layers = layers,
                               .layers_count = from->layers_count};
    atomic_init(&made->references, 1);
    if (made->metrics_mode == LAMBDA_METRICS_OFF) lambda__metrics_some_off(lambda);
    made->description = put(&at, from->description);
    made->handler = put(&at, from->handler);
    made->role = put(&at, from->role);
    made->dead_letter = put(&at, from->dead_letter);
    made->log_group = put(&at, from->log_group);
    for (size_t i = 0; i < from->environment_count; i++) {
        pairs[i].name = put(&at, from->environment[i].name);
        pairs[i].value = put(&at, from->environment[i].value);
    }
    for (size_t i = 0; i < from->layers_count; i++)
        layers[i] = put(&at, from->layers[i]);
    return made;
}

/** A choice of few: 0 is "as it was". It was checked. */
static uint8_t choose(unsigned wanted, uint8_t old)
{
    return wanted ? (uint8_t)wanted : old;
}

/** What was asked for, and else what was before. Borrows all texts. */
static lambda__settings merge(const lambda_function_config *config, const lambda__settings *old)
{
    const lambda_logging_config *logging = &config->logging_config;
    return (lambda__settings){
        .memory_size = config->memory_size ? config->memory_size : old->memory_size,
        .timeout_ms = config->timeout_ms ? config->timeout_ms : old->timeout_ms,
        .ephemeral_storage_size =
            config->ephemeral_storage_size ? config->ephemeral_storage_size : old->ephemeral_storage_size,
        .spare_environments =
            config->spare_environments ? config->spare_environments % UINT32_MAX : old->spare_environments,
        .isolation = choose(config->isolation, old->isolation),
        .log_format = choose(logging->log_format, old->log_format),
        .application_log_level = choose(logging->application_log_level, old->application_log_level),
        .system_log_level = choose(logging->system_log_level, old->system_log_level),
        .tracing_mode = choose(config->tracing_mode, old->tracing_mode),
        .metrics_mode = choose(config->metrics_mode, old->metrics_mode),
        .log_group = logging->log_group ? logging->log_group : old->log_group,
        .description = config->description ? config->description : old->description,
        .handler = config->handler ? config->handler : old->handler,
        .role = config->role ? config->role : old->role,
        .dead_letter = config->dead_letter_target_arn ? config->dead_letter_target_arn : old->dead_letter,
        .environment = config->environment ? config->environment : old->environment,
        .environment_count = config->environment ? config->environment_count : old->environment_count,
        .layers = config->layers ? config->layers : old->layers,
        .layers_count = config->layers ? config->layers_count : old->layers_count,
    };
}

lambda_status lambda__settings_make(lambda_t *lambda, const char *function_name, const lambda_function_config *config,
                                    const lambda__settings *old, lambda__settings **settings)
{
    static const lambda__settings standard = {.memory_size = LAMBDA__MEMORY_SIZE_DEFAULT,
                                              .timeout_ms = LAMBDA__TIMEOUT_MS_DEFAULT,
                                              .ephemeral_storage_size = LAMBDA__EPHEMERAL_STORAGE_SIZE_DEFAULT,
                                              .spare_environments = LAMBDA__SPARE_ENVIRONMENTS_DEFAULT,
                                              .isolation = LAMBDA_ISOLATION_INLINE,
                                              .log_format = LAMBDA_LOG_FORMAT_TEXT,
                                              .tracing_mode = LAMBDA_TRACING_PASS_THROUGH,
                                              .metrics_mode = LAMBDA_METRICS_ON,
                                              .log_group = "",
                                              .description = "",
                                              .handler = "",
                                              .role = "",
                                              .dead_letter = ""};
    lambda_status status = check(lambda, config, old != NULL);
    if (status == LAMBDA_OK && old) status = check_isolation(lambda, config->isolation, old);
    const char *target = config->dead_letter_target_arn;
    if (status == LAMBDA_OK)
        status = function_name ? lambda__target_check(lambda, function_name, "dead_letter_target_arn", target)
                               : lambda__target_text_check(lambda, "dead_letter_target_arn", target);
    if (status != LAMBDA_OK) return status;
    lambda__settings wanted = merge(config, old ? old : &standard);
    /* Many functions are configured alike: what is equal to the last is shared with it. */
    lambda__registry_lock(lambda);
    lambda__settings *last = lambda->registry->standard;
    bool shared = last && lambda__settings_equal(last, &wanted);
    if (shared) atomic_fetch_add_explicit(&last->references, 1, memory_order_relaxed);
    lambda__registry_unlock(lambda);
    if (shared) {
        *settings = last;
        return LAMBDA_OK;
    }
    lambda__settings *made = copy(lambda, &wanted);
    if (!made) return lambda__out_of_memory(&lambda->base);
    atomic_fetch_add_explicit(&made->references, 1, memory_order_relaxed);
    lambda__registry_lock(lambda);
    lambda__settings *replaced = lambda->registry->standard;
    lambda->registry->standard = made;
    lambda__registry_unlock(lambda);
    lambda__settings_release(lambda, replaced);
    *settings = made;
    return LAMBDA_OK;
}

bool lambda__settings_equal(const lambda__settings *one, const lambda__settings *two)
{
    bool same = one->memory_size == two->memory_size && one->timeout_ms == two->timeout_ms &&
                one->ephemeral_storage_size == two->ephemeral_storage_size &&
                one->spare_environments == two->spare_environments && one->isolation == two->isolation &&
                one->environment_count == two->environment_count && strcmp(one->description, two->description) == 0 &&
                strcmp(one->handler, two->handler) == 0 && strcmp(one->role, two->role) == 0 &&
                strcmp(one->dead_letter, two->dead_letter) == 0 && one->log_format == two->log_format &&
                one->application_log_level == two->application_log_level &&
                one->system_log_level == two->system_log_level && one->tracing_mode == two->tracing_mode &&
                one->metrics_mode == two->metrics_mode && strcmp(one->log_group, two->log_group) == 0;
    for (size_t i = 0; same && i < one->environment_count; i++)
        same = strcmp(one->environment[i].name, two->environment[i].name) == 0 &&
               strcmp(one->environment[i].value, two->environment[i].value) == 0;
    return same && lambda__layers_equal(one, two);
}

bool lambda__layers_equal(const lambda__settings *one, const lambda__settings *two)
{
    bool same = one->layers_count == two->layers_count;
    for (size_t i = 0; same && i < one->layers_count; i++)
        same = strcmp(one->layers[i], two->layers[i]) == 0;
    return same;
}

void lambda__settings_release(lambda_t *lambda, lambda__settings *settings)
{
    if (settings && atomic_fetch_sub_explicit(&settings->references, 1, memory_order_acq_rel) == 1)
        lambda__release(&lambda->base, settings);
}
