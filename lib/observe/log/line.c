#include "observe/log/line.h"

#include <string.h>

#include <lambda/invoke.h>

#include "base/json_write.h"

/** Text that is written into memory of a fixed size; what is beyond is left away. */
typedef struct ink {
    char *at;
    const char *end;
} ink;

#define PUT(to, literal) put(to, "" literal, sizeof(literal) - 1)

static inline void put(ink *to, const char *text, size_t length)
{
    size_t room = (size_t)(to->end - to->at);
    if (LAMBDA__UNLIKELY(length > room)) length = room;
    memcpy(to->at, text, length);
    to->at += length;
}

static void put_text(ink *to, const char *text)
{
    put(to, text, strlen(text));
}

static void put_number(ink *to, uint64_t value)
{
    char digits[24];
    char *start = digits + sizeof(digits);
    do {
        *--start = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(to, start, (size_t)(digits + sizeof(digits) - start));
}

/** A number of that many digits. */
static char *put_digits(char *at, unsigned value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

/** Nanoseconds as milliseconds with two decimals. */
static void put_ms(ink *to, uint64_t ns)
{
    uint64_t hundredths = ns / 10000 + (ns % 10000 >= 5000);
    char decimals[3] = {'.'};
    put_number(to, hundredths / 100);
    put_digits(decimals + 1, (unsigned)(hundredths % 100), 2);
    put(to, decimals, 3);
}

/** Nanoseconds as seconds with two decimals. */
static void put_seconds(ink *to, uint64_t ns)
{
    put_ms(to, ns / 1000);
}

static void put_hex(ink *to, uint64_t value, int count)
{
    char digits[16];
    for (int i = 0; i < count; i++)
        digits[i] = "0123456789abcdef"[value >> (4 * (count - 1 - i)) & 15];
    put(to, digits, (size_t)count);
}

/** "1-5759e988-bd862e3fe1be46a994272793" */
static void put_trace_id(ink *to, lambda_trace_id id)
{
    PUT(to, "1-");
    put_hex(to, id.high >> 32, 8);
    PUT(to, "-");
    put_hex(to, id.high & UINT32_MAX, 8);
    put_hex(to, id.low, 16);
}

/* The day by the rule of the Gregorian calendar, in which 400 years have 146,097 days. */
void lambda__log_time_write(char text[LAMBDA__LOG_TIME_LENGTH], uint64_t ns)
{
    uint64_t milliseconds = ns / 1000000;
    unsigned in_day = (unsigned)(milliseconds % 86400000);
    /* Counted from the first of March of the year 0, so that a leap day is a year's last. */
    uint64_t days = milliseconds / 86400000 + 719468;
    unsigned era_day = (unsigned)(days % 146097);
    unsigned era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    unsigned year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    unsigned shifted = (5 * year_day + 2) / 153;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    unsigned year = (unsigned)(days / 146097) * 400 + era_year + (month <= 2);
    char *at = put_digits(text, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, year_day - (153 * shifted + 2) / 5 + 1, 2);
    *at++ = 'T';
    at = put_digits(at, in_day / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, in_day % 1000, 3);
    *at = 'Z';
}

/* ---- the platform's lines */

/** "2026-01-01T00:00:00.000Z REQUEST-ID ", which stands before what the platform says of a timeout. */
static void text_before(ink *to, const lambda__log_event *event, const lambda_log_record *record)
{
    char time[LAMBDA__LOG_TIME_LENGTH];
    if (event->kind != LAMBDA__LOG_TIMEOUT) return;
    lambda__log_time_write(time, record->time_ns);
    put(to, time, sizeof(time));
    PUT(to, " ");
    put_text(to, record->request_id);
    PUT(to, " ");
}

static bool failed(const lambda__log_event *event)
{
    return strcmp(event->status, "success") != 0;
}

lambda_log_level lambda__log_event_level(const lambda__log_event *event)
{
    bool wrong = event->kind != LAMBDA__LOG_INIT_START && event->kind != LAMBDA__LOG_START && failed(event);
    switch (event->kind) {
    case LAMBDA__LOG_INIT_DONE:
        if (!event->json) return LAMBDA_LOG_OFF;
        return wrong ? LAMBDA_LOG_WARN : LAMBDA_LOG_DEBUG;
    case LAMBDA__LOG_INIT_REPORT:
        if (wrong) return LAMBDA_LOG_WARN;
        if (!event->json) return LAMBDA_LOG_OFF;
        return event->provisioned ? LAMBDA_LOG_INFO : LAMBDA_LOG_DEBUG;
    case LAMBDA__LOG_END:
        if (!event->json) return LAMBDA_LOG_INFO;
        return wrong ? LAMBDA_LOG_WARN : LAMBDA_LOG_DEBUG;
    case LAMBDA__LOG_REPORT:
        return wrong ? LAMBDA_LOG_WARN : LAMBDA_LOG_INFO;
    case LAMBDA__LOG_TIMEOUT:
        return event->json ? LAMBDA_LOG_OFF : LAMBDA_LOG_WARN;
    default:
        return LAMBDA_LOG_INFO;
    }
}

/** An error's type is the function's own text: nothing in it may end the line. */
static void put_type(ink *to, const char *type)
{
    for (; *type; type++) {
        char byte = *type;
        if ((unsigned char)byte < 0x20) byte = ' ';
        put(to, &byte, 1);
    }
}

static void put_status(ink *to, const lambda__log_event *event)
{
    if (!failed(event)) return;
    PUT(to, "\tStatus: ");
    put_text(to, event->status);
    if (!event->error_type) return;
    PUT(to, "\tError Type: ");
    put_type(to, event->error_type);
}

static uint64_t megabytes(uint64_t bytes)
{
    return bytes / 1048576 + (bytes % 1048576 > 0);
}

static void text_report(ink *to, const lambda__log_event *event)
{
    PUT(to, "\tDuration: ");
    put_ms(to, event->duration);
    PUT(to, " ms\tBilled Duration: ");
    put_number(to, event->billed_ms);
    PUT(to, " ms\tMemory Size: ");
    put_number(to, event->memory_size);
    PUT(to, " MB\tMax Memory Used: ");
    if (event->max_memory == LAMBDA_MEMORY_UNKNOWN) {
        PUT(to, "unknown");
    } else {
        put_number(to, megabytes(event->max_memory));
        PUT(to, " MB");
    }
    if (event->has_init) {
        PUT(to, "\tInit Duration: ");
        put_ms(to, event->init_duration);
        PUT(to, " ms");
    }
    put_status(to, event);
    if (!event->sampled) return;
    PUT(to, "\tXRAY TraceId: ");
    put_trace_id(to, event->trace_id);
    PUT(to, "\tSegmentId: ");
    put_hex(to, event->span_id, 16);
    PUT(to, "\tSampled: true");
}

static void text_line(ink *to, const lambda__log_event *event, const char *request_id)
{
    switch (event->kind) {
    case LAMBDA__LOG_INIT_START:
        PUT(to, "INIT_START Runtime Version: ");
        put_text(to, event->runtime);
        break;
    case LAMBDA__LOG_INIT_DONE:
        PUT(to, "INIT_RUNTIME_DONE Phase: ");
        put_text(to, event->phase);
        put_status(to, event);
        break;
    case LAMBDA__LOG_INIT_REPORT:
        PUT(to, "INIT_REPORT Init Duration: ");
        put_ms(to, event->init_duration);
        PUT(to, " ms\tPhase: ");
        put_text(to, event->phase);
        put_status(to, event);
        break;
    case LAMBDA__LOG_START:
        PUT(to, "START RequestId: ");
        put_text(to, request_id);
        PUT(to, " Version: ");
        put_text(to, event->version);
        break;
    case LAMBDA__LOG_END:
        PUT(to, "END RequestId: ");
        put_text(to, request_id);
        break;
    case LAMBDA__LOG_REPORT:
        PUT(to, "REPORT RequestId: ");
        put_text(to, request_id);
        text_report(to, event);
        break;
    case LAMBDA__LOG_TIMEOUT:
        PUT(to, "Task timed out after ");
        put_seconds(to, event->duration);
        PUT(to, " seconds");
    }
}

/* ---- the same in JSON */

/** A text of the library's own or a function's type: what would need more than a backslash is replaced. */
static void json_text(ink *to, const char *text)
{
    PUT(to, "\"");
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        unsigned char byte = (unsigned char)text[at];
        size_t size = byte < 0x80 ? 1 : lambda__utf8_length(text + at, length - at);
        if (byte == '"' || byte == '\\') PUT(to, "\\");
        if (byte < 0x20)
            PUT(to, " ");
        else if (size == 0)
            PUT(to, "\xEF\xBF\xBD");
        else
            put(to, text + at, size);
        at += size ? size : 1;
    }
    PUT(to, "\"");
}

static void json_status(ink *to, const lambda__log_event *event)
{
    PUT(to, ",\"status\":");
    json_text(to, event->status);
    if (!event->error_type || !failed(event)) return;
    PUT(to, ",\"errorType\":");
    json_text(to, event->error_type);
}

static void json_init(ink *to, const lambda__log_event *event)
{
    PUT(to, "\"initializationType\":");
    json_text(to, event->provisioned ? "provisioned-concurrency" : "on-demand");
    PUT(to, ",\"phase\":");
    json_text(to, event->phase);
}

static void json_metrics(ink *to, const lambda__log_event *event)
{
    PUT(to, ",\"metrics\":{\"durationMs\":");
    put_ms(to, event->kind == LAMBDA__LOG_INIT_REPORT ? event->init_duration : event->duration);
    if (event->kind == LAMBDA__LOG_END) {
        PUT(to, ",\"producedBytes\":");
        put_number(to, event->produced);
    }
    if (event->kind == LAMBDA__LOG_REPORT) {
        PUT(to, ",\"billedDurationMs\":");
        put_number(to, event->billed_ms);
        PUT(to, ",\"memorySizeMB\":");
        put_number(to, event->memory_size);
        if (event->max_memory != LAMBDA_MEMORY_UNKNOWN) {
            PUT(to, ",\"maxMemoryUsedMB\":");
            put_number(to, megabytes(event->max_memory));
        }
        if (event->has_init) {
            PUT(to, ",\"initDurationMs\":");
            put_ms(to, event->init_duration);
        }
    }
    PUT(to, "}");
}

static void json_tracing(ink *to, const lambda__log_event *event)
{
    if (!event->sampled) return;
    PUT(to, ",\"tracing\":{\"spanId\":\"");
    put_hex(to, event->span_id, 16);
    PUT(to, "\",\"type\":\"X-Amzn-Trace-Id\",\"value\":\"Root=");
    put_trace_id(to, event->trace_id);
    PUT(to, ";Parent=");
    put_hex(to, event->span_id, 16);
    PUT(to, ";Sampled=1\"}");
}

static void json_request(ink *to, const char *request_id)
{
    PUT(to, "\"requestId\":");
    json_text(to, request_id);
}

static const char *const types[] = {"platform.initStart", "platform.initRuntimeDone", "platform.initReport",
                                    "platform.start",     "platform.runtimeDone",     "platform.report",
                                    "platform.fault"};

static void json_line(ink *to, const lambda__log_event *event, const lambda_log_record *record)
{
    char time[LAMBDA__LOG_TIME_LENGTH];
    lambda__log_time_write(time, record->time_ns);
    PUT(to, "{\"time\":\"");
    put(to, time, sizeof(time));
    PUT(to, "\",\"type\":\"");
    put_text(to, types[event->kind]);
    PUT(to, "\",\"record\":{");
    switch (event->kind) {
    case LAMBDA__LOG_INIT_START:
        json_init(to, event);
        PUT(to, ",\"runtimeVersion\":");
        json_text(to, event->runtime);
        PUT(to, ",\"functionName\":");
        json_text(to, event->function_name);
        PUT(to, ",\"functionVersion\":");
        json_text(to, event->version);
        break;
    case LAMBDA__LOG_INIT_DONE:
        json_init(to, event);
        json_status(to, event);
        break;
    case LAMBDA__LOG_INIT_REPORT:
        json_init(to, event);
        json_status(to, event);
        json_metrics(to, event);
        break;
    case LAMBDA__LOG_START:
        json_request(to, record->request_id);
        PUT(to, ",\"version\":");
        json_text(to, event->version);
        json_tracing(to, event);
        break;
    case LAMBDA__LOG_END:
    case LAMBDA__LOG_REPORT:
        json_request(to, record->request_id);
        json_status(to, event);
        json_metrics(to, event);
        json_tracing(to, event);
        break;
    case LAMBDA__LOG_TIMEOUT:
        break;
    }
    PUT(to, "}}");
}

void lambda__log_event_line(const lambda__log_event *event, lambda_log_record *record,
                            char text[LAMBDA__LOG_EVENT_SIZE], char json[LAMBDA__LOG_EVENT_SIZE])
{
    ink to = {.at = text, .end = text + LAMBDA__LOG_EVENT_SIZE - 1};
    text_before(&to, event, record);
    const char *message = to.at;
    text_line(&to, event, record->request_id);
    *to.at = '\0';
    record->type = event->kind == LAMBDA__LOG_END && !event->json ? "platform.end" : types[event->kind];
    record->fields = "";
    record->message = message;
    record->message_length = (size_t)(to.at - message);
    record->line = text;
    record->line_length = (size_t)(to.at - text);
    if (!event->json) return;
    to = (ink){.at = json, .end = json + LAMBDA__LOG_EVENT_SIZE - 1};
    json_line(&to, event, record);
    *to.at = '\0';
    record->line = json;
    record->line_length = (size_t)(to.at - json);
}

/* ---- other lines */

size_t lambda__log_prefix(const lambda_log_record *record, char *text)
{
    if (record->platform) return 0;
    char time[LAMBDA__LOG_TIME_LENGTH];
    ink to = {.at = text, .end = text + LAMBDA__LOG_PREFIX_SIZE};
    lambda__log_time_write(time, record->time_ns);
    put(&to, time, sizeof(time));
    PUT(&to, "\t");
    put_text(&to, record->request_id[0] ? record->request_id : "undefined");
    PUT(&to, "\t");
    put_text(&to, lambda_log_level_name(record->level));
    PUT(&to, "\t");
    return (size_t)(to.at - text);
}

bool lambda__log_json(lambda__base *base, lambda__buffer *buffer, const lambda_log_record *record)
{
    char head[LAMBDA__LOG_EVENT_SIZE];
    char time[LAMBDA__LOG_TIME_LENGTH];
    ink to = {.at = head, .end = head + sizeof(head)};
    lambda__log_time_write(time, record->time_ns);
    if (record->platform) {
        PUT(&to, "{\"time\":\"");
        put(&to, time, sizeof(time));
        PUT(&to, "\",\"type\":");
        json_text(&to, record->type);
        PUT(&to, ",\"record\":{");
    } else {
        PUT(&to, "{\"timestamp\":\"");
        put(&to, time, sizeof(time));
        PUT(&to, "\",\"level\":");
        json_text(&to, lambda_log_level_name(record->level));
        PUT(&to, ",");
    }
    if (record->request_id[0]) {
        json_request(&to, record->request_id);
        PUT(&to, ",");
    }
    PUT(&to, "\"message\":");
    size_t fields = record->fields_length > 2 ? record->fields_length : 0;
    if (!lambda__buffer_reserve(base, buffer, (size_t)(to.at - head) + record->message_length + fields + 8) ||
        !lambda__buffer_append(base, buffer, head, (size_t)(to.at - head)) ||
        !lambda__json_string(base, buffer, record->message, record->message_length))
        return false;
    if (record->platform) return lambda__buffer_append(base, buffer, "}}", 2);
    if (fields == 0) return lambda__buffer_append(base, buffer, "}", 1);
    /* The object's members, and its end. */
    return lambda__buffer_append(base, buffer, ",", 1) &&
           lambda__buffer_append(base, buffer, record->fields + 1, fields - 1);
}
