/* Chunks of records, and the lanes that they stand in. */
#include "queue/memory.h"

#include <string.h>

#include "base/error.h"

#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MAX   ((size_t)65536)
/** Memory that is kept for the next chunks. */
#define SPARE_MAX ((size_t)4 << 20)
/** How far ahead a reader looks. */
#define PREFETCH_RECORDS 6
/** Pins of a chunk that is open: however many are added, it is not zero. */
#define PINS_OPEN (INT64_MIN / 2)

static size_t header_size(void)
{
    return (sizeof(lambda__queue_chunk) + 63) / 64 * 64;
}

static lambda__queue_record *record_at(lambda__queue_chunk *chunk, size_t offset)
{
    return (lambda__queue_record *)(void *)((char *)chunk + header_size() + offset);
}

/* ---- chunks */

static void chunk_free(lambda__queue_memory *queue, lambda__queue_chunk *chunk)
{
    const lambda_allocator *allocator = &queue->host.allocator;
    atomic_fetch_sub_explicit(&queue->bytes, header_size() + chunk->capacity, memory_order_relaxed);
    allocator->release(allocator->user, chunk);
}

/** One of the usual size is kept for the next; others go. */
static void chunk_end(lambda__queue_memory *queue, lambda__queue_chunk *chunk)
{
    size_t size = header_size() + chunk->capacity;
    bool kept = false;
    if (size == CHUNK_MAX) {
        pthread_mutex_lock(&queue->mutex);
        kept = queue->spare_bytes + size <= SPARE_MAX && queue->spare_bytes + size <= queue->max_bytes / 16;
        if (kept) {
            chunk->next = queue->spare;
            queue->spare = chunk;
            queue->spare_bytes += size;
        }
        pthread_mutex_unlock(&queue->mutex);
    }
    if (!kept) chunk_free(queue, chunk);
}

static lambda__queue_chunk *chunk_spare(lambda__queue_memory *queue)
{
    pthread_mutex_lock(&queue->mutex);
    lambda__queue_chunk *chunk = queue->spare;
    if (chunk) {
        queue->spare = chunk->next;
        queue->spare_bytes -= CHUNK_MAX;
    }
    pthread_mutex_unlock(&queue->mutex);
    return chunk;
}

/** A chunk with so much room; `*status` says why there is none. */
static lambda__queue_chunk *chunk_new(lambda__queue_memory *queue, size_t capacity, bool forced, lambda_status *status)
{
    const lambda_allocator *allocator = &queue->host.allocator;
    size_t size = header_size() + capacity;
    lambda__queue_chunk *chunk = size == CHUNK_MAX ? chunk_spare(queue) : NULL;
    if (!chunk) {
        uint64_t before = atomic_fetch_add_explicit(&queue->bytes, size, memory_order_relaxed);
        bool fits = forced || before + size <= queue->max_bytes;
        chunk = fits ? allocator->allocate(allocator->user, size) : NULL;
        if (!chunk) {
            atomic_fetch_sub_explicit(&queue->bytes, size, memory_order_relaxed);
            /* Who pushes says the former, once nothing can be reclaimed. */
            *status = fits ? lambda__out_of_memory(queue->base) : LAMBDA_ERROR_TOO_MANY_REQUESTS;
            return NULL;
        }
    }
    chunk->next = NULL;
    atomic_init(&chunk->pins, PINS_OPEN);
    atomic_init(&chunk->end, SIZE_MAX);
    chunk->capacity = capacity;
    chunk->used = 0;
    chunk->count = 0;
    return chunk;
}

void lambda__chunk_unpin(lambda__queue_memory *queue, lambda__queue_chunk *chunk, int64_t count)
{
    if (atomic_fetch_sub_explicit(&chunk->pins, count, memory_order_acq_rel) == count) chunk_end(queue, chunk);
}

void lambda__chunk_unpin_locked(lambda__queue_chunk *chunk, int64_t count, lambda__queue_chunk **gone)
{
    if (atomic_fetch_sub_explicit(&chunk->pins, count, memory_order_acq_rel) != count) return;
    chunk->next = *gone;
    *gone = chunk;
}

void lambda__chunks_end(lambda__queue_memory *queue, lambda__queue_chunk *gone)
{
    while (gone) {
        lambda__queue_chunk *next = gone->next;
        chunk_end(queue, gone);
        gone = next;
    }
}

/* ---- records */

static void record_write(lambda__queue_chunk *chunk, lambda__queue_record *record, const lambda_queue_entry *entry,
                         size_t length, uint64_t now)
{
    record->chunk = chunk;
    record->pushed = now;
    record->state = entry->state;
    record->length = (uint32_t)length;
    record->receive_count = 0;
    record->purged = false;
    record->due = UINT64_MAX;
    char *at = lambda__record_body(record);
    for (size_t i = 0; i < entry->parts_count; i++) {
        if (entry->parts[i].length > 0) memcpy(at, entry->parts[i].data, entry->parts[i].length);
        at += entry->parts[i].length;
    }
}

/** A chunk for one record alone, closed already: its pin is the record's. */
static lambda__queue_record *record_alone(lambda__queue_memory *queue, size_t length, bool forced,
                                          lambda_status *status)
{
    lambda__queue_chunk *chunk = chunk_new(queue, lambda__record_size(length), forced, status);
    if (!chunk) return NULL;
    atomic_store_explicit(&chunk->pins, 1, memory_order_relaxed);
    chunk->count = 1;
    lambda__queue_record *record = record_at(chunk, 0);
    record->chunk = chunk;
    return record;
}

lambda__queue_record *lambda__record_copy_out(lambda__queue_memory *queue, const lambda__queue_record *record)
{
    lambda__queue_chunk *old = record->chunk;
    lambda_status status = LAMBDA_OK;
    if (record == record_at(old, 0) && old->capacity == lambda__record_size(record->length)) return NULL;
    const lambda_bytes body = {.data = (const char *)record + LAMBDA__RECORD_SIZE, .length = record->length};
    lambda__queue_record *copy = record_alone(queue, body.length, false, &status);
    if (!copy) return NULL;
    /* The body alone: what stands before it changes if the receiver's time is over now. */
    const lambda_queue_entry entry = {.parts = &body, .parts_count = 1};
    record_write(copy->chunk, copy, &entry, body.length, record->pushed);
    return copy;
}

static lambda_status entry_length(const lambda__queue_memory *queue, const lambda_queue_entry *entry, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < entry->parts_count; i++) {
        if (entry->parts[i].length > UINT32_MAX - *length)
            return lambda__fail(queue->base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "a message of 4 GiB or more");
        *length += entry->parts[i].length;
    }
    if (lambda__record_size(*length) + header_size() > queue->max_bytes)
        return lambda__fail(queue->base, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                            "a message of %zu bytes is more than the queue's max_bytes of %llu", *length,
                            (unsigned long long)queue->max_bytes);
    return LAMBDA_OK;
}

/* ---- pushing */

/** Room for so many bytes behind the lane's last record. */
static lambda_status lane_reserve(lambda__queue_memory *queue, lambda__queue_lane *lane, size_t size, bool forced)
{
    lambda__queue_chunk *last = lane->last;
    if (LAMBDA__LIKELY(last && size <= last->capacity - last->used)) return LAMBDA_OK;
    lambda_status status = LAMBDA_OK;
    size_t usual = lane->chunk_size - header_size();
    lambda__queue_chunk *chunk = chunk_new(queue, size > usual ? size : usual, forced, &status);
    if (!chunk) return status;
    if (lane->chunk_size < CHUNK_MAX) lane->chunk_size *= 2;
    if (last) {
        last->next = chunk;
        atomic_store_explicit(&last->end, last->used, memory_order_relaxed);
    } else {
        atomic_store_explicit(&lane->first, chunk, memory_order_release);
    }
    lane->last = chunk;
    return LAMBDA_OK;
}

static lambda_status stage_one(lambda__queue_memory *queue, lambda__queue_lane *lane, const lambda_queue_entry *entry,
                               bool forced, uint64_t now, lambda__queue_staged *staged)
{
    size_t length = 0;
    lambda_status status = entry_length(queue, entry, &length);
    if (status != LAMBDA_OK) return status;
    if (LAMBDA__UNLIKELY(entry->delay_ns > 0)) {
        lambda__queue_record *record = record_alone(queue, length, forced, &status);
        if (!record) return status;
        record_write(record->chunk, record, entry, length, now);
        record->due = entry->delay_ns < UINT64_MAX - now ? now + entry->delay_ns : UINT64_MAX - 1;
        record->sibling = staged->delayed;
        staged->delayed = record;
        return LAMBDA_OK;
    }
    size_t size = lambda__record_size(length);
    status = lane_reserve(queue, lane, size, forced);
    if (status != LAMBDA_OK) return status;
    lambda__queue_chunk *chunk = lane->last;
    record_write(chunk, record_at(chunk, chunk->used), entry, length, now);
    chunk->used += size;
    /* A chunk that is used again stands in the readers' caches still. */
    for (size_t line = 0; line < size && line < 256; line += 64)
        lambda__platform_prefetch_write((const char *)record_at(chunk, chunk->used) + size * 3 + line);
    chunk->count++;
    staged->records++;
    return LAMBDA_OK;
}

lambda_status lambda__lane_stage(lambda__queue_memory *queue, lambda__queue_lane *lane,
                                 const lambda_queue_entry *entries, size_t count, bool forced,
                                 lambda__queue_staged *staged)
{
    *staged = (lambda__queue_staged){.lane = lane, .last = lane->last};
    if (lane->last) {
        staged->used = lane->last->used;
        staged->count = lane->last->count;
    }
    uint64_t now = queue->host.clock.monotonic(queue->host.clock.user);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = stage_one(queue, lane, &entries[i], forced, now, staged);
    staged->first = staged->last ? staged->last : atomic_load_explicit(&lane->first, memory_order_relaxed);
    if (status != LAMBDA_OK) lambda__lane_unstage(queue, staged);
    return status;
}

void lambda__lane_unstage(lambda__queue_memory *queue, const lambda__queue_staged *staged)
{
    lambda__queue_lane *lane = staged->lane;
    for (lambda__queue_record *each = staged->delayed; each;) {
        lambda__queue_record *next = each->sibling;
        lambda__chunk_unpin(queue, each->chunk, 1);
        each = next;
    }
    /* No reader looks behind what is published: chunks that came after can go as they came. */
    lambda__queue_chunk *more =
        staged->last ? staged->last->next : atomic_load_explicit(&lane->first, memory_order_relaxed);
    if (staged->last) {
        staged->last->next = NULL;
        staged->last->used = staged->used;
        staged->last->count = staged->count;
        atomic_store_explicit(&staged->last->end, SIZE_MAX, memory_order_relaxed);
    } else {
        atomic_store_explicit(&lane->first, NULL, memory_order_relaxed);
    }
    lane->last = staged->last;
    while (more) {
        lambda__queue_chunk *next = more->next;
        chunk_end(queue, more);
        more = next;
    }
}

void lambda__lane_publish(lambda__queue_memory *queue, const lambda__queue_staged *staged)
{
    lambda__queue_lane *lane = staged->lane;
    for (lambda__queue_record *each = staged->delayed; each;) {
        lambda__queue_record *next = each->sibling;
        lambda__delayed_insert(queue, each);
        each = next;
    }
    /* Pinned before a reader can leave them, so that none goes while we look at it; the last is still open. */
    for (lambda__queue_chunk *each = staged->first; each != lane->last; each = each->next)
        atomic_fetch_add_explicit(&each->pins, each->count + 2 - PINS_OPEN, memory_order_relaxed);
    uint64_t pushed = atomic_load_explicit(&lane->pushed, memory_order_relaxed) + staged->records;
    atomic_store_explicit(&lane->pushed, pushed, memory_order_release);
}

void lambda__lane_published(lambda__queue_memory *queue, const lambda__queue_staged *staged)
{
    lambda__queue_chunk *next;
    for (lambda__queue_chunk *each = staged->first; each != staged->lane->last; each = next) {
        next = each->next;
        lambda__chunk_unpin(queue, each, 1);
    }
}

/* ---- taking */

lambda__queue_record *lambda__lane_next(lambda__queue_chunk **chunk, size_t *offset)
{
    while (*offset == atomic_load_explicit(&(*chunk)->end, memory_order_relaxed)) {
        *chunk = (*chunk)->next;
        *offset = 0;
    }
    lambda__queue_record *record = record_at(*chunk, *offset);
    *offset += lambda__record_size(record->length);
    return record;
}

/**
 * Another processor has just written what comes next, and where it stands is known only from what stands before it. Records are mostly
 * alike: a guess brings their lines while others are looked at.
 */
static inline void prefetch(const char *at, size_t size)
{
    const size_t most = 256;
    for (size_t line = 0; line < size && line < most; line += 64)
        __builtin_prefetch(at + line);
}

size_t lambda__lane_take(lambda__queue_memory *queue, lambda__queue_lane *lane, lambda__queue_record **records,
                         size_t most)
{
    uint64_t pushed = atomic_load_explicit(&lane->pushed, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);
    size_t count = 0;
    while (taken < pushed && (count < most || most == 0)) {
        lambda__queue_chunk *chunk = atomic_load_explicit(&lane->first, memory_order_acquire);
        if (lane->read == atomic_load_explicit(&chunk->end, memory_order_relaxed)) {
            atomic_store_explicit(&lane->first, chunk->next, memory_order_relaxed);
            lane->read = 0;
            lambda__chunk_unpin(queue, chunk, 1);
            continue;
        }
        lambda__queue_record *record = record_at(chunk, lane->read);
        size_t size = lambda__record_size(record->length);
        if (most == 0 && !record->purged) break;
        lane->read += size;
        taken++;
        prefetch((const char *)record + size * PREFETCH_RECORDS, size);
        if (LAMBDA__UNLIKELY(record->purged)) {
            lane->purged--;
            lambda__chunk_unpin(queue, chunk, 1);
            continue;
        }
        records[count++] = record;
    }
    atomic_store_explicit(&lane->taken, taken, memory_order_release);
    return count;
}

/* ---- memory that nobody needs */

void lambda__lane_reclaim(lambda__queue_memory *queue, lambda__queue_lane *lane)
{
    lambda__queue_chunk *idle = NULL;
    lambda__latch_take(&lane->push_latch);
    pthread_mutex_lock(&lane->take_mutex);
    (void)lambda__lane_take(queue, lane, NULL, 0);
    lambda__queue_chunk *last = lane->last;
    bool taken = atomic_load_explicit(&lane->taken, memory_order_relaxed) ==
                 atomic_load_explicit(&lane->pushed, memory_order_relaxed);
    /* All that was ever in it has ended: it is open for nothing but what comes next. */
    if (last && taken && atomic_load_explicit(&last->pins, memory_order_acquire) == PINS_OPEN - last->count) {
        idle = last;
        lane->last = NULL;
        lane->read = 0;
        atomic_store_explicit(&lane->first, NULL, memory_order_release);
    }
    pthread_mutex_unlock(&lane->take_mutex);
    lambda__latch_give(&lane->push_latch);
    if (idle) chunk_free(queue, idle);
}

void lambda__spare_reclaim(lambda__queue_memory *queue)
{
    lambda__queue_chunk *chunk;
    while ((chunk = chunk_spare(queue)) != NULL)
        chunk_free(queue, chunk);
}

/* ---- the end */

void lambda__lanes_free(lambda__queue_memory *queue)
{
    for (size_t i = 0; i < LAMBDA__LANES; i++) {
        lambda__queue_lane *lane = &queue->lanes[i];
        lambda__queue_record *record[1];
        while (lambda__lane_take(queue, lane, record, 1) == 1)
            lambda__chunk_unpin(queue, record[0]->chunk, 1);
        lambda__queue_chunk *last = atomic_load_explicit(&lane->first, memory_order_relaxed);
        while (last) {
            /* All of it was read; the last chunk is open, those before it are left by the reader now. */
            lambda__queue_chunk *next = last->next;
            chunk_free(queue, last);
            last = next;
        }
    }
    while (queue->spare) {
        lambda__queue_chunk *next = queue->spare->next;
        chunk_free(queue, queue->spare);
        queue->spare = next;
    }
}
