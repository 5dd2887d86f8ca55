/* What a handler can ask of its context: texts are made when first asked for, and kept. */
#include <lambda/context.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"
#include "observe/log/log.h"

/** Bytes of "/aws/lambda/" and a name. */
#define LOG_GROUP_SIZE 96
/** Bytes of a date, a version and an environment's id. */
#define LOG_STREAM_SIZE 80

const char *lambda_context_aws_request_id(lambda_context *context)
{
    if (!context || !context->running) return "";
    if (!context->request_text_valid) {
        lambda_request_id_format(context->request_id, context->request_text);
        context->request_text_valid = true;
    }
    return context->request_text;
}

/** The text in `*kept`, allocated at the first call. NULL when memory is out. */
static char *text_kept(lambda_context *context, char **kept, size_t size)
{
    if (!*kept) *kept = lambda__allocate_zeroed(&context->lambda->base, size);
    return *kept;
}

const char *lambda_context_invoked_function_arn(lambda_context *context)
{
    if (context && context->arn_given) return context->arn;
    if (!context || !context->running || !text_kept(context, &context->arn, LAMBDA__ARN_SIZE)) return "";
    char qualifier[160] = "";
    if (context->qualifier)
        snprintf(qualifier, sizeof(qualifier), "%.*s", (int)context->qualifier_length, context->qualifier);
    lambda__name_arn(context->lambda, context->version->function->name, qualifier, context->arn, LAMBDA__ARN_SIZE);
    return context->arn;
}

const char *lambda_context_function_name(lambda_context *context)
{
    return context ? context->version->function->name : "";
}

const char *lambda_context_function_version(lambda_context *context)
{
    return context ? context->version->label : "";
}

const char *lambda_context_role(lambda_context *context)
{
    return context ? context->version->settings->role : "";
}

const char *lambda_context_handler(lambda_context *context)
{
    return context ? context->version->settings->handler : "";
}

uint32_t lambda_context_memory_limit_in_mb(lambda_context *context)
{
    return context ? context->version->settings->memory_size : 0;
}

/** Keeps a text unless there is one already: a late handler may ask at the same time as its caller, which leaves. What is kept. */
static const char *publish(lambda_context *context, _Atomic(char *) *kept, const char *text)
{
    char *made = lambda__duplicate(&context->lambda->base, text);
    char *other = NULL;
    if (!made) return "";
    if (atomic_compare_exchange_strong_explicit(kept, &other, made, memory_order_acq_rel, memory_order_acquire))
        return made;
    lambda__release(&context->lambda->base, made);
    return other;
}

const char *lambda_context_log_group_name(lambda_context *context)
{
    if (!context) return "";
    const lambda__version *version = context->version;
    if (version->settings->log_group[0]) return version->settings->log_group;
    const char *kept = atomic_load_explicit(&context->log_group, memory_order_acquire);
    if (LAMBDA__LIKELY(kept != NULL)) return kept;
    char text[LOG_GROUP_SIZE];
    snprintf(text, sizeof(text), "/aws/lambda/%s", version->function->name);
    return publish(context, &context->log_group, text);
}

const char *lambda_context_log_stream_name(lambda_context *context)
{
    if (!context) return "";
    const char *kept = atomic_load_explicit(&context->log_stream, memory_order_acquire);
    if (LAMBDA__LIKELY(kept != NULL)) return kept;
    time_t seconds = (time_t)(context->started_wall / 1000000000);
    struct tm utc;
    char date[16] = "";
    if (gmtime_r(&seconds, &utc)) strftime(date, sizeof(date), "%Y/%m/%d", &utc);
    char text[LOG_STREAM_SIZE];
    snprintf(text, sizeof(text), "%s/[%s]%016" PRIx64 "%016" PRIx64, date, context->version->label, context->id[0],
             context->id[1]);
    return publish(context, &context->log_stream, text);
}

uint64_t lambda_context_remaining_time_in_millis(lambda_context *context)
{
    if (!context || !context->running) return 0;
    uint64_t used = lambda__now(&context->lambda->base) - context->start;
    return used < context->timeout_ns ? (context->timeout_ns - used) / 1000000 : 0;
}

lambda_bytes lambda_context_client_context(lambda_context *context)
{
    bool given = context && context->running && context->options;
    return given ? context->options->client_context : lambda_bytes_make(NULL, 0);
}

lambda_bytes lambda_context_identity(lambda_context *context)
{
    bool given = context && context->running && context->options;
    return given ? context->options->identity : lambda_bytes_make(NULL, 0);
}

const char *lambda_context_environment_variable(lambda_context *context, const char *name)
{
    if (!context || !name) return NULL;
    const lambda__settings *settings = context->version->settings;
    for (size_t i = 0; i < settings->environment_count; i++)
        if (strcmp(settings->environment[i].name, name) == 0) return settings->environment[i].value;
    return NULL;
}

void *lambda_context_user(lambda_context *context)
{
    return context ? context->user : NULL;
}

void *lambda_context_state(lambda_context *context)
{
    return context ? context->host_state : NULL;
}

void lambda_context_set_state(lambda_context *context, void *state)
{
    if (context) context->host_state = state;
}

const char *lambda_context_initialization_type(lambda_context *context)
{
    if (!context) return "";
    return context->for_provisioned ? "provisioned-concurrency" : "on-demand";
}

void lambda_context_retire(lambda_context *context)
{
    if (context) context->broken = true;
}

lambda_shutdown_reason lambda_context_shutdown_reason(lambda_context *context)
{
    return context ? context->shutdown_reason : LAMBDA_SHUTDOWN_NONE;
}

const char *lambda_shutdown_reason_name(lambda_shutdown_reason reason)
{
    static const char *const names[] = {"none", "idle", "failure", "timeout", "update", "close"};
    return (unsigned)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

lambda_status lambda_context_temporary_directory_size(lambda_context *context, uint64_t *bytes)
{
    lambda__base *base = context ? &context->lambda->base : NULL;
    if (!context || !bytes)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL", context ? "bytes" : "context");
    *bytes = 0;
    int error = context->directory ? lambda__platform_directory_size(context->directory, bytes) : 0;
    return error == 0 ? LAMBDA_OK
                      : lambda__fail(base, LAMBDA_ERROR_SERVICE, "temporary_directory: \"%.300s\" cannot be read: %s",
                                     context->directory, strerror(error));
}

lambda_t *lambda_context_service(lambda_context *context)
{
    return context ? context->lambda : NULL;
}

lambda_status lambda_context_temporary_directory(lambda_context *context, const char **path)
{
    lambda__base *base = context ? &context->lambda->base : NULL;
    if (path) *path = NULL;
    if (!context || !path)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL", context ? "path" : "context");
    if (!context->directory) {
        char made[4096];
        int error = lambda__platform_directory_make(context->lambda->temporary_directory, made, sizeof(made));
        if (error)
            return lambda__fail(base, LAMBDA_ERROR_SERVICE, "temporary_directory: none can be made in \"%.300s\": %s",
                                context->lambda->temporary_directory, strerror(error));
        context->directory = lambda__duplicate(base, made);
        if (!context->directory) {
            lambda__platform_directory_remove(made);
            return lambda__out_of_memory(base);
        }
    }
    *path = context->directory;
    return LAMBDA_OK;
}

void lambda__environment_record(lambda__environment *environment, lambda_log_record *record)
{
    record->log_group_name = lambda_context_log_group_name(environment);
    record->log_stream_name = lambda_context_log_stream_name(environment);
    record->request_id = lambda_context_aws_request_id(environment);
}

lambda__log_out lambda__environment_out(lambda__environment *environment)
{
    return (lambda__log_out){.lambda = environment->lambda,
                             .tail = environment->observe & LAMBDA__OBSERVE_TAIL ? &environment->tail : NULL,
                             .json = environment->version->settings->log_format == LAMBDA_LOG_FORMAT_JSON};
}

/** The parts of a handler's line; false if nobody wants it. */
static bool begin_line(lambda_context *context, lambda_log_level level, const char *text, lambda_log_record *record)
{
    if (level == LAMBDA_LOG_DEFAULT) level = LAMBDA_LOG_INFO;
    if (!context || !text || (unsigned)level >= LAMBDA_LOG_OFF || level < (lambda_log_level)context->log_level)
        return false;
    *record = (lambda_log_record){.level = level};
    lambda__environment_record(context, record);
    return true;
}

void lambda_log(lambda_context *context, lambda_log_level level, const char *format, ...)
{
    lambda_log_record record;
    if (!begin_line(context, level, format, &record)) return;
    lambda__log_out out = lambda__environment_out(context);
    out.kept = &context->line;
    va_list arguments;
    va_start(arguments, format);
    lambda__log_va(&out, &record, format, arguments);
    va_end(arguments);
}

void lambda_log_pack(lambda_context *context, lambda_log_level level, const char *message, const char *format, ...)
{
    lambda_log_record record;
    if (!format || !begin_line(context, level, message, &record)) return;
    lambda__log_out out = lambda__environment_out(context);
    out.kept = &context->line;
    lambda__buffer fields = {0};
    va_list arguments;
    va_start(arguments, format);
    lambda_status status = lambda__pack_fields(context->lambda, &fields, format, arguments);
    va_end(arguments);
    if (status == LAMBDA_OK) {
        record.fields = fields.data;
        record.fields_length = fields.length;
        lambda__log(&out, &record, "%s", message);
    } else {
        lambda__log(&out, &record, "%s (its fields are left away: %s)", message,
                    lambda__error_message(&context->lambda->base));
    }
    lambda__buffer_clear(&context->lambda->base, &fields);
}
