/*
 * The queue in memory: what its files share.
 *
 *     push --> lane (a row of chunks, records one behind the other) --receive--> lease --acknowledge--> gone
 *                                                                         |  ^
 *                                                                    retry|  |receive, when due
 *                                                                         v  |
 *                                                                       delayed (a heap by due time)
 *
 * - A *lane* is where a thread pushes; which one its number says. Pushing takes the lane's push latch, receiving its take mutex, each
 *   on a line of its own, so that a producer meets neither another producer nor a consumer. What is in between is told by two
 *   counts: `pushed`, which the producer publishes last, and `taken`.
 * - A *chunk* is memory for many records. It is let go when all its records have ended: nothing is allocated for a message.
 * - A *record* is one message. One that must wait is moved out of its chunk, so that it does not hold the others' memory; without
 *   memory for that it waits where it is.
 * - A *lease* is what one receive gave: up to 32 records and one word that says which of them are still the receiver's.
 *   Acknowledging all of them is one atomic step. When its time is over its records can be received anew, but their memory stays
 *   until the late receiver has given them back too.
 *
 * Locks, in this order: a lane's push latch, a lane's take mutex (those of several lanes in the lanes' order), the queue's.
 */
#ifndef LAMBDA_LIB_QUEUE_MEMORY_H
#define LAMBDA_LIB_QUEUE_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>

#include <lambda/port/queue.h>

#include "base/latch.h"

#define LAMBDA__LANES        8
#define LAMBDA__LEASE_BLOCK  16
#define LAMBDA__LEASE_BLOCKS 256

typedef struct lambda__queue_chunk {
    struct lambda__queue_chunk *next; /* in the lane, or among the spare */
    /**
     * Ended records count it down, closing the chunk adds how many there are, and one for the reader that must leave it: so it is
     * zero exactly when the last of all that has happened. While it is open it stands far below zero, as a record that is received
     * anew while its late receiver still reads it counts up.
     */
    _Atomic int64_t pins;
    _Atomic size_t end; /* where the last record ends; SIZE_MAX while more may come */
    size_t capacity;    /* bytes behind this header */
    size_t used;        /* the producer's */
    int64_t count;      /* records in it; likewise */
} lambda__queue_chunk;

typedef struct lambda__queue_record {
    lambda__queue_chunk *chunk;
    uint64_t pushed; /* monotonic */
    uint64_t state;
    uint32_t length; /* of the body */
    uint32_t
        receive_count; /* before it was received last: receivers only read a record, so that its line stays shared */
    bool purged;       /* still in its lane, to be skipped */
    uint64_t due;      /* when it can be received: after its delay, or its receiver's time */
    struct lambda__queue_record *child; /* while it is delayed: in the heap */
    struct lambda__queue_record *sibling;
} lambda__queue_record;

/** Bytes of a record before its body: a line, so that the body is aligned for any type. */
#define LAMBDA__RECORD_SIZE 64
_Static_assert(sizeof(lambda__queue_record) <= LAMBDA__RECORD_SIZE, "a record's header is a line");

typedef struct lambda__queue_lease {
    _Atomic uint64_t word; /* its generation, and 32 bits: which records are the receiver's */
    uint32_t index;
    uint32_t
        late; /* records whose time was over, and which the receiver may still read; under the mutex, as all that follows */
    bool listed;       /* by deadline */
    uint64_t deadline; /* the first of its records' `due`; UINT64_MAX: none, and not listed */
    struct lambda__queue_lease *next;
    struct lambda__queue_lease *previous;
    lambda__queue_record *records[LAMBDA_QUEUE_RECEIVE_MAX];
} lambda__queue_lease;

typedef struct lambda__queue_lane {
    _Alignas(LAMBDA__CACHE_LINE) lambda__latch push_latch;
    lambda__queue_chunk *last;
    int64_t room;      /* messages that may be pushed here before the queue is asked */
    size_t chunk_size; /* of the next chunk */
    /**
     * Records that a reader may take; written under the push latch, after the record. On a line of its own: readers look at it all the
     * while, and the producer only stores to it.
     */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint64_t pushed;
    _Alignas(LAMBDA__CACHE_LINE) pthread_mutex_t take_mutex;
    _Atomic(lambda__queue_chunk *) first; /* NULL until the first push */
    size_t read;                          /* where the next record begins in `first` */
    _Atomic uint64_t taken;               /* written under the take mutex */
    uint64_t purged;                      /* of those not taken yet */
} lambda__queue_lane;

typedef struct lambda__queue_memory {
    lambda__queue_lane lanes[LAMBDA__LANES];
    lambda_queue_host host;
    lambda__base *base; /* for messages of errors; NULL until attached */
    uint64_t max_messages;
    uint64_t max_bytes;
    int64_t room_block;                                /* how much a lane asks for at once */
    void *memory;                                      /* what was allocated: this struct is aligned within it */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic int64_t room; /* messages that may still be pushed, those of lanes aside */
    _Atomic uint64_t bytes;                            /* of chunks, spare ones included */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint64_t next_due; /* of the delayed; UINT64_MAX for none */
    _Atomic uint64_t next_expiry;                           /* of the leases; likewise, or earlier */
    _Atomic uint32_t browsing;                              /* who looks at leased records, under the mutex */
    pthread_mutex_t mutex;                                  /* of the rest */
    lambda__queue_record *delayed;                          /* the heap's root */
    uint64_t delayed_count;
    lambda__queue_record *purged;     /* those of the delayed that a purge takes out */
    lambda__queue_lease *first_lease; /* those with a deadline, by it */
    lambda__queue_lease *last_lease;
    lambda__queue_lease *free_lease;
    _Atomic(lambda__queue_lease *) blocks[LAMBDA__LEASE_BLOCKS];
    uint32_t blocks_count;
    lambda__queue_chunk *spare;
    size_t spare_bytes;
} lambda__queue_memory;

static inline void *lambda__record_body(lambda__queue_record *record)
{
    return (char *)record + LAMBDA__RECORD_SIZE;
}

/** Bytes that a record takes in its chunk. */
static inline size_t lambda__record_size(size_t length)
{
    return LAMBDA__RECORD_SIZE + (length + 15) / 16 * 16;
}

/* ---- chunks and lanes: queue/lane.c */

/** What a push has written and not yet published. */
typedef struct lambda__queue_staged {
    lambda__queue_lane *lane;
    lambda__queue_chunk *last;  /* as it was */
    lambda__queue_chunk *first; /* what is written begins in it */
    size_t used;
    int64_t count;
    lambda__queue_record *delayed; /* by `sibling`: those with a delay, each in a chunk of its own */
    uint64_t records;              /* in the lane */
} lambda__queue_staged;

/**
 * Writes entries behind the lane's last; its push latch is held. On failure nothing is left of them. TooManyRequests, without a
 * message: they need more than `max_bytes`, which does not count where it is `forced`.
 */
lambda_status lambda__lane_stage(lambda__queue_memory *queue, lambda__queue_lane *lane,
                                 const lambda_queue_entry *entries, size_t count, bool forced,
                                 lambda__queue_staged *staged);

/** Takes them back. The push latch is held still. */
void lambda__lane_unstage(lambda__queue_memory *queue, const lambda__queue_staged *staged);

/** Shows them to receivers; the push latch is held still, and with delayed ones among them the queue's. Then _published, without it. */
void lambda__lane_publish(lambda__queue_memory *queue, const lambda__queue_staged *staged);
void lambda__lane_published(lambda__queue_memory *queue, const lambda__queue_staged *staged);

/** Lets go what memory the lane and the spare chunks hold and do not need; no lock is held. */
void lambda__lane_reclaim(lambda__queue_memory *queue, lambda__queue_lane *lane);
void lambda__spare_reclaim(lambda__queue_memory *queue);

/** Takes up to `most` records; the take mutex is held. 0: only passes purged ones that stand first. */
size_t lambda__lane_take(lambda__queue_memory *queue, lambda__queue_lane *lane, lambda__queue_record **records,
                         size_t most);

/** The record at the lane's reader, or after `at`; the take mutex is held. `*chunk` and `*offset` move on. */
lambda__queue_record *lambda__lane_next(lambda__queue_chunk **chunk, size_t *offset);

/** `count` records of the chunk have ended: it goes when they were the last. */
void lambda__chunk_unpin(lambda__queue_memory *queue, lambda__queue_chunk *chunk, int64_t count);

/** The same for who holds the queue's mutex: a chunk that is to go is put in front of `*gone`, for lambda__chunks_end without it. */
void lambda__chunk_unpin_locked(lambda__queue_chunk *chunk, int64_t count, lambda__queue_chunk **gone);
void lambda__chunks_end(lambda__queue_memory *queue, lambda__queue_chunk *gone);

/** A record with the same body in a chunk of its own; NULL where it has one already, or there is no memory. */
lambda__queue_record *lambda__record_copy_out(lambda__queue_memory *queue, const lambda__queue_record *record);

/** Frees all chunks. Nothing is received any more. */
void lambda__lanes_free(lambda__queue_memory *queue);

/** Has so many messages more that may be pushed. */
static inline void lambda__room_give(lambda__queue_memory *queue, int64_t count)
{
    atomic_fetch_add_explicit(&queue->room, count, memory_order_relaxed);
}

/* ---- the delayed: queue/delayed.c. Under the queue's mutex. */

void lambda__delayed_insert(lambda__queue_memory *queue, lambda__queue_record *record);

/** The one that is due first, if by `until`; NULL. */
lambda__queue_record *lambda__delayed_take(lambda__queue_memory *queue, uint64_t until);

/** Calls `visit` for each, in no order; false ends it, and is returned. Those that are `purged` afterwards are no longer in it. */
bool lambda__delayed_each(lambda__queue_memory *queue, bool (*visit)(void *user, lambda__queue_record *record),
                          void *user);

/* ---- leases: queue/lease.c */

/** Under the queue's mutex: a lease without records; NULL when memory is out or there are too many. */
lambda__queue_lease *lambda__lease_new(lambda__queue_memory *queue);

/** Under the queue's mutex: `count` records are a receiver's from here on. */
void lambda__lease_begin(lambda__queue_memory *queue, lambda__queue_lease *lease, size_t count, uint64_t due);

/** Under the queue's mutex: gives back one that was not begun. */
void lambda__lease_drop(lambda__queue_memory *queue, lambda__queue_lease *lease);

/** The lease of a receipt; NULL for what is none. */
lambda__queue_lease *lambda__lease_of(lambda__queue_memory *queue, uint64_t receipt);

static inline uint64_t lambda__lease_receipt(const lambda__queue_lease *lease, size_t at)
{
    uint64_t generation = atomic_load_explicit(&lease->word, memory_order_relaxed) >> 32;
    return generation << 17 | (uint64_t)lease->index << 5 | at;
}

static inline uint32_t lambda__receipt_place(uint64_t receipt)
{
    return (uint32_t)receipt & 31;
}

/** Bits of a receipt that its lease and generation decide. */
static inline uint64_t lambda__receipt_lease(uint64_t receipt)
{
    return receipt >> 5;
}

/**
 * Ends the receiver's hold of the records in `mask`, all of one receipt's lease. Which were its own; in `*late` which were so no more,
 * but held in memory. The caller unpins both. Frees an empty lease. _locked: under the queue's mutex.
 */
uint32_t lambda__lease_end(lambda__queue_memory *queue, uint64_t receipt, uint32_t mask, uint32_t *late);
uint32_t lambda__lease_end_locked(lambda__queue_memory *queue, uint64_t receipt, uint32_t mask, uint32_t *late);

/** True if the record is still the receiver's. */
bool lambda__lease_holds(const lambda__queue_lease *lease, uint64_t receipt);

/** Under the queue's mutex, and counted in `browsing`: puts the lease where its records' times say. */
void lambda__lease_update(lambda__queue_memory *queue, lambda__queue_lease *lease);

/** Under the queue's mutex: makes records whose receiver's time is over delayed ones that are due. */
void lambda__leases_expire(lambda__queue_memory *queue, uint64_t now);

/** Under the queue's mutex: calls `visit` for each record that is a receiver's. */
bool lambda__leases_each(lambda__queue_memory *queue, bool (*visit)(void *user, lambda__queue_record *record),
                         void *user);

void lambda__leases_free(lambda__queue_memory *queue);

/** True if it is a queue in memory: its push ends in a full fence. */
bool lambda__queue_is_memory(const lambda_queue *queue);

/* ---- looking into it: queue/memory_browse.c, members of the port */

lambda_status lambda__queue_memory_counts(void *user, lambda_queue_counts *counts);
lambda_status lambda__queue_memory_browse(void *user, lambda_queue_visitor *visit, void *visit_user);
lambda_status lambda__queue_memory_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count);

#endif
