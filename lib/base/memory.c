#include "base/memory.h"

#include <string.h>

void *lambda__allocate(lambda__base *base, size_t size)
{
    return base->allocator.allocate(base->allocator.user, size ? size : 1);
}

void *lambda__allocate_zeroed(lambda__base *base, size_t size)
{
    void *memory = lambda__allocate(base, size);
    if (memory) memset(memory, 0, size);
    return memory;
}

void *lambda__reallocate(lambda__base *base, void *memory, size_t size)
{
    return base->allocator.reallocate(base->allocator.user, memory, size ? size : 1);
}

void lambda__release(lambda__base *base, void *memory)
{
    if (memory) base->allocator.release(base->allocator.user, memory);
}

char *lambda__duplicate(lambda__base *base, const char *text)
{
    return lambda__duplicate_bytes(base, text, strlen(text));
}

char *lambda__duplicate_bytes(lambda__base *base, const void *data, size_t length)
{
    if (length == SIZE_MAX) return NULL;
    char *copy = lambda__allocate(base, length + 1);
    if (!copy) return NULL;
    if (length > 0) memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

bool lambda__array_reserve(lambda__base *base, void **items, size_t *capacity, size_t count, size_t item_size)
{
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 4;
    if (wanted < *capacity || wanted > SIZE_MAX / item_size) return false;
    void *grown = lambda__reallocate(base, *items, wanted * item_size);
    if (!grown) return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

void *lambda__allocate_lines(lambda__base *base, size_t size)
{
    /* Where the allocation began stands before what is given. */
    const size_t line = LAMBDA__CACHE_LINE;
    void *memory = lambda__allocate_zeroed(base, size + 2 * line);
    if (!memory) return NULL;
    uintptr_t aligned = ((uintptr_t)memory + 2 * line - 1) / line * line;
    memcpy((char *)aligned - sizeof(memory), &memory, sizeof(memory));
    return (void *)aligned;
}

void lambda__release_lines(lambda__base *base, void *memory)
{
    void *start = NULL;
    if (memory) memcpy(&start, (char *)memory - sizeof(start), sizeof(start));
    lambda__release(base, start);
}
