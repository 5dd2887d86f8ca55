/* What a handler says of its trace, and asks of it. */
#include <lambda/trace.h>

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"
#include "observe/trace/trace.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* X-Ray's, https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html. */
#define NAME_MAX_CHARACTERS 200
#define KEY_MAX             500

/* ---- the header */

/** What the handler hands on. False where its function is not traced. */
static bool find_context(lambda_context *context, lambda_trace_context *found)
{
    lambda__trace *trace = context->trace;
    lambda__thread *thread = trace ? lambda__thread_get(&context->lambda->base) : NULL;
    if (!thread) return false;
    lambda__trace_identify(trace, thread);
    *found = trace->context;
    found->parent_id = lambda__trace_parent(trace);
    return true;
}

/** Where a caller's header is put in the other form; NULL when memory is out. */
static char *other_form(lambda_context *context)
{
    if (!context->trace_text)
        context->trace_text = lambda__allocate_zeroed(&context->lambda->base, LAMBDA_TRACE_HEADER_SIZE);
    return context->trace_text;
}

const char *lambda_context_trace_id(lambda_context *context)
{
    lambda_trace_context found;
    if (!context || !context->running) return "";
    if (find_context(context, &found)) {
        lambda_trace_header_format(&found, context->trace->header);
        return context->trace->header;
    }
    const lambda_invoke_options *options = context->options;
    if (!options || options->trace_id) return options ? options->trace_id : "";
    if (!options->traceparent || !other_form(context)) return "";
    (void)lambda__traceparent_read(options->traceparent, &found);
    lambda_trace_header_format(&found, context->trace_text);
    return context->trace_text;
}

const char *lambda_context_traceparent(lambda_context *context)
{
    lambda_trace_context found;
    if (!context || !context->running) return "";
    if (find_context(context, &found)) {
        lambda_traceparent_format(&found, context->trace->traceparent);
        return context->trace->traceparent;
    }
    const lambda_invoke_options *options = context->options;
    if (!options || options->traceparent) return options ? options->traceparent : "";
    if (!options->trace_id || !other_form(context)) return "";
    (void)lambda__trace_header_read(options->trace_id, &found);
    lambda_traceparent_format(&found, context->trace_text);
    return context->trace_text;
}

/* ---- subsegments */

/** X-Ray's characters; those beyond ASCII are taken for letters. */
static bool name_is_valid(const char *name)
{
    static const char others[] = " _.:/%&#=+\\-@";
    size_t length = strnlen(name, NAME_MAX_CHARACTERS * 4 + 1);
    if (length == 0 || !lambda__utf8_valid(name, length) || lambda__utf8_count(name, length) > NAME_MAX_CHARACTERS)
        return false;
    for (size_t i = 0; i < length; i++) {
        char each = name[i];
        bool word = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
        if (!word && (unsigned char)each < 0x80 && !memchr(others, each, sizeof(others) - 1)) return false;
    }
    return true;
}

/** The tree of the handler that runs, NULL where nothing is to be kept. */
static lambda__trace *recording(const lambda_context *context)
{
    return context->running && lambda__trace_records(context->trace) && context->trace->invocation ? context->trace
                                                                                                   : NULL;
}

static lambda_status is_null(const lambda_context *context, const char *name)
{
    return lambda__fail(context ? &context->lambda->base : NULL, INVALID, "%s: is NULL", context ? name : "context");
}

lambda_status lambda_subsegment_begin(lambda_context *context, const char *name)
{
    if (!context || !name) return is_null(context, "name");
    lambda__base *base = &context->lambda->base;
    if (!name_is_valid(name))
        return lambda__fail(base, INVALID,
                            "name: \"%.80s\" is not 1 to %d of letters, digits, space and _.:/%%&#=+\\-@", name,
                            NAME_MAX_CHARACTERS);
    lambda__trace *trace = recording(context);
    lambda__thread *thread = trace ? lambda__thread_get(base) : NULL;
    if (!thread) return LAMBDA_OK;
    (void)lambda__trace_start(trace, LAMBDA_TRACE_SUBSEGMENT, name, strlen(name), lambda__thread_random(thread),
                              lambda__now(base));
    return LAMBDA_OK;
}

lambda_status lambda_subsegment_end(lambda_context *context)
{
    if (!context) return is_null(context, "context");
    lambda__base *base = &context->lambda->base;
    lambda__trace *trace = recording(context);
    if (!trace) return LAMBDA_OK;
    if (trace->dropped_open > 0) {
        lambda__trace_pop(trace, LAMBDA__TRACE_NONE, 0);
        return LAMBDA_OK;
    }
    if (trace->spans[trace->open].kind != LAMBDA_TRACE_SUBSEGMENT)
        return lambda__fail(base, INVALID, "context: no subsegment is open");
    lambda__trace_pop(trace, trace->open, lambda__now(base));
    return LAMBDA_OK;
}

lambda_status lambda_subsegment_fail(lambda_context *context, const char *error_type, const char *error_message)
{
    if (!context || !error_type || !error_message) return is_null(context, error_type ? "error_message" : "error_type");
    lambda__base *base = &context->lambda->base;
    if (!lambda__utf8_valid(error_type, strlen(error_type)))
        return lambda__fail(base, INVALID, "error_type: is not UTF-8");
    if (!lambda__utf8_valid(error_message, strlen(error_message)))
        return lambda__fail(base, INVALID, "error_message: is not UTF-8");
    lambda__trace *trace = recording(context);
    if (!trace || trace->dropped_open > 0) return LAMBDA_OK;
    lambda__trace_fail(trace, trace->open, error_type, error_message);
    /* Of the handler it is the invocation's too. */
    if (trace->open == trace->invocation) lambda__trace_fail(trace, 0, error_type, error_message);
    return LAMBDA_OK;
}

/* ---- annotations */

static lambda_status annotate(lambda_context *context, lambda_trace_annotation *annotation)
{
    const char *key = annotation->key;
    if (!context || !key) return is_null(context, "key");
    lambda__base *base = &context->lambda->base;
    size_t length = strnlen(key, KEY_MAX + 1);
    if (length == 0 || length > KEY_MAX ||
        strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return lambda__fail(base, INVALID, "key: \"%.80s\" is not 1 to %d of A-Z a-z 0-9 _", key, KEY_MAX);
    if (annotation->kind == LAMBDA_TRACE_STRING) {
        const char *value = annotation->value.string;
        if (!value) return is_null(context, "value");
        if (!lambda__utf8_valid(value, strlen(value))) return lambda__fail(base, INVALID, "value: is not UTF-8");
    }
    if (annotation->kind == LAMBDA_TRACE_REAL && !isfinite(annotation->value.real))
        return lambda__fail(base, INVALID, "value: is not finite");
    lambda__trace *trace = recording(context);
    if (!trace) return LAMBDA_OK;
    if (trace->dropped_open > 0) {
        trace->dropped++;
        return LAMBDA_OK;
    }
    annotation->span = trace->open == trace->invocation ? 0 : trace->open;
    lambda__trace_annotate(trace, annotation);
    return LAMBDA_OK;
}

lambda_status lambda_annotate_string(lambda_context *context, const char *key, const char *value)
{
    lambda_trace_annotation annotation = {.kind = LAMBDA_TRACE_STRING, .key = key, .value.string = value};
    return annotate(context, &annotation);
}

lambda_status lambda_annotate_integer(lambda_context *context, const char *key, int64_t value)
{
    lambda_trace_annotation annotation = {.kind = LAMBDA_TRACE_INTEGER, .key = key, .value.integer = value};
    return annotate(context, &annotation);
}

lambda_status lambda_annotate_real(lambda_context *context, const char *key, double value)
{
    lambda_trace_annotation annotation = {.kind = LAMBDA_TRACE_REAL, .key = key, .value.real = value};
    return annotate(context, &annotation);
}

lambda_status lambda_annotate_boolean(lambda_context *context, const char *key, bool value)
{
    lambda_trace_annotation annotation = {.kind = LAMBDA_TRACE_BOOLEAN, .key = key, .value.boolean = value};
    return annotate(context, &annotation);
}
