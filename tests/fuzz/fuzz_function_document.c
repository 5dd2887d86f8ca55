/* Documents of functions: read, or refused with a message; what was read is written and read again as the same. */
#include "fuzz.h"

#include "registry/document.h"

/** No code of a document is loaded here. */
static lambda_status make_code(lambda_t *lambda, const char *function_name, const lambda__settings *settings,
                               const lambda__recipe *recipe, const char *sha256, uint64_t size, lambda__code **code)
{
    (void)function_name;
    (void)settings;
    return lambda->registry->port.code_unbound(lambda, recipe, sha256, size, "not loaded", code);
}

static lambda__buffer write_document(lambda_t *lambda, lambda__function *function)
{
    lambda__buffer text = {0};
    lambda__image image = lambda__image_of(function);
    if (!lambda__document_write(lambda, &image, &text)) abort();
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lambda_t *lambda = fuzz_service();
    lambda__function *function = NULL;
    lambda_status status =
        lambda__document_read(lambda, "f", &(lambda__parsed){.text = {data, size}}, make_code, &function);
    if (status != LAMBDA_OK && (function || lambda_error_message(lambda)[0] == '\0')) abort();
    if (status != LAMBDA_OK) return 0;
    lambda__buffer once = write_document(lambda, function);
    /* What is set aside for it is given back first: there may not be room for both. */
    lambda__function_discard(lambda, function);
    status =
        lambda__document_read(lambda, "f", &(lambda__parsed){.text = {once.data, once.length}}, make_code, &function);
    if (status != LAMBDA_OK) abort();
    lambda__buffer twice = write_document(lambda, function);
    if (once.length != twice.length || memcmp(once.data, twice.data, once.length) != 0) abort();
    lambda__function_discard(lambda, function);
    lambda__buffer_clear(&lambda->base, &once);
    lambda__buffer_clear(&lambda->base, &twice);
    return 0;
}
