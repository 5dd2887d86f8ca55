/* A directory with one file, which is the destination "dead": what the tests of files share. */
#ifndef LAMBDA_TESTS_DEAD_FILE_H
#define LAMBDA_TESTS_DEAD_FILE_H

#include "taker.h"

#include <errno.h>
#include <unistd.h>

static char directory[] = "/tmp/lambda-test-XXXXXX";
static char path[64];      /* DIRECTORY/dead.jsonl */
static char temporary[80]; /* what a redrive writes beside it */

static inline int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/dead.jsonl", directory);
    snprintf(temporary, sizeof(temporary), "%s.redrive", path);
    return 0;
}

static inline int remove_file(void **state)
{
    (void)state;
    return remove(path) != 0 && errno != ENOENT;
}

static inline int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static inline void write_file(const char *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/** All of the file; the caller frees it. */
static inline char *read_file(size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *length, file), *length);
    text[*length] = '\0';
    fclose(file);
    return text;
}

static inline void assert_file(const char *expected)
{
    size_t length;
    char *text = read_file(&length);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    free(text);
    assert_int_equal(access(temporary, F_OK), -1);
}

/** A service with the file as its destination "dead". */
static inline lambda_t *open_dead(void)
{
    lambda_t *lambda = test_open(NULL);
    assert_ok(lambda, lambda_destination_register_file(lambda, "dead", path));
    return lambda;
}

#endif
