/*
 * A segment as OTLP's ResourceSpans, in the JSON encoding of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in
 * hexadecimal digits, numbers of 64 bits as text, enumerations as numbers. What jansson has no memory for is NULL, which every call
 * here passes on.
 */
#include "exporter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <lambda/base.h>

enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3, KIND_PRODUCER = 4 };
enum { STATUS_ERROR = 2 };

/* ---- texts */

/** Bytes of the UTF-8 sequence at `text`, which ends in NUL; 0 if it is none. */
static size_t sequence(const unsigned char *text)
{
    if (text[0] < 0x80) return 1;
    size_t length = text[0] >= 0xC2 && text[0] < 0xE0   ? 2
                    : (text[0] & 0xF0) == 0xE0          ? 3
                    : text[0] >= 0xF0 && text[0] < 0xF5 ? 4
                                                        : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    /* Overlong, a surrogate, or beyond what there is. */
    if (length == 3 && ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] >= 0xA0))) return 0;
    if (length == 4 && ((text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] >= 0x90))) return 0;
    return length;
}

/** A text; bytes of it that are not UTF-8 become U+FFFD. */
static json_t *text_of(lambda__otlp_exporter *exporter, const char *text)
{
    json_t *made = json_string(text);
    if (made) return made;
    const lambda_allocator *memory = &exporter->allocator;
    char *mended = memory->allocate(memory->user, 3 * strlen(text) + 1);
    if (!mended) return NULL;
    char *to = mended;
    while (*text) {
        size_t length = sequence((const unsigned char *)text);
        memcpy(to, length > 0 ? text : "\xEF\xBF\xBD", length > 0 ? length : 3);
        to += length > 0 ? length : 3;
        text += length > 0 ? length : 1;
    }
    *to = '\0';
    made = json_string(mended);
    memory->release(memory->user, mended);
    return made;
}

static json_t *decimal(int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return json_string(text);
}

/** A time; those of this library are far below what an int64_t holds, but nothing is said of others. */
static json_t *nanoseconds(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_string(text);
}

static json_t *id_of(uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

/* ---- attributes. `list` NULL, or a value that is: false, as for memory that is out */

static bool add(json_t *list, const char *key, const char *kind, json_t *value)
{
    json_t *attribute = json_pack("{s:s, s:{s:o}}", "key", key, "value", kind, value);
    return json_array_append_new(list, attribute) == 0;
}

static bool add_text(lambda__otlp_exporter *exporter, json_t *list, const char *key, const char *text)
{
    return !text[0] || add(list, key, "stringValue", text_of(exporter, text));
}

static bool add_integer(json_t *list, const char *key, int64_t value)
{
    return add(list, key, "intValue", decimal(value));
}

/** One text, where there may be several. */
static bool add_texts(lambda__otlp_exporter *exporter, json_t *list, const char *key, const char *text)
{
    if (!text[0]) return true;
    return add(list, key, "arrayValue", json_pack("{s:[{s:o}]}", "values", "stringValue", text_of(exporter, text)));
}

static bool add_annotation(lambda__otlp_exporter *exporter, json_t *list, const lambda_trace_annotation *annotation)
{
    switch (annotation->kind) {
    case LAMBDA_TRACE_STRING:
        return add(list, annotation->key, "stringValue", text_of(exporter, annotation->value.string));
    case LAMBDA_TRACE_INTEGER:
        return add_integer(list, annotation->key, annotation->value.integer);
    case LAMBDA_TRACE_REAL:
        return add(list, annotation->key, "doubleValue", json_real(annotation->value.real));
    case LAMBDA_TRACE_BOOLEAN:
        return add(list, annotation->key, "boolValue", json_boolean(annotation->value.boolean));
    }
    return true;
}

/* ---- the resource: a version of a function in its environment */

static bool is_given(const lambda__otlp_exporter *exporter, const char *key)
{
    for (size_t i = 0; i < exporter->resource_count; i++)
        if (strcmp(exporter->resource[i].name, key) == 0) return true;
    return false;
}

/** A field of an ARN, counted from 0: "" where there is none that fits. */
static const char *arn_field(const char *arn, int field, char text[64])
{
    for (; field > 0 && arn; field--) {
        arn = strchr(arn, ':');
        if (arn) arn++;
    }
    size_t length = arn ? strcspn(arn, ":") : 0;
    if (length >= 64) length = 0;
    if (length > 0) memcpy(text, arn, length);
    text[length] = '\0';
    return text;
}

static json_t *resource_of(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment)
{
    char region[64];
    char account[64];
    const struct {
        const char *key;
        const char *text;
    } own[] = {
        {"service.name", segment->function_name},
        {"faas.name", segment->function_name},
        {"faas.version", segment->executed_version},
        {"faas.instance", segment->log_stream_name},
        {"cloud.region", arn_field(segment->function_arn, 3, region)},
        {"cloud.account.id", arn_field(segment->function_arn, 4, account)},
    };
    json_t *list = json_array();
    bool done = list != NULL;
    for (size_t i = 0; done && i < exporter->resource_count; i++)
        done = add(list, exporter->resource[i].name, "stringValue", text_of(exporter, exporter->resource[i].value));
    for (size_t i = 0; done && i < sizeof(own) / sizeof(own[0]); i++)
        done = is_given(exporter, own[i].key) || add_text(exporter, list, own[i].key, own[i].text);
    if (done && !is_given(exporter, "faas.max_memory") && segment->memory_size > 0)
        done = add_integer(list, "faas.max_memory", (int64_t)segment->memory_size * 1048576);
    if (done && !is_given(exporter, "aws.log.group.names"))
        done = add_texts(exporter, list, "aws.log.group.names", segment->log_group_name);
    if (done && !is_given(exporter, "aws.log.stream.names"))
        done = add_texts(exporter, list, "aws.log.stream.names", segment->log_stream_name);
    if (done) return list;
    json_decref(list);
    return NULL;
}

/* ---- spans */

/** The attributes that only an invocation has. */
static bool add_invocation(lambda__otlp_exporter *exporter, json_t *list, const lambda_trace_segment *segment)
{
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(segment->request_id, id);
    return add_text(exporter, list, "faas.invocation_id", id) &&
           add(list, "faas.coldstart", "boolValue", json_boolean(segment->cold_start)) &&
           add_text(exporter, list, "cloud.resource_id", segment->function_arn) &&
           add_text(exporter, list, "aws.lambda.invoked_arn", segment->function_arn) &&
           (segment->spans_dropped == 0 || add_integer(list, "lambda.spans_dropped", (int64_t)segment->spans_dropped));
}

static bool add_call(lambda__otlp_exporter *exporter, json_t *list, const lambda_trace_segment *segment,
                     const lambda_trace_span *span)
{
    char region[64];
    return add_text(exporter, list, "faas.invoked_name", span->name) &&
           add_text(exporter, list, "faas.invoked_region", arn_field(segment->function_arn, 3, region));
}

static bool failed(const lambda_trace_span *span)
{
    return span->error || span->throttle || span->fault;
}

static json_t *attributes_of(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment, size_t index)
{
    const lambda_trace_span *span = &segment->spans[index];
    json_t *list = json_array();
    bool done = list != NULL;
    if (index == 0) done = done && add_invocation(exporter, list, segment);
    if (span->kind == LAMBDA_TRACE_CALL) done = done && add_call(exporter, list, segment, span);
    if (failed(span))
        done = done && add_text(exporter, list, "error.type", span->error_type[0] ? span->error_type : "_OTHER");
    for (size_t i = 0; done && i < segment->annotations_count; i++)
        if (segment->annotations[i].span == index) done = add_annotation(exporter, list, &segment->annotations[i]);
    if (done) return list;
    json_decref(list);
    return NULL;
}

/** What failed, as an event at the span's end; no event where nothing is known of it. */
static json_t *events_of(lambda__otlp_exporter *exporter, const lambda_trace_span *span)
{
    json_t *events = json_array();
    if (!events || (!span->error_type[0] && !span->error_message[0])) return events;
    json_t *list = json_array();
    bool done = list && add_text(exporter, list, "exception.type", span->error_type) &&
                add_text(exporter, list, "exception.message", span->error_message);
    if (done)
        done = json_array_append_new(events, json_pack("{s:o, s:s, s:O}", "timeUnixNano", nanoseconds(span->end_ns),
                                                       "name", "exception", "attributes", list)) == 0;
    json_decref(list);
    if (done) return events;
    json_decref(events);
    return NULL;
}

static int kind_of(const lambda_trace_span *span)
{
    if (span->kind == LAMBDA_TRACE_FUNCTION) return KIND_SERVER;
    if (span->kind != LAMBDA_TRACE_CALL) return KIND_INTERNAL;
    return span->asynchronous ? KIND_PRODUCER : KIND_CLIENT;
}

static json_t *span_of(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment, size_t index)
{
    const lambda_trace_span *span = &segment->spans[index];
    char trace[33];
    snprintf(trace, sizeof(trace), "%016" PRIx64 "%016" PRIx64, segment->trace_id.high, segment->trace_id.low);
    json_t *made =
        json_pack("{s:s, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o}", "traceId", trace, "spanId", id_of(span->id), "flags",
                  1, "name", text_of(exporter, span->name), "kind", kind_of(span), "startTimeUnixNano",
                  nanoseconds(span->start_ns), "endTimeUnixNano", nanoseconds(span->end_ns), "attributes",
                  attributes_of(exporter, segment, index), "events", events_of(exporter, span));
    uint64_t parent = segment->parent_id;
    if (index > 0) parent = segment->spans[span->parent < index ? span->parent : 0].id;
    bool done = made && (parent == 0 || json_object_set_new(made, "parentSpanId", id_of(parent)) == 0);
    if (failed(span)) {
        json_t *status =
            json_pack("{s:i, s:o}", "code", STATUS_ERROR, "message", text_of(exporter, span->error_message));
        done = done ? json_object_set_new(made, "status", status) == 0 : (json_decref(status), false);
    }
    if (done) return made;
    json_decref(made);
    return NULL;
}

static json_t *spans_of(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment)
{
    json_t *list = json_array();
    bool done = list != NULL;
    for (size_t i = 0; done && i < segment->spans_count; i++)
        done = json_array_append_new(list, span_of(exporter, segment, i)) == 0;
    if (done) return list;
    json_decref(list);
    return NULL;
}

static int write_text(const char *data, size_t length, void *user)
{
    return lambda__otlp_append(user, data, length) ? 0 : -1;
}

bool lambda__otlp_document(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment)
{
    const size_t before = exporter->body.length;
    json_t *made = json_pack("{s:{s:o}, s:[{s:{s:s, s:s}, s:o}]}", "resource", "attributes",
                             resource_of(exporter, segment), "scopeSpans", "scope", "name", "liblambda", "version",
                             LAMBDA_VERSION_TEXT, "spans", spans_of(exporter, segment));
    bool done = made && json_dump_callback(made, write_text, exporter, JSON_COMPACT) == 0;
    if (!done) exporter->body.length = before;
    json_decref(made);
    return done;
}
