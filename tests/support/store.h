/* A store in memory that counts its writes, can fail one, and outlives the services that use it. */
#ifndef LAMBDA_TESTS_STORE_H
#define LAMBDA_TESTS_STORE_H

#include "support.h"

typedef struct test_value {
    char kind[17];
    char name[257];
    char *data;
    size_t length;
} test_value;

/** Values stand sorted by kind and name. All zero: empty. */
typedef struct test_store {
    test_value *values;
    size_t count;
    lambda_t *lambda;  /* whose it is now */
    long writes;       /* asked for */
    long fail_at;      /* the write of that number from now fails; 0: none does */
    bool fail_reading; /* all reads fail */
    bool fail_attach;  /* so does the next attach */
    int closed;        /* times */
} test_store;

lambda_store test_store_port(test_store *store);

/** The value of a name; NULL. */
const test_value *test_store_find(const test_store *store, const char *kind, const char *name);

/** Puts a value there, as a writer would; `data` NULL takes it away. */
void test_store_set(test_store *store, const char *kind, const char *name, const char *data, size_t length);

/** How many values of a kind there are. */
size_t test_store_count(const test_store *store, const char *kind);

/** Kinds, names and values as one text, to compare; the caller frees it. */
char *test_store_text(const test_store *store);

void test_store_clear(test_store *store);

#endif
