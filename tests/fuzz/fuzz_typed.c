/* Typed conversion: any bytes as the event of functions of every kind. The first byte says which. */
#include "fuzz.h"

typedef struct thing {
    const char *name;
    double values[3];
    int8_t small;
    bool truth;
} thing;

static thing same_thing(thing given)
{
    return given;
}

static double sum(const double *values, uint8_t values_count)
{
    double total = 0;
    for (int i = 0; i < values_count; i++)
        total += values[i];
    return total;
}

static int fill(uint16_t *values, int8_t values_count, const char *text, char *first)
{
    for (int i = 0; i < values_count; i++)
        values[i] = (uint16_t)i;
    *first = text ? text[0] : 'x';
    return 0;
}

static int64_t mixed(bool a, char b, uint32_t c, float d, int64_t e)
{
    return a + b + (int64_t)(c % 7) + (d > 0) + (e > 0);
}

static const struct {
    const char *name;
    void (*function)(void);
    const char *declaration;
} functions[] = {
    {"thing", (void (*)(void))same_thing,
     "struct thing { const char *name; double values[3]; int8_t small; bool truth; }; struct thing f(struct thing "
     "given)"},
    {"sum", (void (*)(void))sum, "double f(const double *values, uint8_t values_count)"},
    {"fill", (void (*)(void))fill,
     "status int f(out uint16_t *values, int8_t values_count, const char *text, out char *first)"},
    {"mixed", (void (*)(void))mixed, "int64_t f(bool a, char b, uint32_t c, float d, int64_t e)"},
};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool created;
    static lambda_result result;
    lambda_t *lambda = fuzz_service();
    for (size_t i = 0; !created && i < FUNCTIONS; i++) {
        lambda_function_config config = {
            .function_name = functions[i].name,
            .code = lambda_code_typed_function(functions[i].function, functions[i].declaration)};
        if (lambda_function_create(lambda, &config) != LAMBDA_OK) abort();
    }
    created = true;
    if (size == 0) return 0;
    const char *name = functions[data[0] % FUNCTIONS].name;
    if (lambda_invoke(lambda, name, lambda_bytes_make(data + 1, size - 1), &result) != LAMBDA_OK) abort();
    return 0;
}
