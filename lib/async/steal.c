/*
 * Events behind one that takes long: those that its worker has received and not begun are taken over by others, and those that it has run
 * and not given back yet are given back for it.
 *
 * A worker says in `claim`, one atomic word, how far it is: the number of its batch, how many events it has begun, how many there are. The
 * watch looks at the words. Where one stands as it stood before, a moment ago, it claims the rest of the batch in one step, and copies it to
 * the service, from where the next worker takes it; the worker finds that its own claim fails, and ends its batch there. `latch` guards the
 * messages of a batch against its end, and `first`: who gives messages back moves it before.
 */
#include "async/async.h"

#include <string.h>

#include "base/memory.h"

/** Of what was taken over, a worker gets so many at once. */
#define FEW 4

static uint64_t pack(uint64_t batch, size_t begun, size_t count)
{
    return batch << 32 | (uint64_t)begun << 16 | count;
}

static size_t begun_of(uint64_t word)
{
    return word >> 16 & UINT16_MAX;
}

static size_t count_of(uint64_t word)
{
    return word & UINT16_MAX;
}

void lambda__async_worker_list(lambda__async_worker *worker)
{
    lambda__async *async = worker->lambda->async;
    pthread_mutex_lock(&async->mutex);
    worker->next = async->workers;
    if (worker->next) worker->next->previous = worker;
    async->workers = worker;
    pthread_mutex_unlock(&async->mutex);
}

void lambda__async_worker_unlist(lambda__async_worker *worker)
{
    lambda__async *async = worker->lambda->async;
    pthread_mutex_lock(&async->mutex);
    *(worker->previous ? &worker->previous->next : &async->workers) = worker->next;
    if (worker->next) worker->next->previous = worker->previous;
    pthread_mutex_unlock(&async->mutex);
}

/* ---- the worker's side */

void lambda__async_batch_end(lambda__async_worker *worker)
{
    lambda__latch_take(&worker->latch);
    worker->count = worker->first = worker->at = worker->begun = 0;
    atomic_store_explicit(&worker->claim, pack(++worker->batch, 0, 0), memory_order_relaxed);
    lambda__latch_give(&worker->latch);
}

bool lambda__async_begin_next(lambda__async_worker *worker)
{
    uint64_t word = pack(worker->batch, worker->begun, worker->count);
    uint64_t next = pack(worker->batch, worker->begun + 1, worker->count);
    /* The first is said with how many there are; and where there is no other worker, nobody takes anything over. */
    if (worker->begun == 0 || worker->lambda->async->most == 1) {
        atomic_store_explicit(&worker->claim, next, memory_order_release);
    } else if (LAMBDA__UNLIKELY(!atomic_compare_exchange_strong_explicit(&worker->claim, &word, next,
                                                                         memory_order_acq_rel, memory_order_acquire))) {
        worker->count = worker->begun;
        return false;
    }
    worker->begun++;
    return true;
}

size_t lambda__async_take_done(lambda__async_worker *worker, size_t end)
{
    lambda__latch_take(&worker->latch);
    size_t first = worker->first;
    if (worker->first < end) worker->first = end;
    lambda__latch_give(&worker->latch);
    return first < end ? first : end;
}

size_t lambda__async_take_stolen(lambda__async_worker *worker)
{
    lambda__async *async = worker->lambda->async;
    if (LAMBDA__LIKELY(atomic_load_explicit(&async->stolen_count, memory_order_acquire) == 0)) return 0;
    pthread_mutex_lock(&async->mutex);
    size_t left = atomic_load_explicit(&async->stolen_count, memory_order_relaxed);
    size_t taken = left < FEW ? left : FEW;
    for (size_t i = 0; i < taken; i++)
        worker->messages[i] = async->stolen[left - taken + i];
    atomic_store_explicit(&async->stolen_count, left - taken, memory_order_seq_cst);
    pthread_mutex_unlock(&async->mutex);
    return taken;
}

/* ---- the watch's side. Under the mutex. */

/** Copies what the worker has not begun; false if it has begun more meanwhile. */
static bool take_over(lambda__async *async, lambda__async_worker *worker, uint64_t word)
{
    size_t begun = begun_of(word);
    size_t count = count_of(word);
    if (!atomic_compare_exchange_strong_explicit(&worker->claim, &word, pack(word >> 32, count, count),
                                                 memory_order_acq_rel, memory_order_acquire))
        return false;
    uint64_t older = lambda__now(&worker->lambda->base) - worker->received;
    memcpy(async->stolen, worker->messages + begun, (count - begun) * sizeof(*async->stolen));
    for (size_t i = 0; i < count - begun; i++)
        async->stolen[i].age_ns += older;
    atomic_store_explicit(&async->stolen_count, count - begun, memory_order_seq_cst);
    return true;
}

/** Events that were given back for a worker. */
typedef struct given_back {
    lambda_request_id ids[LAMBDA__WORKER_MOST_DURABLE];
    size_t count;
} given_back;

/** Gives back what the worker has run before the one that it runs. Where that fails it is tried at the next look. */
static bool give_back_done(lambda__async_worker *worker, lambda__thread *thread, size_t end, given_back *given)
{
    const lambda_queue *queue = &worker->lambda->async->queue;
    size_t first = worker->first;
    size_t count = first < end ? end - first : 0;
    if (count == 0 || !thread) return count == 0;
    for (size_t i = 0; i < count; i++)
        given->ids[i] = lambda__message_id(worker->messages[first + i].body);
    lambda__counter_add_many(thread, LAMBDA__COUNT_SUCCEEDED, count);
    lambda_status status = queue->acknowledge(queue->user, worker->messages + first, count, NULL, 0);
    if (status != LAMBDA_OK && status != LAMBDA_ERROR_RESOURCE_NOT_FOUND) {
        lambda__counter_add_many(thread, LAMBDA__COUNT_SUCCEEDED, (uint64_t)0 - count);
        return false;
    }
    worker->first = end;
    given->count = count;
    return true;
}

/** One worker; true while there is something to be done for it later. */
static bool look_at(lambda__async_worker *worker, lambda__thread *thread, given_back *given)
{
    lambda__async *async = worker->lambda->async;
    bool later = true;
    lambda__latch_take(&worker->latch);
    uint64_t word = atomic_load_explicit(&worker->claim, memory_order_acquire);
    size_t begun = begun_of(word);
    bool left = begun < count_of(word) && async->most > 1;
    if (word != worker->seen) {
        worker->seen = word;
        worker->begun_seen = begun;
        later = count_of(word) > 1;
    } else if (left && (atomic_load_explicit(&async->stolen_count, memory_order_relaxed) > 0 ||
                        take_over(async, worker, word))) {
        worker->seen = atomic_load_explicit(&worker->claim, memory_order_relaxed);
    } else if (worker->begun_seen > 0) {
        /* Of those that it has begun all but the last have ended. */
        later = !give_back_done(worker, thread, worker->begun_seen - 1, given);
    } else {
        later = false;
    }
    lambda__latch_give(&worker->latch);
    return later;
}

bool lambda__async_look_behind(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    given_back given = {.count = 0};
    bool later = false;
    pthread_mutex_lock(&async->mutex);
    /* Without memory for it they wait, as they would behind any other event. */
    if (!async->stolen && async->workers)
        async->stolen = lambda__allocate(&lambda->base, LAMBDA__WORKER_MOST_DURABLE * sizeof(*async->stolen));
    for (lambda__async_worker *each = async->workers; each && async->stolen; each = each->next)
        if (given.count > 0 || look_at(each, thread, &given)) later = true;
    pthread_mutex_unlock(&async->mutex);
    if (given.count == 0) return later;
    for (size_t i = 0; i < given.count && lambda__async_awaited(async); i++)
        lambda__async_ended(lambda, &(lambda_async_outcome){.request_id = given.ids[i], .invoke_count = 1});
    lambda__async_change(lambda);
    lambda__async_idle(lambda);
    return later;
}

void lambda__async_return_stolen(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    pthread_mutex_lock(&async->mutex);
    size_t left = atomic_load_explicit(&async->stolen_count, memory_order_relaxed);
    for (size_t i = 0; i < left; i++)
        (void)async->queue.retry(async->queue.user, &async->stolen[i], async->stolen[i].state, 0);
    atomic_store_explicit(&async->stolen_count, 0, memory_order_seq_cst);
    pthread_mutex_unlock(&async->mutex);
}
