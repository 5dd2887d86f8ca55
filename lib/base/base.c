#include "base/base.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "base/platform.h"

static void *system_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *system_reallocate(void *user, void *memory, size_t size)
{
    (void)user;
    return realloc(memory, size);
}

static void system_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static uint64_t system_random(void *user)
{
    (void)user;
    return lambda__platform_random();
}

lambda__base *lambda__base_without_service(void)
{
    /* Never written to. */
    static lambda__base base = {
        .allocator = {.allocate = system_allocate, .reallocate = system_reallocate, .release = system_release}};
    return &base;
}

lambda_status lambda__allocator_choose(const lambda_allocator *given, lambda_allocator *chosen)
{
    int parts = (given->allocate != NULL) + (given->reallocate != NULL) + (given->release != NULL);
    if (parts != 0 && parts != 3)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "allocator: allocate, reallocate and release must be given together, or none of them");
    *chosen = *given;
    if (parts == 0)
        *chosen =
            (lambda_allocator){.allocate = system_allocate, .reallocate = system_reallocate, .release = system_release};
    return LAMBDA_OK;
}

lambda_status lambda__base_open(lambda__base *base, const lambda_allocator *allocator, const lambda_clock *clock,
                                const lambda_random *random, const lambda_executor *executor)
{
    lambda_status status = lambda__allocator_choose(allocator, &base->allocator);
    if (status != LAMBDA_OK) return status;
    if ((clock->monotonic != NULL) != (clock->wall != NULL))
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "clock: monotonic and wall must be given together, or none of them");
    status = lambda__executor_open(base, executor);
    if (status != LAMBDA_OK) return status;
    base->random = *random;
    base->foreign_clock = clock->monotonic != NULL;
    atomic_init(&base->agenda_next, UINT64_MAX);
    base->agenda = NULL;
    atomic_init(&base->threads_end, 0);
    atomic_init(&base->work, 1);
    atomic_init(&base->keeper, 0);
    atomic_init(&base->keeper_told, 0);
    if (!random->next) base->random = (lambda_random){.next = system_random};
    for (size_t i = 0; i < LAMBDA__THREADS_MAX; i++)
        atomic_init(&base->threads[i], NULL);
    base->cycle_clock = NULL;
    base->clock = *clock;
    if (!clock->monotonic && !lambda__clock_open(base)) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&base->grace_mutex, NULL) == 0) {
        if (pthread_mutex_init(&base->agenda_mutex, NULL) == 0) return LAMBDA_OK;
        pthread_mutex_destroy(&base->grace_mutex);
    }
    lambda__clock_close(base);
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
}

void lambda__base_close(lambda__base *base)
{
    for (size_t i = 0; i < LAMBDA__THREADS_MAX; i++)
        lambda__release(base, atomic_load_explicit(&base->threads[i], memory_order_acquire));
    lambda__clock_close(base);
    pthread_mutex_destroy(&base->agenda_mutex);
    pthread_mutex_destroy(&base->grace_mutex);
}
