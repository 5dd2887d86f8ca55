/* Trace headers of both forms: what is read is written, and reads as the same. */
#include "fuzz.h"

static void require(bool holds)
{
    if (!holds) abort();
}

static bool same(const lambda_trace_context *one, const lambda_trace_context *two)
{
    return one->trace_id.high == two->trace_id.high && one->trace_id.low == two->trace_id.low &&
           one->parent_id == two->parent_id && one->sampled == two->sampled && one->decided == two->decided;
}

static bool present(const lambda_trace_context *context)
{
    return context->trace_id.high || context->trace_id.low;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    lambda_trace_context read;
    lambda_trace_context again;
    char header[LAMBDA_TRACE_HEADER_SIZE];
    char parent[LAMBDA_TRACEPARENT_SIZE];
    lambda_status status = lambda_trace_header_parse(text, &read);
    require(status == LAMBDA_OK || lambda_error_message(NULL)[0] != '\0');
    require(present(&read) || read.parent_id == 0);
    require(read.decided || !read.sampled);
    lambda_trace_header_format(&read, header);
    require((header[0] != '\0') == present(&read));
    require(lambda_trace_header_parse(header, &again) == LAMBDA_OK);
    if (present(&read)) require(same(&read, &again));
    status = lambda_traceparent_parse(text, &read);
    require((status == LAMBDA_OK) == present(&read));
    if (status == LAMBDA_OK) {
        require(read.parent_id != 0 && read.decided);
        lambda_traceparent_format(&read, parent);
        require(strlen(parent) == LAMBDA_TRACEPARENT_SIZE - 1);
        require(lambda_traceparent_parse(parent, &again) == LAMBDA_OK && same(&read, &again));
        lambda_trace_header_format(&read, header);
        require(lambda_trace_header_parse(header, &again) == LAMBDA_OK && same(&read, &again));
    }
    free(text);
    return 0;
}
