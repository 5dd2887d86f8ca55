/* Many documents, parsed by as many threads as there are processors: most of the time that a service needs to open goes into that. */
#include "base/executor.h"
#include "base/platform.h"
#include "registry/document.h"

/** Fewer are parsed before a thread has begun. */
#define FEW 32
/** More threads than that only wait for what is made of the documents. */
#define HELPERS_MOST 3

typedef struct parsing {
    lambda__base *base;
    lambda__parsed *items;
    size_t count;
    atomic_size_t next; /* that nobody has taken */
    _Atomic uint32_t helpers;
} parsing;

static void parse_some(parsing *all)
{
    for (;;) {
        size_t at = atomic_fetch_add_explicit(&all->next, 1, memory_order_relaxed);
        if (at >= all->count) return;
        lambda_bytes text = all->items[at].text;
        json_error_t error;
        /* What is wrong with one is told when it is read. */
        all->items[at].document = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
    }
}

static void help(void *argument)
{
    parsing *all = argument;
    lambda__base *base = all->base;
    _Atomic uint32_t *helpers = &all->helpers;
    parse_some(all);
    /* From here on it may be gone: who wakes looks only at the address. */
    atomic_fetch_sub_explicit(helpers, 1, memory_order_release);
    lambda__platform_wake(helpers);
    lambda__work_end(base);
}

/** A host's own threads may come late, or be this one: only the library's are asked. */
static void start_helpers(parsing *all)
{
    uint32_t most = lambda__platform_cpus() - 1;
    if (all->count < FEW || all->base->executor.kind != LAMBDA_EXECUTOR_THREADS) return;
    for (uint32_t i = 0; i < most && i < HELPERS_MOST; i++) {
        atomic_fetch_add_explicit(&all->helpers, 1, memory_order_relaxed);
        if (lambda__work_start(all->base, help, all) == LAMBDA_OK) continue;
        atomic_fetch_sub_explicit(&all->helpers, 1, memory_order_relaxed);
        return;
    }
}

void lambda__documents_parse(lambda__base *base, lambda__parsed *items, size_t count)
{
    parsing all = {.base = base, .items = items, .count = count};
    start_helpers(&all);
    parse_some(&all);
    for (;;) {
        uint32_t left = atomic_load_explicit(&all.helpers, memory_order_acquire);
        if (left == 0) return;
        lambda__platform_wait(&all.helpers, left, UINT64_MAX);
    }
}
