/* One environment's life: made, initialised, shut down, freed. */
#include "environment/environment.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/runtimes.h"

lambda__environment *lambda__environment_new(lambda_t *lambda, lambda__version *version, lambda__thread *thread)
{
    lambda__environment *environment = lambda__allocate_zeroed(&lambda->base, sizeof(*environment));
    if (!environment) return NULL;
    atomic_init(&environment->state, LAMBDA__BUSY);
    environment->lambda = lambda;
    environment->handler = version->code->handler.handler;
    environment->user = version->code->handler.user;
    environment->timeout_ns = (uint64_t)version->settings->timeout_ms * 1000000;
    environment->version = lambda__version_retain(version);
    environment->event.lambda = lambda;
    environment->response.lambda = lambda;
    environment->permit = UINT32_MAX;
    environment->started_wall = lambda__wall(&lambda->base);
    environment->id[0] = lambda__thread_random(thread);
    environment->id[1] = lambda__thread_random(thread);
    return environment;
}

lambda_status lambda__environment_init(lambda__environment *environment)
{
    lambda_init_hook *init = environment->version->code->handler.init;
    lambda_status status = init ? init(environment) : LAMBDA_OK;
    environment->initialised = status == LAMBDA_OK;
    return status;
}

void lambda__environment_shutdown(lambda__environment *environment)
{
    lambda_shutdown_hook *shutdown = environment->version->code->handler.shutdown;
    if (environment->initialised && shutdown) shutdown(environment);
    environment->initialised = false;
}

void lambda__environment_free(lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    lambda__version *version = environment->version;
    if (environment->directory) lambda__platform_directory_remove(environment->directory);
    lambda__release(&lambda->base, environment->directory);
    lambda__release(&lambda->base, environment->arn);
    lambda__release(&lambda->base, environment->log_group);
    lambda__release(&lambda->base, environment->log_stream);
    lambda__release(&lambda->base, environment);
    lambda__version_release(lambda, version);
}

lambda_status lambda__environments_open(lambda_t *lambda, lambda__environments **opened)
{
    lambda__environments *environments = lambda__allocate_zeroed(&lambda->base, sizeof(*environments));
    if (!environments) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&environments->permits_mutex, NULL) != 0) {
        lambda__release(&lambda->base, environments);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = environments;
    return LAMBDA_OK;
}

void lambda__environments_closing(lambda__environments *environments)
{
    environments->closing = true;
}

void lambda__environments_close(lambda_t *lambda, lambda__environments *environments)
{
    pthread_mutex_destroy(&environments->permits_mutex);
    lambda__release(&lambda->base, environments->permits);
    lambda__release(&lambda->base, environments);
}
