/* An environment's telemetry with up to three listeners, and what tests do with them. */
#ifndef LAMBDA_TESTS_TELEMETRY_WORLD_H
#define LAMBDA_TESTS_TELEMETRY_WORLD_H

#include <jansson.h>

#include "support.h"

#include "listener.h"
#include "telemetry.h"

enum { LISTENERS = 3 };

typedef struct world {
    lambda__loop loop;
    lambda__telemetry *telemetry;
    listener listeners[LISTENERS];
    lambda__watch watches[LISTENERS];
    size_t count;
    char answer[512];
} world;

/** Members of a subscription: an event waits for 25 ms, or 30 s. */
#define SOON ",\"buffering\":{\"timeoutMs\":25}"
#define LATE ",\"buffering\":{\"timeoutMs\":30000}"

void begin(world *w);
void finish(world *w);

/** One more listener, which refuses connections until listener_begin. */
listener *add(world *w, bool tcp);
listener *add_listening(world *w, bool tcp);

/** Subscribes an extension, and gives the status. `more` is JSON of further members, "" or with a comma before it. */
int subscribe(world *w, const char *name, const listener *l, const char *types, const char *more);

/** A line of the function. */
void say(world *w, const char *text);

/** Runs the loop until `condition`, and fails after a long while. */
#define run_until(w, condition)                                                                                        \
    do {                                                                                                               \
        uint64_t until_ = lambda__loop_now() + 60000000000u;                                                           \
        while (!(condition)) {                                                                                         \
            assert_true(lambda__loop_now() < until_);                                                                  \
            assert_int_equal(lambda__loop_run(&(w)->loop, until_), 0);                                                 \
        }                                                                                                              \
    } while (0)

/** Sends all, as at the end of the environment. */
void flush(world *w);

/** All that has a time is due now. */
void leap(world *w);

/** The events of one request, and those of all. References of the caller's. */
json_t *batch(listener *l, size_t number);
json_t *all(listener *l);
/** Those of all connections of TCP; none is open any more. */
json_t *all_lines(const listener *l);

const char *type_of(const json_t *events, size_t at);
const json_t *record_of(const json_t *events, size_t at);

#endif
