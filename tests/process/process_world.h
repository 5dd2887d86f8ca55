/* A service whose functions run in processes, a store of packages, and what both leave behind: nothing. */
#ifndef LAMBDA_TESTS_PROCESS_WORLD_H
#define LAMBDA_TESTS_PROCESS_WORLD_H

#include "support.h"

#include <pthread.h>

#include <lambda/layer.h>
#include <lambda/process.h>
#include <lambda/testing.h>

typedef struct process_world {
    char directory[64];
    char environments[96]; /* lambda_process_options.directory */
    char mark[32];         /* a variable that all functions have, "MARK=...": by it their processes are found */
    lambda_packages *packages;
    lambda_t *lambda;
    lambda_process *process;
    lambda_test_log *log;
    lambda_log_sink sink;   /* of that; what the service has hands on to it, and tells who waits */
    pthread_mutex_t mutex;  /* of whoever waits for a line */
    pthread_cond_t written; /* one was */
    lambda_result result;   /* of the last invocation; a call on another thread has one of its own */
} process_world;

/** Opens all of it. `options` NULL: defaults; its first log sink is the world's. */
void process_world_open(process_world *world, const lambda_options *options);

/** Closes the service and the store, and looks whether anything is left: processes, or something in the directories. Keeps the directory. */
void process_world_end_service(process_world *world);
/** Opens the service again, on the same directory. */
void process_world_begin_service(process_world *world, const lambda_options *options);

/** The same, and the directory goes. */
void process_world_close(process_world *world);

/** A directory `name` in the world's, with the program as `bootstrap`: misbehave.c. Its path is the world's until the next call. */
const char *process_world_misbehave(process_world *world, const char *name);

/** A directory with a file in it, executable or not; made if it is not there. */
const char *process_world_file(process_world *world, const char *name, const char *file, const char *text,
                               bool executable);

/** Copies a file there. */
const char *process_world_copy(process_world *world, const char *name, const char *file, const char *from);

/** Creates a function of the directory with variables of its own (up to 4; pairs end with a NULL name) besides MARK. Fails the test. */
void process_world_create(process_world *world, const char *name, const char *path, const lambda_function_config *more,
                          const lambda_pair *variables);

/** One that misbehaves, with BEFORE if it is not NULL. */
void process_world_create_misbehave(process_world *world, const char *name, const char *before, uint32_t timeout_ms);

/** Invokes with a JSON string of that text, into the world's result. LAMBDA_OK or the test fails. */
void process_world_say(process_world *world, const char *name, const char *text);

/** The last result is no error, and this text; or an error of that type and with `message` in it. */
void process_world_answered(const process_world *world, const char *text);
void process_world_failed(const process_world *world, const char *type, const char *message);

/** Waits until the log has a line with that text: 20 s at most, or the test fails. */
void process_world_wait_log(process_world *world, const char *text);

/** Processes that have the world's mark. */
size_t process_world_processes(const process_world *world);

/** Waits until all processes that have the mark now have ended: 20 s at most, or the test fails. */
void process_world_wait_ended(const process_world *world);

/** Processor time that they have had, clock ticks. */
uint64_t process_world_processor_time(const process_world *world);

#endif
