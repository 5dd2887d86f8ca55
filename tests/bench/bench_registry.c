/* A million functions, invoked by name in random order, each warm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "bench.h"

enum { FUNCTIONS = 1000000, HEAD = 16 };

typedef struct entry {
    char name[24];
    lambda_handler *handler;
    UT_hash_handle hh;
} entry;

static lambda_t *lambda;
static lambda_result result;
static entry *table;
static entry *entries;
static uint32_t *order;
static volatile uint64_t duration;
static size_t bytes;
static double bytes_registered;

/* Memory that counts what is out; each block begins with its size. */

static void *count_allocate(void *user, size_t size)
{
    (void)user;
    char *block = malloc(size + HEAD);
    if (!block) return NULL;
    memcpy(block, &size, sizeof(size));
    bytes += size;
    return block + HEAD;
}

static void count_release(void *user, void *memory)
{
    (void)user;
    if (!memory) return;
    size_t size;
    memcpy(&size, (char *)memory - HEAD, sizeof(size));
    bytes -= size;
    free((char *)memory - HEAD);
}

static void *count_reallocate(void *user, void *memory, size_t size)
{
    size_t old = 0;
    void *moved = count_allocate(user, size);
    if (!moved || !memory) return moved;
    memcpy(&old, (char *)memory - HEAD, sizeof(old));
    memcpy(moved, memory, old < size ? old : size);
    count_release(user, memory);
    return moved;
}

static void open_million(void)
{
    lambda_allocator allocator = {.allocate = count_allocate, .reallocate = count_reallocate, .release = count_release};
    bench_check(NULL, lambda_open(&(lambda_options){.allocator = allocator}, &lambda));
    entries = calloc(FUNCTIONS, sizeof(*entries));
    order = calloc(FUNCTIONS, sizeof(*order));
    if (!entries || !order) exit(1);
    size_t before = bytes;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        snprintf(entries[i].name, sizeof(entries[i].name), "function-%07u", i);
        bench_check(lambda, lambda_function_create(
                                lambda, &(lambda_function_config){.function_name = entries[i].name,
                                                                  .code = lambda_code_native(bench_nothing, NULL)}));
        entries[i].handler = bench_nothing;
        order[i] = i;
    }
    bytes_registered = (double)(bytes - before) / FUNCTIONS;
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        HASH_ADD_STR(table, name, &entries[i]);
    uint64_t random = 88172645463325252u;
    for (uint32_t i = FUNCTIONS - 1; i > 0; i--) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t j = (uint32_t)(random % (i + 1));
        uint32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        bench_check(lambda, lambda_invoke(lambda, entries[order[i]].name, LAMBDA_JSON("{}"), &result));
}

static void close_million(void)
{
    lambda_result_clear(&result);
    HASH_CLEAR(hh, table);
    lambda_close(lambda);
    free(entries);
    free(order);
}

/* Names are written anew into one buffer: reading them from a million places would cost both sides the same misses. */
static const char *name_of(uint64_t i)
{
    static char name[24] = "function-0000000";
    uint32_t number = order[i % FUNCTIONS];
    for (int digit = 15; digit >= 9; digit--, number /= 10)
        name[digit] = (char)('0' + number % 10);
    return name;
}

static void by_name(uint64_t operations)
{
    static uint64_t at;
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_invoke(lambda, name_of(at++), LAMBDA_JSON("{}"), &result));
}

static void look_up_call_and_clock(uint64_t operations)
{
    static uint64_t at;
    for (uint64_t i = 0; i < operations; i++) {
        entry *found;
        const char *name = name_of(at++);
        HASH_FIND_STR(table, name, found);
        uint64_t start = bench_clock();
        found->handler(NULL, NULL, NULL);
        duration = bench_clock() - start;
    }
}

static void print_bytes(void)
{
    printf("%-18s %.0f bytes a registered function, %.0f with its warm environment\n", "", bytes_registered,
           (double)bytes / FUNCTIONS);
}

const bench bench_registry_million = {.name = "registry_million",
                                      .what = "by name among 1,000,000 functions in random order",
                                      .yardstick = "the same look-ups in uthash, a call, two clock readings",
                                      .target = 1.2,
                                      .open = open_million,
                                      .product = by_name,
                                      .compare = look_up_call_and_clock,
                                      .close = close_million,
                                      .remark = print_bytes};
