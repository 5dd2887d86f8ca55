/* A response that is read in parts: what the library adds to copying the bytes. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/** An operation is a piece of a response that has so many bytes. */
enum { TOTAL = 256 << 20, PIECE = 64 << 10, PIECES = TOTAL / PIECE };

static lambda_t *lambda;
static lambda_target *target;
static lambda_result result;
static char *source;
static char *sink;
static uint64_t pieces; /* of the response that is next */

static lambda_status streams(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    lambda_status status = LAMBDA_OK;
    for (uint64_t i = 0; i < pieces && status == LAMBDA_OK; i++)
        status = lambda_response_write(response, source, PIECE);
    return status;
}

static lambda_status take(void *user, const void *data, size_t length)
{
    (void)user;
    memcpy(sink, data, length);
    __asm__ volatile("" : : "r"(sink) : "memory");
    return LAMBDA_OK;
}

static const lambda_response_stream reader = {.write = take};

static void open_stream(void)
{
    source = malloc(PIECE);
    sink = malloc(PIECE);
    if (!source || !sink) exit(1);
    memset(source, 'x', PIECE);
    memset(sink, 0, PIECE);
    /* 256 MB are more than Lambda allows. */
    bench_check(NULL, lambda_open(&(lambda_options){.limits.streamed_response_payload = TOTAL}, &lambda));
    bench_check(lambda,
                lambda_function_create(lambda, &(lambda_function_config){.function_name = "streams",
                                                                         .timeout_ms = 900000,
                                                                         .code = lambda_code_native(streams, NULL)}));
    bench_check(lambda, lambda_target_open(lambda, "streams", &target));
}

static void close_stream(void)
{
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
    free(source);
    free(sink);
}

static void stream(uint64_t operations)
{
    for (uint64_t left = operations; left > 0; left -= pieces) {
        pieces = left < PIECES ? left : PIECES;
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), &(lambda_invoke_options){.stream = &reader},
                                                 &result));
    }
}

static void copy(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        take(NULL, source, PIECE);
}

const bench bench_stream_throughput = {.name = "stream_throughput",
                                       .what = "256 MB streamed by a native handler in 64 KB writes to a callback "
                                               "that copies them",
                                       .yardstick = "memcpy of the same bytes in the same pieces",
                                       .target = 1.2,
                                       .round_ns = 100000000,
                                       .open = open_stream,
                                       .product = stream,
                                       .compare = copy,
                                       .close = close_stream};
