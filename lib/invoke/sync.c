/* The public calls of a synchronous invocation: arguments are checked, then the walk begins (invoke/run.c). */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "invoke/invoke.h"

/** Lambda's bound on client context before base64, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. */
#define CLIENT_CONTEXT_MAX 3583
#define TRACE_ID_MAX       255

/** Bytes of a result up to the first field that could be left out. */
#define RESULT_SIZE_MIN (offsetof(lambda_result, owner) + sizeof(lambda_t *))

static lambda_status check_options(lambda__base *base, const lambda_invoke_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (options->invocation_type != LAMBDA_REQUEST_RESPONSE && options->invocation_type != LAMBDA_DRY_RUN)
        return lambda__fail(base, invalid, "invocation_type: %d is none", (int)options->invocation_type);
    const lambda_bytes *parts[] = {&options->client_context, &options->identity};
    if (options->log_type != LAMBDA_LOG_TYPE_NONE && options->log_type != LAMBDA_LOG_TYPE_TAIL)
        return lambda__fail(base, invalid, "log_type: %d is none", (int)options->log_type);
    const char *const names[] = {"client_context", "identity"};
    for (size_t i = 0; i < 2; i++) {
        if (parts[i]->length > 0 && !parts[i]->data)
            return lambda__fail(base, invalid, "%s: is NULL with a length of %zu", names[i], parts[i]->length);
        if (parts[i]->length > CLIENT_CONTEXT_MAX)
            return lambda__fail(base, invalid, "%s: %zu bytes are more than %d", names[i], parts[i]->length,
                                CLIENT_CONTEXT_MAX);
    }
    if (options->trace_id && strnlen(options->trace_id, TRACE_ID_MAX + 1) > TRACE_ID_MAX)
        return lambda__fail(base, invalid, "trace_id: is longer than %d characters", TRACE_ID_MAX);
    if (!options->traceparent) return LAMBDA_OK;
    lambda_trace_context read;
    if (options->trace_id)
        return lambda__fail(base, invalid, "traceparent: is given together with trace_id, which says the same");
    const char *wrong = lambda__traceparent_read(options->traceparent, &read);
    return wrong ? lambda__fail(base, invalid, "traceparent: %s", wrong) : LAMBDA_OK;
}

lambda_status lambda__invoke_check(lambda_t *lambda, lambda_bytes payload, const lambda_invoke_options *options,
                                   const lambda_result *result)
{
    lambda__base *base = &lambda->base;
    if (LAMBDA__UNLIKELY(payload.length > 0 && !payload.data))
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "payload: is NULL with a length of %zu",
                            payload.length);
    if (LAMBDA__UNLIKELY(payload.length > lambda->limits.request_payload))
        return lambda__fail(base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "payload: %zu bytes are more than %zu",
                            payload.length, lambda->limits.request_payload);
    if (LAMBDA__UNLIKELY(result && result->capacity > 0 && result->owner != lambda))
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "result: holds memory of another service; clear it first");
    return options ? check_options(base, options) : LAMBDA_OK;
}

lambda_status lambda__invoke_check_options(lambda__base *base, const lambda_invoke_options *options)
{
    return check_options(base, options);
}

/** Only checks that there is something to invoke. */
static lambda_status dry_run(lambda__invocation *invocation)
{
    lambda__thread *thread = invocation->thread;
    lambda__read_begin(thread);
    const lambda__name *name = &invocation->name;
    lambda__function *function = lambda__registry_find(invocation->lambda, name->function, name->function_length);
    const lambda__version *version =
        function ? lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) : NULL;
    char label[24] = "";
    if (version) memcpy(label, version->label, sizeof(label));
    lambda__read_end(thread);
    if (!version)
        return lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "Function not found: %.*s",
                            (int)name->function_length, name->function);
    if (!invocation->result) return LAMBDA_OK;
    lambda__result_begin(invocation->lambda, invocation->result);
    invocation->result->status_code = 204;
    memcpy(invocation->result->executed_version, label, sizeof(label));
    return LAMBDA_OK;
}

/** What is not a plain invocation. */
static lambda_status start_special(lambda__invocation *invocation)
{
    const lambda_invoke_options *options = invocation->options;
    bool dry = options->invocation_type == LAMBDA_DRY_RUN;
    if (options->stream && (dry || !options->stream->write))
        return lambda__fail(&invocation->lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "stream%s",
                            dry ? ": a dry run has no response" : ".write: is NULL");
    if (dry) return dry_run(invocation);
    bool special = options->stream || lambda__invocation_wants_tail(invocation);
    return special ? lambda__invoke_run_special(invocation) : lambda__invoke_run(invocation);
}

static lambda_status start(lambda__invocation *invocation)
{
    invocation->thread = lambda__thread_get(&invocation->lambda->base);
    if (LAMBDA__UNLIKELY(!invocation->thread))
        return lambda__fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY,
                            "no memory for this thread's record, or too many threads");
    const lambda_invoke_options *options = invocation->options;
    /* Of both types the plain one is 0, and others were refused. */
    bool special = options && ((unsigned)options->invocation_type | (unsigned)options->log_type |
                               (unsigned)(options->stream != NULL)) != 0;
    lambda_status status = LAMBDA__UNLIKELY(special) ? start_special(invocation) : lambda__invoke_run(invocation);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK && invocation->result)) {
        lambda__result_begin(invocation->lambda, invocation->result);
        if (status == LAMBDA_ERROR_TOO_MANY_REQUESTS)
            invocation->result->throttle_reason = invocation->thread->throttle_reason;
    }
    return status;
}

/** The options as this library knows them: those given, or a copy of what both sides know. */
static inline const lambda_invoke_options *resize_options(const lambda_invoke_options *given, size_t size,
                                                          lambda_invoke_options *copy)
{
    if (LAMBDA__LIKELY(!given || size == sizeof(*copy))) return given;
    memset(copy, 0, sizeof(*copy));
    memcpy(copy, given, size < sizeof(*copy) ? size : sizeof(*copy));
    return copy;
}

/**
 * The result of a host that was compiled with another size of it: works on our own, and copies what both know. Results only ever
 * grow at the end, so that the smaller one is a prefix of the larger.
 */
static lambda_status start_resized(const lambda__invocation *given, size_t result_size)
{
    lambda__invocation invocation = *given;
    lambda_result result = LAMBDA_ZERO;
    size_t shared = result_size < sizeof(result) ? result_size : sizeof(result);
    memcpy(&result, given->result, shared);
    invocation.result = &result;
    lambda_status status = start(&invocation);
    lambda__result_export(&result, given->result, result_size);
    return status;
}

static inline lambda_status start_sized(lambda__invocation *invocation, size_t result_size)
{
    bool same = !invocation->result || result_size == sizeof(lambda_result);
    return LAMBDA__LIKELY(same) ? start(invocation) : start_resized(invocation, result_size);
}

/** A result of another size than ours must at least reach to its last field that the library keeps: its owner. */
static inline lambda_status check_sizes(lambda__base *base, const lambda_result *result, size_t result_size)
{
    if (LAMBDA__LIKELY(!result || result_size >= RESULT_SIZE_MIN)) return LAMBDA_OK;
    return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "result: its size of %zu bytes is too small",
                        result_size);
}

lambda_status lambda__invoke_check_size(lambda__base *base, const lambda_result *result, size_t size)
{
    return check_sizes(base, result, size);
}

/** The call fails before it began: a result that is ours to write says so. */
static lambda_status refuse(lambda_t *lambda, lambda_result *result, size_t result_size, lambda_status status)
{
    bool whole = result && result_size >= RESULT_SIZE_MIN;
    if (!whole || (result->capacity > 0 && result->owner != lambda)) return status;
    lambda_result own = LAMBDA_ZERO;
    size_t shared = result_size < sizeof(own) ? result_size : sizeof(own);
    memcpy(&own, result, shared);
    lambda__result_begin(lambda, &own);
    memcpy(result, &own, shared);
    return status;
}

lambda_status lambda_invoke_sized(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                  const lambda_invoke_options *given, size_t options_size, lambda_result *result,
                                  size_t result_size)
{
    if (LAMBDA__UNLIKELY(!lambda)) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda_invoke_options copy;
    const lambda_invoke_options *options = resize_options(given, options_size, &copy);
    lambda__invocation invocation = {.lambda = lambda, .payload = payload, .options = options, .result = result};
    lambda_status status = check_sizes(&lambda->base, result, result_size);
    if (status == LAMBDA_OK) status = lambda__invoke_check(lambda, payload, options, result);
    /* A plain name is looked up as it is: what is registered is valid. Only what is not found is taken apart. */
    size_t length = function_name ? strnlen(function_name, LAMBDA__NAME_MAX + 1) : SIZE_MAX;
    if (LAMBDA__LIKELY(status == LAMBDA_OK && length <= LAMBDA__NAME_MAX && !options)) {
        invocation.name = (lambda__name){.function = function_name, .function_length = length};
        invocation.unparsed = function_name;
    } else if (status == LAMBDA_OK) {
        status = lambda__name_parse_with(lambda, function_name, options ? options->qualifier : NULL, &invocation.name);
    }
    return LAMBDA__LIKELY(status == LAMBDA_OK) ? start_sized(&invocation, result_size)
                                               : refuse(lambda, result, result_size, status);
}

lambda_status lambda_target_invoke_sized(lambda_target *target, lambda_bytes payload,
                                         const lambda_invoke_options *given, size_t options_size, lambda_result *result,
                                         size_t result_size)
{
    if (LAMBDA__UNLIKELY(!target)) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "target: is NULL");
    lambda_invoke_options copy;
    const lambda_invoke_options *options = resize_options(given, options_size, &copy);
    lambda_t *lambda = target->lambda;
    lambda__invocation invocation = {.lambda = lambda,
                                     .target = target,
                                     .name = target->name,
                                     .payload = payload,
                                     .options = options,
                                     .result = result};
    lambda_status status = check_sizes(&lambda->base, result, result_size);
    if (status == LAMBDA_OK) status = lambda__invoke_check(lambda, payload, options, result);
    if (status == LAMBDA_OK && options && options->qualifier)
        status = lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                              "qualifier: a target has its qualifier already");
    return LAMBDA__LIKELY(status == LAMBDA_OK) ? start_sized(&invocation, result_size)
                                               : refuse(lambda, result, result_size, status);
}
