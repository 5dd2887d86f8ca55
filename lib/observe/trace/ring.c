/*
 * Segments in memory: the newest that fit.
 *
 * A *chunk* holds flat segments one behind the other, each with its length in front; below `used` it never changes. A *lane* is where a thread writes, which one
 * its number says: its latch is hardly ever contended, and two writers meet only when one needs another chunk. Then the chunk that was begun first makes
 * room: one that is full, or one of a lane that nobody writes to just now. A segment that is larger than a chunk has one of its own.
 *
 * Locks, in this order: a lane's latch, the mutex. Who holds the mutex may only try for a latch. A reader holds the mutex while it copies one chunk: those who
 * have room in theirs write on.
 */
#include <lambda/trace.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/latch.h"
#include "observe/trace/flat.h"
#include "observe/trace/header.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

#define BYTES_DEFAULT ((size_t)4 << 20)
#define BYTES_MIN     ((size_t)4096)
#define BYTES_MAX     ((size_t)1 << 30)
#define CHUNK_MIN     ((size_t)512)
#define CHUNK_MAX     ((size_t)65536)
#define LANES_MAX     32

typedef struct lane lane;

typedef struct chunk {
    struct chunk *next; /* begun after this one; this and what follows under the mutex */
    struct chunk *previous;
    lane *lane;      /* whose open one it is; NULL: it is full */
    uint64_t number; /* in the order in which they were begun */
    size_t capacity;
    _Atomic size_t used; /* written with the lane's latch */
    _Alignas(LAMBDA__TRACE_FLAT_ALIGN) char data[];
} chunk;

struct lane {
    _Alignas(LAMBDA__CACHE_LINE) lambda__latch latch;
    chunk *open; /* under the latch */
};

struct lambda_trace_ring {
    lambda_allocator allocator;
    void *memory; /* the allocation that this stands in */
    size_t bytes;
    size_t chunk_size;
    uint32_t lanes_count;
    pthread_mutex_t mutex; /* of the rest */
    chunk *first;
    chunk *last;
    size_t total; /* bytes of all chunks */
    uint64_t numbers;
    lane lanes[];
};

/* ---- life */

lambda_status lambda_trace_ring_new(size_t bytes, const lambda_allocator *given, lambda_trace_ring **made)
{
    const lambda_allocator none = LAMBDA_ZERO;
    lambda_allocator allocator;
    if (made) *made = NULL;
    if (!made) return lambda__fail(NULL, INVALID, "ring: is NULL");
    if (bytes == 0) bytes = BYTES_DEFAULT;
    if (bytes < BYTES_MIN || bytes > BYTES_MAX)
        return lambda__fail(NULL, INVALID, "bytes: %zu is not %zu to %zu", bytes, BYTES_MIN, BYTES_MAX);
    lambda_status status = lambda__allocator_choose(given ? given : &none, &allocator);
    if (status != LAMBDA_OK) return status;
    size_t chunk_size = bytes / ((size_t)2 * LANES_MAX);
    if (chunk_size < CHUNK_MIN) chunk_size = CHUNK_MIN;
    if (chunk_size > CHUNK_MAX) chunk_size = CHUNK_MAX;
    size_t lanes = bytes / 2 / chunk_size;
    if (lanes > LANES_MAX) lanes = LANES_MAX;
    size_t size = sizeof(lambda_trace_ring) + lanes * sizeof(lane);
    void *memory = allocator.allocate(allocator.user, size + LAMBDA__CACHE_LINE);
    if (!memory) return lambda__out_of_memory(NULL);
    uintptr_t aligned = ((uintptr_t)memory + LAMBDA__CACHE_LINE - 1) / LAMBDA__CACHE_LINE * LAMBDA__CACHE_LINE;
    lambda_trace_ring *ring = (lambda_trace_ring *)aligned;
    memset(ring, 0, size);
    if (pthread_mutex_init(&ring->mutex, NULL) != 0) {
        allocator.release(allocator.user, memory);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    ring->allocator = allocator;
    ring->memory = memory;
    ring->bytes = bytes;
    ring->chunk_size = chunk_size;
    ring->lanes_count = (uint32_t)lanes;
    *made = ring;
    return LAMBDA_OK;
}

static size_t size_of(size_t capacity)
{
    return sizeof(chunk) + capacity;
}

/** Under the mutex. */
static void unlink_chunk(lambda_trace_ring *ring, chunk *each)
{
    *(each->previous ? &each->previous->next : &ring->first) = each->next;
    *(each->next ? &each->next->previous : &ring->last) = each->previous;
    ring->total -= size_of(each->capacity);
}

static void release(lambda_trace_ring *ring, chunk *each)
{
    ring->allocator.release(ring->allocator.user, each);
}

void lambda_trace_ring_free(lambda_trace_ring *ring)
{
    if (!ring) return;
    while (ring->first) {
        chunk *each = ring->first;
        unlink_chunk(ring, each);
        release(ring, each);
    }
    pthread_mutex_destroy(&ring->mutex);
    lambda_allocator allocator = ring->allocator;
    allocator.release(allocator.user, ring->memory);
}

/** Forgets full chunks; those that are open their lanes let go first. */
void lambda_trace_ring_clear(lambda_trace_ring *ring)
{
    if (!ring) return;
    for (uint32_t i = 0; i < ring->lanes_count; i++) {
        lane *each = &ring->lanes[i];
        lambda__latch_take(&each->latch);
        pthread_mutex_lock(&ring->mutex);
        if (each->open) each->open->lane = NULL;
        pthread_mutex_unlock(&ring->mutex);
        each->open = NULL;
        lambda__latch_give(&each->latch);
    }
    pthread_mutex_lock(&ring->mutex);
    for (chunk *each = ring->first; each;) {
        chunk *next = each->next;
        if (!each->lane) {
            unlink_chunk(ring, each);
            release(ring, each);
        }
        each = next;
    }
    pthread_mutex_unlock(&ring->mutex);
}

/* ---- writing */

/** Takes out the chunk that was begun first and that nobody writes to just now; NULL where there is none. Under the mutex. */
static chunk *evict(lambda_trace_ring *ring)
{
    for (chunk *each = ring->first; each; each = each->next) {
        lane *owner = each->lane;
        if (owner && !lambda__latch_try(&owner->latch)) continue;
        if (owner) owner->open = NULL;
        unlink_chunk(ring, each);
        if (owner) lambda__latch_give(&owner->latch);
        return each;
    }
    return NULL;
}

/** A chunk for a lane, whose latch is held and which has none open. NULL: there is no room, or no memory. */
static chunk *begin_chunk(lambda_trace_ring *ring, lane *owner, size_t capacity)
{
    chunk *made = NULL;
    bool room = true;
    if (size_of(capacity) > ring->bytes) return NULL;
    pthread_mutex_lock(&ring->mutex);
    while (room && ring->total + size_of(capacity) > ring->bytes) {
        chunk *old = evict(ring);
        room = old != NULL;
        if (!made && old && old->capacity == capacity)
            made = old;
        else if (old)
            release(ring, old);
    }
    if (!room && made) {
        release(ring, made);
        made = NULL;
    } else if (room && !made) {
        made = ring->allocator.allocate(ring->allocator.user, size_of(capacity));
    }
    if (made) {
        made->capacity = capacity;
        made->lane = owner;
        made->number = ++ring->numbers;
        atomic_init(&made->used, 0);
        made->next = NULL;
        made->previous = ring->last;
        *(ring->last ? &ring->last->next : &ring->first) = made;
        ring->last = made;
        ring->total += size_of(capacity);
    }
    pthread_mutex_unlock(&ring->mutex);
    return made;
}

/** Under the lane's latch: what has no room for it is full. */
static void close_chunk(lambda_trace_ring *ring, lane *owner)
{
    pthread_mutex_lock(&ring->mutex);
    owner->open->lane = NULL;
    pthread_mutex_unlock(&ring->mutex);
    owner->open = NULL;
}

static lambda_status write_segment(void *user, const lambda_trace_segment *segment)
{
    lambda_trace_ring *ring = user;
    lane *mine = &ring->lanes[lambda__thread_number() % ring->lanes_count];
    uint64_t size = lambda__trace_flat_size(segment);
    size_t needed = sizeof(size) + (size_t)size;
    lambda_status status = LAMBDA_OK;
    lambda__latch_take(&mine->latch);
    size_t used = mine->open ? atomic_load_explicit(&mine->open->used, memory_order_relaxed) : 0;
    if (LAMBDA__UNLIKELY(!mine->open || mine->open->capacity - used < needed)) {
        if (mine->open) close_chunk(ring, mine);
        used = 0;
        mine->open = begin_chunk(ring, mine, needed > ring->chunk_size ? needed : ring->chunk_size);
    }
    chunk *open = mine->open;
    if (LAMBDA__LIKELY(open != NULL)) {
        memcpy(open->data + used, &size, sizeof(size));
        lambda__trace_flat_write(segment, open->data + used + sizeof(size), (size_t)size);
        atomic_store_explicit(&open->used, used + needed, memory_order_release);
    } else {
        status = LAMBDA_ERROR_REQUEST_TOO_LARGE;
    }
    lambda__latch_give(&mine->latch);
    return status;
}

lambda_trace_exporter lambda_trace_ring_exporter(lambda_trace_ring *ring)
{
    lambda_trace_exporter exporter = LAMBDA_ZERO;
    if (ring) exporter.write = write_segment;
    exporter.user = ring;
    exporter.direct = true;
    return exporter;
}

/* ---- reading */

/** Segments that were copied out. */
typedef struct copies {
    lambda_trace_ring *ring;
    lambda_trace_id wanted;
    char *data;
    size_t used;
    size_t capacity;
    size_t count;
} copies;

static bool is_wanted(const copies *to, const lambda_trace_segment *segment)
{
    return !lambda__trace_id_present(to->wanted) ||
           (segment->trace_id.high == to->wanted.high && segment->trace_id.low == to->wanted.low);
}

/** Room for so many bytes more; false when memory is out. */
static char *reserve(copies *to, size_t size)
{
    const lambda_allocator *allocator = &to->ring->allocator;
    size_t capacity = to->capacity ? to->capacity : 4096;
    if (to->capacity - to->used >= size) return to->data + to->used;
    while (capacity - to->used < size)
        capacity *= 2;
    void *grown = to->data ? allocator->reallocate(allocator->user, to->data, capacity)
                           : allocator->allocate(allocator->user, capacity);
    if (!grown) return NULL;
    to->data = grown;
    to->capacity = capacity;
    return to->data + to->used;
}

/** Copies what is wanted of a chunk; under the mutex, so that the chunk stays. */
static bool copy_chunk(copies *to, const chunk *from)
{
    size_t used = atomic_load_explicit(&from->used, memory_order_acquire);
    for (size_t at = 0; at < used;) {
        uint64_t size;
        memcpy(&size, from->data + at, sizeof(size));
        const void *flat = from->data + at + sizeof(size);
        size_t length = sizeof(size) + (size_t)size;
        if (is_wanted(to, flat)) {
            char *copy = reserve(to, length);
            if (!copy) return false;
            memcpy(copy, from->data + at, length);
            to->used += length;
            to->count++;
        }
        at += length;
    }
    return true;
}

/** One chunk after the other, and the mutex for one at a time. */
static bool copy_all(copies *to)
{
    lambda_trace_ring *ring = to->ring;
    bool complete = true;
    uint64_t seen = 0;
    pthread_mutex_lock(&ring->mutex);
    uint64_t end = ring->numbers;
    while (complete && seen < end) {
        const chunk *each = ring->first;
        while (each && each->number <= seen)
            each = each->next;
        if (!each || each->number > end) break;
        seen = each->number;
        complete = copy_chunk(to, each);
        pthread_mutex_unlock(&ring->mutex);
        pthread_mutex_lock(&ring->mutex);
    }
    pthread_mutex_unlock(&ring->mutex);
    return complete;
}

static int by_start(const void *one, const void *two)
{
    const lambda_trace_segment *first = *(const lambda_trace_segment *const *)one;
    const lambda_trace_segment *second = *(const lambda_trace_segment *const *)two;
    uint64_t a = first->spans[0].start_ns;
    uint64_t b = second->spans[0].start_ns;
    if (a != b) return a < b ? -1 : 1;
    /* Of two that began at once the outer one is first. */
    a = first->spans[0].end_ns;
    b = second->spans[0].end_ns;
    return a == b ? 0 : a > b ? -1 : 1;
}

lambda_status lambda_trace_ring_read(lambda_trace_ring *ring, lambda_trace_id trace_id, lambda_trace_taker *take,
                                     void *user)
{
    if (!ring || !take) return lambda__fail(NULL, INVALID, "%s: is NULL", ring ? "take" : "ring");
    copies read = {.ring = ring, .wanted = trace_id};
    bool complete = copy_all(&read);
    const lambda_trace_segment **sorted = NULL;
    if (complete && read.count > 0) {
        sorted = ring->allocator.allocate(ring->allocator.user, read.count * sizeof(lambda_trace_segment *));
        complete = sorted != NULL;
    }
    size_t count = 0;
    for (size_t at = 0; sorted && at < read.used;) {
        uint64_t size;
        memcpy(&size, read.data + at, sizeof(size));
        sorted[count++] = lambda__trace_flat_read(read.data + at + sizeof(size));
        at += sizeof(size) + (size_t)size;
    }
    if (count > 0) qsort(sorted, count, sizeof(*sorted), by_start);
    for (size_t i = 0; i < count && take(user, sorted[i]); i++)
        ;
    if (sorted) ring->allocator.release(ring->allocator.user, (void *)(uintptr_t)sorted);
    if (read.data) ring->allocator.release(ring->allocator.user, read.data);
    return complete ? LAMBDA_OK : lambda__out_of_memory(NULL);
}
