/* Contexts, events and responses outside of any function. */
#include <lambda/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** All that the accessors of a context look at, in one place. */
typedef struct fake {
    lambda__environment environment; /* first: it is the context */
    lambda__version version;
    lambda__settings settings;
    lambda_invoke_options options;
    lambda__function *function;
} fake;

static const char *or_default(const char *given, const char *standard)
{
    return given ? given : standard;
}

static lambda_status check(lambda_t *lambda, const lambda_test_context_fields *fields)
{
    const struct {
        const char *name;
        const char *text;
        size_t most;
    } texts[] = {{"aws_request_id", fields->aws_request_id, LAMBDA_REQUEST_ID_SIZE - 1},
                 {"function_name", fields->function_name, LAMBDA__NAME_MAX},
                 {"function_version", fields->function_version, 23},
                 {"invoked_function_arn", fields->invoked_function_arn, LAMBDA__ARN_SIZE - 1}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].text && strnlen(texts[i].text, texts[i].most + 1) > texts[i].most)
            return lambda__fail(&lambda->base, INVALID, "%s: is longer than %zu characters", texts[i].name,
                                texts[i].most);
    if (fields->environment_count > 0 && !fields->environment)
        return lambda__fail(&lambda->base, INVALID, "environment: is NULL with a count of %zu",
                            fields->environment_count);
    return LAMBDA_OK;
}

/** A copy in the fake's own list of texts; NULL when memory is out. */
static const char *keep(lambda_t *lambda, const char *text, bool *complete)
{
    char *copy = lambda__duplicate(&lambda->base, text);
    *complete = *complete && copy;
    return copy;
}

static lambda_bytes keep_bytes(lambda_t *lambda, lambda_bytes bytes, bool *complete)
{
    const void *copy = lambda__duplicate_bytes(&lambda->base, bytes.length > 0 ? bytes.data : "", bytes.length);
    *complete = *complete && copy;
    return lambda_bytes_make(copy, copy ? bytes.length : 0);
}

static bool keep_pairs(lambda_t *lambda, fake *made, const lambda_test_context_fields *fields)
{
    bool complete = true;
    size_t count = fields->environment_count;
    lambda_pair *pairs = lambda__allocate_zeroed(&lambda->base, (count + 1) * sizeof(*pairs));
    if (!pairs) return false;
    made->settings.environment = pairs;
    made->settings.environment_count = count;
    for (size_t i = 0; i < count; i++) {
        pairs[i].name = keep(lambda, or_default(fields->environment[i].name, ""), &complete);
        pairs[i].value = keep(lambda, or_default(fields->environment[i].value, ""), &complete);
    }
    return complete;
}

static bool fill_in(lambda_t *lambda, fake *made, const lambda_test_context_fields *fields)
{
    bool complete = true;
    lambda__environment *context = &made->environment;
    made->settings.handler = keep(lambda, or_default(fields->handler, ""), &complete);
    made->settings.role = keep(lambda, or_default(fields->role, ""), &complete);
    made->options.trace_id = keep(lambda, or_default(fields->trace_id, ""), &complete);
    made->options.client_context = keep_bytes(lambda, fields->client_context, &complete);
    made->options.identity = keep_bytes(lambda, fields->identity, &complete);
    if (fields->log_group_name) context->log_group = (char *)(uintptr_t)keep(lambda, fields->log_group_name, &complete);
    if (fields->log_stream_name)
        context->log_stream = (char *)(uintptr_t)keep(lambda, fields->log_stream_name, &complete);
    if (fields->invoked_function_arn) {
        context->arn = (char *)(uintptr_t)keep(lambda, fields->invoked_function_arn, &complete);
        context->arn_given = true;
    }
    return keep_pairs(lambda, made, fields) && complete;
}

lambda_status lambda_test_context_new_sized(lambda_t *lambda, const lambda_test_context_fields *given, size_t size,
                                            lambda_context **context)
{
    if (context) *context = NULL;
    if (!lambda || !context)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "context" : "lambda");
    lambda_test_context_fields fields = LAMBDA_ZERO;
    if (given) memcpy(&fields, given, size < sizeof(fields) ? size : sizeof(fields));
    lambda_status status = check(lambda, &fields);
    if (status != LAMBDA_OK) return status;
    const char *name = or_default(fields.function_name, "function");
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    fake *made = thread ? lambda__allocate_zeroed(&lambda->base, sizeof(*made)) : NULL;
    lambda__function *function =
        made ? lambda__allocate_zeroed(&lambda->base, sizeof(*function) + strlen(name) + 1) : NULL;
    if (!function) {
        lambda__release(&lambda->base, made);
        return lambda__out_of_memory(&lambda->base);
    }
    made->function = function;
    lambda__environment *fake_environment = &made->environment;
    made->version.function = function;
    made->version.settings = &made->settings;
    memcpy(function->name, name, strlen(name) + 1);
    snprintf(made->version.label, sizeof(made->version.label), "%s", or_default(fields.function_version, "$LATEST"));
    snprintf(fake_environment->request_text, sizeof(fake_environment->request_text), "%s",
             or_default(fields.aws_request_id, "00000000-0000-4000-8000-000000000000"));
    made->settings.memory_size = fields.memory_limit_in_mb ? fields.memory_limit_in_mb : 128;
    made->settings.ephemeral_storage_size = 512;
    made->settings.timeout_ms = fields.remaining_time_ms ? fields.remaining_time_ms : 3000;
    made->settings.isolation = LAMBDA_ISOLATION_INLINE;
    made->settings.log_format = LAMBDA_LOG_FORMAT_TEXT;
    made->settings.tracing_mode = LAMBDA_TRACING_PASS_THROUGH;
    made->settings.log_group = "";
    fake_environment->lambda = lambda;
    fake_environment->version = &made->version;
    fake_environment->options = &made->options;
    fake_environment->user = fields.user;
    fake_environment->host_state = fields.state;
    fake_environment->for_provisioned = fields.provisioned;
    fake_environment->running = true;
    fake_environment->request_text_valid = true;
    fake_environment->start = lambda__now(&lambda->base);
    fake_environment->started_wall = lambda__wall(&lambda->base);
    fake_environment->timeout_ns = (uint64_t)(fields.remaining_time_ms ? fields.remaining_time_ms : 3000) * 1000000;
    fake_environment->id[0] = lambda__thread_random(thread);
    fake_environment->id[1] = lambda__thread_random(thread);
    if (!fill_in(lambda, made, &fields)) {
        lambda_test_context_free(fake_environment);
        return lambda__out_of_memory(&lambda->base);
    }
    *context = fake_environment;
    return LAMBDA_OK;
}

static void give_up(lambda_t *lambda, const void *memory)
{
    lambda__release(&lambda->base, (void *)(uintptr_t)memory);
}

void lambda_test_context_free(lambda_context *context)
{
    if (!context) return;
    fake *made = (fake *)context;
    lambda_t *lambda = context->lambda;
    lambda__heap_clear(&lambda->base, &context->heap);
    lambda__buffer_clear(&lambda->base, &context->line);
    if (context->directory) lambda__platform_directory_remove(context->directory);
    for (size_t i = 0; i < made->settings.environment_count; i++) {
        give_up(lambda, made->settings.environment[i].name);
        give_up(lambda, made->settings.environment[i].value);
    }
    const void *kept[] = {made->function,
                          made->settings.environment,
                          made->settings.handler,
                          made->settings.role,
                          made->options.trace_id,
                          made->options.client_context.data,
                          made->options.identity.data,
                          context->directory,
                          context->arn,
                          context->log_group,
                          context->log_stream,
                          context->trace_text};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        give_up(lambda, kept[i]);
    lambda__release(&lambda->base, made);
}

lambda_status lambda_test_event_new(lambda_t *lambda, lambda_bytes payload, lambda_event **event)
{
    if (event) *event = NULL;
    if (!lambda || !event || (!payload.data && payload.length > 0))
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL",
                            !lambda  ? "lambda"
                            : !event ? "event"
                                     : "payload");
    lambda_event *made = lambda__allocate_zeroed(&lambda->base, sizeof(*made));
    char *copy = lambda__duplicate_bytes(&lambda->base, payload.length > 0 ? payload.data : "", payload.length);
    if (!made || !copy) {
        lambda__release(&lambda->base, made);
        lambda__release(&lambda->base, copy);
        return lambda__out_of_memory(&lambda->base);
    }
    made->lambda = lambda;
    made->payload = lambda_bytes_make(copy, payload.length);
    *event = made;
    return LAMBDA_OK;
}

lambda_status lambda_test_event_new_json(lambda_t *lambda, json_t *json, lambda_event **event)
{
    if (event) *event = NULL;
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(json);
    if (!text) return lambda__out_of_memory(lambda ? &lambda->base : NULL);
    lambda_status status = lambda_test_event_new(lambda, lambda_bytes_make(text, strlen(text)), event);
    free(text);
    return status;
}

void lambda_test_event_free(lambda_event *event)
{
    if (!event) return;
    lambda__event_reset(event);
    give_up(event->lambda, event->payload.data);
    lambda__release(&event->lambda->base, event);
}

lambda_status lambda_test_response_new(lambda_t *lambda, lambda_response **response)
{
    if (response) *response = NULL;
    if (!lambda || !response)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "response" : "lambda");
    *response = lambda__allocate_zeroed(&lambda->base, sizeof(**response));
    if (!*response) return lambda__out_of_memory(&lambda->base);
    **response = lambda__response_empty(lambda);
    return LAMBDA_OK;
}

void lambda_test_response_free(lambda_response *response)
{
    if (!response) return;
    lambda__response_reset_error(response);
    lambda__buffer_clear(&response->lambda->base, &response->body);
    lambda__release(&response->lambda->base, response);
}

lambda_bytes lambda_test_response_payload(const lambda_response *response)
{
    if (!response) return lambda_bytes_make("", 0);
    const lambda__buffer *body = response->error_payload.length > 0 ? &response->error_payload : &response->body;
    if (body->capacity == 0) return lambda_bytes_make("", 0);
    body->data[body->length] = '\0';
    return lambda_bytes_make(body->data, body->length);
}

const char *lambda_test_response_error_type(const lambda_response *response)
{
    return response && response->failed ? response->error_type : NULL;
}

const char *lambda_test_response_error_message(const lambda_response *response)
{
    return response && response->failed ? response->error_message : NULL;
}
