#include "handlers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lambda/json.h>
#include <lambda/log.h>
#include <lambda/port/runtime.h>

lambda_status begin(lambda_context *context)
{
    lambda_log(context, LAMBDA_LOG_INFO, "begins");
    if (lambda_context_environment_variable(context, "BREAK_INIT"))
        return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "the database is asleep");
    int *count = lambda_context_alloc(context, sizeof(*count));
    lambda_context_set_state(context, count);
    return count ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

void end(lambda_context *context)
{
    const int *count = lambda_context_state(context);
    lambda_log(context, LAMBDA_LOG_INFO, "ends after %d, %s", *count,
               lambda_shutdown_reason_name(lambda_context_shutdown_reason(context)));
}

static json_t *text(lambda_bytes bytes)
{
    return json_stringn(bytes.length > 0 ? bytes.data : "", bytes.length);
}

/** All that a context answers. */
static lambda_status describe(lambda_context *context, lambda_response *response)
{
    const char *directory = NULL;
    struct stat about;
    lambda_status status = lambda_context_temporary_directory(context, &directory);
    if (status != LAMBDA_OK) return status;
    const char *trace = getenv("_X_AMZN_TRACE_ID");
    json_t *answer = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:I, s:o, s:o, s:s, s:s?, s:s, s:b, s:s?, s:s?, s:s, s:s}", "id",
        lambda_context_aws_request_id(context), "arn", lambda_context_invoked_function_arn(context), "name",
        lambda_context_function_name(context), "version", lambda_context_function_version(context), "handler",
        lambda_context_handler(context), "memory", (int)lambda_context_memory_limit_in_mb(context), "group",
        lambda_context_log_group_name(context), "stream", lambda_context_log_stream_name(context), "remaining",
        (json_int_t)lambda_context_remaining_time_in_millis(context), "client",
        text(lambda_context_client_context(context)), "identity", text(lambda_context_identity(context)), "trace",
        lambda_context_trace_id(context), "trace_variable", trace, "directory", directory, "directory_there",
        stat(directory, &about) == 0, "own", lambda_context_environment_variable(context, "OWN"), "none",
        lambda_context_environment_variable(context, "NONE"), "type", lambda_context_initialization_type(context),
        "user", (const char *)lambda_context_user(context) ? (const char *)lambda_context_user(context) : "");
    if (!answer) return LAMBDA_ERROR_OUT_OF_MEMORY;
    status = lambda_response_json(response, answer);
    json_decref(answer);
    return status;
}

static lambda_status stream(lambda_response *response, int parts, int fail)
{
    lambda_status status = lambda_response_content_type(response, "text/plain");
    for (int i = 0; i < parts && status == LAMBDA_OK; i++) {
        char part[32];
        int length = snprintf(part, sizeof(part), "part %d\n", i);
        status = lambda_response_write(response, part, (size_t)length);
        if (status == LAMBDA_OK) status = lambda_response_flush(response);
    }
    if (status == LAMBDA_OK && fail) return lambda_response_error(response, "Stream\r\nBroken", "in the \"middle\"");
    return status;
}

static lambda_status write_much(lambda_response *response, int bytes)
{
    char part[1000];
    memset(part, 'x', sizeof(part));
    lambda_status status = LAMBDA_OK;
    for (; bytes > 0 && status == LAMBDA_OK; bytes -= (int)sizeof(part))
        status = lambda_response_write(response, part, bytes < (int)sizeof(part) ? (size_t)bytes : sizeof(part));
    return status;
}

static lambda_status fail(lambda_response *response)
{
    lambda_status status = lambda_response_error(response, "OrderError", "no such \"order\"");
    if (status == LAMBDA_OK) status = lambda_response_error_trace(response, "handlers.c: fail");
    return status;
}

lambda_status choose(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const char *what = "echo";
    double length = 0;
    double width = 0;
    int parts = 3;
    int *count = lambda_context_state(context);
    if (count) *count += 1;
    lambda_status status = lambda_event_unpack(event, "{s?s, s?F, s?F, s?i}", "do", &what, "length", &length, "width",
                                               &width, "parts", &parts);
    if (status != LAMBDA_OK) return status;
    if (strcmp(what, "describe") == 0) return describe(context, response);
    if (strcmp(what, "area") == 0) return lambda_response_pack(response, "{s:f}", "area", length * width);
    if (strcmp(what, "count") == 0) return lambda_response_pack(response, "i", count ? *count : -1);
    if (strcmp(what, "stream") == 0) return stream(response, parts, 0);
    if (strcmp(what, "stream_fail") == 0) return stream(response, parts, 1);
    if (strcmp(what, "write") == 0) return write_much(response, parts);
    if (strcmp(what, "fail") == 0) return fail(response);
    if (strcmp(what, "status") == 0) return LAMBDA_ERROR_TOO_MANY_REQUESTS;
    if (strcmp(what, "crash") == 0) exit(3);
    if (strcmp(what, "end") == 0) raise(SIGTERM);
    if (strcmp(what, "retire") == 0) lambda_context_retire(context);
    if (strcmp(what, "log") == 0) {
        lambda_log(context, LAMBDA_LOG_DEBUG, "fine");
        lambda_log(context, LAMBDA_LOG_WARN, "one\ntwo");
        lambda_log_pack(context, LAMBDA_LOG_ERROR, "placed", "{s:i}", "items", 3);
    }
    lambda_bytes payload = lambda_event_payload(event);
    return lambda_response_write(response, payload.data, payload.length);
}
