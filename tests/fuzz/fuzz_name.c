/* Names and ARNs: what is accepted is made of what it was given, and its ARN reads as the same name. */
#include "fuzz.h"

#include "registry/registry.h"

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lambda_t *lambda = fuzz_service();
    char *text = fuzz_text(data, size);
    lambda__name name;
    lambda_status status = lambda__name_parse(lambda, text, &name);
    require(status == LAMBDA_OK || lambda_error_message(lambda)[0] != '\0');
    if (status == LAMBDA_OK) {
        char function[80] = "";
        char arn[LAMBDA__ARN_SIZE];
        lambda__name again;
        require(name.function_length > 0 && name.function_length <= LAMBDA__NAME_MAX);
        require(name.function >= text && name.function + name.function_length <= text + strlen(text));
        memcpy(function, name.function, name.function_length);
        int length = lambda__name_arn(lambda, function, name.qualifier, arn, sizeof(arn));
        require(length > 0 && (size_t)length < sizeof(arn));
        require(lambda__name_parse(lambda, arn, &again) == LAMBDA_OK);
        require(again.function_length == name.function_length && again.qualifier_length == name.qualifier_length);
        require(memcmp(again.function, name.function, name.function_length) == 0);
        lambda_invoke(lambda, text, lambda_bytes_make(NULL, 0), NULL);
    }
    free(text);
    return 0;
}
