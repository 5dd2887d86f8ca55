/* Leases: what receivers hold, and for how long. */
#include "queue/memory.h"

#include <string.h>

static void publish(lambda__queue_memory *queue)
{
    uint64_t next = queue->first_lease ? queue->first_lease->deadline : UINT64_MAX;
    atomic_store_explicit(&queue->next_expiry, next, memory_order_release);
}

static void unlist(lambda__queue_memory *queue, lambda__queue_lease *lease)
{
    if (!lease->listed) return;
    *(lease->previous ? &lease->previous->next : &queue->first_lease) = lease->next;
    *(lease->next ? &lease->next->previous : &queue->last_lease) = lease->previous;
    lease->listed = false;
    publish(queue);
}

/** By deadline. Those that are begun now mostly end last. */
static void list(lambda__queue_memory *queue, lambda__queue_lease *lease)
{
    if (lease->deadline == UINT64_MAX) return;
    lambda__queue_lease *before = queue->last_lease;
    while (before && before->deadline > lease->deadline)
        before = before->previous;
    lease->previous = before;
    lease->next = before ? before->next : queue->first_lease;
    *(before ? &before->next : &queue->first_lease) = lease;
    *(lease->next ? &lease->next->previous : &queue->last_lease) = lease;
    lease->listed = true;
    publish(queue);
}

static bool add_block(lambda__queue_memory *queue)
{
    if (queue->blocks_count == LAMBDA__LEASE_BLOCKS) return false;
    const lambda_allocator *allocator = &queue->host.allocator;
    size_t size = LAMBDA__LEASE_BLOCK * sizeof(lambda__queue_lease);
    lambda__queue_lease *block = allocator->allocate(allocator->user, size);
    if (!block) return false;
    memset(block, 0, size);
    for (uint32_t i = LAMBDA__LEASE_BLOCK; i-- > 0;) {
        block[i].index = queue->blocks_count * LAMBDA__LEASE_BLOCK + i;
        block[i].next = queue->free_lease;
        queue->free_lease = &block[i];
    }
    atomic_store_explicit(&queue->blocks[queue->blocks_count++], block, memory_order_release);
    return true;
}

lambda__queue_lease *lambda__lease_new(lambda__queue_memory *queue)
{
    if (!queue->free_lease && !add_block(queue)) return NULL;
    lambda__queue_lease *lease = queue->free_lease;
    queue->free_lease = lease->next;
    return lease;
}

void lambda__lease_drop(lambda__queue_memory *queue, lambda__queue_lease *lease)
{
    lease->next = queue->free_lease;
    queue->free_lease = lease;
}

void lambda__lease_begin(lambda__queue_memory *queue, lambda__queue_lease *lease, size_t count, uint64_t due)
{
    uint64_t generation = (atomic_load_explicit(&lease->word, memory_order_relaxed) >> 32) + 1;
    uint64_t mask = count == 32 ? UINT32_MAX : (UINT64_C(1) << count) - 1;
    lease->deadline = due;
    list(queue, lease);
    atomic_store_explicit(&lease->word, generation << 32 | mask, memory_order_release);
}

lambda__queue_lease *lambda__lease_of(lambda__queue_memory *queue, uint64_t receipt)
{
    uint32_t index = (uint32_t)(receipt >> 5) & (LAMBDA__LEASE_BLOCK * LAMBDA__LEASE_BLOCKS - 1);
    lambda__queue_lease *block =
        atomic_load_explicit(&queue->blocks[index / LAMBDA__LEASE_BLOCK], memory_order_acquire);
    return block ? &block[index % LAMBDA__LEASE_BLOCK] : NULL;
}

/** True if the word is still of the receipt's time. */
static bool same_generation(uint64_t word, uint64_t receipt)
{
    return (uint32_t)(word >> 32) == (uint32_t)(receipt >> 17);
}

bool lambda__lease_holds(const lambda__queue_lease *lease, uint64_t receipt)
{
    uint64_t word = atomic_load_explicit(&lease->word, memory_order_seq_cst);
    return same_generation(word, receipt) && (word >> lambda__receipt_place(receipt) & 1);
}

/** Under the mutex: frees the lease when nobody holds anything of it any more. */
static void free_if_empty(lambda__queue_memory *queue, lambda__queue_lease *lease, uint64_t receipt)
{
    uint64_t word = atomic_load_explicit(&lease->word, memory_order_acquire);
    if (!same_generation(word, receipt) || (uint32_t)word != 0 || lease->late != 0) return;
    unlist(queue, lease);
    /* Of another time from here on: who comes second frees it not again. */
    atomic_store_explicit(&lease->word, word + (UINT64_C(1) << 32), memory_order_release);
    lambda__lease_drop(queue, lease);
}

/** Takes those of the mask that the receiver still has out of the lease's word; `*word` is as it was before. */
static uint32_t let_go(lambda__queue_lease *lease, uint64_t receipt, uint32_t mask, uint64_t *word)
{
    uint32_t own = 0;
    *word = atomic_load_explicit(&lease->word, memory_order_acquire);
    do {
        if (!same_generation(*word, receipt)) return 0;
        own = (uint32_t)*word & mask;
    } while (own != 0 && !atomic_compare_exchange_weak_explicit(&lease->word, word, *word & ~(uint64_t)own,
                                                                memory_order_seq_cst, memory_order_acquire));
    return own;
}

/** Under the mutex: which of the mask the receiver had no more, and the lease is free if that was all. */
static uint32_t let_go_late(lambda__queue_memory *queue, lambda__queue_lease *lease, uint64_t receipt, uint32_t mask)
{
    if (!same_generation(atomic_load_explicit(&lease->word, memory_order_relaxed), receipt)) return 0;
    uint32_t late = lease->late & mask;
    lease->late &= ~mask;
    free_if_empty(queue, lease, receipt);
    return late;
}

uint32_t lambda__lease_end_locked(lambda__queue_memory *queue, uint64_t receipt, uint32_t mask, uint32_t *late)
{
    lambda__queue_lease *lease = lambda__lease_of(queue, receipt);
    uint64_t word = 0;
    uint32_t own = let_go(lease, receipt, mask, &word);
    *late = let_go_late(queue, lease, receipt, mask);
    return own;
}

uint32_t lambda__lease_end(lambda__queue_memory *queue, uint64_t receipt, uint32_t mask, uint32_t *late)
{
    lambda__queue_lease *lease = lambda__lease_of(queue, receipt);
    uint64_t word = 0;
    *late = 0;
    uint32_t own = let_go(lease, receipt, mask, &word);
    if (!same_generation(word, receipt)) return 0;
    bool empty = (uint32_t)word == own;
    /* Who browses has seen these records still held: they stay until it is done. */
    bool seen = atomic_load_explicit(&queue->browsing, memory_order_seq_cst) > 0;
    if (!empty && own == mask && !seen) return own;
    pthread_mutex_lock(&queue->mutex);
    *late = let_go_late(queue, lease, receipt, mask);
    pthread_mutex_unlock(&queue->mutex);
    return own;
}

void lambda__lease_update(lambda__queue_memory *queue, lambda__queue_lease *lease)
{
    uint64_t word = atomic_load_explicit(&lease->word, memory_order_seq_cst);
    uint64_t first = UINT64_MAX;
    unlist(queue, lease);
    for (uint32_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX; i++)
        if (word >> i & 1 && lease->records[i]->due < first) first = lease->records[i]->due;
    lease->deadline = first;
    list(queue, lease);
}

/** Takes the record from its receiver; false if it was given back meanwhile. */
static bool take_away(lambda__queue_lease *lease, uint32_t at)
{
    uint64_t word = atomic_load_explicit(&lease->word, memory_order_acquire);
    do {
        if (!(word >> at & 1)) return false;
    } while (!atomic_compare_exchange_weak_explicit(&lease->word, &word, word & ~(UINT64_C(1) << at),
                                                    memory_order_seq_cst, memory_order_acquire));
    lease->late |= UINT32_C(1) << at;
    return true;
}

void lambda__leases_expire(lambda__queue_memory *queue, uint64_t now)
{
    lambda__queue_lease *lease;
    while ((lease = queue->first_lease) != NULL && lease->deadline <= now) {
        atomic_fetch_add_explicit(&queue->browsing, 1, memory_order_seq_cst);
        uint64_t word = atomic_load_explicit(&lease->word, memory_order_seq_cst);
        for (uint32_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX; i++) {
            if (!(word >> i & 1) || lease->records[i]->due > now || !take_away(lease, i)) continue;
            lambda__queue_record *record = lease->records[i];
            /* The late receiver may be reading it still: a pin more, its own goes when it comes back. */
            atomic_fetch_add_explicit(&record->chunk->pins, 1, memory_order_relaxed);
            record->due = now;
            record->receive_count++;
            lambda__delayed_insert(queue, record);
        }
        lambda__lease_update(queue, lease);
        atomic_fetch_sub_explicit(&queue->browsing, 1, memory_order_seq_cst);
    }
}

bool lambda__leases_each(lambda__queue_memory *queue, bool (*visit)(void *user, lambda__queue_record *record),
                         void *user)
{
    bool goes_on = true;
    atomic_fetch_add_explicit(&queue->browsing, 1, memory_order_seq_cst);
    for (uint32_t i = 0; goes_on && i < queue->blocks_count * LAMBDA__LEASE_BLOCK; i++) {
        lambda__queue_lease *block =
            atomic_load_explicit(&queue->blocks[i / LAMBDA__LEASE_BLOCK], memory_order_relaxed);
        lambda__queue_lease *lease = &block[i % LAMBDA__LEASE_BLOCK];
        uint64_t word = atomic_load_explicit(&lease->word, memory_order_seq_cst);
        for (uint32_t at = 0; goes_on && at < LAMBDA_QUEUE_RECEIVE_MAX; at++)
            if (word >> at & 1) goes_on = visit(user, lease->records[at]);
    }
    atomic_fetch_sub_explicit(&queue->browsing, 1, memory_order_seq_cst);
    return goes_on;
}

void lambda__leases_free(lambda__queue_memory *queue)
{
    const lambda_allocator *allocator = &queue->host.allocator;
    for (uint32_t i = 0; i < queue->blocks_count; i++)
        allocator->release(allocator->user, atomic_load_explicit(&queue->blocks[i], memory_order_relaxed));
}
