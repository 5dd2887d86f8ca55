/*
 * One simulated world: a service under virtual time, a shadow of all that was told to it, and the checks between the two.
 * All of it comes from one seed, so that what goes wrong once goes wrong each time.
 */
#ifndef LAMBDA_TESTS_WORLD_H
#define LAMBDA_TESTS_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include <lambda/clock_virtual.h>
#include <lambda/lambda.h>
#include <lambda/testing.h>

enum { VERSIONS = 8, KEPT_MAX = 256 };

/** Code that was given to a function: its handlers' `user`. */
typedef struct sim_code {
    struct sim_world *world;
    struct sim_function *function;
    uint64_t generation; /* rises with each code of the world */
    struct sim_code *next;
} sim_code;

typedef struct sim_function {
    char name[16];
    bool exists;
    sim_code *latest;
    sim_code *versions[VERSIONS]; /* by number; NULL: there is none */
    uint32_t newest;              /* number of the version published last, 0 for none */
    bool aliased;                 /* the alias "live" exists */
    uint32_t alias;               /* where to */
    bool weighted;                /* and somewhere else too */
    int64_t reserved;             /* -1: none */
    uint32_t running;             /* its handlers that run now */
    bool loose;                   /* its concurrency was changed while some ran: those may be too many */
    uint64_t age_ns;              /* how old events of $LATEST may get now */
} sim_function;

/** An event that was accepted: its payload is its number. */
typedef struct sim_event {
    sim_function *function;
    uint64_t accepted; /* when; virtual ns */
    uint64_t left;     /* when its handler returned last */
    uint64_t age_ns;   /* how old it may get, by the most lenient setting since it was accepted */
    uint32_t runs;     /* of its handler */
    uint32_t told;     /* of its callback */
    bool calls;        /* it has one */
    bool ended;        /* as the callback said, or the host that was handed it back */
} sim_event;

/** A failure that the destination "kept" keeps. */
typedef struct sim_kept {
    uint64_t number; /* UINT64_MAX: of an event that is a record itself */
    char arn[128];
} sim_kept;

/** What an environment's state points to, from init to shutdown. */
typedef struct sim_room {
    uint64_t generation;
    bool inside;
    bool provisioned; /* it was started as a provisioned one */
} sim_room;

typedef struct sim_world {
    uint64_t seed;
    uint64_t random;
    uint64_t step; /* what is done now */
    bool verbose;
    bool meddles;    /* functions are changed while handlers run */
    bool threadless; /* the service has no executor: nobody waits, the clock would stand still */
    bool starves;    /* allocations fail now and then */
    bool eventful;   /* functions are invoked asynchronously too */
    lambda_clock_virtual *clock;
    lambda_executor executor;
    lambda_test_memory memory;
    lambda_t *lambda;
    sim_function *functions;
    uint32_t count;
    sim_code *codes;
    uint32_t limit; /* of the account */
    uint32_t running;
    uint32_t calls;  /* invocations that have begun and not returned, those that wait included */
    uint32_t inits;  /* init hooks that run */
    bool loose;      /* the account's concurrency was parted anew while handlers ran */
    uint32_t pieces; /* clients that were started and are not done */
    uint64_t rooms;
    uint64_t provisioned_rooms;
    uint64_t depth;           /* calls within calls */
    uint64_t log;             /* a digest of all lines */
    lambda_statistics counts; /* what should be counted */
    sim_event *events;        /* of this service, by number */
    uint64_t events_count;
    uint64_t events_capacity;
    uint64_t accepted; /* as the calls said */
    uint64_t purged;   /* likewise */
    uint64_t returned; /* handed back when it closed */
    uint64_t succeeded;
    uint64_t records; /* deliveries that the destination took */
    uint64_t refused; /* and that it did not */
    bool closing;     /* nobody but handlers may call any more */
    bool chained;     /* functions have been targets: the library accepts events itself */
    sim_kept kept[KEPT_MAX];
    uint32_t kept_count;
    uint64_t hours; /* of all services so far, in ns of virtual time */
} sim_world;

/** Ends the program, naming the seed and the step, unless it holds. */
#define CHECK(world, holds) ((holds) ? (void)0 : world_fail(world, #holds, __FILE__, __LINE__))
_Noreturn void world_fail(const sim_world *world, const char *what, const char *file, int line);

/** A number below `below`. */
uint32_t draw(sim_world *world, uint32_t below);

/** True so many times in a thousand. */
bool chance(sim_world *world, uint32_t thousandth);

/** What the call may come to: these besides LAMBDA_OK, and being out of memory where the world starves. */
bool is_one_of(const sim_world *world, lambda_status status, const lambda_status *statuses, size_t count);
#define ONE_OF(world, status, ...)                                                                                     \
    is_one_of(world, status, (const lambda_status[]){__VA_ARGS__},                                                     \
              sizeof((const lambda_status[]){__VA_ARGS__}) / sizeof(lambda_status))

/** Opens the first service of a world, and a new one after each close. */
void world_open(sim_world *world);

/** Closes the service: all that started has ended, nothing is left. */
void world_close(sim_world *world);

/** What must hold whenever nothing runs. */
void world_check(sim_world *world);

/* ---- tests/simulation/act.c */

/** Does one random thing to a random function. Also called by handlers. */
void act(sim_world *world);

/** Changes a function: anything but invoking. */
void meddle(sim_world *world, sim_function *function);

/** Invokes a random function by one of its names and checks what comes of it. */
void invoke(sim_world *world, sim_function *function);

/** Starts some clients at once: each invokes when the executor lets it. */
void burst(sim_world *world, sim_function *function);

/* ---- tests/simulation/event.c */

/** Does one random thing with events. */
void event_act(sim_world *world, sim_function *function);

/** A handler begins with an event of that payload: true if it is an asynchronous one. Its number, or UINT64_MAX for a record. */
bool event_enter(sim_world *world, const sim_function *function, lambda_bytes payload, uint64_t *number);

/** It returns. */
void event_leave(sim_world *world, uint64_t number);

/** Without a configuration an event may get so old. */
#define SIM_AGE_NS UINT64_C(21600000000000)

/** Events of $LATEST of the function may get so old from here on. */
void event_age(sim_world *world, sim_function *function, uint64_t age_ns);

/** Registers the destination. */
void events_open(sim_world *world);

/** What must hold whenever nothing runs. */
void events_check(sim_world *world);

/** Lets all events end, and checks that each did. */
void events_drain(sim_world *world);

/** Closes the service, and checks that what had not ended was handed back. */
void events_close(sim_world *world);

/** Code for the function, newer than all before. */
lambda_code code_new(sim_world *world, sim_function *function, sim_code **made);

#endif
