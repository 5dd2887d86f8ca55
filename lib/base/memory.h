/* Memory from the service's allocator. */
#ifndef LAMBDA_LIB_MEMORY_H
#define LAMBDA_LIB_MEMORY_H

#include "base/base.h"

/** Memory of what belongs to no service and was given no allocator: malloc and its kin. Nothing but its allocator may be used. */
lambda__base *lambda__base_without_service(void);

/** `size` bytes, not cleared; NULL when memory is out. The caller releases them with lambda__release. */
void *lambda__allocate(lambda__base *base, size_t size);

/** As lambda__allocate, all zero. */
void *lambda__allocate_zeroed(lambda__base *base, size_t size);

/** As lambda__allocate_zeroed, on a cache line of its own. NULL is allowed to release. */
void *lambda__allocate_lines(lambda__base *base, size_t size);
void lambda__release_lines(lambda__base *base, void *memory);

/** As realloc: on failure NULL, and `memory` stays valid. `size` 0 is taken as 1. */
void *lambda__reallocate(lambda__base *base, void *memory, size_t size);

/** NULL is allowed. */
void lambda__release(lambda__base *base, void *memory);

/** A copy of a string; NULL when memory is out. `text` is not NULL. */
char *lambda__duplicate(lambda__base *base, const char *text);

/** A copy of bytes with a NUL after them. */
char *lambda__duplicate_bytes(lambda__base *base, const void *data, size_t length);

/**
 * Makes room for one more element in a growing array (doubling): false when memory is out, the array as it was.
 * `*items` may be NULL with `*capacity` 0.
 */
bool lambda__array_reserve(lambda__base *base, void **items, size_t *capacity, size_t count, size_t item_size);

#endif
