/* What a driver's hooks and handlers ask of, and tell to, the context that they are called with. */
#include <lambda/port/runtime.h>

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"
#include "observe/log/log.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

const lambda_pair *lambda_context_environment_variables(lambda_context *context, size_t *count)
{
    if (count) *count = context ? context->version->settings->environment_count : 0;
    return context ? context->version->settings->environment : NULL;
}

uint32_t lambda_context_ephemeral_storage_size(lambda_context *context)
{
    return context ? context->version->settings->ephemeral_storage_size : 0;
}

uint32_t lambda_context_timeout_ms(lambda_context *context)
{
    return context ? context->version->settings->timeout_ms : 0;
}

lambda_log_format lambda_context_log_format(lambda_context *context)
{
    return context ? (lambda_log_format)context->version->settings->log_format : LAMBDA_LOG_FORMAT_TEXT;
}

lambda_log_level lambda_context_application_log_level(lambda_context *context)
{
    if (!context) return LAMBDA_LOG_INFO;
    lambda_log_level own = (lambda_log_level)context->version->settings->application_log_level;
    return own == LAMBDA_LOG_DEFAULT ? context->lambda->log_level : own;
}

size_t lambda_context_response_limit(lambda_context *context)
{
    return context ? context->lambda->limits.response_payload : 0;
}

lambda_tracing_mode lambda_context_tracing_mode(lambda_context *context)
{
    return context ? (lambda_tracing_mode)context->version->settings->tracing_mode : LAMBDA_TRACING_PASS_THROUGH;
}

uint64_t lambda_context_remaining_ns(lambda_context *context)
{
    if (!context) return 0;
    uint64_t until = context->running ? context->start + context->timeout_ns : context->hook_until;
    uint64_t now = lambda__now(&context->lambda->base);
    return now < until ? until - now : 0;
}

bool lambda_context_logs(lambda_context *context)
{
    return context && (context->lambda->logs || context->observe & LAMBDA__OBSERVE_TAIL);
}

void lambda_context_log_line(lambda_context *context, const char *line, size_t length)
{
    if (!lambda_context_logs(context) || (!line && length > 0)) return;
    lambda_log_record record = {.level = LAMBDA_LOG_INFO};
    lambda__environment_record(context, &record);
    lambda__log_out out = lambda__environment_out(context);
    lambda__log_raw(&out, &record, line, length);
}

lambda_status lambda_context_init_error(lambda_context *context, const char *type, const void *payload, size_t length)
{
    if (!context || !type)
        return lambda__fail(context ? &context->lambda->base : NULL, INVALID, "%s: is NULL",
                            context ? "type" : "context");
    lambda__base *base = &context->lambda->base;
    if (!context->initialising) return lambda__fail(base, INVALID, "context: its init hook does not run");
    lambda_status status = lambda__error_payload_check(context->lambda, "payload", payload, length);
    if (status != LAMBDA_OK) return status;
    size_t size = strlen(type) + 1;
    lambda__init_error *error = lambda__allocate(base, sizeof(*error) + size + length);
    if (!error) return lambda__out_of_memory(base);
    memcpy(error->type, type, size);
    if (length > 0) memcpy(error->type + size, payload, length);
    error->payload = lambda_bytes_make(error->type + size, length);
    lambda__release(base, context->init_error);
    context->init_error = error;
    return LAMBDA_OK;
}
