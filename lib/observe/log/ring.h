/*
 * The ring of log lines: what its files share.
 *
 *     write --> lane: its open chunk --full--> kept chunks, oldest first --the oldest, when no chunk is free--> a lane's open chunk
 *                        |                          |
 *                        +------- walk (copies) ----+--> lines in order of time, to a query or a follower
 *
 * - A *chunk* is memory for lines, one behind the other, and never changes below `used` until it is used again. So who reads one needs
 *   no lock but the promise that it is not used again meanwhile: it is *pinned*, one chunk of the ring at a time.
 * - A *lane* is where a thread writes; which one its number says. Its latch is hardly ever contended, and nothing else is touched by
 *   two writers but once a chunk.
 * - Lines of a lane are counted from its first on. A chunk is known by its lane and the number of its first line, so a reader that comes
 *   back sees whether it is the same still, and how many lines it has missed.
 * - A *walk* looks once at which chunks there are, and then merges them line by line. It loads a chunk (copies it and
 *   picks what matches) when its first line's turn has come.
 *
 * Locks, in this order: the ring's `reading`, a lane's latch, the ring's `mutex`. Who holds the mutex may only try for a latch.
 */
#ifndef LAMBDA_LIB_LOG_RING_H
#define LAMBDA_LIB_LOG_RING_H

#include <pthread.h>
#include <stdatomic.h>

#include <lambda/log_filter.h>
#include <lambda/log_ring.h>

#include "base/error.h"
#include "base/latch.h"

/** Bytes of a chunk at most: places within are 16 bits. */
#define LAMBDA__LOG_CHUNK_MAX 65536

/** Lanes at most. */
#define LAMBDA__LOG_LANES_MAX 64

/** A line in a chunk: texts stand behind it, or behind one before it. All places are from the chunk's start; at 0 stands "". */
typedef struct lambda__log_line {
    uint64_t time_ns;
    uint16_t size; /* with its own texts; the next line stands behind */
    uint8_t level;
    bool platform;
    uint16_t type;
    uint16_t group;
    uint16_t stream;
    uint16_t request_id;
    uint16_t line;
    uint16_t line_length;
    uint16_t message; /* may lie in the line */
    uint16_t message_length;
    uint16_t fields; /* likewise */
    uint16_t fields_length;
} lambda__log_line;

_Static_assert(sizeof(lambda__log_line) == 32, "half a cache line");

/** Bytes before a chunk's first line: the "" at 0. */
#define LAMBDA__LOG_CHUNK_START 8

typedef struct lambda__log_chunk {
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint64_t extent; /* lines << 32 | bytes used: the writer's, with release */
    _Atomic uint64_t min_ns;                              /* of the lines' times; the writer's, before the extent */
    _Atomic uint64_t max_ns;
    char *data;
    struct lambda__log_chunk *next; /* among the kept, or the free; this and what follows under the mutex */
    struct lambda__log_chunk *previous;
    uint64_t first; /* number of its first line in its lane */
    uint64_t kept;  /* the how manieth that was ever kept; 0 while it is open */
    uint32_t lane;  /* index */
    bool free;      /* nobody's: its lines are gone */
} lambda__log_chunk;

static inline uint32_t lambda__log_extent_lines(uint64_t extent)
{
    return (uint32_t)(extent >> 32);
}

static inline uint32_t lambda__log_extent_used(uint64_t extent)
{
    return (uint32_t)extent;
}

typedef struct lambda__log_lane {
    /* The writer's: under the latch. */
    _Alignas(LAMBDA__CACHE_LINE) lambda__latch latch;
    uint32_t used;
    uint32_t lines;
    uint16_t group; /* places of the last line's names in the open chunk */
    uint16_t stream;
    uint16_t request_id;
    uint64_t min_ns;
    uint64_t max_ns;
    lambda__log_chunk *open; /* changed under the mutex, too; NULL before the first line, and after it was taken away */
    /* Under the mutex. */
    _Alignas(LAMBDA__CACHE_LINE) uint64_t opened; /* the how manieth chunk to be opened was the lane's last */
    uint64_t ended;                               /* lines of its chunks that are not open any more */
    uint64_t cleared;                             /* lines before this one were cleared */
} lambda__log_lane;

struct lambda_log_ring {
    lambda_allocator allocator;
    size_t chunk_size;
    uint32_t chunks_count;
    uint32_t lanes_count; /* a power of two */
    lambda__log_lane *lanes;
    lambda__log_chunk *chunks;
    void *memory; /* of this struct, the lanes and the chunks */
    char *data;   /* of the lines */
    /** 1: followers sleep on it. Writers look at it after each line, and only followers write it. */
    _Alignas(LAMBDA__CACHE_LINE) _Atomic uint32_t asleep;
    _Alignas(LAMBDA__CACHE_LINE) pthread_mutex_t reading; /* who pins */
    pthread_mutex_t mutex;                                /* of what follows */
    lambda__log_chunk *pinned;
    lambda__log_chunk *oldest; /* of the kept */
    lambda__log_chunk *newest;
    lambda__log_chunk *free;
    uint64_t kept;   /* chunks that ever were */
    uint64_t opened; /* likewise */
};

/** A query that was checked and made ready. */
typedef struct lambda__log_match {
    const char *group; /* NULL: any */
    const char *stream_prefix;
    size_t stream_prefix_length;
    const char *request_id; /* NULL: any */
    uint64_t start_ns;
    uint64_t end_ns; /* UINT64_MAX: none */
    uint8_t level;
    uint64_t limit;            /* UINT64_MAX: none */
    lambda_log_filter *filter; /* NULL: none */
} lambda__log_match;

/** What a walk saw of one chunk. */
typedef struct lambda__log_piece {
    lambda__log_chunk *chunk;
    uint64_t min_ns;
    uint64_t first; /* number in its lane of the chunk's first line */
    uint64_t from;  /* of the first that is wanted */
    uint64_t extent;
    uint32_t lane;
} lambda__log_piece;

/** A line that matches. */
typedef struct lambda__log_found {
    uint64_t time_ns;
    uint32_t at; /* in the chunk */
} lambda__log_found;

/** A chunk's copy, and what matches in it, by time. */
typedef struct lambda__log_loaded {
    struct lambda__log_loaded *next;
    uint64_t first;
    uint32_t lane;
    uint32_t count;
    uint32_t at; /* the next to hand out */
    lambda__log_found *found;
    char *data;
} lambda__log_loaded;

/** A walk of some lines in order of time. */
typedef struct lambda__log_walk {
    lambda_log_ring *ring;
    const lambda__log_match *match;
    lambda__log_piece *pieces; /* room for one a chunk; by the time of their first line */
    uint32_t count;
    uint32_t at;                /* the next to load */
    lambda__log_loaded *loaded; /* those with lines left */
    lambda__log_loaded *spare;  /* one to be used again */
    uint64_t lost;              /* lines that were overwritten before they were looked at */
} lambda__log_walk;

/** Where a follower stands in each lane: the number of the first line that no walk of its has seen. */
typedef struct lambda__log_place {
    uint64_t kept; /* chunks that were kept when it looked last */
    uint64_t next[LAMBDA__LOG_LANES_MAX];
} lambda__log_place;

/** Makes a walk ready to look; false when memory is out. */
bool lambda__log_walk_open(lambda__log_walk *walk, lambda_log_ring *ring, const lambda__log_match *match);

/** Frees what it has. */
void lambda__log_walk_close(lambda__log_walk *walk);

/**
 * Looks which chunks there are, once all that was seen before is handed out. With a place, only what stands behind it, and the place moves on;
 * what is gone already is counted as lost.
 */
void lambda__log_walk_look(lambda__log_walk *walk, lambda__log_place *place);

/** True if there is nothing left of what it saw. */
static inline bool lambda__log_walk_ended(const lambda__log_walk *walk)
{
    return walk->at == walk->count && !walk->loaded;
}

/**
 * Hands out up to `most` lines, until `take` has enough; `*handed` says how many. Out of memory: nothing is lost, it can go on later.
 */
lambda_status lambda__log_walk_hand(lambda__log_walk *walk, uint64_t most, lambda_log_taker *take, void *user,
                                    uint64_t *handed);

#endif
