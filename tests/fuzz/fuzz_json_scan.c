/* What jansson reads is JSON; and what is JSON jansson reads, but for numbers and escapes that it cannot hold. */
#include "fuzz.h"

#include <jansson.h>
#include <string.h>

#include "json_scan.h"

static void require(bool holds)
{
    if (!holds) abort();
}

/** An escape of half a character: jansson takes none. */
static bool has_surrogate(const char *text, size_t length)
{
    return memmem(text, length, "\\ud", 3) || memmem(text, length, "\\uD", 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    char why[96];
    json_error_t error = {0};
    char *text = fuzz_text(data, size);
    bool is = lambda__json_scan(lambda_bytes_make(text, size), why);
    require(is == (why[0] == '\0'));
    json_t *json = json_loadb(text, size, flags, &error);
    /* It takes a NUL for the end. */
    require(!json || is || memchr(text, '\0', size));
    require(!is || json || has_surrogate(text, size) || json_error_code(&error) == json_error_numeric_overflow ||
            json_error_code(&error) == json_error_stack_overflow);
    json_decref(json);
    free(text);
    return 0;
}
