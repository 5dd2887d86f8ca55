/* Making an exporter, and collecting segments into batches. */
#include "exporter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lambda/port/runtime.h>

#define BODY_BEGIN "{\"resourceSpans\":["
#define BODY_END   "]}"

/* ---- memory */

static void *system_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *system_reallocate(void *user, void *memory, size_t size)
{
    (void)user;
    return realloc(memory, size);
}

static void system_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static void *allocate(const lambda_allocator *allocator, size_t size)
{
    void *memory = allocator->allocate(allocator->user, size);
    if (memory) memset(memory, 0, size);
    return memory;
}

static void release(const lambda_allocator *allocator, const void *memory)
{
    if (memory) allocator->release(allocator->user, (void *)(uintptr_t)memory);
}

static char *duplicate(const lambda_allocator *allocator, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = allocate(allocator, size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

bool lambda__otlp_append(lambda__otlp_exporter *exporter, const char *data, size_t length)
{
    lambda__otlp_text *text = &exporter->body;
    if (text->capacity - text->length < length) {
        size_t capacity = text->capacity > 0 ? text->capacity : 16384;
        while (capacity - text->length < length)
            capacity *= 2;
        char *grown = exporter->allocator.reallocate(exporter->allocator.user, text->data, capacity);
        if (!grown) return false;
        text->data = grown;
        text->capacity = capacity;
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
    return true;
}

static lambda_status out_of_memory(void)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

/* ---- batches */

/** Has a batch begin anew. */
static void empty(lambda__otlp_exporter *exporter)
{
    exporter->body.length = 0;
    exporter->segments = 0;
    exporter->spans = 0;
}

/** A segment, or a batch of them, that there was no memory for. */
static lambda_status lose(lambda__otlp_exporter *exporter, uint32_t segments)
{
    atomic_fetch_add_explicit(&exporter->counts.segments_lost, segments, memory_order_relaxed);
    if (exporter->failed) exporter->failed(exporter->user, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    return LAMBDA_ERROR_OUT_OF_MEMORY;
}

static lambda_status otlp_flush(void *user)
{
    lambda__otlp_exporter *exporter = user;
    if (exporter->segments == 0) return LAMBDA_OK;
    lambda_status status = LAMBDA_OK;
    if (lambda__otlp_append(exporter, BODY_END, sizeof(BODY_END) - 1)) {
        status = lambda__otlp_send(exporter);
    } else {
        atomic_fetch_add_explicit(&exporter->counts.batches_lost, 1, memory_order_relaxed);
        status = lose(exporter, exporter->segments);
    }
    empty(exporter);
    return status;
}

static lambda_status otlp_write(void *user, const lambda_trace_segment *segment)
{
    lambda__otlp_exporter *exporter = user;
    const size_t before = exporter->body.length;
    const char *begin = exporter->segments > 0 ? "," : BODY_BEGIN;
    if (!lambda__otlp_append(exporter, begin, strlen(begin)) || !lambda__otlp_document(exporter, segment)) {
        exporter->body.length = before;
        return lose(exporter, 1);
    }
    exporter->segments++;
    exporter->spans += segment->spans_count;
    if (exporter->segments < exporter->batch_segments && exporter->body.length < exporter->batch_bytes)
        return LAMBDA_OK;
    return otlp_flush(exporter);
}

/** Frees an exporter of which parts may not be there. What was not flushed is gone. */
static void otlp_close(void *user)
{
    lambda__otlp_exporter *exporter = user;
    const lambda_allocator allocator = exporter->allocator;
    curl_easy_cleanup(exporter->curl);
    curl_slist_free_all(exporter->headers);
    for (size_t i = 0; i < exporter->resource_count && exporter->resource; i++) {
        release(&allocator, exporter->resource[i].name);
        release(&allocator, exporter->resource[i].value);
    }
    release(&allocator, exporter->resource);
    release(&allocator, exporter->body.data);
    release(&allocator, exporter);
}

/* ---- making one */

/** Takes a piece of an answer; what is beyond the room is passed over. */
static size_t take_answer(char *data, size_t size, size_t count, void *user)
{
    lambda__otlp_exporter *exporter = user;
    size_t length = size * count;
    size_t room = sizeof(exporter->answer) - exporter->answer_length;
    size_t taken = length < room ? length : room;
    memcpy(exporter->answer + exporter->answer_length, data, taken);
    exporter->answer_length += taken;
    return length;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_begun;

/** For the process and for good: who else uses libcurl may have begun before or after. */
static void begin_curl(void)
{
    curl_begun = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool set_up_curl(lambda__otlp_exporter *exporter, const char *endpoint)
{
    CURL *curl = exporter->curl = curl_easy_init();
    return curl && curl_easy_setopt(curl, CURLOPT_URL, endpoint) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exporter->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "liblambda-otlp/" LAMBDA_VERSION_TEXT) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, exporter) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exporter->error) == CURLE_OK;
}

static bool add_header(lambda__otlp_exporter *exporter, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exporter->headers, line);
    if (longer) exporter->headers = longer;
    return longer != NULL;
}

/** libcurl leaves out a header without a value, unless it ends in a semicolon instead. */
static bool add_given_header(lambda__otlp_exporter *exporter, const lambda_pair *header)
{
    const char *between = header->value[0] ? ": " : ";";
    const size_t size = strlen(header->name) + strlen(header->value) + 3;
    char *line = allocate(&exporter->allocator, size);
    if (!line) return false;
    snprintf(line, size, "%s%s%s", header->name, between, header->value);
    bool done = add_header(exporter, line);
    release(&exporter->allocator, line);
    return done;
}

static bool add_headers(lambda__otlp_exporter *exporter, const lambda_otlp_options *options)
{
    /* A body that is sent when the collector was asked first costs a round trip. */
    bool done = add_header(exporter, "Content-Type: application/json") && add_header(exporter, "Expect:");
    for (size_t i = 0; done && i < options->headers_count; i++)
        done = add_given_header(exporter, &options->headers[i]);
    return done;
}

static bool copy_resource(lambda__otlp_exporter *exporter, const lambda_otlp_options *options)
{
    if (options->resource_count == 0) return true;
    exporter->resource = allocate(&exporter->allocator, options->resource_count * sizeof(*exporter->resource));
    if (!exporter->resource) return false;
    exporter->resource_count = options->resource_count;
    for (size_t i = 0; i < options->resource_count; i++) {
        exporter->resource[i].name = duplicate(&exporter->allocator, options->resource[i].name);
        exporter->resource[i].value = duplicate(&exporter->allocator, options->resource[i].value);
        if (!exporter->resource[i].name || !exporter->resource[i].value) return false;
    }
    return true;
}

/** A header's name is a token, and neither part may end the line: https://www.rfc-editor.org/rfc/rfc9110.html#section-5. */
static bool is_header(const lambda_pair *header)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (!header->name || !header->value || !header->name[0]) return false;
    return header->name[strspn(header->name, token)] == '\0' && header->value[strcspn(header->value, "\r\n")] == '\0';
}

static bool is_endpoint(const char *endpoint)
{
    if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0) return false;
    CURLU *url = curl_url();
    /* Where memory is out, what is wrong is found when it is used. */
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, endpoint, 0) : CURLUE_OK;
    curl_url_cleanup(url);
    return code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY;
}

static lambda_status check(const lambda_otlp_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    const lambda_allocator *allocator = &options->allocator;
    int parts = (allocator->allocate != NULL) + (allocator->reallocate != NULL) + (allocator->release != NULL);
    if (parts != 0 && parts != 3)
        return lambda_runtime_fail(
            NULL, invalid, "allocator: allocate, reallocate and release must be given together, or none of them");
    if (!is_endpoint(options->endpoint))
        return lambda_runtime_fail(NULL, invalid, "endpoint: \"%.200s\" is no http or https URL", options->endpoint);
    if (options->headers_count > 0 && !options->headers) return lambda_runtime_fail(NULL, invalid, "headers: is NULL");
    if (options->resource_count > 0 && !options->resource)
        return lambda_runtime_fail(NULL, invalid, "resource: is NULL");
    for (size_t i = 0; i < options->headers_count; i++)
        if (!is_header(&options->headers[i]))
            return lambda_runtime_fail(NULL, invalid, "headers: number %zu is none", i + 1);
    for (size_t i = 0; i < options->resource_count; i++)
        if (!options->resource[i].name || !options->resource[i].name[0] || !options->resource[i].value)
            return lambda_runtime_fail(NULL, invalid, "resource: number %zu is none", i + 1);
    return LAMBDA_OK;
}

static uint32_t or_default(uint32_t value, uint32_t preset)
{
    return value > 0 ? value : preset;
}

static lambda__otlp_exporter *make(const lambda_otlp_options *options)
{
    lambda_allocator allocator = options->allocator;
    if (!allocator.allocate)
        allocator =
            (lambda_allocator){.allocate = system_allocate, .reallocate = system_reallocate, .release = system_release};
    lambda__otlp_exporter *exporter = allocate(&allocator, sizeof(*exporter));
    if (!exporter) return NULL;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    exporter->random = ((uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uintptr_t)exporter) | 1;
    exporter->allocator = allocator;
    exporter->timeout_ms = or_default(options->timeout_ms, 10000);
    exporter->max_attempts = or_default(options->max_attempts, 5);
    exporter->retry_delay_ms = or_default(options->retry_delay_ms, 1000);
    exporter->batch_segments = or_default(options->batch_segments, 512);
    exporter->batch_bytes = or_default(options->batch_bytes, 1048576);
    exporter->failed = options->failed;
    exporter->user = options->user;
    if (copy_resource(exporter, options) && add_headers(exporter, options) && set_up_curl(exporter, options->endpoint))
        return exporter;
    otlp_close(exporter);
    return NULL;
}

lambda_status lambda_otlp_exporter_sized(const lambda_otlp_options *given, size_t size, lambda_trace_exporter *exporter)
{
    lambda_otlp_options options = LAMBDA_ZERO;
    if (!exporter) return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "exporter: is NULL");
    memset(exporter, 0, sizeof(*exporter));
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    if (!options.endpoint) options.endpoint = "http://127.0.0.1:4318/v1/traces";
    pthread_once(&curl_once, begin_curl);
    if (curl_begun != CURLE_OK)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "libcurl cannot be used: %s",
                                   curl_easy_strerror(curl_begun));
    lambda_status status = check(&options);
    if (status != LAMBDA_OK) return status;
    lambda__otlp_exporter *made = make(&options);
    if (!made) return out_of_memory();
    *exporter = (lambda_trace_exporter){.write = otlp_write, .flush = otlp_flush, .close = otlp_close, .user = made};
    return LAMBDA_OK;
}

lambda_status lambda_otlp_statistics_get_sized(const lambda_trace_exporter *exporter,
                                               lambda_otlp_statistics *statistics, size_t size)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!exporter || exporter->write != otlp_write)
        return lambda_runtime_fail(NULL, invalid, "exporter: is none of lambda_otlp_exporter's");
    if (!statistics) return lambda_runtime_fail(NULL, invalid, "statistics: is NULL");
    lambda__otlp_exporter *from = exporter->user;
    const lambda_otlp_statistics now = {
        .segments = atomic_load_explicit(&from->counts.segments, memory_order_relaxed),
        .spans = atomic_load_explicit(&from->counts.spans, memory_order_relaxed),
        .spans_rejected = atomic_load_explicit(&from->counts.spans_rejected, memory_order_relaxed),
        .segments_lost = atomic_load_explicit(&from->counts.segments_lost, memory_order_relaxed),
        .batches = atomic_load_explicit(&from->counts.batches, memory_order_relaxed),
        .batches_lost = atomic_load_explicit(&from->counts.batches_lost, memory_order_relaxed),
        .requests = atomic_load_explicit(&from->counts.requests, memory_order_relaxed),
    };
    memset(statistics, 0, size);
    memcpy(statistics, &now, size < sizeof(now) ? size : sizeof(now));
    return LAMBDA_OK;
}
