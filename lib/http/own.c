/* libλ's own operations: queued events, metrics, traces and logs, by the core's public calls. */
#include "own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/async.h>
#include <lambda/log_file.h>
#include <lambda/metrics.h>
#include <lambda/trace.h>

#include "resource.h"

/** Bytes of lines or documents in one answer, and of files that are looked through for it. */
#define ANSWER_BYTES (4u << 20)
#define LOOK_BYTES   (UINT64_C(64) << 20)

/** Most seconds that a wait has, after which its caller asks again. */
#define WAIT_MOST 5

#define DAY_NS (UINT64_C(86400) * 1000000000)

#define MEMBER_OF_FUNCTION                                                                                             \
    {                                                                                                                  \
        .name = "FunctionName", .place = LAMBDA__IN_QUERY, .min = 1, .max = 256                                        \
    }

const lambda__member lambda__members_list_queued_events[] = {
    MEMBER_OF_FUNCTION,
    LAMBDA__MEMBER_MAX_ITEMS(10000),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_purge_queued_events[] = {
    MEMBER_OF_FUNCTION,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_redrive_queued_events[] = {
    {.name = "Destination", .required = true, .min = 1},
    {.name = "MaxItems", .type = LAMBDA__INTEGER, .min = 1, .max = UINT32_MAX},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_wait_for_queued_events[] = {
    {.name = "Seconds", .type = LAMBDA__INTEGER, .min = 0, .max = WAIT_MOST},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function_metrics[] = {LAMBDA__MEMBERS_END};

const lambda__member lambda__members_list_trace_documents[] = {
    {.name = "TraceId", .place = LAMBDA__IN_QUERY, .min = 1, .max = 64},
    MEMBER_OF_FUNCTION,
    LAMBDA__MEMBER_MAX_ITEMS(1000),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_log_lines[] = {
    {.name = "LogGroupName", .place = LAMBDA__IN_QUERY, .required = true, .min = 1, .max = 512},
    {.name = "FilterPattern", .place = LAMBDA__IN_QUERY, .max = 4 * LAMBDA_LOG_FILTER_PATTERN_MAX},
    {.name = "StartTime", .type = LAMBDA__INTEGER, .place = LAMBDA__IN_QUERY, .min = 0, .max = 18e12},
    {.name = "Marker", .place = LAMBDA__IN_QUERY, .max = 80},
    LAMBDA__MEMBERS_END,
};

/** Takes the answer. `lambda` is whose message says why, NULL that of calls without a service. */
static void answer(lambda_t *lambda, lambda_status status, json_t *json, lambda__reply *reply)
{
    if (status == LAMBDA_OK) {
        lambda__reply_json(reply, json);
        return;
    }
    json_decref(json);
    lambda__reply_status(reply, lambda, status);
}

/** The function that is meant; NULL: all. */
static const char *function_of(const lambda__request *request)
{
    const char *name = lambda__input_string(request, "FunctionName");
    return name ? lambda__bare_name(name, "function") : NULL;
}

/* ---- queued events */

typedef struct listing {
    json_t *all;
    uint64_t most;
    bool more;
    bool no_memory;
} listing;

static bool add_event(void *user, const lambda_async_event *event)
{
    static const char *const STATES[] = {"waiting", "delayed", "running", "dropped"};
    listing *list = user;
    char id[LAMBDA_REQUEST_ID_SIZE];
    list->more = json_array_size(list->all) >= list->most;
    if (list->more) return false;
    const bool dropped = event->state == LAMBDA_ASYNC_DROPPED;
    lambda_request_id_format(event->request_id, id);
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s*}", "RequestId", id, "State", STATES[event->state & 3],
                  "Function", event->function_name, "Target", event->target, "Attempts", (json_int_t)event->attempts,
                  "AgeMs", (json_int_t)(event->age_ns / 1000000), "DueMs", (json_int_t)(event->due_ns / 1000000),
                  "Reason", dropped ? lambda_async_condition_name(event->condition) : NULL);
    list->no_memory = json_array_append_new(list->all, one) != 0;
    return !list->no_memory;
}

void lambda__op_list_queued_events(const lambda__request *request, lambda__reply *reply)
{
    listing list = {.all = json_array(), .most = lambda__input_number(request, "MaxItems", 1000)};
    lambda_status status = list.all ? lambda_async_list(request->api->lambda, function_of(request), add_event, &list)
                                    : LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status == LAMBDA_OK && list.no_memory) status = LAMBDA_ERROR_OUT_OF_MEMORY;
    answer(request->api->lambda, status, json_pack("{s:o, s:b}", "Events", list.all, "More", (int)list.more), reply);
}

void lambda__op_purge_queued_events(const lambda__request *request, lambda__reply *reply)
{
    uint64_t count = 0;
    lambda_status status = lambda_async_purge(request->api->lambda, function_of(request), &count);
    answer(request->api->lambda, status, json_pack("{s:I}", "Purged", (json_int_t)count), reply);
}

void lambda__op_redrive_queued_events(const lambda__request *request, lambda__reply *reply)
{
    uint64_t count = 0;
    uint64_t most = lambda__input_number(request, "MaxItems", LAMBDA_ASYNC_BATCH_MAX);
    lambda_status status =
        lambda_async_redrive(request->api->lambda, lambda__input_string(request, "Destination"), most, &count);
    answer(request->api->lambda, status, json_pack("{s:I}", "Redriven", (json_int_t)count), reply);
}

void lambda__op_wait_for_queued_events(const lambda__request *request, lambda__reply *reply)
{
    uint32_t seconds = (uint32_t)lambda__input_number(request, "Seconds", WAIT_MOST);
    lambda_status status = lambda_async_wait_all(request->api->lambda, seconds * 1000);
    const bool ended = status == LAMBDA_OK;
    if (status == LAMBDA_ERROR_TOO_MANY_REQUESTS) status = LAMBDA_OK;
    answer(request->api->lambda, status, json_pack("{s:b}", "Ended", (int)ended), reply);
}

/* ---- metrics */

static json_t *shape_of(const lambda_metrics_series *of)
{
    const lambda_distribution *took = &of->duration;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:f, s:f, s:f, s:f}}", "Function", of->function_name,
                     "Invocations", (json_int_t)of->invocations, "Errors", (json_int_t)of->errors, "Timeouts",
                     (json_int_t)of->timeouts, "Throttles", (json_int_t)of->throttles, "ColdStarts",
                     (json_int_t)of->cold_starts, "BilledDurationMs", (json_int_t)of->billed_duration_ms, "DurationMs",
                     "P50", took->p50 / 1e6, "P90", took->p90 / 1e6, "P99", took->p99 / 1e6, "Max", took->max / 1e6);
}

void lambda__op_get_function_metrics(const lambda__request *request, lambda__reply *reply)
{
    lambda_metrics *metrics = NULL;
    json_t *all = json_array();
    lambda_status status = all ? lambda_metrics_read(request->api->lambda, &metrics) : LAMBDA_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; status == LAMBDA_OK && i < metrics->functions_count; i++)
        if (json_array_append_new(all, shape_of(&metrics->functions[i])) != 0) status = LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_metrics_free(metrics);
    answer(request->api->lambda, status, json_pack("{s:o}", "Functions", all), reply);
}

/* ---- traces */

/** Keeps the newest. */
typedef struct newest {
    json_t *all;
    size_t most;
    size_t bytes;
    bool no_memory;
} newest;

static bool add_document(void *user, const char *text, size_t length)
{
    newest *list = user;
    json_t *document = json_pack("{s:o, s:I}", "d", json_loadb(text, length, 0, NULL), "n", (json_int_t)length);
    list->no_memory = json_array_append_new(list->all, document) != 0;
    list->bytes += length;
    while (!list->no_memory && (json_array_size(list->all) > list->most || list->bytes > ANSWER_BYTES)) {
        list->bytes -= (size_t)json_integer_value(json_object_get(json_array_get(list->all, 0), "n"));
        json_array_remove(list->all, 0);
    }
    return !list->no_memory;
}

void lambda__op_list_trace_documents(const lambda__request *request, lambda__reply *reply)
{
    newest list = {.all = json_array(), .most = (size_t)lambda__input_number(request, "MaxItems", 1000)};
    json_t *documents = json_array();
    lambda_status status = list.all && documents ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status == LAMBDA_OK && request->api->traces)
        status = lambda_trace_file_read(request->api->traces, lambda__input_string(request, "TraceId"),
                                        function_of(request), add_document, &list);
    /* Without the file nothing was traced yet. */
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) status = LAMBDA_OK;
    if (status == LAMBDA_OK && list.no_memory) status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; status == LAMBDA_OK && i < json_array_size(list.all); i++)
        if (json_array_append(documents, json_object_get(json_array_get(list.all, i), "d")) != 0)
            status = LAMBDA_ERROR_OUT_OF_MEMORY;
    json_decref(list.all);
    answer(NULL, status, json_pack("{s:o}", "Documents", documents), reply);
}

/* ---- logs */

typedef struct page {
    json_t *lines;
    size_t bytes;
    bool no_memory;
} page;

/** JSON has no bytes that are no UTF-8, and clients take no NUL. NULL: memory is out. */
static json_t *text_of(const char *line, size_t length)
{
    json_t *text = memchr(line, '\0', length) ? NULL : json_stringn(line, length);
    if (text) return text;
    char *plain = malloc(length + 1);
    if (plain) memcpy(plain, line, length);
    for (size_t i = 0; plain && i < length; i++)
        if (plain[i] == '\0' || (unsigned char)plain[i] >= 0x80) plain[i] = '?';
    if (plain) text = json_stringn(plain, length);
    free(plain);
    return text;
}

static bool add_line(void *user, uint64_t time_ns, const char *line, size_t length)
{
    page *to = user;
    if (to->bytes > 0 && to->bytes + length > ANSWER_BYTES) return false;
    to->bytes += length + 64;
    to->no_memory = json_array_append_new(to->lines, json_pack("{s:I, s:o}", "Time", (json_int_t)(time_ns / 1000000),
                                                               "Line", text_of(line, length))) != 0;
    return !to->no_memory;
}

/** "DAY.NUMBER.OFFSET". */
static bool read_marker(const char *marker, lambda_log_file_position *position)
{
    uint64_t parts[3] = {0};
    *position = (lambda_log_file_position){0};
    if (!marker) return true;
    for (size_t i = 0; i < 3; i++) {
        char *end;
        if (*marker < '0' || *marker > '9') return false;
        parts[i] = strtoull(marker, &end, 10);
        if (*end != (i < 2 ? '.' : '\0')) return false;
        marker = end + 1;
    }
    /* Days whose nanoseconds 64 bits hold, and bytes that a file may have. */
    if (parts[0] > UINT64_MAX / DAY_NS || parts[1] > UINT32_MAX || parts[2] > INT64_MAX) return false;
    *position = (lambda_log_file_position){.day = parts[0], .number = (uint32_t)parts[1], .offset = parts[2]};
    return true;
}

void lambda__op_get_log_lines(const lambda__request *request, lambda__reply *reply)
{
    char marker[80];
    lambda_log_file_position position;
    lambda_log_filter *filter = NULL;
    const char *pattern = lambda__input_string(request, "FilterPattern");
    page lines = {.lines = json_array()};
    lambda_status status = LAMBDA_OK;
    if (!lines.lines)
        status = LAMBDA_ERROR_OUT_OF_MEMORY;
    else if (!request->api->logs)
        status =
            lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "this server keeps no log that can be read");
    else if (!read_marker(lambda__input_string(request, "Marker"), &position))
        status =
            lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "Marker: is none that was given before");
    if (status == LAMBDA_OK && pattern) status = lambda_log_filter_new(pattern, NULL, &filter);
    if (status == LAMBDA_OK) {
        const lambda_log_file_query query = {.directory = request->api->logs,
                                             .log_group_name = lambda__input_string(request, "LogGroupName"),
                                             .since_ns = lambda__input_number(request, "StartTime", 0) * 1000000,
                                             .filter = filter,
                                             .most_bytes = LOOK_BYTES};
        status = lambda_log_file_read(&query, &position, add_line, &lines);
    }
    lambda_log_filter_free(filter);
    if (status == LAMBDA_OK && lines.no_memory) status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status != LAMBDA_OK) {
        answer(NULL, status, lines.lines, reply);
        return;
    }
    snprintf(marker, sizeof(marker), "%" PRIu64 ".%" PRIu32 ".%" PRIu64, position.day, position.number,
             position.offset);
    answer(NULL, LAMBDA_OK,
           json_pack("{s:o, s:s, s:b}", "Lines", lines.lines, "NextMarker", marker, "More", (int)position.more), reply);
}
