/* What the fuzz targets share: one service for the whole run, and inputs that end in NUL. */
#ifndef LAMBDA_TESTS_FUZZ_H
#define LAMBDA_TESTS_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include <lambda/lambda.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The service of this run. */
static inline lambda_t *fuzz_service(void)
{
    static lambda_t *lambda;
    if (!lambda && lambda_open(NULL, &lambda) != LAMBDA_OK) abort();
    return lambda;
}

/** A copy that ends in NUL; the caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) abort();
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
