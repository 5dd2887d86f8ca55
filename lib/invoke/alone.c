/*
 * An execution environment that no pool knows: who opened it says when it is initialised, what it runs, and when it ends. Its version and function are its own
 * too, made so that a context finds in them what it always does.
 */
#include <lambda/port/environment.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "invoke/invoke.h"
#include "runtime/runtimes.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

struct lambda_environment {
    lambda__environment *context; /* an allocation of its own, which lambda__environment_free ends */
    lambda__code code;            /* the handler with its hooks, which no driver has loaded */
    lambda__version version;      /* one reference more than its environment's: nobody else ends it */
    lambda__settings settings;
    lambda__function *function;
    lambda_invoke_options options; /* of the invocation that runs */
    bool lasting_directory;        /* the directory was there before */
    char *texts;                   /* all strings of the configuration, one behind the other */
    char arn[LAMBDA__ARN_SIZE];    /* as it was given with the invocation */
};

/** A text with the most characters that it may have. */
typedef struct bounded {
    const char *name;
    const char *text;
    size_t most;
} bounded;

static lambda_status check_texts(lambda__base *base, const bounded *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i].text && strnlen(texts[i].text, texts[i].most + 1) > texts[i].most)
            return lambda__fail(base, INVALID, "%s: is longer than %zu characters", texts[i].name, texts[i].most);
    return LAMBDA_OK;
}

static lambda_status check(lambda__base *base, const lambda_environment_config *config)
{
    const bounded texts[] = {{"function_name", config->function_name, LAMBDA__NAME_MAX},
                             {"function_version", config->function_version, 23}};
    if (!config->handler) return lambda__fail(base, INVALID, "handler: is NULL");
    if (config->environment_count > 0 && !config->environment)
        return lambda__fail(base, INVALID, "environment: is NULL with a count of %zu", config->environment_count);
    for (size_t i = 0; i < config->environment_count; i++)
        if (!config->environment[i].name || !config->environment[i].value)
            return lambda__fail(base, INVALID, "environment: the name or value of variable %zu is NULL", i);
    if ((unsigned)config->log_format > LAMBDA_LOG_FORMAT_JSON || (unsigned)config->log_level > LAMBDA_LOG_OFF)
        return lambda__fail(
            base, INVALID, "%s: %d is none", (unsigned)config->log_level > LAMBDA_LOG_OFF ? "log_level" : "log_format",
            (unsigned)config->log_level > LAMBDA_LOG_OFF ? (int)config->log_level : (int)config->log_format);
    return check_texts(base, texts, sizeof(texts) / sizeof(texts[0]));
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 1;
}

/** Copies a text (NULL: "") to `*at`, and goes behind it. */
static char *put_text(char **at, const char *text)
{
    char *copy = *at;
    memcpy(copy, text ? text : "", text_size(text));
    *at += text_size(text);
    return copy;
}

/** The configuration's strings and pairs; false when memory is out. */
static bool copy_settings(lambda__base *base, lambda_environment *made, const lambda_environment_config *config)
{
    lambda__settings *settings = &made->settings;
    size_t count = config->environment_count;
    size_t size = text_size(config->handler_name) + text_size(config->role) + text_size(config->log_group_name);
    for (size_t i = 0; i < count; i++)
        size += text_size(config->environment[i].name) + text_size(config->environment[i].value);
    lambda_pair *pairs = lambda__allocate_zeroed(base, (count + 1) * sizeof(*pairs));
    settings->environment = pairs;
    settings->environment_count = count;
    char *at = made->texts = lambda__allocate(base, size);
    if (!pairs || !at) return false;
    settings->handler = put_text(&at, config->handler_name);
    settings->role = put_text(&at, config->role);
    settings->log_group = put_text(&at, config->log_group_name);
    for (size_t i = 0; i < count; i++) {
        pairs[i].name = put_text(&at, config->environment[i].name);
        pairs[i].value = put_text(&at, config->environment[i].value);
    }
    settings->description = "";
    settings->dead_letter = "";
    settings->memory_size = config->memory_size ? config->memory_size : 128;
    settings->timeout_ms = 3000;
    settings->ephemeral_storage_size = config->ephemeral_storage_size ? config->ephemeral_storage_size : 512;
    settings->isolation = LAMBDA_ISOLATION_INLINE;
    settings->log_format = (uint8_t)(config->log_format ? config->log_format : LAMBDA_LOG_FORMAT_TEXT);
    settings->application_log_level = (uint8_t)config->log_level;
    settings->tracing_mode = LAMBDA_TRACING_PASS_THROUGH;
    settings->metrics_mode = LAMBDA_METRICS_OFF;
    return true;
}

/** The function and the context; false when memory is out. */
static bool make_context(lambda_t *lambda, lambda__thread *thread, lambda_environment *made,
                         const lambda_environment_config *config)
{
    const char *name = config->function_name ? config->function_name : "function";
    lambda__environment *context = lambda__allocate_zeroed(&lambda->base, sizeof(*context));
    made->context = context;
    made->function = lambda__allocate_zeroed(&lambda->base, sizeof(*made->function) + strlen(name) + 1);
    if (!context || !made->function) return false;
    memcpy(made->function->name, name, strlen(name) + 1);
    atomic_init(&made->version.references, 2);
    made->version.function = made->function;
    made->version.settings = &made->settings;
    atomic_init(&made->version.code, &made->code);
    snprintf(made->version.label, sizeof(made->version.label), "%s",
             config->function_version ? config->function_version : "$LATEST");
    atomic_init(&context->state, LAMBDA__BUSY);
    context->lambda = lambda;
    context->version = &made->version;
    context->handler = config->handler;
    context->user = config->user;
    context->for_provisioned = config->provisioned;
    context->event.lambda = lambda;
    context->response = lambda__response_empty(lambda);
    context->started_wall = lambda__wall(&lambda->base);
    context->id[0] = lambda__thread_random(thread);
    context->id[1] = lambda__thread_random(thread);
    lambda__environment_hear(context, false);
    /* What happened is told by who governs it. */
    context->observe = 0;
    context->system_log_level = LAMBDA_LOG_OFF;
    char *stream = config->log_stream_name ? lambda__duplicate(&lambda->base, config->log_stream_name) : NULL;
    atomic_init(&context->log_stream, stream);
    if (config->temporary_directory) {
        context->directory = lambda__duplicate(&lambda->base, config->temporary_directory);
        made->lasting_directory = true;
    }
    return (!config->log_stream_name || stream) && (!config->temporary_directory || context->directory);
}

static void end(lambda_t *lambda, lambda_environment *environment)
{
    lambda__base *base = &lambda->base;
    lambda__environment *context = environment->context;
    if (context) {
        if (environment->lasting_directory) {
            lambda__release(base, context->directory);
            context->directory = NULL;
        }
        context->arn = NULL;
        lambda__buffer_clear(base, &context->response.body);
        if (environment->function)
            lambda__environment_free(context);
        else
            lambda__release(base, context);
    }
    lambda__release(base, environment->function);
    lambda__release(base, (void *)(uintptr_t)environment->settings.environment);
    lambda__release(base, environment->texts);
    lambda__release(base, environment);
}

lambda_status lambda_environment_open_sized(lambda_t *lambda, const lambda_environment_config *given, size_t size,
                                            lambda_environment **environment)
{
    if (environment) *environment = NULL;
    lambda__base *base = lambda ? &lambda->base : NULL;
    if (!lambda || !given || !environment)
        return lambda__fail(base, INVALID, "%s: is NULL", !lambda ? "lambda" : !given ? "config" : "environment");
    lambda_environment_config config = LAMBDA_ZERO;
    memcpy(&config, given, size < sizeof(config) ? size : sizeof(config));
    lambda_status status = check(base, &config);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(base);
    lambda_environment *made = thread ? lambda__allocate_zeroed(base, sizeof(*made)) : NULL;
    if (!made) return lambda__out_of_memory(base);
    made->code.handler.handler = config.handler;
    made->code.handler.init = config.init;
    made->code.handler.shutdown = config.shutdown;
    made->code.handler.user = config.user;
    if (!copy_settings(base, made, &config) || !make_context(lambda, thread, made, &config)) {
        end(lambda, made);
        return lambda__out_of_memory(base);
    }
    *environment = made;
    return LAMBDA_OK;
}

/** The result of a caller as this library knows it, and back. */
typedef struct sized_result {
    lambda_result *given;
    size_t size;
    lambda_result own;
} sized_result;

static lambda_status open_result(lambda_t *lambda, sized_result *result, lambda_result *given, size_t size)
{
    *result = (sized_result){.given = given, .size = size};
    if (!given) return lambda__fail(&lambda->base, INVALID, "result: is NULL");
    if (size < sizeof(result->own))
        return lambda__fail(&lambda->base, INVALID, "result: its size of %zu bytes is too small", size);
    result->own = *given;
    if (result->own.capacity > 0 && result->own.owner != lambda)
        return lambda__fail(&lambda->base, INVALID, "result: holds memory of another service; clear it first");
    lambda__result_begin(lambda, &result->own);
    return LAMBDA_OK;
}

static void close_result(sized_result *result)
{
    *result->given = result->own;
}

/** What runs, as the walk of any invocation has it. */
static lambda__invocation begin(lambda_environment *environment, lambda__thread *thread, lambda_bytes payload,
                                lambda_result *result)
{
    lambda__environment *context = environment->context;
    lambda__invocation invocation = {.lambda = context->lambda, .thread = thread, .payload = payload, .result = result};
    result->status_code = 200;
    memcpy(result->executed_version, environment->version.label, sizeof(result->executed_version));
    result->memory_size = environment->settings.memory_size;
    lambda__result_lend(&invocation, context);
    context->start = lambda__now(&context->lambda->base);
    context->chain = (lambda__chain){.function = UINT64_MAX, .depth = 1};
    thread->chain = &context->chain;
    return invocation;
}

/** What came of it; the answer and its memory are the result's. */
static void finish(lambda_environment *environment, lambda__invocation *invocation, lambda__outcome *outcome)
{
    lambda__environment *context = environment->context;
    lambda__thread *thread = invocation->thread;
    uint64_t taken = lambda__now(&context->lambda->base) - context->start;
    thread->chain = NULL;
    outcome->duration = outcome->cold ? 0 : taken;
    outcome->init_duration = outcome->cold ? taken : 0;
    if (context->response.limit == 0) lambda__stream_end(&context->response, outcome->status, false);
    if (outcome->status != LAMBDA_OK || context->response.failed || context->response.too_large)
        lambda__outcome_settle(context, thread, &context->response, outcome);
    lambda_response *response = &context->response;
    response->stream = NULL;
    response->limit = context->lambda->limits.response_payload;
    lambda__event_reset(&context->event);
    lambda__result_take(invocation, context);
    context->response.body = (lambda__buffer){0};
    context->running = false;
    lambda_result *result = invocation->result;
    result->function_error = outcome->failed ? "Unhandled" : NULL;
    result->duration_ns = outcome->duration;
    result->init_duration_ns = outcome->init_duration;
    result->billed_duration_ms = lambda__outcome_billed_ms(outcome);
    result->cold_start = outcome->cold;
}

static lambda_status thread_of(lambda_t *lambda, lambda__thread **thread)
{
    *thread = lambda__thread_get(&lambda->base);
    return *thread ? LAMBDA_OK
                   : lambda__fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY,
                                  "no memory for this thread's record, or too many threads");
}

lambda_status lambda_environment_init_sized(lambda_environment *environment, lambda_result *result, size_t size)
{
    if (!environment) return lambda__fail(NULL, INVALID, "environment: is NULL");
    lambda__environment *context = environment->context;
    lambda_t *lambda = context->lambda;
    sized_result sized;
    lambda__thread *thread;
    if (context->initialised) return lambda__fail(&lambda->base, INVALID, "environment: was initialised before");
    lambda_status status = open_result(lambda, &sized, result, size);
    if (status == LAMBDA_OK) status = thread_of(lambda, &thread);
    if (status != LAMBDA_OK) return status;
    const lambda__chain *outer = thread->chain;
    lambda__outcome outcome = {.cold = true, .failures = thread->failures};
    lambda__invocation invocation = begin(environment, thread, lambda_bytes_make("", 0), &sized.own);
    context->host_state = NULL;
    outcome.status =
        lambda__environment_init(context, context->start + (uint64_t)lambda->limits.init_timeout_ms * 1000000);
    outcome.init_failed = outcome.status != LAMBDA_OK;
    finish(environment, &invocation, &outcome);
    thread->chain = outer;
    close_result(&sized);
    return LAMBDA_OK;
}

static lambda_status check_invocation(const lambda_environment *environment, lambda_bytes payload,
                                      const lambda_environment_invocation *invocation)
{
    const lambda_t *lambda = environment->context->lambda;
    lambda__base *base = &environment->context->lambda->base;
    const bounded texts[] = {{"invoked_function_arn", invocation->invoked_function_arn, LAMBDA__ARN_SIZE - 1}};
    if (!environment->context->initialised) return lambda__fail(base, INVALID, "environment: has not been initialised");
    if (payload.length > 0 && !payload.data)
        return lambda__fail(base, INVALID, "payload: is NULL with a length of %zu", payload.length);
    if (payload.length > lambda->limits.request_payload)
        return lambda__fail(base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "payload: %zu bytes are more than %zu",
                            payload.length, lambda->limits.request_payload);
    if (invocation->stream && !invocation->stream->write) return lambda__fail(base, INVALID, "stream.write: is NULL");
    return check_texts(base, texts, 1);
}

/** What the context answers about this invocation. */
static void describe(lambda_environment *environment, const lambda_environment_invocation *invocation)
{
    lambda__environment *context = environment->context;
    environment->options = (lambda_invoke_options){.client_context = invocation->client_context,
                                                   .identity = invocation->identity,
                                                   .trace_id = invocation->trace_id ? invocation->trace_id : ""};
    context->options = &environment->options;
    snprintf(context->request_text, sizeof(context->request_text), "%s",
             invocation->aws_request_id ? invocation->aws_request_id : "");
    context->request_text_valid = true;
    snprintf(environment->arn, sizeof(environment->arn), "%s",
             invocation->invoked_function_arn ? invocation->invoked_function_arn : "");
    if (!environment->arn[0])
        lambda__name_arn(context->lambda, environment->function->name, "", environment->arn, sizeof(environment->arn));
    context->arn = environment->arn;
    context->arn_given = true;
    context->timeout_ns = invocation->remaining_ns;
    context->running = true;
}

lambda_status lambda_environment_invoke_sized(lambda_environment *environment, lambda_bytes payload,
                                              const lambda_environment_invocation *given, size_t size,
                                              lambda_result *result, size_t result_size)
{
    if (!environment) return lambda__fail(NULL, INVALID, "environment: is NULL");
    lambda__environment *context = environment->context;
    lambda_t *lambda = context->lambda;
    lambda_environment_invocation invocation = LAMBDA_ZERO;
    if (given) memcpy(&invocation, given, size < sizeof(invocation) ? size : sizeof(invocation));
    sized_result sized;
    lambda__thread *thread;
    lambda_status status = check_invocation(environment, payload, &invocation);
    if (status == LAMBDA_OK) status = open_result(lambda, &sized, result, result_size);
    if (status == LAMBDA_OK) status = thread_of(lambda, &thread);
    if (status != LAMBDA_OK) return status;
    const lambda__chain *outer = thread->chain;
    lambda__outcome outcome = {.failures = thread->failures};
    describe(environment, &invocation);
    lambda__invocation walk = begin(environment, thread, payload, &sized.own);
    lambda__stream stream;
    if (invocation.stream) {
        lambda__stream_init(&stream, invocation.stream);
        context->response.stream = &stream;
    }
    context->event.payload = payload;
    lambda__invocation_count(thread, context, false);
    outcome.status = context->handler(&context->event, context, &context->response);
    finish(environment, &walk, &outcome);
    if (outcome.failed) lambda__counter_add(thread, LAMBDA__COUNT_ERRORS);
    thread->chain = outer;
    close_result(&sized);
    return LAMBDA_OK;
}

bool lambda_environment_retired(const lambda_environment *environment)
{
    return environment && environment->context->broken;
}

void lambda_environment_close(lambda_environment *environment, lambda_shutdown_reason reason)
{
    if (!environment) return;
    lambda__environment *context = environment->context;
    context->shutdown_reason = reason;
    lambda__environment_shutdown(context);
    end(context->lambda, environment);
}
