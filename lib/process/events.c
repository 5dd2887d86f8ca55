/*
 * What extensions are told by the Telemetry API, and the log's EXTENSION line. https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"

static void tell(const lambda__instance *instance, const char *type, json_t *record)
{
    lambda__telemetry_event(instance->telemetry, type, record);
}

static bool wanted(const lambda__instance *instance)
{
    return instance->telemetry && lambda__telemetry_wanted(instance->telemetry);
}

static double milliseconds(uint64_t ns)
{
    uint64_t whole_us = ns / 1000;
    return (double)whole_us / 1000;
}

/** "success", "failure", "error", "timeout": how the phase ended. */
static const char *status_of(const lambda__instance *instance, bool timed_out)
{
    if (timed_out || strcmp(instance->fault, "Sandbox.Timedout") == 0) return "timeout";
    if (instance->fault[0]) return "failure";
    return instance->error_given ? "error" : "success";
}

void lambda__event_init_start(lambda__instance *instance)
{
    if (!wanted(instance)) return;
    lambda_context *context = instance->context;
    tell(instance, "platform.initStart",
         json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "initializationType", lambda_context_initialization_type(context),
                   "phase", "init", "functionName", lambda_context_function_name(context), "functionVersion",
                   lambda_context_function_version(context), "instanceId", lambda_context_log_stream_name(context),
                   "runtimeVersion", instance->code->runtime->name));
}

void lambda__event_init_done(lambda__instance *instance, uint64_t duration_ns, bool whole)
{
    if (!wanted(instance)) return;
    const char *type = lambda_context_initialization_type(instance->context);
    const char *status = status_of(instance, false);
    json_t *record = json_pack("{s:s, s:s, s:s}", "initializationType", type, "phase", "init", "status", status);
    if (record && instance->fault[0]) json_object_set_new(record, "errorType", json_string(instance->fault));
    if (record && whole)
        json_object_set_new(record, "metrics", json_pack("{s:f}", "durationMs", milliseconds(duration_ns)));
    tell(instance, whole ? "platform.initReport" : "platform.initRuntimeDone", record);
}

void lambda__event_start(lambda__instance *instance)
{
    lambda_context *context = instance->context;
    tell(instance, "platform.start",
         json_pack("{s:s, s:s}", "requestId", lambda_context_aws_request_id(context), "version",
                   lambda_context_function_version(context)));
}

void lambda__event_runtime_done(lambda__instance *instance, uint64_t duration_ns, bool timed_out)
{
    json_t *record =
        json_pack("{s:s, s:s, s:{s:f, s:I}}", "requestId", lambda_context_aws_request_id(instance->context), "status",
                  status_of(instance, timed_out), "metrics", "durationMs", milliseconds(duration_ns), "producedBytes",
                  (json_int_t)instance->produced);
    if (record && instance->fault[0]) json_object_set_new(record, "errorType", json_string(instance->fault));
    tell(instance, "platform.runtimeDone", record);
}

void lambda__event_report(lambda__instance *instance, uint64_t duration_ns, bool timed_out)
{
    uint64_t memory = lambda__sandbox_max_memory(instance->sandbox);
    json_t *metrics = json_pack("{s:f, s:I, s:I}", "durationMs", milliseconds(duration_ns), "billedDurationMs",
                                (json_int_t)((duration_ns + 999999) / 1000000), "memorySizeMB",
                                (json_int_t)lambda_context_memory_limit_in_mb(instance->context));
    if (metrics && memory != UINT64_MAX)
        json_object_set_new(metrics, "maxMemoryUsedMB", json_integer((json_int_t)((memory + 1048575) >> 20)));
    json_t *record = json_pack("{s:s, s:s, s:o}", "requestId", lambda_context_aws_request_id(instance->context),
                               "status", status_of(instance, timed_out), "metrics", metrics);
    if (record && instance->fault[0]) json_object_set_new(record, "errorType", json_string(instance->fault));
    tell(instance, "platform.report", record);
}

/** The line in the log's format. */
static void write_line(lambda__instance *instance, const lambda__part *extension, const char *state, const char *error,
                       json_t *record)
{
    static const char *const events[] = {"", "INVOKE", "SHUTDOWN", "INVOKE,SHUTDOWN"};
    char line[512];
    if (!lambda_context_logs(instance->context)) return;
    if (lambda_context_log_format(instance->context) == LAMBDA_LOG_FORMAT_JSON) {
        json_t *whole = record ? json_pack("{s:s, s:O}", "type", "platform.extension", "record", record) : NULL;
        char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
        if (text) lambda_context_log_line(instance->context, text, strlen(text));
        free(text);
        json_decref(whole);
        return;
    }
    int length =
        snprintf(line, sizeof(line), "EXTENSION\tName: %.255s\tState: %s\tEvents: [%s]%s%.100s", extension->name, state,
                 events[extension->events & 3], error ? "\tError Type: " : "", error ? error : "");
    lambda_context_log_line(instance->context, line, (size_t)length);
}

void lambda__event_extension(lambda__instance *instance, const lambda__part *extension, const char *state,
                             const char *error)
{
    if (!instance->context) return;
    json_t *events = json_array();
    if (extension->events & 1) json_array_append_new(events, json_string("INVOKE"));
    if (extension->events & 2) json_array_append_new(events, json_string("SHUTDOWN"));
    json_t *record = json_pack("{s:s, s:s, s:o}", "name", extension->name, "state", state, "events", events);
    if (record && error) json_object_set_new(record, "errorType", json_string(error));
    write_line(instance, extension, state, error, record);
    if (wanted(instance))
        tell(instance, "platform.extension", record);
    else
        json_decref(record);
}
