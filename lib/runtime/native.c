/* The native driver: code is a callback of the host's, with a user pointer and hooks. */
#include "base/error.h"
#include "base/memory.h"
#include "runtime/runtimes.h"
#include "service.h"

/* What tells one native function from another: the same callbacks with the same user pointer are the same code. */
typedef struct native_identity {
    char kind[8];
    lambda_handler *handler;
    lambda_init_hook *init;
    lambda_shutdown_hook *shutdown;
    void *user;
} native_identity;

static lambda_status native_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    const lambda_code *code = request->code;
    if (!code->handler)
        return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "code.handler: a native function needs a callback, this is NULL");
    native_identity *identity = lambda__allocate_zeroed(&request->lambda->base, sizeof(*identity));
    if (!identity) return lambda__out_of_memory(&request->lambda->base);
    *identity = (native_identity){"native", code->handler, code->init, code->shutdown, code->user};
    *handler = (lambda_runtime_handler){.handler = code->handler,
                                        .init = code->init,
                                        .shutdown = code->shutdown,
                                        .user = code->user,
                                        .instance = request->lambda,
                                        .identity = identity,
                                        .identity_length = sizeof(*identity)};
    return LAMBDA_OK;
}

static void native_unload(void *user, lambda_runtime_handler *handler)
{
    (void)user;
    lambda_t *lambda = handler->instance;
    lambda__release(&lambda->base, (void *)(uintptr_t)handler->identity);
}

const lambda_runtime_driver lambda__runtime_native = {.name = "native", .load = native_load, .unload = native_unload};
