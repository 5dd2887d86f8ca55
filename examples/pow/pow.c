/* Any C function is a Lambda function: libm's pow, by its declaration alone. */
#include <stdio.h>

#include <lambda/lambda.h>

int main(void)
{
    static const char event[] = "{\"x\":2,\"y\":10}";
    lambda_t *lambda = NULL;
    if (lambda_open(NULL, &lambda) != LAMBDA_OK) {
        fprintf(stderr, "lambda_open: %s\n", lambda_error_message(NULL));
        return 1;
    }
    lambda_status status = lambda_function_create(
        lambda, &(lambda_function_config){.function_name = "pow",
                                          .code = lambda_code_typed("libm.so.6", "double pow(double x, double y)")});
    lambda_result result = {0};
    if (status == LAMBDA_OK)
        status = lambda_invoke(lambda, "pow", lambda_bytes_make(event, sizeof(event) - 1), &result);
    if (status == LAMBDA_OK)
        printf("pow %s -> %.*s\n", event, (int)result.payload.length, (const char *)result.payload.data);
    else
        fprintf(stderr, "%s: %s\n", lambda_status_name(status), lambda_error_message(lambda));
    bool failed = status != LAMBDA_OK || result.function_error;
    lambda_result_clear(&result);
    lambda_close(lambda);
    return failed;
}
