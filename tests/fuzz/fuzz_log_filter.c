/* Filter patterns: up to the first newline of the input a pattern, then a line. What is refused says where; what is read matches the same twice. */
#include "fuzz.h"

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *end = strchr(text, '\n');
    size_t start = end ? (size_t)(end - text) + 1 : size;
    if (end) *end = '\0';
    lambda_log_filter *filter;
    lambda_status status = lambda_log_filter_new(text, NULL, &filter);
    require((status == LAMBDA_OK) == (filter != NULL));
    if (status != LAMBDA_OK) {
        require(strncmp(lambda_error_message(NULL), "pattern: ", 9) == 0);
    } else {
        /* The line alone, so that a byte read beyond it is seen. */
        size_t length = size - start;
        char *line = malloc(length + (length == 0));
        require(line != NULL);
        if (length > 0) memcpy(line, data + start, length);
        bool matches = lambda_log_filter_matches(filter, line, length);
        require(lambda_log_filter_matches(filter, line, length) == matches);
        free(line);
    }
    lambda_log_filter_free(filter);
    free(text);
    return 0;
}
