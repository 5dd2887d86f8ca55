#include "base/thread.h"

#include "base/memory.h"

lambda__thread *lambda__thread_slow(lambda__base *base)
{
    uint32_t number = lambda__thread_number();
    if (number == LAMBDA__THREAD_NONE) number = lambda__thread_number_take(LAMBDA__THREADS_MAX);
    if (number >= LAMBDA__THREADS_MAX) return NULL;
    /* The number is this thread's alone, so nobody else fills the slot. A record left by a thread that ended serves on. */
    lambda__thread *thread = atomic_load_explicit(&base->threads[number], memory_order_acquire);
    if (thread) return thread;
    thread = lambda__allocate_zeroed(base, sizeof(*thread) + LAMBDA__CACHE_LINE);
    if (!thread) return NULL;
    thread->number = number;
    thread->key[0] = base->random.next(base->random.user);
    thread->key[1] = base->random.next(base->random.user);
    thread->random = base->random.next(base->random.user) | 1;
    uint32_t end = atomic_load_explicit(&base->threads_end, memory_order_relaxed);
    while (end <= number && !atomic_compare_exchange_weak_explicit(&base->threads_end, &end, number + 1,
                                                                   memory_order_seq_cst, memory_order_relaxed))
        ;
    atomic_store_explicit(&base->threads[number], thread, memory_order_release);
    return thread;
}

void lambda__grace_wait(lambda__base *base)
{
    pthread_mutex_lock(&base->grace_mutex);
    /* A thread that raises the end from here on finds what was unlinked before: its first section begins afterwards. */
    uint32_t end = atomic_fetch_add_explicit(&base->threads_end, 0, memory_order_seq_cst);
    for (uint32_t number = 0; number < end; number++) {
        lambda__thread *thread = atomic_load_explicit(&base->threads[number], memory_order_acquire);
        if (!thread) continue;
        /* An exchange on either side: this one finds the section under way, or the reader's finds what was unlinked before. */
        if (!atomic_fetch_add_explicit(&thread->reading, 0, memory_order_seq_cst)) continue;
        while (atomic_load_explicit(&thread->reading, memory_order_acquire))
            lambda__platform_yield();
    }
    pthread_mutex_unlock(&base->grace_mutex);
}

uint64_t lambda__counter_sum(lambda__base *base, int counter)
{
    uint64_t sum = 0;
    for (uint32_t number = 0; number < atomic_load_explicit(&base->threads_end, memory_order_acquire); number++) {
        lambda__thread *thread = atomic_load_explicit(&base->threads[number], memory_order_acquire);
        if (thread) sum += atomic_load_explicit(&thread->counters[counter], memory_order_relaxed);
    }
    return sum;
}

bool lambda__threads_busy(lambda__base *base)
{
    for (uint32_t number = 0; number < atomic_load_explicit(&base->threads_end, memory_order_acquire); number++) {
        lambda__thread *thread = atomic_load_explicit(&base->threads[number], memory_order_acquire);
        if (thread && number != lambda__thread_number() && atomic_load_explicit(&thread->depth, memory_order_acquire) &&
            !atomic_load_explicit(&thread->working, memory_order_acquire))
            return true;
    }
    return false;
}

uint64_t lambda__thread_random(lambda__thread *thread)
{
    uint64_t state = thread->random;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    thread->random = state;
    return state * UINT64_C(0x2545F4914F6CDD1D);
}
