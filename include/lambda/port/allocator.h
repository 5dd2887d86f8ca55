/* The memory port: where a service's memory comes from. */
#ifndef LAMBDA_PORT_ALLOCATOR_H
#define LAMBDA_PORT_ALLOCATOR_H

#include <lambda/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The memory of one service. Each function may be called on any thread, at any time between `lambda_open` and
 * the return of `lambda_close`, and must not call the library. JSON trees (lambda/json.h) are jansson's and come
 * from jansson's own process-wide allocator, which the library never changes.
 */
typedef struct lambda_allocator {
    /** At least `size` bytes (`size` > 0) aligned for any type, or NULL. */
    void *(*allocate)(void *user, size_t size);
    /** As C's realloc: `memory` may be NULL; on failure NULL, and `memory` stays valid. `size` > 0. */
    void *(*reallocate)(void *user, void *memory, size_t size);
    /** Gives back what the two above returned. NULL is allowed and ignored. */
    void (*release)(void *user, void *memory);
    void *user; /**< handed to each of the three */
} lambda_allocator;

#ifdef __cplusplus
}
#endif

#endif
