/* Handlers whose response is known, and who reads it. */
#ifndef LAMBDA_TESTS_READER_WORLD_H
#define LAMBDA_TESTS_READER_WORLD_H

#include "support.h"

#include <semaphore.h>
#include <stdatomic.h>

#include <lambda/response_reader.h>

/** Bytes that writes_much writes. */
enum { MUCH = 3 << 20 };

extern test_memory memory;
extern lambda_t *lambda;
extern lambda_result result;
extern char block[65536];      /* what responses consist of, again and again */
extern _Atomic size_t written; /* bytes that the handler has handed over */
extern _Atomic int refused;    /* what its last write was answered */
extern sem_t inside;           /* posted by a handler */
extern sem_t gate;             /* that it then waits for */

/** cmocka's: opens a service, and closes it with all its memory back. */
int set_up(void **state);
int tear_down(void **state);

/** Waits, or fails the test when it takes too long. */
void await(sem_t *semaphore);

/** A function that has a quarter of an hour: a machine may be busy. */
void create(const char *name, lambda_handler *handler, void *user);

/** A reader of that function, whose event is `{"x":1}`. */
lambda_response_reader *open_reader(const char *name);

/** Reads to the end in pieces of that size; how much it was. Fails the test where it is not what handlers write. */
size_t read_all(lambda_response_reader *reader, size_t size);

/** Writes so many bytes in pieces of that size. */
lambda_status write_many(lambda_response *response, size_t total, size_t piece);

/** A handler: MUCH bytes of text/csv, in small pieces or, where the function has a user pointer, in large ones. */
lambda_status writes_much(const lambda_event *event, lambda_context *context, lambda_response *response);

#endif
