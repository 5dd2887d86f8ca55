#include "environment/heap.h"

#include <stdalign.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"

#include <lambda/port/runtime.h>

/** Stands before each block; the block is aligned as it is. */
typedef struct lambda__block {
    alignas(max_align_t) struct lambda__block *next;
    struct lambda__block **link; /* what points to this one */
    size_t size;                 /* as it was asked for */
    const lambda__heap *heap;    /* whose it is */
} lambda__block;

static void *memory_of(lambda__block *block)
{
    return block + 1;
}

/** The block of memory that the heap gave; NULL where another environment did. */
static lambda__block *block_of(const lambda__heap *heap, void *memory)
{
    lambda__block *block = (lambda__block *)memory - 1;
    return block->heap == heap ? block : NULL;
}

/** Neighbours look at where the block is now. */
static void link_block(lambda__block *block)
{
    *block->link = block;
    if (block->next) block->next->link = &block->next;
}

static void unlink_block(lambda__block *block)
{
    *block->link = block->next;
    if (block->next) block->next->link = block->link;
}

/** Only who has the environment busy writes it. */
static void note_most(lambda__heap *heap)
{
    if (LAMBDA__UNLIKELY(heap->reported)) return;
    if (heap->in_use >= atomic_load_explicit(&heap->most_and_one, memory_order_relaxed))
        atomic_store_explicit(&heap->most_and_one, heap->in_use + 1, memory_order_relaxed);
}

/** May the environment have `size` bytes beside `others`? What cannot be reached is refused too. */
static bool allowed(const lambda_context *context, uint64_t others, size_t size)
{
    const uint32_t megabytes = context->version->settings->memory_size;
    const uint64_t limit = (uint64_t)megabytes * 1048576;
    if (size <= limit - others && size <= SIZE_MAX - sizeof(lambda__block)) return true;
    lambda__fail(&context->lambda->base, LAMBDA_ERROR_OUT_OF_MEMORY,
                 "size: %zu bytes beside %llu are more than the function's memory_size of %u MB", size,
                 (unsigned long long)others, megabytes);
    return false;
}

void *lambda_context_alloc(lambda_context *context, size_t size)
{
    if (!context) return NULL;
    lambda__heap *heap = &context->heap;
    lambda__base *base = &context->lambda->base;
    if (size == 0) size = 1;
    note_most(heap);
    if (!allowed(context, heap->in_use, size)) return NULL;
    lambda__block *block = lambda__allocate_zeroed(base, sizeof(*block) + size);
    if (!block) {
        lambda__out_of_memory(base);
        return NULL;
    }
    block->next = heap->first;
    block->link = &heap->first;
    block->size = size;
    block->heap = heap;
    link_block(block);
    heap->in_use += size;
    note_most(heap);
    return memory_of(block);
}

void *lambda_context_realloc(lambda_context *context, void *memory, size_t size)
{
    if (!context || !memory) return lambda_context_alloc(context, size);
    lambda__heap *heap = &context->heap;
    lambda__base *base = &context->lambda->base;
    lambda__block *old = block_of(heap, memory);
    if (!old) {
        lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "memory: is of another environment");
        return NULL;
    }
    if (size == 0) size = 1;
    const uint64_t others = heap->in_use - old->size;
    if (!allowed(context, others, size)) return NULL;
    lambda__block *block = lambda__reallocate(base, old, sizeof(*block) + size);
    if (!block) {
        lambda__out_of_memory(base);
        return NULL;
    }
    block->size = size;
    link_block(block);
    heap->in_use = others + size;
    note_most(heap);
    return memory_of(block);
}

void lambda_context_free(lambda_context *context, void *memory)
{
    lambda__block *block = context && memory ? block_of(&context->heap, memory) : NULL;
    if (!block) return;
    unlink_block(block);
    context->heap.in_use -= block->size;
    lambda__release(&context->lambda->base, block);
}

size_t lambda_context_memory_in_use(lambda_context *context)
{
    return context ? (size_t)context->heap.in_use : 0;
}

void lambda_context_report_memory(lambda_context *context, uint64_t bytes)
{
    if (!context || bytes == LAMBDA_MEMORY_UNKNOWN) return;
    lambda__heap *heap = &context->heap;
    if (heap->reported && bytes < atomic_load_explicit(&heap->most_and_one, memory_order_relaxed)) return;
    heap->reported = true;
    atomic_store_explicit(&heap->most_and_one, bytes + 1, memory_order_relaxed);
}

void lambda__heap_clear(lambda__base *base, lambda__heap *heap)
{
    while (heap->first) {
        lambda__block *block = heap->first;
        unlink_block(block);
        lambda__release(base, block);
    }
    heap->in_use = 0;
}
