/* The randomness port: ids and weighted routing draw on it, nothing else does. */
#ifndef LAMBDA_PORT_RANDOM_H
#define LAMBDA_PORT_RANDOM_H

#include <lambda/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Where a service's randomness is seeded from. It is asked once for each thread that uses the service, and for
 * each revision id: the library stretches what it got with a generator of its own, so the port need not be fast.
 * Not for secrets: request ids and routing are all that is made of it.
 */
typedef struct lambda_random {
    /** 64 random bits. Any thread; must not call the library. */
    uint64_t (*next)(void *user);
    void *user; /**< handed to it */
} lambda_random;

#ifdef __cplusplus
}
#endif

#endif
