/* A file in a directory of its own with its queue and store, and a ledger of what must be in it. */
#ifndef LAMBDA_TESTS_FILE_FIXTURE_H
#define LAMBDA_TESTS_FILE_FIXTURE_H

#include <lambda/sqlite.h>

#include "support.h"

typedef struct file_fixture {
    char directory[64];
    char path[96];
    lambda_sqlite_options options;
    lambda_sqlite *file; /* NULL: closed */
    lambda_queue queue;
    lambda_store store;
    test_clock clock;
    test_memory memory;
} file_fixture;

/** Makes the directory; the file is not there yet. */
void file_fixture_begin(file_fixture *f);

/** Closes and removes all. */
void file_fixture_end(file_fixture *f);

/** Opens the file and attaches the queue and the store. */
lambda_status file_open(file_fixture *f);

void file_close(file_fixture *f);

/** Removes the file and what belongs to it; it is closed. */
void file_remove(file_fixture *f);

/** All bytes of a file, which the caller frees; NULL where it is not there. */
unsigned char *file_read(const char *path, size_t *length);

void file_write(const char *path, const void *data, size_t length);

/** Runs SQL on a database file, as any program may. */
void file_sql(const char *path, const char *sql);

/** Numbers that a ledger knows. */
#define LEDGER_SIZE 4096

/** What is known of each number that was pushed. */
typedef enum ledger_entry {
    LEDGER_NEVER,    /* must not be there */
    LEDGER_ACCEPTED, /* must be there, once */
    LEDGER_REFUSED,  /* may be there: the push failed */
    LEDGER_UNSURE,   /* may be there: it was accepted, its acknowledgement failed */
    LEDGER_DONE      /* must not be there */
} ledger_entry;

typedef struct file_ledger {
    unsigned char entries[LEDGER_SIZE];
} file_ledger;

/** Pushes a number in a body of `size` bytes, at least 8. */
lambda_status ledger_push(file_ledger *ledger, file_fixture *f, uint32_t number, size_t size);

/** Receives up to `capacity` messages and acknowledges each for itself; how many were received. */
size_t ledger_acknowledge(file_ledger *ledger, file_fixture *f, size_t capacity);

/** The number in a body. */
uint32_t ledger_number(lambda_bytes body);

/** Fails the test if what the queue holds is not what the ledger says. Refused ones that are there are accepted from now on. */
void ledger_check(file_ledger *ledger, file_fixture *f);

#endif
