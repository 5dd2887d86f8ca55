/*
 * A Lambda function in C: the area of a rectangle. Reads an event from a file, invokes the function with it twice, a cold
 * and a warm start, and shows the answer, the log lines (on standard error) and what it cost.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lambda/lambda.h>

/* x86 price of a GB-second and of a request, https://aws.amazon.com/lambda/pricing/, us-east-1. */
#define DOLLARS_PER_GB_SECOND 0.0000166667
#define DOLLARS_PER_REQUEST   0.0000002

static lambda_status area(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    double length, width;
    lambda_status status = lambda_event_unpack(event, "{s:F, s:F}", "length", &length, "width", &width);
    if (status != LAMBDA_OK) return status;
    lambda_log(context, LAMBDA_LOG_INFO, "log group: %s", lambda_context_log_group_name(context));
    return lambda_response_pack(response, "{s:f}", "area", length * width);
}

/** The file's bytes, NUL after them; the caller frees them. NULL with a message on standard error. */
static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return NULL;
    }
    size_t capacity = 6 * 1024 * 1024 + 1;
    char *data = malloc(capacity + 1);
    *length = data ? fread(data, 1, capacity, file) : 0;
    fclose(file);
    if (!data)
        perror(path);
    else
        data[*length] = '\0';
    return data;
}

static void show(const lambda_result *result)
{
    double gb_seconds = (double)result->billed_duration_ms / 1000 * result->memory_size / 1024;
    printf("%s start\n", result->cold_start ? "cold" : "warm");
    printf("  answer    %.*s\n", (int)result->payload.length, (const char *)result->payload.data);
    printf("  error     %s\n", result->function_error ? result->function_error : "none");
    printf("  version   %s\n", result->executed_version);
    printf("  duration  %.3f ms\n", (double)result->duration_ns / 1e6);
    printf("  billed    %llu ms at %u MB, on AWS $%.10f\n", (unsigned long long)result->billed_duration_ms,
           result->memory_size, gb_seconds * DOLLARS_PER_GB_SECOND + DOLLARS_PER_REQUEST);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s EVENT-FILE\n", argv[0]);
        return 2;
    }
    size_t length = 0;
    char *event = read_file(argv[1], &length);
    if (!event) return 1;

    lambda_t *lambda = NULL;
    lambda_result result = {0};
    if (lambda_open(&(lambda_options){.log = {lambda_log_sink_stderr()}}, &lambda) != LAMBDA_OK) {
        fprintf(stderr, "lambda_open: %s\n", lambda_error_message(NULL));
        free(event);
        return 1;
    }
    lambda_status status = lambda_function_create(
        lambda, &(lambda_function_config){.function_name = "area", .code = lambda_code_native(area, NULL)});
    for (int i = 0; i < 2 && status == LAMBDA_OK; i++) {
        status = lambda_invoke(lambda, "area", lambda_bytes_make(event, length), &result);
        if (status == LAMBDA_OK) show(&result);
    }
    if (status != LAMBDA_OK) fprintf(stderr, "%s: %s\n", lambda_status_name(status), lambda_error_message(lambda));
    bool failed = status != LAMBDA_OK || result.function_error;
    lambda_result_clear(&result);
    lambda_close(lambda);
    free(event);
    return failed;
}
