/* A filter of three terms on a line of 200 bytes. */
#include <string.h>

#include "bench.h"

static const char line[] =
    "2026-11-27T14:00:00.123Z\t8f5a2c1e-1111-2222-3333-444455556666\tERROR\torder 4711 was refused "
    "because the card of the customer has expired and no other one is known; retry in 30 s, attempt 3";

static lambda_log_filter *filter;

static void open_filter(void)
{
    bench_check(NULL, lambda_log_filter_new("ERROR customer -absent", NULL, &filter));
}

static void match(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        if (!lambda_log_filter_matches(filter, line, sizeof(line) - 1)) bench_check(NULL, LAMBDA_ERROR_SERVICE);
}

static void seek(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        if (!memmem(line, sizeof(line) - 1, "ERROR", 5) || !memmem(line, sizeof(line) - 1, "customer", 8) ||
            memmem(line, sizeof(line) - 1, "absent", 6))
            bench_check(NULL, LAMBDA_ERROR_SERVICE);
}

static void close_filter(void)
{
    lambda_log_filter_free(filter);
}

const bench bench_log_filter = {.name = "log_filter",
                                .what = "three terms sought in a line of 200 bytes",
                                .yardstick = "three memmem",
                                .target = 1.5,
                                .open = open_filter,
                                .product = match,
                                .compare = seek,
                                .close = close_filter};
