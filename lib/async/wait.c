/* Who waits: for one event, for all, for room in the queue. */
#include "async/async.h"

#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"

struct lambda__waiter {
    lambda__waiter *next;
    lambda_request_id id;
    lambda_async_callback *callback;
    void *user;
};

static bool same(lambda_request_id one, lambda_request_id two)
{
    return one.high == two.high && one.low == two.low;
}

static lambda__waiter **chain_of(const lambda__async *async, lambda_request_id id)
{
    /* Ids are random already. */
    return &async->table[(id.high ^ id.low >> 7) & (async->table_size - 1)];
}

/** Under the mutex: twice the chains when there are as many waiters as chains. */
static void grow(lambda__base *base, lambda__async *async)
{
    size_t size = async->table_size ? async->table_size * 2 : 16;
    if (atomic_load_explicit(&async->waiters, memory_order_relaxed) < async->table_size) return;
    lambda__waiter **table = lambda__allocate_zeroed(base, size * sizeof(lambda__waiter *));
    if (!table) return; /* longer chains do as well */
    lambda__waiter **old = async->table;
    size_t old_size = async->table_size;
    async->table = table;
    async->table_size = size;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i]) {
            lambda__waiter *each = old[i];
            lambda__waiter **chain = chain_of(async, each->id);
            old[i] = each->next;
            each->next = *chain;
            *chain = each;
        }
    }
    lambda__release(base, old);
}

lambda_status lambda__async_expect(lambda_t *lambda, lambda_request_id id, lambda_async_callback *callback, void *user)
{
    lambda__async *async = lambda->async;
    lambda__waiter *waiter = lambda__allocate(&lambda->base, sizeof(*waiter));
    if (!waiter) return lambda__out_of_memory(&lambda->base);
    *waiter = (lambda__waiter){.id = id, .callback = callback, .user = user};
    pthread_mutex_lock(&async->mutex);
    grow(&lambda->base, async);
    bool there = async->table_size > 0;
    if (there) {
        lambda__waiter **chain = chain_of(async, id);
        waiter->next = *chain;
        *chain = waiter;
        atomic_fetch_add_explicit(&async->waiters, 1, memory_order_seq_cst);
    }
    pthread_mutex_unlock(&async->mutex);
    if (there) return LAMBDA_OK;
    lambda__release(&lambda->base, waiter);
    return lambda__out_of_memory(&lambda->base);
}

/** Takes a waiter of the event out: the one with that user pointer, or the first (NULL). */
static lambda__waiter *take(lambda__async *async, lambda_request_id id, const void *user)
{
    lambda__waiter *found = NULL;
    pthread_mutex_lock(&async->mutex);
    for (lambda__waiter **link = async->table_size ? chain_of(async, id) : &found; *link && !found;
         link = &(*link)->next) {
        if (!same((*link)->id, id) || (user && (*link)->user != user)) continue;
        found = *link;
        *link = found->next;
        atomic_fetch_sub_explicit(&async->waiters, 1, memory_order_seq_cst);
        break;
    }
    pthread_mutex_unlock(&async->mutex);
    return found;
}

void lambda__async_forget(lambda_t *lambda, lambda_request_id id)
{
    lambda__release(&lambda->base, take(lambda->async, id, NULL));
}

void lambda__async_ended(lambda_t *lambda, const lambda_async_outcome *outcome)
{
    lambda__async *async = lambda->async;
    if (!lambda__async_awaited(async)) return;
    lambda__waiter *waiter;
    while ((waiter = take(async, outcome->request_id, NULL)) != NULL) {
        lambda_async_callback *callback = waiter->callback;
        void *user = waiter->user;
        lambda__release(&lambda->base, waiter);
        callback(user, outcome);
    }
}

/** Takes any waiter out; `*chain` is where to look first. Without one the table is gone. */
static lambda__waiter *take_any(lambda__base *base, lambda__async *async, size_t *chain)
{
    lambda__waiter *found = NULL;
    pthread_mutex_lock(&async->mutex);
    while (*chain < async->table_size && !async->table[*chain])
        ++*chain;
    if (*chain < async->table_size) {
        found = async->table[*chain];
        async->table[*chain] = found->next;
        atomic_fetch_sub_explicit(&async->waiters, 1, memory_order_seq_cst);
    } else {
        lambda__release(base, async->table);
        async->table = NULL;
        async->table_size = 0;
    }
    pthread_mutex_unlock(&async->mutex);
    return found;
}

void lambda__async_waiters_end(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    lambda__waiter *each;
    size_t chain = 0;
    /* Workers that were given up may be telling others still: each waiter is told by whoever takes it. */
    while ((each = take_any(&lambda->base, async, &chain)) != NULL) {
        lambda_async_outcome outcome = {.request_id = each->id, .condition = LAMBDA_ASYNC_CLOSED};
        lambda_async_callback *callback = each->callback;
        void *user = each->user;
        lambda__release(&lambda->base, each);
        callback(user, &outcome);
    }
}

/* ---- waiting */

static void change(lambda__async *async)
{
    atomic_fetch_add_explicit(&async->changed, 1, memory_order_seq_cst);
    lambda__platform_wake(&async->changed);
}

void lambda__async_change_all(lambda_t *lambda)
{
    change(lambda->async);
}

void lambda__async_change(lambda_t *lambda)
{
    if (LAMBDA__UNLIKELY(atomic_load_explicit(&lambda->async->want_room, memory_order_seq_cst))) change(lambda->async);
}

void lambda__async_idle(lambda_t *lambda)
{
    if (LAMBDA__UNLIKELY(atomic_load_explicit(&lambda->async->want_end, memory_order_seq_cst))) change(lambda->async);
}

void lambda__async_pause(lambda_t *lambda, uint32_t seen, uint64_t until)
{
    lambda__base *base = &lambda->base;
    lambda__async *async = lambda->async;
    if (base->executor.kind == LAMBDA_EXECUTOR_THREADS || base->executor.help) {
        lambda__wait(base, &async->changed, seen, until);
        return;
    }
    /* Nobody else runs what is due: this thread does, and as if it were another, no part of a chain that stands here. */
    lambda__thread *thread = lambda__thread_get(base);
    const lambda__chain *outer = thread ? thread->chain : NULL;
    if (thread) thread->chain = NULL;
    bool ran = lambda__agenda_run(base, lambda__now(base));
    if (thread) thread->chain = outer;
    if (ran) return;
    uint64_t next = lambda__agenda_next(base);
    lambda__wait(base, &async->changed, seen, next < until ? next : until);
}

/** After a look at what is waited for: why there is no use in waiting on, or LAMBDA_OK. */
static lambda_status check_time(lambda_t *lambda, uint64_t deadline, uint32_t timeout_ms)
{
    if (atomic_load_explicit(&lambda->async->stopping, memory_order_acquire))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "the service closes");
    if (lambda__now(&lambda->base) < deadline) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_TOO_MANY_REQUESTS, "timeout_ms: %u ms were over first", timeout_ms);
}

static uint64_t deadline_of(const lambda_t *lambda, uint32_t timeout_ms)
{
    return timeout_ms == LAMBDA_WAIT_FOREVER ? UINT64_MAX : lambda__now(&lambda->base) + (uint64_t)timeout_ms * 1000000;
}

/* ---- for all */

/** None is left; or, with `only_due`, none that is due by the deadline. */
static bool all_over(lambda_t *lambda, const lambda_queue_counts *counts, uint64_t deadline, bool only_due)
{
    const lambda_queue *queue = &lambda->async->queue;
    if (counts->waiting + counts->received > 0) return false;
    if (counts->delayed == 0) return true;
    return only_due && queue->next_due(queue->user) > deadline - lambda__now(&lambda->base);
}

lambda_status lambda__async_wait_all(lambda_t *lambda, uint32_t timeout_ms, bool only_due)
{
    lambda__async *async = lambda->async;
    uint64_t deadline = deadline_of(lambda, timeout_ms);
    lambda_status status = LAMBDA_OK;
    atomic_fetch_add_explicit(&async->want_end, 1, memory_order_seq_cst);
    for (;;) {
        lambda_queue_counts counts;
        uint32_t seen = atomic_load_explicit(&async->changed, memory_order_seq_cst);
        status = async->queue.counts(async->queue.user, &counts);
        if (status != LAMBDA_OK) break;
        status = check_time(lambda, deadline, timeout_ms);
        if (counts.waiting + counts.delayed + counts.received == 0) status = LAMBDA_OK;
        if (status != LAMBDA_OK || all_over(lambda, &counts, deadline, only_due)) break;
        lambda__async_pause(lambda, seen, deadline);
    }
    atomic_fetch_sub_explicit(&async->want_end, 1, memory_order_seq_cst);
    return status;
}

/** The thread that may wait; not in a handler, which may be what is waited for. */
static lambda_status check_waiter(lambda_t *lambda, lambda__thread **waiter)
{
    if (!lambda) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda__thread *thread = *waiter = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    if (!thread->chain) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "a handler cannot wait for events: it may be what is waited for");
}

lambda_status lambda_async_wait_all(lambda_t *lambda, uint32_t timeout_ms)
{
    lambda__thread *thread = NULL;
    lambda_status status = check_waiter(lambda, &thread);
    if (status != LAMBDA_OK) return status;
    lambda__async_call_begin(thread);
    status = lambda__async_wait_all(lambda, timeout_ms, false);
    lambda__async_call_end(thread);
    return status;
}

/* ---- for one */

typedef struct search {
    lambda_request_id id;
    bool found;
} search;

static bool find(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)standing;
    (void)due_ns;
    search *what = user;
    lambda__event_message read;
    what->found = lambda__message_read(message->body, &read) && same(read.head.request_id, what->id);
    return !what->found;
}

typedef struct watching {
    lambda__async *async;
    _Atomic uint32_t told;
} watching;

static void told(void *user, const lambda_async_outcome *outcome)
{
    (void)outcome;
    watching *watch = user;
    lambda__async *async = watch->async;
    atomic_store_explicit(&watch->told, 1, memory_order_seq_cst);
    change(async); /* the watch may be gone by now */
}

/** Registered and not told: takes it back; where it is just being told, waits for that. */
static void unwatch(lambda_t *lambda, lambda_request_id id, watching *watch)
{
    lambda__waiter *waiter = take(lambda->async, id, watch);
    lambda__release(&lambda->base, waiter);
    while (!waiter && !atomic_load_explicit(&watch->told, memory_order_acquire))
        lambda__platform_yield();
}

/** Waits until the event has ended or has become a delivery. `*gone`: it is not in the queue. */
static lambda_status wait_once(lambda_t *lambda, lambda_request_id id, uint64_t deadline, uint32_t timeout_ms,
                               bool *gone)
{
    lambda__async *async = lambda->async;
    watching watch = {.async = async};
    search what = {.id = id};
    lambda_status status = lambda__async_expect(lambda, id, told, &watch);
    if (status != LAMBDA_OK) return status;
    /* Looked for once it would be told of: either it is there still, or it has ended. */
    status = async->queue.browse(async->queue.user, find, &what);
    *gone = status == LAMBDA_OK && !what.found;
    while (status == LAMBDA_OK && !*gone) {
        uint32_t seen = atomic_load_explicit(&async->changed, memory_order_seq_cst);
        if (atomic_load_explicit(&watch.told, memory_order_seq_cst)) return LAMBDA_OK;
        status = check_time(lambda, deadline, timeout_ms);
        if (status == LAMBDA_OK) lambda__async_pause(lambda, seen, deadline);
    }
    unwatch(lambda, id, &watch);
    return status;
}

lambda_status lambda_async_wait(lambda_t *lambda, lambda_request_id request_id, uint32_t timeout_ms)
{
    lambda__thread *thread = NULL;
    lambda_status status = check_waiter(lambda, &thread);
    if (status != LAMBDA_OK) return status;
    uint64_t deadline = deadline_of(lambda, timeout_ms);
    bool gone = false;
    lambda__async_call_begin(thread);
    while (status == LAMBDA_OK && !gone)
        status = wait_once(lambda, request_id, deadline, timeout_ms, &gone);
    lambda__async_call_end(thread);
    return status;
}
