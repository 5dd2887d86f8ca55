/*
 * A walk of a ring's lines in order of time: observe/log/ring.h has the drawing.
 *
 * Lines are ordered by time, lane and number in the lane. Pieces are sorted by that of their earliest line, so the next line of all
 * is the first of a loaded piece, or else in the next piece, which is then loaded. As a lane's chunks hardly overlap in time, about
 * one chunk a lane is loaded at a time.
 */
#include "observe/log/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void *allocate(const lambda_log_ring *ring, size_t size)
{
    return ring->allocator.allocate(ring->allocator.user, size);
}

static void release(const lambda_log_ring *ring, void *memory)
{
    if (memory) ring->allocator.release(ring->allocator.user, memory);
}

bool lambda__log_walk_open(lambda__log_walk *walk, lambda_log_ring *ring, const lambda__log_match *match)
{
    *walk = (lambda__log_walk){.ring = ring, .match = match};
    walk->pieces = allocate(ring, ring->chunks_count * sizeof(*walk->pieces));
    return walk->pieces != NULL;
}

static void free_all(const lambda_log_ring *ring, lambda__log_loaded *loaded)
{
    while (loaded) {
        lambda__log_loaded *next = loaded->next;
        release(ring, loaded);
        loaded = next;
    }
}

void lambda__log_walk_close(lambda__log_walk *walk)
{
    free_all(walk->ring, walk->loaded);
    free_all(walk->ring, walk->spare);
    release(walk->ring, walk->pieces);
}

/* ---- looking */

/** Under the ring's mutex: notes a chunk, if it may have lines that are wanted. How many lines it has is returned. */
static uint32_t note(lambda__log_walk *walk, lambda__log_chunk *chunk, uint64_t from)
{
    /* The writer sets the times before the extent: they may tell of more lines, but not of fewer. */
    uint64_t extent = atomic_load_explicit(&chunk->extent, memory_order_acquire);
    uint64_t min_ns = atomic_load_explicit(&chunk->min_ns, memory_order_relaxed);
    uint64_t max_ns = atomic_load_explicit(&chunk->max_ns, memory_order_relaxed);
    uint32_t lines = lambda__log_extent_lines(extent);
    bool wanted = chunk->first + lines > from && max_ns >= walk->match->start_ns && min_ns < walk->match->end_ns;
    if (!wanted) return lines;
    walk->pieces[walk->count++] = (lambda__log_piece){.chunk = chunk,
                                                      .min_ns = min_ns,
                                                      .first = chunk->first,
                                                      .from = from > chunk->first ? from : chunk->first,
                                                      .extent = extent,
                                                      .lane = chunk->lane};
    return lines;
}

static int by_time(const void *left_pointer, const void *right_pointer)
{
    const lambda__log_piece *left = left_pointer;
    const lambda__log_piece *right = right_pointer;
    if (left->min_ns != right->min_ns) return left->min_ns < right->min_ns ? -1 : 1;
    if (left->lane != right->lane) return left->lane < right->lane ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

static uint64_t later(uint64_t left, uint64_t right)
{
    return left > right ? left : right;
}

/** Under the ring's mutex: notes what a chunk has behind the place; how many lines that is. */
static uint64_t note_new(lambda__log_walk *walk, lambda__log_chunk *chunk, const lambda__log_place *place)
{
    uint64_t seen = later(place->next[chunk->lane], walk->ring->lanes[chunk->lane].cleared);
    uint64_t end = chunk->first + note(walk, chunk, seen);
    return end > seen ? end - later(seen, chunk->first) : 0;
}

/** Under the ring's mutex: notes what stands behind a place, and moves it on. */
static void note_behind(lambda__log_walk *walk, lambda__log_place *place)
{
    lambda_log_ring *ring = walk->ring;
    uint64_t there[LAMBDA__LOG_LANES_MAX] = {0}; /* lines that can be had; one that was pinned may stand before a gap */
    /* Those that were kept when it looked last have no more lines than it saw then. */
    for (lambda__log_chunk *each = ring->newest; each && each->kept > place->kept; each = each->previous)
        there[each->lane] += note_new(walk, each, place);
    place->kept = ring->kept;
    for (uint32_t i = 0; i < ring->lanes_count; i++) {
        const lambda__log_lane *lane = &ring->lanes[i];
        /* What was cleared is not missed. */
        uint64_t seen = later(place->next[i], lane->cleared);
        uint64_t open = lane->open ? note_new(walk, lane->open, place) : 0;
        uint64_t end = open > 0 ? later(seen, lane->ended) + open : later(seen, lane->ended);
        walk->lost += end - seen - there[i] - open;
        place->next[i] = end;
    }
}

void lambda__log_walk_look(lambda__log_walk *walk, lambda__log_place *place)
{
    lambda_log_ring *ring = walk->ring;
    walk->count = walk->at = 0;
    pthread_mutex_lock(&ring->mutex);
    if (place) {
        note_behind(walk, place);
    } else {
        for (lambda__log_chunk *each = ring->oldest; each; each = each->next)
            (void)note(walk, each, 0);
        for (uint32_t i = 0; i < ring->lanes_count; i++)
            if (ring->lanes[i].open) (void)note(walk, ring->lanes[i].open, 0);
    }
    pthread_mutex_unlock(&ring->mutex);
    if (walk->count > 1) qsort(walk->pieces, walk->count, sizeof(*walk->pieces), by_time);
}

/* ---- loading */

static inline const lambda__log_line *line_at(const char *data, size_t at)
{
    return (const lambda__log_line *)(const void *)(data + at);
}

static bool matches(const lambda__log_match *match, const char *data, const lambda__log_line *line)
{
    if (line->time_ns < match->start_ns || line->time_ns >= match->end_ns || line->level < match->level) return false;
    if (match->request_id && strcmp(match->request_id, data + line->request_id) != 0) return false;
    if (match->group && strcmp(match->group, data + line->group) != 0) return false;
    if (match->stream_prefix && strncmp(match->stream_prefix, data + line->stream, match->stream_prefix_length) != 0)
        return false;
    return !match->filter || lambda_log_filter_matches(match->filter, data + line->line, line->line_length);
}

/** Copies the lines of a piece; false where they are gone. */
static bool copy(lambda__log_walk *walk, const lambda__log_piece *piece, char *data)
{
    lambda_log_ring *ring = walk->ring;
    lambda__log_chunk *chunk = piece->chunk;
    pthread_mutex_lock(&ring->reading);
    pthread_mutex_lock(&ring->mutex);
    bool there = !chunk->free && chunk->lane == piece->lane && chunk->first == piece->first;
    if (there) {
        ring->pinned = chunk;
        pthread_mutex_unlock(&ring->mutex);
        memcpy(data, chunk->data, lambda__log_extent_used(piece->extent));
        pthread_mutex_lock(&ring->mutex);
        ring->pinned = NULL;
    } else if (piece->first >= ring->lanes[piece->lane].cleared) {
        walk->lost += piece->first + lambda__log_extent_lines(piece->extent) - piece->from;
    }
    pthread_mutex_unlock(&ring->mutex);
    pthread_mutex_unlock(&ring->reading);
    return there;
}

/** Picks what matches. Threads of one lane may have written a little out of order. */
static void pick(const lambda__log_walk *walk, const lambda__log_piece *piece, lambda__log_loaded *loaded)
{
    size_t at = LAMBDA__LOG_CHUNK_START;
    uint32_t lines = lambda__log_extent_lines(piece->extent);
    for (uint64_t number = piece->first; number < piece->first + lines; number++) {
        const lambda__log_line *line = line_at(loaded->data, at);
        if (number >= piece->from && matches(walk->match, loaded->data, line)) {
            uint32_t place = loaded->count++;
            for (; place > 0 && loaded->found[place - 1].time_ns > line->time_ns; place--)
                loaded->found[place] = loaded->found[place - 1];
            loaded->found[place] = (lambda__log_found){.time_ns = line->time_ns, .at = (uint32_t)at};
        }
        at += line->size;
    }
}

/** Room for any chunk's copy, with what may match behind it. */
static lambda__log_loaded *loaded_new(lambda__log_walk *walk)
{
    const lambda_log_ring *ring = walk->ring;
    lambda__log_loaded *loaded = walk->spare;
    if (loaded) {
        walk->spare = loaded->next;
        return loaded;
    }
    size_t lines = ring->chunk_size / sizeof(lambda__log_line);
    loaded = allocate(ring, sizeof(*loaded) + lines * sizeof(lambda__log_found) + ring->chunk_size);
    if (!loaded) return NULL;
    loaded->found = (lambda__log_found *)(void *)(loaded + 1);
    loaded->data = (char *)(loaded->found + lines);
    return loaded;
}

/** Loads the next piece. */
static lambda_status load(lambda__log_walk *walk)
{
    const lambda__log_piece *piece = &walk->pieces[walk->at];
    lambda__log_loaded *loaded = loaded_new(walk);
    if (!loaded) return lambda__out_of_memory(NULL);
    walk->at++;
    loaded->first = piece->first;
    loaded->lane = piece->lane;
    loaded->count = loaded->at = 0;
    if (copy(walk, piece, loaded->data)) pick(walk, piece, loaded);
    lambda__log_loaded **list = loaded->count > 0 ? &walk->loaded : &walk->spare;
    loaded->next = *list;
    *list = loaded;
    return LAMBDA_OK;
}

/* ---- merging */

/** True if the next line of `left` comes before that of `right`. */
static bool before(const lambda__log_loaded *left, const lambda__log_loaded *right)
{
    uint64_t left_ns = left->found[left->at].time_ns;
    uint64_t right_ns = right->found[right->at].time_ns;
    if (left_ns != right_ns) return left_ns < right_ns;
    return left->lane != right->lane ? left->lane < right->lane : left->first < right->first;
}

/** True if a line of the next piece may come before that of `loaded`. */
static bool piece_before(const lambda__log_piece *piece, const lambda__log_loaded *loaded)
{
    uint64_t loaded_ns = loaded->found[loaded->at].time_ns;
    if (piece->min_ns != loaded_ns) return piece->min_ns < loaded_ns;
    return piece->lane != loaded->lane ? piece->lane < loaded->lane : piece->first < loaded->first;
}

/** Where the first of the loaded hangs; NULL where nothing is left. */
static lambda_status first_of(lambda__log_walk *walk, lambda__log_loaded ***first)
{
    for (;;) {
        *first = walk->loaded ? &walk->loaded : NULL;
        for (lambda__log_loaded **each = *first; each && *each; each = &(*each)->next)
            if (before(*each, **first)) *first = each;
        if (walk->at == walk->count || (*first && !piece_before(&walk->pieces[walk->at], **first))) return LAMBDA_OK;
        lambda_status status = load(walk);
        if (status != LAMBDA_OK) return status;
    }
}

static bool hand(const lambda__log_loaded *loaded, lambda_log_taker *take, void *user)
{
    const char *data = loaded->data;
    const lambda__log_line *line = line_at(data, loaded->found[loaded->at].at);
    const lambda_log_record record = {.time_ns = line->time_ns,
                                      .level = (lambda_log_level)line->level,
                                      .platform = line->platform,
                                      .type = data + line->type,
                                      .log_group_name = data + line->group,
                                      .log_stream_name = data + line->stream,
                                      .request_id = data + line->request_id,
                                      .message = data + line->message,
                                      .message_length = line->message_length,
                                      .fields = data + line->fields,
                                      .fields_length = line->fields_length,
                                      .line = data + line->line,
                                      .line_length = line->line_length};
    return take(user, &record);
}

lambda_status lambda__log_walk_hand(lambda__log_walk *walk, uint64_t most, lambda_log_taker *take, void *user,
                                    uint64_t *handed)
{
    bool more = true;
    for (*handed = 0; more && *handed < most;) {
        lambda__log_loaded **first;
        lambda_status status = first_of(walk, &first);
        if (status != LAMBDA_OK || !first) return status;
        lambda__log_loaded *loaded = *first;
        more = hand(loaded, take, user);
        ++*handed;
        if (++loaded->at < loaded->count) continue;
        *first = loaded->next;
        loaded->next = walk->spare;
        walk->spare = loaded;
    }
    return LAMBDA_OK;
}
