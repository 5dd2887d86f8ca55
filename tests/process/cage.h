/* Sandboxes for tests: a service, a directory with `child` in it as the code, and programs whose output is collected. */
#ifndef LAMBDA_TESTS_CAGE_H
#define LAMBDA_TESTS_CAGE_H

#include "support.h"

#include "sandboxes.h"

typedef struct cage_world {
    lambda_t *lambda;
    lambda__sandboxes *sandboxes;
    const lambda_process_limits *limits;
    char directory[64]; /* of the sandboxes; with `code` and `layers` in it */
    char code[96];
    char layers[96];
} cage_world;

/** `without`: lambda__without. Best effort, so that it opens anywhere. */
void cage_world_open(cage_world *world, unsigned without);
void cage_world_close(cage_world *world);

/** A loop and a sandbox in it. */
typedef struct test_cage {
    cage_world *world;
    lambda__loop loop;
    lambda__sandbox *sandbox;
} test_cage;

void cage_open(cage_world *world, test_cage *cage, uint32_t memory_mb, uint32_t storage_mb);
void cage_close(test_cage *cage);

typedef struct test_run {
    test_cage *cage;
    lambda__program *program;
    lambda__watch watches[2];
    char output[65536];
    size_t length;
    int open; /* outputs that have not ended */
    bool exited;
    int status;
} test_run;

/** Starts `child` with arguments, at most 22, NULL-terminated, or fails the test. */
void run_start(test_cage *cage, test_run *run, const char *const *arguments);
#define START(cage, run, ...) run_start(cage, run, (const char *const[]){__VA_ARGS__, NULL})
/** Runs the loop until its output holds `text`; fails the test after half a minute. */
void run_until(test_run *run, const char *text);
/** Until it has exited and its outputs have ended; the status. */
int run_finish(test_run *run);
/** Start and finish. */
int run_whole(test_cage *cage, test_run *run, const char *const *arguments);
#define RUN(cage, run, ...) run_whole(cage, run, (const char *const[]){__VA_ARGS__, NULL})
/** Until `done` is true of `user`, looking at each 10 ms. */
void cage_until(test_cage *cage, bool (*done)(void *user), void *user);

/** Until a condition holds that nobody tells of; fails the test after 20 s. */
void wait_for(bool (*holds)(void *user), void *user);
/** That no `child` runs. */
bool no_children(void *user);

/** How many `child` of this test run. */
int children(void);
/** How many cgroup directories of sandboxes there are that a helper of this pid made, everywhere they may be; 0 stands for any pid. */
int groups_of(pid_t helper);
/** Entries of a directory. */
int entries_of(const char *directory);

#endif
