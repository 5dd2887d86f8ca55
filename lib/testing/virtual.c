/* A clock, randomness and an executor of one seed. Of one thread: nothing here is locked. */
#include "testing/virtual.h"

#include <stdlib.h>
#include <string.h>

#include "base/agenda.h"
#include "base/error.h"
#include "base/thread.h"
#include "environment/environment.h"

/** 2026-01-01T00:00:00Z. */
#define WALL_DEFAULT UINT64_C(1767225600000000000)

typedef struct piece {
    void (*work)(void *argument);
    void *argument;
} piece;

struct lambda_clock_virtual {
    uint64_t now;
    uint64_t wall; /* at now 0 */
    uint64_t random;
    uint64_t order; /* the executor's own randomness: what runs first */
    lambda_t *lambda;
    piece *pieces; /* of work that were started and not yet run */
    size_t count;
    size_t capacity;
};

static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static uint64_t monotonic(void *user)
{
    const lambda_clock_virtual *clock = user;
    return clock->now;
}

static uint64_t wall(void *user)
{
    const lambda_clock_virtual *clock = user;
    return clock->wall + clock->now;
}

static uint64_t next_random(void *user)
{
    lambda_clock_virtual *clock = user;
    return draw(&clock->random);
}

static lambda_status start(void *user, void (*work)(void *argument), void *argument)
{
    lambda_clock_virtual *clock = user;
    if (clock->count == clock->capacity) {
        size_t capacity = clock->capacity ? clock->capacity * 2 : 16;
        piece *grown = realloc(clock->pieces, capacity * sizeof(*grown));
        if (!grown) return LAMBDA_ERROR_OUT_OF_MEMORY;
        clock->pieces = grown;
        clock->capacity = capacity;
    }
    clock->pieces[clock->count++] = (piece){work, argument};
    return LAMBDA_OK;
}

/** Runs one of the pieces; false if there is none. */
static bool run_piece(lambda_clock_virtual *clock)
{
    if (clock->count == 0) return false;
    size_t at = (size_t)(draw(&clock->order) % clock->count);
    piece chosen = clock->pieces[at];
    clock->pieces[at] = clock->pieces[--clock->count];
    chosen.work(chosen.argument);
    return true;
}

/** When the next thing is due: now if a piece waits, UINT64_MAX for never. */
static uint64_t next_due(const lambda_clock_virtual *clock)
{
    if (clock->count > 0) return clock->now;
    return clock->lambda ? lambda__agenda_next(&clock->lambda->base) : UINT64_MAX;
}

/** Moves to the next thing if it is due by `until`, and does it. */
static bool do_next(lambda_clock_virtual *clock, uint64_t until)
{
    uint64_t due = next_due(clock);
    if (due > until || due == UINT64_MAX) return false;
    if (due > clock->now) clock->now = due;
    if (!clock->lambda) return run_piece(clock);
    /* It runs inside of whoever waits, as if it were on a thread of its own: no part of a chain that stands there. */
    lambda__base *base = &clock->lambda->base;
    lambda__thread *thread = lambda__thread_get(base);
    const lambda__chain *chain = thread ? thread->chain : NULL;
    if (thread) thread->chain = NULL;
    bool ran = run_piece(clock) || lambda__agenda_run(base, clock->now);
    if (thread) thread->chain = chain;
    return ran;
}

static void help(void *user, uint64_t until)
{
    lambda_clock_virtual *clock = user;
    /* Nothing happens before `until`: it is reached. */
    if (!do_next(clock, until) && until != UINT64_MAX && until > clock->now) clock->now = until;
}

lambda_status lambda_clock_virtual_open(uint64_t seed, uint64_t wall_ns, lambda_clock_virtual **opened)
{
    if (!opened) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "clock: is NULL");
    *opened = calloc(1, sizeof(**opened));
    if (!*opened) return lambda__out_of_memory(NULL);
    **opened = (lambda_clock_virtual){
        .wall = wall_ns ? wall_ns : WALL_DEFAULT, .random = seed, .order = seed ^ UINT64_C(0xD1B54A32D192ED03)};
    return LAMBDA_OK;
}

void lambda_clock_virtual_close(lambda_clock_virtual *clock)
{
    if (!clock) return;
    free(clock->pieces);
    free(clock);
}

void lambda_clock_virtual_options(lambda_clock_virtual *clock, lambda_options *options)
{
    if (!clock || !options) return;
    options->clock = (lambda_clock){.monotonic = monotonic, .wall = wall, .user = clock};
    options->random = (lambda_random){.next = next_random, .user = clock};
    options->executor = (lambda_executor){.kind = LAMBDA_EXECUTOR_HOST, .start = start, .help = help, .user = clock};
}

uint64_t lambda_clock_virtual_now(const lambda_clock_virtual *clock)
{
    return clock ? clock->now : 0;
}

void lambda_clock_virtual_step(lambda_clock_virtual *clock, uint64_t ns)
{
    if (!clock) return;
    uint64_t until = ns < UINT64_MAX - 1 - clock->now ? clock->now + ns : UINT64_MAX - 1;
    while (do_next(clock, until))
        ;
    /* What ran may have let more time pass than this. */
    if (clock->now < until) clock->now = until;
}

bool lambda_clock_virtual_step_next(lambda_clock_virtual *clock)
{
    return clock && do_next(clock, UINT64_MAX - 1);
}

uint64_t lambda_clock_virtual_run(lambda_clock_virtual *clock, uint64_t most_ns)
{
    uint64_t done = 0;
    if (!clock) return 0;
    uint64_t until = most_ns < UINT64_MAX - 1 - clock->now ? clock->now + most_ns : UINT64_MAX - 1;
    while (do_next(clock, until))
        done++;
    return done;
}

static lambda_clock_virtual *clock_of(const lambda_t *lambda)
{
    return lambda->base.clock.monotonic == monotonic ? lambda->base.clock.user : NULL;
}

bool lambda__virtual_attach(lambda_t *lambda)
{
    lambda_clock_virtual *clock = clock_of(lambda);
    if (!clock) return true;
    if (clock->lambda) return false;
    clock->lambda = lambda;
    return true;
}

void lambda__virtual_detach(lambda_t *lambda)
{
    lambda_clock_virtual *clock = clock_of(lambda);
    if (clock && clock->lambda == lambda) clock->lambda = NULL;
}
