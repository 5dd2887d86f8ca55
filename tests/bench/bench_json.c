/* JSON in and out: the area example, and libm's pow by its declaration. */
#include <ffi.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static lambda_t *lambda;
static lambda_target *target;
static lambda_result result;
static json_t *prepared;
static volatile size_t length;

static lambda_status area(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    double long_side, short_side;
    lambda_status status = lambda_event_unpack(event, "{s:F, s:F}", "length", &long_side, "width", &short_side);
    if (status != LAMBDA_OK) return status;
    return lambda_response_pack(response, "{s:f}", "area", long_side * short_side);
}

static void open_with(const char *name, lambda_code code)
{
    bench_check(NULL, lambda_open(NULL, &lambda));
    bench_check(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = name, .code = code}));
    bench_check(lambda, lambda_target_open(lambda, name, &target));
}

static void close_service(void)
{
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
    json_decref(prepared);
    prepared = NULL;
}

static void open_area(void)
{
    open_with("area", lambda_code_native(area, NULL));
    prepared = json_pack("{s:f}", "area", 12.0);
}

static void invoke_area(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{\"length\": 3, \"width\": 4}"), NULL, &result));
}

static void load_and_dump(uint64_t operations)
{
    static const char event[] = "{\"length\": 3, \"width\": 4}";
    for (uint64_t i = 0; i < operations; i++) {
        json_t *json = json_loadb(event, sizeof(event) - 1, 0, NULL);
        char *text = json_dumps(prepared, JSON_COMPACT);
        length = strlen(text);
        free(text);
        json_decref(json);
    }
}

const bench bench_sync_json = {.name = "sync_json",
                               .what = "the area example, event and response as JSON",
                               .yardstick = "jansson's load of the event and dump of the response",
                               .target = 1.2,
                               .open = open_area,
                               .product = invoke_area,
                               .compare = load_and_dump,
                               .close = close_service};

/* ---- pow */

static ffi_cif cif;
static ffi_type *types[] = {&ffi_type_double, &ffi_type_double};

static void open_pow(void)
{
    open_with("pow", lambda_code_typed("libm.so.6", "double pow(double x, double y)"));
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_double, types) != FFI_OK) exit(1);
    prepared = json_real(1024.0);
}

static void invoke_pow(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{\"x\":2,\"y\":10}"), NULL, &result));
}

static void load_call_and_dump(uint64_t operations)
{
    static const char event[] = "{\"x\":2,\"y\":10}";
    for (uint64_t i = 0; i < operations; i++) {
        json_t *json = json_loadb(event, sizeof(event) - 1, 0, NULL);
        double x = 2;
        double y = 10;
        double power = 0;
        void *values[] = {&x, &y};
        ffi_call(&cif, FFI_FN(pow), &power, values);
        json_real_set(prepared, power);
        char *text = json_dumps(prepared, JSON_ENCODE_ANY);
        length = strlen(text);
        free(text);
        json_decref(json);
    }
}

const bench bench_sync_typed = {.name = "sync_typed",
                                .what = "pow of libm by its declaration, JSON in and out",
                                .yardstick = "jansson's load, ffi_call, jansson's dump",
                                .target = 1.2,
                                .open = open_pow,
                                .product = invoke_pow,
                                .compare = load_call_and_dump,
                                .close = close_service};
