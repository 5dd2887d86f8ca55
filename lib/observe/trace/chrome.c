/*
 * A picture of segments in Chrome's trace event format
 * (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): a process a function, a row an environment, a
 * bar a span, an arrow from each call to what it led to.
 *
 * - Bars of a row must nest. An environment has one invocation at a time, but the overhead of one may last into the next: what begins
 *   before its row is free gets another row, "STREAM (2)". Within a segment, spans are cut to what they stand in.
 * - Times count from the first segment: readers hold them in a double, which for microseconds since 1970 would not hold the fractions.
 *   When that was stands in "otherData".
 * - Arrows come last: only then it is known which have both ends.
 */
#include "observe/trace/chrome.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/** Most characters of a text in the picture. */
#define TEXT_MAX_CHARACTERS 4096

/** A span as it is drawn. */
typedef struct bar {
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t free_ns; /* where the next one within it may begin */
} bar;

/** Notes the first failure. */
static void fail(lambda__chrome *chrome, lambda_status status)
{
    if (chrome->status == LAMBDA_OK) chrome->status = status;
}

/** Hands over what was built. */
static void hand_over(lambda__chrome *chrome)
{
    lambda__json_text *text = &chrome->text;
    if (text->failed) fail(chrome, lambda__out_of_memory(NULL));
    if (chrome->status == LAMBDA_OK && text->buffer.length > 0)
        fail(chrome, chrome->write(chrome->user, text->buffer.data, text->buffer.length));
    text->buffer.length = 0;
}

/* ---- names */

static uint64_t hash_of(const char *key, size_t length)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/** The slot of a key, or the free one where it would stand. There is a free one. */
static lambda__chrome_name *slot_of(const lambda__chrome *chrome, uint64_t hash, const char *key, size_t length)
{
    for (size_t at = (size_t)hash;; at++) {
        lambda__chrome_name *slot = &chrome->names[at & (chrome->names_capacity - 1)];
        if (!slot->key) return slot;
        if (slot->hash == hash && slot->length == length && memcmp(slot->key, key, length) == 0) return slot;
    }
}

static bool grow_names(lambda__chrome *chrome)
{
    if (chrome->names_count < chrome->names_capacity / 2) return true;
    lambda__chrome larger = *chrome;
    larger.names_capacity = chrome->names_capacity > 0 ? chrome->names_capacity * 2 : 64;
    larger.names = lambda__allocate_zeroed(chrome->base, larger.names_capacity * sizeof(*larger.names));
    if (!larger.names) return false;
    for (size_t i = 0; i < chrome->names_capacity; i++) {
        const lambda__chrome_name *name = &chrome->names[i];
        if (name->key) *slot_of(&larger, name->hash, name->key, name->length) = *name;
    }
    lambda__release(chrome->base, chrome->names);
    chrome->names = larger.names;
    chrome->names_capacity = larger.names_capacity;
    return true;
}

/** The name of that key; a new one has the next number, and `*made` says so. NULL where memory is out. Good until the next call. */
static lambda__chrome_name *name_of(lambda__chrome *chrome, const char *key, size_t length, bool *made)
{
    *made = false;
    if (!grow_names(chrome)) return NULL;
    uint64_t hash = hash_of(key, length);
    lambda__chrome_name *name = slot_of(chrome, hash, key, length);
    if (name->key) return name;
    char *copy = lambda__duplicate_bytes(chrome->base, key, length);
    if (!copy) return NULL;
    *made = true;
    chrome->names_count++;
    *name = (lambda__chrome_name){.hash = hash, .key = copy, .length = length, .number = (uint32_t)chrome->names_count};
    return name;
}

/* ---- events */

/** Begins an event: its name, what it is, and where. */
static void begin_event(lambda__chrome *chrome, const char *name, char phase, uint32_t process, uint32_t row)
{
    lambda__json_text *text = &chrome->text;
    lambda__build(text, chrome->begun ? ",\n{\"name\":" : "\n{\"name\":");
    chrome->begun = true;
    lambda__build_string(text, name, TEXT_MAX_CHARACTERS);
    lambda__build_format(text, ",\"ph\":\"%c\",\"pid\":%u,\"tid\":%u", phase, (unsigned)process, (unsigned)row);
}

/** Microseconds, and what is less of it. */
static void add_time(lambda__json_text *text, const char *key, uint64_t ns)
{
    lambda__build_format(text, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
}

/** When something was, on the picture's clock; not before its zero. */
static uint64_t since_origin(const lambda__chrome *chrome, uint64_t time_ns)
{
    return time_ns > chrome->origin_ns ? time_ns - chrome->origin_ns : 0;
}

static void add_text(lambda__json_text *text, const char *key, const char *value)
{
    if (!value[0]) return;
    lambda__build_format(text, ",\"%s\":", key);
    lambda__build_string(text, value, TEXT_MAX_CHARACTERS);
}

/** Names a process or a row, in the way of the format. */
static void add_name(lambda__chrome *chrome, const char *what, uint32_t process, uint32_t row, const char *name,
                     unsigned lane)
{
    lambda__json_text *text = &chrome->text;
    lambda__json_text label = {.base = chrome->base};
    lambda__build(&label, name);
    if (lane > 1) lambda__build_format(&label, " (%u)", lane);
    begin_event(chrome, what, 'M', process, row);
    lambda__build(text, ",\"args\":{\"name\":");
    if (!label.failed) lambda__build_string(text, label.buffer.data, TEXT_MAX_CHARACTERS);
    text->failed = text->failed || label.failed;
    lambda__build(text, "}}");
    lambda__buffer_clear(chrome->base, &label.buffer);
}

/** Finds the process and the row that a segment is drawn in, and has the row taken until it ends. False where memory is out. */
static bool find_row(lambda__chrome *chrome, const lambda_trace_segment *segment, uint64_t start_ns, uint64_t end_ns,
                     uint32_t *process, uint32_t *row)
{
    bool made;
    lambda__chrome_name *name = name_of(chrome, segment->function_name, strlen(segment->function_name), &made);
    if (!name) return false;
    *process = name->number;
    if (made) add_name(chrome, "process_name", *process, 0, segment->function_name, 1);
    const char *stream = segment->log_stream_name[0] ? segment->log_stream_name : "no environment";
    lambda__json_text key = {.base = chrome->base};
    bool found = false;
    for (unsigned lane = 1; !found; lane++) {
        key.buffer.length = 0;
        lambda__build_format(&key, "%u\n%u\n", (unsigned)*process, lane);
        lambda__build(&key, stream);
        name = key.failed ? NULL : name_of(chrome, key.buffer.data, key.buffer.length, &made);
        if (!name) break;
        found = made || name->end_ns <= start_ns;
        if (made) add_name(chrome, "thread_name", *process, name->number, stream, lane);
    }
    if (found) {
        *row = name->number;
        name->end_ns = end_ns;
    }
    lambda__buffer_clear(chrome->base, &key.buffer);
    return found;
}

/** Cuts spans to what they stand in, and to where one that stands there already ends. */
static void lay_out(const lambda_trace_segment *segment, bar *bars)
{
    for (size_t i = 0; i < segment->spans_count; i++) {
        const lambda_trace_span *span = &segment->spans[i];
        uint64_t start = span->start_ns;
        uint64_t end = span->end_ns > start ? span->end_ns : start;
        if (i > 0) {
            bar *parent = &bars[span->parent < i ? span->parent : 0];
            if (start < parent->free_ns) start = parent->free_ns;
            if (start > parent->end_ns) start = parent->end_ns;
            if (end > parent->end_ns) end = parent->end_ns;
            if (end < start) end = start;
            parent->free_ns = end;
        }
        bars[i] = (bar){.start_ns = start, .end_ns = end, .free_ns = start};
    }
}

static const char *category(lambda_trace_span_kind kind)
{
    static const char *const names[] = {"function", "initialization", "invocation", "overhead", "subsegment", "call"};
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "span";
}

static void add_annotations(lambda__json_text *text, const lambda_trace_segment *segment, size_t index)
{
    const char *before = ",\"annotations\":{";
    for (size_t i = 0; i < segment->annotations_count; i++) {
        const lambda_trace_annotation *annotation = &segment->annotations[i];
        if (annotation->span != index) continue;
        lambda__build(text, before);
        before = ",";
        lambda__build_string(text, annotation->key, TEXT_MAX_CHARACTERS);
        lambda__build(text, ":");
        if (annotation->kind == LAMBDA_TRACE_STRING)
            lambda__build_string(text, annotation->value.string, TEXT_MAX_CHARACTERS);
        else if (annotation->kind == LAMBDA_TRACE_INTEGER)
            lambda__build_format(text, "%lld", (long long)annotation->value.integer);
        else if (annotation->kind == LAMBDA_TRACE_REAL)
            lambda__build_real(text, annotation->value.real);
        else
            lambda__build(text, annotation->value.boolean ? "true" : "false");
    }
    if (before[1] == '\0') lambda__build(text, "}");
}

/** What is told of a segment where its first bar is looked at. */
static void add_segment_facts(lambda__json_text *text, const lambda_trace_segment *segment)
{
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(segment->request_id, id);
    add_text(text, "request_id", id);
    lambda__build_format(text, ",\"trace_id\":\"%016llx%016llx\"", (unsigned long long)segment->trace_id.high,
                         (unsigned long long)segment->trace_id.low);
    add_text(text, "function_arn", segment->function_arn);
    add_text(text, "executed_version", segment->executed_version);
    add_text(text, "log_group", segment->log_group_name);
    lambda__build_format(text, ",\"memory_size\":%u,\"cold_start\":%s", (unsigned)segment->memory_size,
                         segment->cold_start ? "true" : "false");
    if (segment->spans_dropped > 0) lambda__build_format(text, ",\"spans_dropped\":%zu", segment->spans_dropped);
}

static void add_bar(lambda__chrome *chrome, const lambda_trace_segment *segment, size_t index, const bar *drawn,
                    uint32_t process, uint32_t row)
{
    const lambda_trace_span *span = &segment->spans[index];
    lambda__json_text *text = &chrome->text;
    bool failed = span->error || span->throttle || span->fault;
    begin_event(chrome, span->name, 'X', process, row);
    add_time(text, "ts", since_origin(chrome, drawn->start_ns));
    add_time(text, "dur", since_origin(chrome, drawn->end_ns) - since_origin(chrome, drawn->start_ns));
    lambda__build_format(text, ",\"cat\":\"%s\"%s,\"args\":{\"id\":\"%016llx\"", category(span->kind),
                         failed ? ",\"cname\":\"terrible\"" : "", (unsigned long long)span->id);
    if (index == 0) add_segment_facts(text, segment);
    if (span->asynchronous) lambda__build(text, ",\"asynchronous\":true");
    if (span->error) lambda__build(text, ",\"error\":true");
    if (span->throttle) lambda__build(text, ",\"throttle\":true");
    if (span->fault) lambda__build(text, ",\"fault\":true");
    add_text(text, "error_type", span->error_type);
    add_text(text, "error_message", span->error_message);
    add_annotations(text, segment, index);
    lambda__build(text, "}}");
}

/** Notes one end of an arrow. */
static bool add_point(lambda__chrome *chrome, lambda__chrome_points *points, lambda__chrome_point point)
{
    if (!lambda__array_reserve(chrome->base, (void **)&points->items, &points->capacity, points->count,
                               sizeof(*points->items)))
        return false;
    points->items[points->count++] = point;
    return true;
}

static bool draw(lambda__chrome *chrome, const lambda_trace_segment *segment, const bar *bars)
{
    lambda__chrome_point point = {.trace_id = segment->trace_id};
    if (!find_row(chrome, segment, bars[0].start_ns, bars[0].end_ns, &point.process, &point.row)) return false;
    for (size_t i = 0; i < segment->spans_count && !chrome->text.failed; i++) {
        add_bar(chrome, segment, i, &bars[i], point.process, point.row);
        point.time_ns = bars[i].start_ns;
        point.call_id = i == 0 ? segment->parent_id : segment->spans[i].id;
        bool call = segment->spans[i].kind == LAMBDA_TRACE_CALL;
        if (i == 0 && point.call_id && !add_point(chrome, &chrome->arrivals, point)) return false;
        if (i > 0 && call && !add_point(chrome, &chrome->calls, point)) return false;
    }
    return true;
}

/* ---- the picture */

void lambda__chrome_begin(lambda__chrome *chrome, lambda__base *base, lambda_writer *write, void *user)
{
    *chrome = (lambda__chrome){.base = base, .write = write, .user = user, .text = {.base = base}};
    lambda__build(&chrome->text, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    hand_over(chrome);
}

bool lambda__chrome_take(void *user, const lambda_trace_segment *segment)
{
    lambda__chrome *chrome = user;
    if (chrome->status != LAMBDA_OK) return false;
    if (segment->spans_count == 0) return true;
    if (!chrome->begun) chrome->origin_ns = segment->spans[0].start_ns;
    bar *bars = lambda__allocate(chrome->base, segment->spans_count * sizeof(*bars));
    if (!bars) {
        fail(chrome, lambda__out_of_memory(NULL));
        return false;
    }
    lay_out(segment, bars);
    if (!draw(chrome, segment, bars)) fail(chrome, lambda__out_of_memory(NULL));
    lambda__release(chrome->base, bars);
    hand_over(chrome);
    return chrome->status == LAMBDA_OK;
}

static int compare_points(const void *left, const void *right)
{
    const lambda__chrome_point *a = left;
    const lambda__chrome_point *b = right;
    if (a->call_id != b->call_id) return a->call_id < b->call_id ? -1 : 1;
    if (a->trace_id.high != b->trace_id.high) return a->trace_id.high < b->trace_id.high ? -1 : 1;
    return a->trace_id.low < b->trace_id.low ? -1 : a->trace_id.low > b->trace_id.low;
}

/** One end of the arrow of that number. */
static void add_arrow(lambda__chrome *chrome, char phase, const lambda__chrome_point *point, size_t number)
{
    begin_event(chrome, "invoke", phase, point->process, point->row);
    add_time(&chrome->text, "ts", since_origin(chrome, point->time_ns));
    lambda__build_format(&chrome->text, ",\"cat\":\"invoke\",\"id\":%zu%s}", number,
                         phase == 'f' ? ",\"bp\":\"e\"" : "");
}

lambda_status lambda__chrome_end(lambda__chrome *chrome)
{
    lambda__chrome_points *calls = &chrome->calls;
    size_t arrows = 0;
    if (calls->count > 0) qsort(calls->items, calls->count, sizeof(*calls->items), compare_points);
    for (size_t i = 0; i < chrome->arrivals.count && calls->count > 0 && chrome->status == LAMBDA_OK; i++) {
        const lambda__chrome_point *to = &chrome->arrivals.items[i];
        const lambda__chrome_point *from =
            bsearch(to, calls->items, calls->count, sizeof(*calls->items), compare_points);
        if (!from) continue;
        arrows++;
        add_arrow(chrome, 's', from, arrows);
        add_arrow(chrome, 'f', to, arrows);
        hand_over(chrome);
    }
    lambda__build_format(&chrome->text, "\n],\"otherData\":{\"origin_ns\":\"%llu\"}}\n",
                         (unsigned long long)chrome->origin_ns);
    hand_over(chrome);
    for (size_t i = 0; i < chrome->names_capacity; i++)
        lambda__release(chrome->base, chrome->names[i].key);
    lambda__release(chrome->base, chrome->names);
    lambda__release(chrome->base, calls->items);
    lambda__release(chrome->base, chrome->arrivals.items);
    lambda__buffer_clear(chrome->base, &chrome->text.buffer);
    return chrome->status;
}

lambda_status lambda_trace_write_chrome(lambda_trace_ring *ring, lambda_trace_id trace_id, lambda_writer *write,
                                        void *user)
{
    lambda__chrome chrome;
    if (!ring) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "ring: is NULL");
    if (!write) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "write: is NULL");
    lambda__chrome_begin(&chrome, lambda__base_without_service(), write, user);
    if (chrome.status == LAMBDA_OK) fail(&chrome, lambda_trace_ring_read(ring, trace_id, lambda__chrome_take, &chrome));
    return lambda__chrome_end(&chrome);
}
