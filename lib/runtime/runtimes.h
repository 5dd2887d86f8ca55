/* The runtime drivers of a service by name, and code that they have loaded. */
#ifndef LAMBDA_LIB_RUNTIMES_H
#define LAMBDA_LIB_RUNTIMES_H

#include <lambda/port/runtime.h>

#include "registry/registry.h"

/** What is known of code beyond its handler, where the service has a store. One allocation. */
typedef struct lambda__code_origin {
    lambda__recipe recipe; /* `bytes` are empty: they are the handler's identity */
    const char *reason;    /* why it is not there; NULL where it is */
    uint64_t size;         /* CodeSize, where it is not there */
} lambda__code_origin;

/** Loaded code; or, with all of the handler NULL, code that came back from a store without what it runs. */
struct lambda__code {
    lambda_runtime_handler handler;
    const lambda_runtime_driver *driver; /* lives until the service closes; NULL where it is unbound */
    lambda__code_origin *origin;         /* NULL without a store */
    lambda__code *stands_for;            /* what it was bound in place of, and has its name from; holds a reference */
    _Atomic uint32_t references;
    _Atomic uint32_t hashed; /* sha256 is there: see code_sha256 */
    char sha256[45];
};

/** There is nothing to run until it is bound. */
static inline bool lambda__code_is_unbound(const lambda__code *code)
{
    return code->handler.handler == NULL;
}

/** The drivers that come with the library, none of which runs processes: lambda_runtime_driver each. */
extern const lambda_runtime_driver lambda__runtime_native;        /* runtime/native.c */
extern const lambda_runtime_driver lambda__runtime_typed;         /* runtime/typed.c */
extern const lambda_runtime_driver lambda__runtime_shared_object; /* runtime/shared_object.c */

typedef struct lambda__runtimes lambda__runtimes;

lambda_status lambda__runtimes_open(lambda_t *lambda, lambda__runtimes **runtimes);

/** The service closes: from here on code is unloaded because of that. */
void lambda__runtimes_closing(lambda_t *lambda);

/** Nothing of the service is left but what drivers may ask for memory and messages: their last call. */
void lambda__runtimes_close(lambda_t *lambda, lambda__runtimes *runtimes);

/** Fills in the code half of the registry's port. */
void lambda__runtimes_port(lambda__registry_port *port);

#endif
