/* The runtime drivers of a service by name, and code that they have loaded. */
#ifndef LAMBDA_LIB_RUNTIMES_H
#define LAMBDA_LIB_RUNTIMES_H

#include <lambda/port/runtime.h>

#include "registry/registry.h"

struct lambda__code {
    lambda_runtime_handler handler;
    const lambda_runtime_driver *driver; /* lives until the service closes */
    _Atomic uint32_t references;
    _Atomic uint32_t hashed; /* sha256 is there: see code_sha256 */
    char sha256[45];
};

/** The drivers that come with the library: lambda_runtime_driver each. */
extern const lambda_runtime_driver lambda__runtime_native;        /* runtime/native.c */
extern const lambda_runtime_driver lambda__runtime_typed;         /* runtime/typed.c */
extern const lambda_runtime_driver lambda__runtime_shared_object; /* runtime/shared_object.c */

typedef struct lambda__runtimes lambda__runtimes;

lambda_status lambda__runtimes_open(lambda_t *lambda, lambda__runtimes **runtimes);
void lambda__runtimes_close(lambda_t *lambda, lambda__runtimes *runtimes);

/** Fills in the code half of the registry's port. */
void lambda__runtimes_port(lambda__registry_port *port);

#endif
