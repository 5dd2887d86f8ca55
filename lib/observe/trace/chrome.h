/* A picture of segments: Chrome's trace event format. */
#ifndef LAMBDA_LIB_TRACE_CHROME_H
#define LAMBDA_LIB_TRACE_CHROME_H

#include <lambda/trace.h>

#include "base/json_build.h"

/** One end of an arrow. */
typedef struct lambda__chrome_point {
    lambda_trace_id trace_id;
    uint64_t call_id; /* the span that calls, and the parent of what it led to */
    uint64_t time_ns;
    uint32_t process;
    uint32_t row;
} lambda__chrome_point;

/** A list of those. */
typedef struct lambda__chrome_points {
    lambda__chrome_point *items;
    size_t count;
    size_t capacity;
} lambda__chrome_points;

/** A process or a row that has been named. */
typedef struct lambda__chrome_name {
    uint64_t hash;
    char *key; /* NULL: the slot is free */
    size_t length;
    uint32_t number;
    uint64_t end_ns; /* a row's: what begins earlier needs another */
} lambda__chrome_name;

/** A picture that is being written. */
typedef struct lambda__chrome {
    lambda__base *base;
    lambda_writer *write;
    void *user;
    lambda_status status; /* not LAMBDA_OK: nothing more is written */
    lambda__json_text text;
    bool begun;         /* an event was written */
    uint64_t origin_ns; /* when the first segment began: zero of the picture */
    lambda__chrome_name *names;
    size_t names_count;
    size_t names_capacity; /* a power of two, or 0 */
    lambda__chrome_points calls;
    lambda__chrome_points arrivals;
} lambda__chrome;

/** Begins a picture. `write` is called with pieces of it. */
void lambda__chrome_begin(lambda__chrome *chrome, lambda__base *base, lambda_writer *write, void *user);

/** Adds a segment; they come by the time they began. A lambda_trace_taker: `user` is the picture. False: something failed. */
bool lambda__chrome_take(void *user, const lambda_trace_segment *segment);

/** Draws the arrows, ends the picture and frees what it held. What failed first; LAMBDA_ERROR_OUT_OF_MEMORY. */
lambda_status lambda__chrome_end(lambda__chrome *chrome);

#endif
