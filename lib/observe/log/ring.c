/* The ring of log lines, as writers see it: observe/log/ring.h has the drawing. */
#include "observe/log/ring.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/** The lane of this thread. */
static inline lambda__log_lane *lane_of_thread(const lambda_log_ring *ring)
{
    uint32_t number = lambda__thread_number();
    /* A thread that never called a service has no number, but an address of its own. */
    if (LAMBDA__UNLIKELY(number == LAMBDA__THREAD_NONE))
        number = (uint32_t)(((uintptr_t)&lambda__thread_number_cached >> 12) * UINT64_C(0x9E3779B97F4A7C15) >> 40);
    return &ring->lanes[number & (ring->lanes_count - 1)];
}

/* ---- chunks */

/** Under the mutex: the chunk's lines stay until it is the oldest. */
static void chunk_keep(lambda_log_ring *ring, lambda__log_chunk *chunk)
{
    chunk->kept = ++ring->kept;
    chunk->next = NULL;
    chunk->previous = ring->newest;
    if (ring->newest)
        ring->newest->next = chunk;
    else
        ring->oldest = chunk;
    ring->newest = chunk;
}

/** Under the mutex. */
static void chunk_forget(lambda_log_ring *ring, lambda__log_chunk *chunk)
{
    if (chunk->previous)
        chunk->previous->next = chunk->next;
    else
        ring->oldest = chunk->next;
    if (chunk->next)
        chunk->next->previous = chunk->previous;
    else
        ring->newest = chunk->previous;
}

/** Under the lane's latch and the mutex: its open chunk is a kept one from here on. */
static void lane_end(lambda_log_ring *ring, lambda__log_lane *lane)
{
    lambda__log_chunk *chunk = lane->open;
    if (!chunk) return;
    lane->ended += lane->lines;
    lane->open = NULL;
    chunk_keep(ring, chunk);
}

/**
 * Under the mutex: ends the chunks of lanes in which little is written, so that their lines, too, become the oldest some day. Those that
 * are being written to right now are left for the next time.
 */
static void end_stale(lambda_log_ring *ring)
{
    for (uint32_t i = 0; i < ring->lanes_count; i++) {
        lambda__log_lane *lane = &ring->lanes[i];
        if (lane->opened == 0 || lane->opened + ring->chunks_count > ring->opened || !lambda__latch_try(&lane->latch))
            continue;
        lane_end(ring, lane);
        lane->opened = 0;
        lambda__latch_give(&lane->latch);
    }
}

/** Under the mutex: a chunk to write to. There is one: lanes have a fourth of them at most, and one is pinned. */
static lambda__log_chunk *chunk_take(lambda_log_ring *ring)
{
    lambda__log_chunk *chunk = ring->free;
    if (LAMBDA__LIKELY(!chunk)) {
        end_stale(ring);
        chunk = ring->oldest && ring->oldest == ring->pinned ? ring->oldest->next : ring->oldest;
        if (!chunk) __builtin_unreachable(); /* said for who analyses this; UBSan looks whether it is true */
        chunk_forget(ring, chunk);
        return chunk;
    }
    ring->free = chunk->next;
    chunk->free = false;
    return chunk;
}

/** Under the lane's latch: ends its open chunk, if it has one, and opens another. */
static void lane_open(lambda_log_ring *ring, lambda__log_lane *lane)
{
    pthread_mutex_lock(&ring->mutex);
    lane_end(ring, lane);
    lane->opened = 0; /* it is not stale: its latch is taken */
    lambda__log_chunk *chunk = chunk_take(ring);
    lane->opened = ++ring->opened;
    lane->open = chunk;
    lane->used = LAMBDA__LOG_CHUNK_START;
    lane->lines = 0;
    lane->group = lane->stream = lane->request_id = 0;
    lane->min_ns = UINT64_MAX;
    lane->max_ns = 0;
    chunk->lane = (uint32_t)(lane - ring->lanes);
    chunk->first = lane->ended;
    chunk->kept = 0;
    atomic_store_explicit(&chunk->min_ns, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&chunk->max_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&chunk->extent, LAMBDA__LOG_CHUNK_START, memory_order_release);
    pthread_mutex_unlock(&ring->mutex);
}

/* ---- lines */

/** A line's texts, and which of them lie in others. */
typedef struct texts {
    const lambda_log_record *record;
    size_t type_length;
    size_t message_in_line; /* where it begins there; SIZE_MAX: it has to be written */
    size_t fields_in_line;
    size_t size; /* of all but the names and the id */
} texts;

/** Where in the line a text stands that ends with it; SIZE_MAX if it is another. */
static inline size_t place_in_line(const lambda_log_record *record, const char *text, size_t length)
{
    if (length > record->line_length) return SIZE_MAX;
    size_t at = record->line_length - length;
    return text == record->line + at || memcmp(text, record->line + at, length) == 0 ? at : SIZE_MAX;
}

static inline texts texts_of(const lambda_log_record *record)
{
    texts of = {.record = record, .type_length = strlen(record->type)};
    of.message_in_line = place_in_line(record, record->message, record->message_length);
    of.fields_in_line = place_in_line(record, record->fields, record->fields_length);
    of.size = sizeof(lambda__log_line) + record->line_length + 1;
    if (of.type_length > 0) of.size += of.type_length + 1;
    if (of.message_in_line == SIZE_MAX) of.size += record->message_length + 1;
    if (of.fields_in_line == SIZE_MAX) of.size += record->fields_length + 1;
    return of;
}

/** Bytes that a name needs: none where it is that of the line before. `*length` SIZE_MAX says so. */
static inline size_t name_size(const char *data, uint16_t last, const char *name, size_t *length)
{
    *length = SIZE_MAX;
    if (strcmp(data + last, name) == 0) return 0;
    *length = strlen(name);
    return *length + 1;
}

/** Writes a text and a NUL; where it stands. */
static inline uint16_t put(char *data, size_t *at, const char *text, size_t length)
{
    size_t start = *at;
    memcpy(data + start, text, length);
    data[start + length] = '\0';
    *at = start + length + 1;
    return (uint16_t)start;
}

/** Under the lane's latch: writes the line behind the last; false where there is no room in the chunk. */
static bool lane_put(const lambda_log_ring *ring, lambda__log_lane *lane, const texts *of)
{
    const lambda_log_record *record = of->record;
    char *data = lane->open->data;
    size_t group_length;
    size_t stream_length;
    size_t id_length;
    size_t size = of->size + name_size(data, lane->group, record->log_group_name, &group_length);
    size += name_size(data, lane->stream, record->log_stream_name, &stream_length);
    size += name_size(data, lane->request_id, record->request_id, &id_length);
    size = (size + 7) / 8 * 8;
    if (LAMBDA__UNLIKELY(size > ring->chunk_size - lane->used)) return false;
    lambda__log_line *line = (lambda__log_line *)(void *)(data + lane->used);
    size_t at = lane->used + sizeof(*line);
    line->time_ns = record->time_ns;
    line->size = (uint16_t)size;
    line->level = (uint8_t)record->level;
    line->platform = record->platform;
    line->line = put(data, &at, record->line, record->line_length);
    line->line_length = (uint16_t)record->line_length;
    line->message = (uint16_t)(of->message_in_line == SIZE_MAX ? put(data, &at, record->message, record->message_length)
                                                               : line->line + of->message_in_line);
    line->message_length = (uint16_t)record->message_length;
    line->fields = (uint16_t)(of->fields_in_line == SIZE_MAX ? put(data, &at, record->fields, record->fields_length)
                                                             : line->line + of->fields_in_line);
    line->fields_length = (uint16_t)record->fields_length;
    line->type = of->type_length > 0 ? put(data, &at, record->type, of->type_length) : 0;
    if (group_length != SIZE_MAX) lane->group = put(data, &at, record->log_group_name, group_length);
    if (stream_length != SIZE_MAX) lane->stream = put(data, &at, record->log_stream_name, stream_length);
    if (id_length != SIZE_MAX) lane->request_id = put(data, &at, record->request_id, id_length);
    line->group = lane->group;
    line->stream = lane->stream;
    line->request_id = lane->request_id;
    lane->used += (uint32_t)size;
    return true;
}

/** Under the lane's latch: shows readers the line that was written. */
static inline void lane_publish(lambda__log_lane *lane, uint64_t time_ns)
{
    lambda__log_chunk *chunk = lane->open;
    if (LAMBDA__UNLIKELY(time_ns < lane->min_ns)) {
        lane->min_ns = time_ns;
        atomic_store_explicit(&chunk->min_ns, time_ns, memory_order_relaxed);
    }
    if (LAMBDA__LIKELY(time_ns > lane->max_ns)) {
        lane->max_ns = time_ns;
        atomic_store_explicit(&chunk->max_ns, time_ns, memory_order_relaxed);
    }
    lane->lines++;
    atomic_store_explicit(&chunk->extent, (uint64_t)lane->lines << 32 | lane->used, memory_order_release);
}

/** Wakes all followers that sleep. */
static void wake(lambda_log_ring *ring)
{
    if (atomic_exchange_explicit(&ring->asleep, 0, memory_order_seq_cst)) lambda__platform_wake(&ring->asleep);
}

static bool fits(const lambda_log_ring *ring, const texts *of)
{
    const lambda_log_record *record = of->record;
    size_t room = ring->chunk_size - LAMBDA__LOG_CHUNK_START;
    if (record->line_length > room || record->message_length > room || record->fields_length > room) return false;
    return of->size + strlen(record->log_group_name) + strlen(record->log_stream_name) + strlen(record->request_id) +
               3 + 7 <=
           room;
}

static lambda_status ring_write(void *user, const lambda_log_record *record)
{
    lambda_log_ring *ring = user;
    lambda__log_lane *lane = lane_of_thread(ring);
    const texts of = texts_of(record);
    lambda__latch_take(&lane->latch);
    if (LAMBDA__UNLIKELY(!lane->open || !lane_put(ring, lane, &of))) {
        if (!fits(ring, &of)) {
            lambda__latch_give(&lane->latch);
            return lambda__fail(NULL, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                                "a log line of %zu bytes does not fit into a block of %zu", record->line_length,
                                ring->chunk_size);
        }
        lane_open(ring, lane);
        (void)lane_put(ring, lane, &of);
    }
    lane_publish(lane, record->time_ns);
    /* A full fence: either we see that a follower sleeps, or it sees the line before it does. */
    lambda__latch_give(&lane->latch);
    if (LAMBDA__UNLIKELY(atomic_load_explicit(&ring->asleep, memory_order_seq_cst))) wake(ring);
    return LAMBDA_OK;
}

lambda_log_sink lambda_log_ring_sink(lambda_log_ring *ring)
{
    return (lambda_log_sink){.write = ring ? ring_write : NULL, .user = ring, .direct = ring != NULL};
}

void lambda_log_ring_clear(lambda_log_ring *ring)
{
    if (!ring) return;
    pthread_mutex_lock(&ring->reading);
    for (uint32_t i = 0; i < ring->lanes_count; i++) {
        lambda__log_lane *lane = &ring->lanes[i];
        lambda__latch_take(&lane->latch);
        pthread_mutex_lock(&ring->mutex);
        lane_end(ring, lane);
        lane->opened = 0;
        lane->cleared = lane->ended;
        pthread_mutex_unlock(&ring->mutex);
        lambda__latch_give(&lane->latch);
    }
    pthread_mutex_lock(&ring->mutex);
    /* Chunks that were kept since their lane was passed have lines that are newer than the call. */
    for (lambda__log_chunk *chunk = ring->oldest; chunk;) {
        lambda__log_chunk *next = chunk->next;
        if (chunk->first < ring->lanes[chunk->lane].cleared) {
            chunk_forget(ring, chunk);
            chunk->free = true;
            chunk->next = ring->free;
            ring->free = chunk;
        }
        chunk = next;
    }
    pthread_mutex_unlock(&ring->mutex);
    pthread_mutex_unlock(&ring->reading);
}

/* ---- the ring itself */

/** A ring of that shape with no data yet; NULL when memory is out. */
static lambda_log_ring *ring_allocate(const lambda_allocator *allocator, size_t chunk_size, uint32_t chunks,
                                      uint32_t lanes)
{
    size_t size = sizeof(lambda_log_ring) + lanes * sizeof(lambda__log_lane) + chunks * sizeof(lambda__log_chunk);
    char *memory = allocator->allocate(allocator->user, size + LAMBDA__CACHE_LINE);
    if (!memory) return NULL;
    memset(memory, 0, size + LAMBDA__CACHE_LINE);
    size_t over = (uintptr_t)memory % LAMBDA__CACHE_LINE;
    lambda_log_ring *ring = (lambda_log_ring *)(void *)(memory + (over > 0 ? LAMBDA__CACHE_LINE - over : 0));
    ring->memory = memory;
    ring->allocator = *allocator;
    ring->chunk_size = chunk_size;
    ring->chunks_count = chunks;
    ring->lanes_count = lanes;
    ring->lanes = (lambda__log_lane *)(void *)(ring + 1);
    ring->chunks = (lambda__log_chunk *)(void *)(ring->lanes + lanes);
    return ring;
}

/** Shares the data out: all chunks are free, the first one first. */
static void make_chunks(lambda_log_ring *ring)
{
    for (uint32_t i = ring->chunks_count; i-- > 0;) {
        lambda__log_chunk *chunk = &ring->chunks[i];
        chunk->data = ring->data + (size_t)i * ring->chunk_size;
        /* The "" of all lines in it. Nothing else is touched before it is written: memory that is never needed may never be had. */
        memset(chunk->data, 0, LAMBDA__LOG_CHUNK_START);
        chunk->free = true;
        chunk->next = ring->free;
        ring->free = chunk;
    }
}

static lambda_status make_mutexes(lambda_log_ring *ring)
{
    if (pthread_mutex_init(&ring->reading, NULL) == 0) {
        if (pthread_mutex_init(&ring->mutex, NULL) == 0) return LAMBDA_OK;
        pthread_mutex_destroy(&ring->reading);
    }
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
}

lambda_status lambda_log_ring_new(size_t bytes, const lambda_allocator *allocator, lambda_log_ring **made)
{
    if (!made) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "ring: is NULL");
    *made = NULL;
    if (bytes == 0) bytes = LAMBDA_LOG_RING_BYTES_DEFAULT;
    if (bytes < LAMBDA_LOG_RING_BYTES_MIN || bytes > LAMBDA_LOG_RING_BYTES_MAX)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "bytes: %zu is not between %llu and %llu",
                            bytes, (unsigned long long)LAMBDA_LOG_RING_BYTES_MIN,
                            (unsigned long long)LAMBDA_LOG_RING_BYTES_MAX);
    lambda_allocator chosen = {0};
    if (allocator) chosen = *allocator;
    lambda_status status = lambda__allocator_choose(&chosen, &chosen);
    if (status != LAMBDA_OK) return status;
    size_t chunk_size = bytes / (bytes < 2 * LAMBDA_LOG_RING_BYTES_MIN ? 8 : 16) / 64 * 64;
    if (chunk_size > LAMBDA__LOG_CHUNK_MAX) chunk_size = LAMBDA__LOG_CHUNK_MAX;
    uint32_t chunks = (uint32_t)(bytes / chunk_size);
    uint32_t lanes = 1;
    while (lanes * 2 <= chunks / 4 && lanes < LAMBDA__LOG_LANES_MAX)
        lanes *= 2;
    lambda_log_ring *ring = ring_allocate(&chosen, chunk_size, chunks, lanes);
    if (!ring) return lambda__out_of_memory(NULL);
    ring->data = chosen.allocate(chosen.user, chunk_size * chunks);
    status = ring->data ? make_mutexes(ring) : lambda__out_of_memory(NULL);
    if (status != LAMBDA_OK) {
        if (ring->data) chosen.release(chosen.user, ring->data);
        chosen.release(chosen.user, ring->memory);
        return status;
    }
    make_chunks(ring);
    *made = ring;
    return LAMBDA_OK;
}

void lambda_log_ring_free(lambda_log_ring *ring)
{
    if (!ring) return;
    const lambda_allocator allocator = ring->allocator;
    pthread_mutex_destroy(&ring->reading);
    pthread_mutex_destroy(&ring->mutex);
    allocator.release(allocator.user, ring->data);
    allocator.release(allocator.user, ring->memory);
}
