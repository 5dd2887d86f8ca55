/* Declarations: parsed and laid out, or refused with a message; never called. */
#include "fuzz.h"

#include "base/memory.h"
#include "runtime/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lambda__typed_declaration declaration;
    lambda_t *lambda = fuzz_service();
    char *text = fuzz_text(data, size);
    if (lambda__typed_parse(&lambda->base, text, &declaration) == LAMBDA_OK) {
        ffi_cif cif;
        ffi_type *types[LAMBDA__TYPED_PARAMETERS];
        size_t frame = 0;
        if (lambda__typed_layout(&lambda->base, &declaration, &cif, types, &frame) == LAMBDA_OK && frame > 1u << 20)
            abort();
    } else if (lambda_error_message(lambda)[0] == '\0') {
        abort();
    }
    lambda__typed_free(&lambda->base, &declaration);
    free(text);
    return 0;
}
