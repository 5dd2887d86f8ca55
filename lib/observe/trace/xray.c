/*
 * X-Ray's segment documents: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html. An invocation gives two, as
 * Lambda's do (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html): the service's, "AWS::Lambda", and within it the
 * function's, "AWS::Lambda::Function", with its spans as subsegments.
 *
 * The tree of spans is walked with links, not by recursion: how deep it is, is for handlers to say.
 */
#include "observe/trace/xray.h"

#include <string.h>

#include "base/error.h"
#include "base/json_build.h"
#include "base/memory.h"

/** Characters of X-Ray's names and of annotations' values; of a message, this library's own bound. */
#define NAME_MAX_CHARACTERS       200
#define ANNOTATION_MAX_CHARACTERS 1000
#define MESSAGE_MAX_CHARACTERS    4096
#define TEXT_MAX_CHARACTERS       512

/** What a span's own annotations leave of a limit for the rest of its fields, and what a document of its own has besides those. */
#define REST_SIZE  8192
#define APART_SIZE 160

#define NONE UINT32_MAX

/** Where a span stands in the tree. */
typedef struct place {
    uint32_t parent;
    uint32_t first; /* of its children, in order, NONE for none */
    uint32_t last;
    uint32_t next; /* child of the same parent */
    bool apart;    /* is a document of its own */
    size_t size;   /* bytes at most, with all that stands in it */
} place;

typedef struct xray {
    const lambda_trace_segment *segment;
    size_t limit;
    place *places;
    lambda__json_text text;
} xray;

/* ---- pieces */

/** A name of characters that X-Ray takes: every other one becomes a `_`, an empty one too. */
static void write_name(lambda__json_text *text, const char *name)
{
    char taken[NAME_MAX_CHARACTERS + 1];
    size_t length = strlen(name);
    size_t count = 0;
    for (size_t at = 0; at < length && count < NAME_MAX_CHARACTERS;) {
        char c = name[at];
        bool known = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr(" _.:/%&#=+\\-@", c) != NULL;
        size_t size = lambda__utf8_length(name + at, length - at);
        if (!known) c = '_';
        taken[count++] = c;
        at += size > 0 ? size : 1;
    }
    if (count == 0) taken[count++] = '_';
    taken[count] = '\0';
    lambda__build_string(text, taken, NAME_MAX_CHARACTERS);
}

static void write_id(lambda__json_text *text, const char *key, uint64_t id)
{
    lambda__build_format(text, "\"%s\":\"%016llx\"", key, (unsigned long long)id);
}

static void write_trace_id(lambda__json_text *text, lambda_trace_id id)
{
    lambda__build_format(text, ",\"trace_id\":\"1-%08llx-%08llx%016llx\"", (unsigned long long)(id.high >> 32),
                         (unsigned long long)(id.high & 0xFFFFFFFF), (unsigned long long)id.low);
}

/** Seconds, to the microsecond: more no number of 64 bits holds. */
static void write_times(lambda__json_text *text, uint64_t start_ns, uint64_t end_ns)
{
    const unsigned long long start = start_ns / 1000;
    const unsigned long long end = end_ns / 1000;
    lambda__build_format(text, ",\"start_time\":%llu.%06llu,\"end_time\":%llu.%06llu", start / 1000000, start % 1000000,
                         end / 1000000, end % 1000000);
}

static void write_text(lambda__json_text *text, const char *key, const char *value)
{
    lambda__build_format(text, "\"%s\":", key);
    lambda__build_string(text, value, TEXT_MAX_CHARACTERS);
}

/** A field of an ARN, counted from 0; where there is none, nothing is written. */
static void write_arn_field(lambda__json_text *text, const char *key, const char *arn, int field)
{
    char value[64];
    for (; field > 0 && *arn; field--) {
        const char *colon = strchr(arn, ':');
        arn = colon ? colon + 1 : "";
    }
    size_t length = strcspn(arn, ":");
    if (length == 0 || length >= sizeof(value)) return;
    memcpy(value, arn, length);
    value[length] = '\0';
    write_text(text, key, value);
    lambda__build(text, ",");
}

static void write_flags(lambda__json_text *text, const lambda_trace_span *span)
{
    if (span->error) lambda__build(text, ",\"error\":true");
    if (span->throttle) lambda__build(text, ",\"throttle\":true");
    if (span->fault) lambda__build(text, ",\"fault\":true");
}

/** The exception's id is unique in the trace as the span's is: it is that, with every bit the other way. */
static void write_cause(lambda__json_text *text, const lambda_trace_span *span)
{
    if (!span->error_type[0] && !span->error_message[0]) return;
    lambda__build(text, ",\"cause\":{\"exceptions\":[{");
    write_id(text, "id", ~span->id);
    lambda__build(text, ",\"type\":");
    lambda__build_string(text, span->error_type[0] ? span->error_type : "Error", TEXT_MAX_CHARACTERS);
    lambda__build(text, ",\"message\":");
    lambda__build_string(text, span->error_message, MESSAGE_MAX_CHARACTERS);
    lambda__build(text, "}]}");
}

static void write_annotation(lambda__json_text *text, const lambda_trace_annotation *annotation)
{
    lambda__build_string(text, annotation->key, TEXT_MAX_CHARACTERS);
    lambda__build(text, ":");
    switch (annotation->kind) {
    case LAMBDA_TRACE_STRING:
        lambda__build_string(text, annotation->value.string, ANNOTATION_MAX_CHARACTERS);
        break;
    case LAMBDA_TRACE_INTEGER:
        lambda__build_format(text, "%lld", (long long)annotation->value.integer);
        break;
    case LAMBDA_TRACE_REAL:
        lambda__build_real(text, annotation->value.real);
        break;
    case LAMBDA_TRACE_BOOLEAN:
        lambda__build(text, annotation->value.boolean ? "true" : "false");
        break;
    }
}

/** A span's annotations, as many as there is room for from where the span begins. How many there was none for. */
static size_t write_annotations(xray *x, uint32_t index, size_t begin)
{
    const lambda_trace_segment *segment = x->segment;
    lambda__buffer *buffer = &x->text.buffer;
    const char *before = ",\"annotations\":{";
    size_t dropped = 0;
    for (size_t i = 0; i < segment->annotations_count && !x->text.failed; i++) {
        if (segment->annotations[i].span != index) continue;
        const size_t length = buffer->length;
        lambda__build(&x->text, before);
        write_annotation(&x->text, &segment->annotations[i]);
        if (x->limit > 0 && buffer->length - begin > x->limit - REST_SIZE) {
            buffer->length = length;
            buffer->data[length] = '\0';
            dropped++;
        } else {
            before = ",";
        }
    }
    if (before[1] == '\0') lambda__build(&x->text, "}");
    return dropped;
}

/* ---- the fields of a span but for its subsegments */

static void write_call(lambda__json_text *text, const lambda_trace_segment *segment, const lambda_trace_span *span)
{
    lambda__build(text, ",\"namespace\":\"aws\",\"aws\":{\"operation\":\"Invoke\",");
    write_arn_field(text, "region", segment->function_arn, 3);
    write_text(text, "function_name", span->name);
    lambda__build_format(text, ",\"invocation_type\":\"%s\"}", span->asynchronous ? "Event" : "RequestResponse");
}

static void write_aws(lambda__json_text *text, const lambda_trace_segment *segment)
{
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(segment->request_id, id);
    lambda__build(text, ",\"aws\":{");
    write_arn_field(text, "account_id", segment->function_arn, 4);
    write_text(text, "function_arn", segment->function_arn);
    lambda__build(text, ",");
    write_text(text, "request_id", id);
    lambda__build(text, ",\"resource_names\":[");
    lambda__build_string(text, segment->function_name, TEXT_MAX_CHARACTERS);
    lambda__build(text, "]");
    if (segment->log_group_name[0]) {
        lambda__build(text, ",\"cloudwatch_logs\":[{");
        write_text(text, "log_group", segment->log_group_name);
        lambda__build(text, "}]");
    }
    lambda__build(text, "}");
}

/** What X-Ray keeps and does not look into: of the function's segment what there is no field for, of all what was left out. */
static void write_metadata(xray *x, uint32_t index, size_t annotations_dropped)
{
    const lambda_trace_segment *segment = x->segment;
    lambda__json_text *text = &x->text;
    if (index > 0 && annotations_dropped == 0) return;
    lambda__build(text, ",\"metadata\":{\"lambda\":{");
    if (index == 0) {
        write_text(text, "executed_version", segment->executed_version);
        lambda__build(text, ",");
        write_text(text, "log_stream", segment->log_stream_name);
        lambda__build_format(text, ",\"memory_size\":%u,\"cold_start\":%s", (unsigned)segment->memory_size,
                             segment->cold_start ? "true" : "false");
        if (segment->spans_dropped > 0) lambda__build_format(text, ",\"spans_dropped\":%zu", segment->spans_dropped);
        if (annotations_dropped > 0) lambda__build(text, ",");
    }
    if (annotations_dropped > 0) lambda__build_format(text, "\"annotations_dropped\":%zu", annotations_dropped);
    lambda__build(text, "}}");
}

/** Begins a span: all of it but its subsegments and the end. `apart`: as a document of its own. */
static void open_span(xray *x, uint32_t index, bool apart)
{
    const lambda_trace_segment *segment = x->segment;
    const lambda_trace_span *span = &segment->spans[index];
    lambda__json_text *text = &x->text;
    const size_t begin = text->buffer.length;
    lambda__build(text, "{\"name\":");
    write_name(text, span->kind == LAMBDA_TRACE_CALL ? "Lambda" : index == 0 ? segment->function_name : span->name);
    lambda__build(text, ",");
    write_id(text, "id", span->id);
    write_times(text, span->start_ns, span->end_ns);
    if (apart) {
        write_trace_id(text, segment->trace_id);
        lambda__build(text, ",");
        write_id(text, "parent_id", index == 0 ? segment->service_id : segment->spans[x->places[index].parent].id);
        lambda__build(text, index == 0 ? ",\"origin\":\"AWS::Lambda::Function\"" : ",\"type\":\"subsegment\"");
    }
    if (index == 0) {
        lambda__build(text, ",");
        write_text(text, "resource_arn", segment->function_arn);
        write_aws(text, segment);
    }
    if (span->kind == LAMBDA_TRACE_CALL) write_call(text, segment, span);
    write_flags(text, span);
    write_cause(text, span);
    write_metadata(x, index, write_annotations(x, index, begin));
}

/** The segment of the service, within which the function's stands. */
static void write_service(lambda__json_text *text, const lambda_trace_segment *segment)
{
    const lambda_trace_span *span = &segment->spans[0];
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(segment->request_id, id);
    lambda__build(text, "{\"name\":");
    write_name(text, segment->function_name);
    lambda__build(text, ",");
    write_id(text, "id", segment->service_id);
    write_times(text, span->start_ns, span->end_ns);
    write_trace_id(text, segment->trace_id);
    if (segment->parent_id) {
        lambda__build(text, ",");
        write_id(text, "parent_id", segment->parent_id);
    }
    lambda__build(text, ",\"origin\":\"AWS::Lambda\",");
    write_text(text, "resource_arn", segment->function_arn);
    lambda__build(text, ",\"aws\":{");
    write_text(text, "request_id", id);
    lambda__build(text, "}");
    write_flags(text, span);
    lambda__build(text, "}");
}

/* ---- the tree */

static void link_places(xray *x)
{
    for (uint32_t i = 0; i < (uint32_t)x->segment->spans_count; i++) {
        place *own = &x->places[i];
        uint32_t parent = x->segment->spans[i].parent;
        if (parent >= i) parent = 0;
        *own = (place){.parent = parent, .first = NONE, .last = NONE, .next = NONE, .apart = i == 0};
        if (i == 0) continue;
        place *above = &x->places[parent];
        if (above->last == NONE)
            above->first = i;
        else
            x->places[above->last].next = i;
        above->last = i;
    }
}

/** The next child of the same parent, from `child` on, that stands in its parent's document. */
static uint32_t inside(const xray *x, uint32_t child)
{
    while (child != NONE && x->places[child].apart)
        child = x->places[child].next;
    return child;
}

/** A document: a span that stands apart, with all in it that does not. */
static void write_tree(xray *x, uint32_t root)
{
    uint32_t at = root;
    open_span(x, root, true);
    for (uint32_t down = inside(x, x->places[root].first);;) {
        if (down != NONE) {
            lambda__build(&x->text, ",\"subsegments\":[");
            at = down;
            open_span(x, at, false);
            down = inside(x, x->places[at].first);
            continue;
        }
        lambda__build(&x->text, "}");
        if (at == root) return;
        uint32_t next = inside(x, x->places[at].next);
        while (next == NONE) {
            at = x->places[at].parent;
            lambda__build(&x->text, "]}");
            if (at == root) return;
            next = inside(x, x->places[at].next);
        }
        lambda__build(&x->text, ",");
        at = next;
        open_span(x, at, false);
        down = inside(x, x->places[at].first);
    }
}

/** Takes children out of a span, the largest first, until it fits. */
static void thin(xray *x, uint32_t index)
{
    place *own = &x->places[index];
    while (own->size > x->limit) {
        uint32_t largest = NONE;
        for (uint32_t child = inside(x, own->first); child != NONE; child = inside(x, x->places[child].next))
            if (largest == NONE || x->places[child].size > x->places[largest].size) largest = child;
        if (largest == NONE) return;
        x->places[largest].apart = true;
        own->size -= x->places[largest].size;
    }
}

/** Decides which spans become documents of their own. Children stand behind their parents: they are decided first. */
static void split(xray *x)
{
    for (uint32_t i = (uint32_t)x->segment->spans_count; i-- > 0 && !x->text.failed;) {
        x->text.buffer.length = 0;
        open_span(x, i, false);
        place *own = &x->places[i];
        own->size = x->text.buffer.length + APART_SIZE;
        for (uint32_t child = own->first; child != NONE; child = x->places[child].next)
            own->size += x->places[child].apart ? 0 : x->places[child].size;
        thin(x, i);
    }
}

/** Hands over what was written, and begins anew. */
static lambda_status hand_over(xray *x, lambda_writer *write, void *user)
{
    lambda__buffer *buffer = &x->text.buffer;
    if (x->text.failed) return lambda__out_of_memory(NULL);
    if (x->limit > 0 && buffer->length > x->limit)
        return lambda__fail(NULL, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                            "segment: a span of %zu bytes cannot be made to fit into %zu", buffer->length, x->limit);
    lambda_status status = write(user, buffer->data, buffer->length);
    buffer->length = 0;
    return status;
}

static lambda_status write_documents(xray *x, lambda_writer *write, void *user)
{
    write_service(&x->text, x->segment);
    lambda_status status = hand_over(x, write, user);
    if (status != LAMBDA_OK) return status;
    write_tree(x, 0);
    if (x->limit == 0 || x->text.buffer.length <= x->limit) return hand_over(x, write, user);
    split(x);
    for (uint32_t i = 0; i < (uint32_t)x->segment->spans_count && status == LAMBDA_OK; i++) {
        if (!x->places[i].apart) continue;
        x->text.buffer.length = 0;
        write_tree(x, i);
        status = hand_over(x, write, user);
    }
    return status;
}

lambda_status lambda__xray_write(lambda__base *base, const lambda_trace_segment *segment, size_t limit,
                                 lambda_writer *write, void *user)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!segment) return lambda__fail(NULL, invalid, "segment: is NULL");
    if (!write) return lambda__fail(NULL, invalid, "write: is NULL");
    if (segment->spans_count == 0 || segment->spans_count >= NONE)
        return lambda__fail(NULL, invalid, "segment: has %zu spans", segment->spans_count);
    xray x = {.segment = segment, .limit = limit, .text = {.base = base}};
    x.places = lambda__allocate(base, segment->spans_count * sizeof(*x.places));
    if (!x.places) return lambda__out_of_memory(NULL);
    link_places(&x);
    lambda_status status = write_documents(&x, write, user);
    lambda__buffer_clear(base, &x.text.buffer);
    lambda__release(base, x.places);
    return status;
}

lambda_status lambda_trace_write_xray(const lambda_trace_segment *segment, lambda_writer *write, void *user)
{
    return lambda__xray_write(lambda__base_without_service(), segment, 0, write, user);
}
