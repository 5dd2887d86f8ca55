#include "base/executor.h"

#include "base/agenda.h"
#include "base/error.h"
#include "base/platform.h"

/** How long a wait looks before it sleeps: a little longer than waking a sleeper takes. */
#define SPIN_ROUNDS 4000
/** A host's clock may stand still or be moved by hand: sleep no longer than this before it is asked again. */
#define FOREIGN_CLOCK_SLICE_NS UINT64_C(1000000)

enum { KEEPER_NONE, KEEPER_RUNS, KEEPER_STOPS };

lambda_status lambda__executor_open(lambda__base *base, const lambda_executor *executor)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if ((unsigned)executor->kind > LAMBDA_EXECUTOR_HOST)
        return lambda__fail(NULL, invalid, "executor.kind: %d is none", (int)executor->kind);
    bool host = executor->kind == LAMBDA_EXECUTOR_HOST;
    if (host != (executor->start != NULL))
        return lambda__fail(NULL, invalid, "executor.start: %s",
                            host ? "is NULL" : "is for LAMBDA_EXECUTOR_HOST, which is not the kind");
    if (!host && executor->help)
        return lambda__fail(NULL, invalid, "executor.help: is for LAMBDA_EXECUTOR_HOST, which is not the kind");
    if (executor->stack_size > 0 && (executor->kind != LAMBDA_EXECUTOR_THREADS || executor->stack_size < 65536))
        return lambda__fail(NULL, invalid,
                            "executor.stack_size: is for the library's own threads, and at least 65536 bytes");
    base->executor = *executor;
    base->spins = lambda__platform_cpus() > 1;
    return LAMBDA_OK;
}

lambda_status lambda__work_start(lambda__base *base, void (*work)(void *argument), void *argument)
{
    lambda_status status = LAMBDA_OK;
    atomic_fetch_add_explicit(&base->work, 1, memory_order_relaxed);
    if (base->executor.kind == LAMBDA_EXECUTOR_HOST)
        status = base->executor.start(base->executor.user, work, argument);
    else if (base->executor.kind == LAMBDA_EXECUTOR_NONE)
        status = lambda__fail(base, LAMBDA_ERROR_SERVICE, "the service's executor is LAMBDA_EXECUTOR_NONE");
    else if (!lambda__platform_thread_start(work, argument, base->executor.stack_size))
        status = lambda__fail(base, LAMBDA_ERROR_SERVICE, "the system gave no thread");
    if (status != LAMBDA_OK) lambda__work_end(base);
    return status;
}

void lambda__work_end(lambda__base *base)
{
    void (*last)(lambda__base *) = base->last;
    uint32_t left = atomic_fetch_sub_explicit(&base->work, 1, memory_order_acq_rel) - 1;
    if (left == 0)
        last(base);
    else if (left <= 1 + LAMBDA__LASTING_WORK)
        lambda__platform_wake(&base->work); /* only an address by now: the waiter may be ahead of us */
}

static void keep(void *user)
{
    lambda__base *base = user;
    for (;;) {
        uint32_t told = atomic_load_explicit(&base->keeper_told, memory_order_acquire);
        if (atomic_load_explicit(&base->keeper, memory_order_acquire) == KEEPER_STOPS) break;
        if (lambda__agenda_run(base, lambda__now(base))) continue;
        lambda__wait(base, &base->keeper_told, told, lambda__agenda_next(base));
    }
    atomic_store_explicit(&base->keeper, KEEPER_NONE, memory_order_release);
    lambda__platform_wake(&base->keeper);
    lambda__work_end(base);
}

void lambda__keeper_tell(lambda__base *base)
{
    if (base->executor.kind != LAMBDA_EXECUTOR_THREADS) return;
    uint32_t none = KEEPER_NONE;
    if (atomic_compare_exchange_strong_explicit(&base->keeper, &none, KEEPER_RUNS, memory_order_acq_rel,
                                                memory_order_acquire)) {
        /* Without a thread the work stays due: the next to be scheduled tries again, and lambda_pump runs it too. */
        if (lambda__work_start(base, keep, base) != LAMBDA_OK)
            atomic_store_explicit(&base->keeper, KEEPER_NONE, memory_order_release);
        return;
    }
    atomic_fetch_add_explicit(&base->keeper_told, 1, memory_order_release);
    lambda__platform_wake(&base->keeper_told);
}

void lambda__keeper_stop(lambda__base *base)
{
    for (;;) {
        uint32_t state = KEEPER_NONE;
        /* KEEPER_STOPS for good: nobody starts another. */
        if (atomic_compare_exchange_strong_explicit(&base->keeper, &state, KEEPER_STOPS, memory_order_acq_rel,
                                                    memory_order_acquire))
            return;
        if (state == KEEPER_RUNS &&
            atomic_compare_exchange_strong_explicit(&base->keeper, &state, KEEPER_STOPS, memory_order_acq_rel,
                                                    memory_order_acquire)) {
            atomic_fetch_add_explicit(&base->keeper_told, 1, memory_order_release);
            lambda__platform_wake(&base->keeper_told);
        }
        while (atomic_load_explicit(&base->keeper, memory_order_acquire) == KEEPER_STOPS)
            lambda__platform_wait(&base->keeper, KEEPER_STOPS, UINT64_MAX);
    }
}

bool lambda__spin(const lambda__base *base, const _Atomic uint32_t *word, uint32_t value)
{
    for (uint32_t i = 0; base->spins && i < SPIN_ROUNDS; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value) return true;
        lambda__platform_relax();
    }
    return atomic_load_explicit(word, memory_order_acquire) != value;
}

bool lambda__wait(lambda__base *base, _Atomic uint32_t *word, uint32_t value, uint64_t until)
{
    while (atomic_load_explicit(word, memory_order_acquire) == value) {
        uint64_t left = UINT64_MAX;
        if (until != UINT64_MAX) {
            uint64_t now = lambda__now(base);
            if (now >= until) return false;
            left = until - now;
            if (base->foreign_clock && left > FOREIGN_CLOCK_SLICE_NS) left = FOREIGN_CLOCK_SLICE_NS;
        }
        if (base->executor.help)
            base->executor.help(base->executor.user, until);
        else
            lambda__platform_wait(word, value, left);
    }
    return true;
}
