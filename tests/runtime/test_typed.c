/* Typed functions: declarations, every type at its limits, arrays, structs, what is out, errors that name the field. */
#include "support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static lambda_t *lambda;

static int open_service(void **state)
{
    (void)state;
    lambda = test_open(NULL);
    return 0;
}

static int close_service(void **state)
{
    (void)state;
    lambda_close(lambda);
    return 0;
}

static void create(void (*function)(void), const char *declaration)
{
    lambda_status gone = lambda_function_delete(lambda, "t");
    assert_true(gone == LAMBDA_OK || gone == LAMBDA_ERROR_RESOURCE_NOT_FOUND);
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){
                                                         .function_name = "t",
                                                         .code = lambda_code_typed_function(function, declaration)}));
}

static void expect(const char *event, const char *answer)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "t", lambda_bytes_make(event, strlen(event)), &result));
    test_assert_payload(&result, answer);
    assert_null(result.function_error);
    lambda_result_clear(&result);
}

static void refuse(const char *event, const char *reason)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "t", lambda_bytes_make(event, strlen(event)), &result));
    if (!result.function_error || !strstr(result.payload.data, reason))
        fail_msg("%s gives %s, without %s", event, (const char *)result.payload.data, reason);
    lambda_result_clear(&result);
}

/* A function that answers with its argument, for each type. */
#define IDENTITY(name, type)                                                                                           \
    static type name(type x)                                                                                           \
    {                                                                                                                  \
        return x;                                                                                                      \
    }
IDENTITY(same_bool, bool)
IDENTITY(same_char, char)
IDENTITY(same_i8, int8_t)
IDENTITY(same_u8, uint8_t)
IDENTITY(same_i16, int16_t)
IDENTITY(same_u16, uint16_t)
IDENTITY(same_i32, int32_t)
IDENTITY(same_u32, uint32_t)
IDENTITY(same_i64, int64_t)
IDENTITY(same_u64, uint64_t)
IDENTITY(same_float, float)
IDENTITY(same_double, double)
IDENTITY(same_text, const char *)

#define FUNCTION(name) ((void (*)(void))(name))

static void integers_are_checked(void **state)
{
    (void)state;
    const struct {
        void (*function)(void);
        const char *spellings[6];
        const char *least, *most, *below, *above;
    } types[] = {
        {FUNCTION(same_i8), {"int8_t", "signed char", "char signed"}, "-128", "127", "-129", "128"},
        {FUNCTION(same_u8), {"uint8_t", "unsigned char", "const uint8_t"}, "0", "255", "-1", "300"},
        {FUNCTION(same_i16),
         {"int16_t", "short", "short int", "signed short int"},
         "-32768",
         "32767",
         "-32769",
         "32768"},
        {FUNCTION(same_u16), {"uint16_t", "unsigned short", "short unsigned int"}, "0", "65535", "-1", "65536"},
        {FUNCTION(same_i32),
         {"int32_t", "int", "signed", "int const"},
         "-2147483648",
         "2147483647",
         "-2147483649",
         "2147483648"},
        {FUNCTION(same_u32), {"uint32_t", "unsigned", "unsigned int"}, "0", "4294967295", "-1", "4294967296"},
        {FUNCTION(same_i64),
         {"int64_t", "long long", "ssize_t", "ptrdiff_t", "intptr_t", "long long int"},
         "-9223372036854775808",
         "9223372036854775807",
         "-9223372036854775809",
         "9223372036854775808"},
        {FUNCTION(same_u64),
         {"uint64_t", "size_t", "uintptr_t", "unsigned long long"},
         "0",
         "9223372036854775807",
         "-1",
         "99999999999999999999"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (size_t j = 0; j < 6 && types[i].spellings[j]; j++) {
            char declaration[100];
            char event[100];
            snprintf(declaration, sizeof(declaration), "%s f(%s x)", types[i].spellings[j], types[i].spellings[j]);
            create(types[i].function, declaration);
            const char *const values[] = {types[i].least, types[i].most};
            for (size_t k = 0; k < 2; k++) {
                snprintf(event, sizeof(event), "{\"x\":%s}", values[k]);
                expect(event, values[k]);
            }
            snprintf(event, sizeof(event), "{\"x\":%s}", types[i].below);
            refuse(event, i == 6 ? "too big" : i == 7 ? "\\\"x\\\"" : "does not fit");
            snprintf(event, sizeof(event), "{\"x\":%s}", types[i].above);
            refuse(event, i >= 6 ? "too big" : "does not fit");
            expect("{\"x\":3.0}", "3");
            refuse("{\"x\":3.5}", "fraction");
            refuse("{\"x\":\"3\"}", "expected integer, got string");
            refuse("{\"x\":1e300}", "too large");
        }
    }
}

static uint64_t most(void)
{
    return UINT64_MAX;
}

static void other_scalars(void **state)
{
    (void)state;
    create(FUNCTION(same_bool), "bool f(_Bool x)");
    expect("{\"x\":true}", "true");
    expect("{\"x\":false}", "false");
    refuse("{\"x\":1}", "expected true or false");
    create(FUNCTION(same_char), "char f(char x)");
    expect("{\"x\":\"a\"}", "\"a\"");
    expect("{\"x\":65}", "\"A\"");
    expect("{\"x\":0}", "0");
    refuse("{\"x\":\"ab\"}", "one ASCII character");
    refuse("{\"x\":\"\xCE\xBB\"}", "one ASCII character");
    refuse("{\"x\":1000}", "does not fit");
    create(FUNCTION(same_double), "double f(double x)");
    expect("{\"x\":0.1}", "0.1");
    expect("{\"x\":7}", "7.0");
    refuse("{\"x\":9007199254740993}", "not exact");
    refuse("{\"x\":9223372036854775807}", "not exact");
    refuse("{\"x\":null}", "expected number, got null");
    create(FUNCTION(same_float), "float f(float x)");
    expect("{\"x\":0.5}", "0.5");
    refuse("{\"x\":1e39}", "float");
    create(FUNCTION(same_text), "const char *f(const char *x)");
    expect("{\"x\":\"say \\\"\xCE\xBB\\\"\"}", "\"say \\\"\xCE\xBB\\\"\"");
    expect("{\"x\":null}", "null");
    refuse("{\"x\":1}", "expected string or null");
    create(FUNCTION(most), "uint64_t f(void)");
    expect("{}", "18446744073709551615");
    expect("", "18446744073709551615");
    refuse("[]", "expected an object");
    refuse("{\"x\":1}", "\\\"x\\\": is not a parameter");
}

static void bad_results_are_errors(void **state)
{
    (void)state;
    assert_ok(lambda,
              lambda_function_create(
                  lambda, &(lambda_function_config){.function_name = "log",
                                                    .code = lambda_code_typed("libm.so.6", "double log(double x)")}));
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "log", LAMBDA_JSON("{\"x\":-1}"), &result));
    assert_string_equal(result.function_error, "Unhandled");
    assert_non_null(strstr(result.payload.data, "Function.InvalidResult"));
    lambda_result_clear(&result);
}

static double mean(const double *values, size_t values_count)
{
    double sum = 0;
    for (size_t i = 0; i < values_count; i++)
        sum += values[i];
    return values_count ? sum / (double)values_count : 0;
}

static int count_bytes(const uint8_t data[], uint8_t data_length)
{
    int sum = 0;
    for (int i = 0; i < data_length; i++)
        sum += data[i];
    return sum;
}

static void squares(double *values, int32_t values_count, double *last)
{
    for (int i = 0; i < values_count; i++)
        *last = values[i] = i * i;
}

static void arrays_bring_their_count(void **state)
{
    (void)state;
    create(FUNCTION(mean), "double mean(const double *values, size_t values_count);");
    expect("{\"values\":[1,2,3,4.0]}", "2.5");
    expect("{\"values\":[]}", "0.0");
    refuse("{\"values\":[1,\"2\"]}", "\\\"values[1]\\\": expected number, got string");
    refuse("{\"values\":7}", "expected array");
    refuse("{}", "\\\"values\\\": is missing");
    refuse("{\"values\":[],\"values_count\":0}", "values_count");
    create(FUNCTION(count_bytes), "int f(const uint8_t data[], uint8_t data_length)");
    expect("{\"data\":[255,1]}", "256");
    refuse("{\"data\":[256]}", "data[0]");
    char many[2000] = "{\"data\":[0";
    for (int i = 0; i < 256; i++)
        strcat(many, ",0");
    strcat(many, "]}");
    refuse(many, "257 does not fit");
    create(FUNCTION(squares), "void squares(out double *values, int32_t values_count, out double *last)");
    expect("{\"values_count\":3}", "{\"values\":[0.0,1.0,4.0],\"last\":4.0}");
    expect("{\"values_count\":0}", "{\"values\":[],\"last\":0.0}");
    refuse("{\"values_count\":-1}", "1 MiB");
    refuse("{\"values_count\":1000000}", "1 MiB");
    refuse("{\"values_count\":\"x\"}", "values_count");
    refuse("{}", "values_count");
}

static int divide(int a, int b, int *quotient, int *rest)
{
    if (b == 0) return -22;
    *quotient = a / b;
    *rest = a % b;
    return 0;
}

static void status_and_out(void **state)
{
    (void)state;
    create(FUNCTION(divide), "status int divide(int a, int b, out int *quotient, out int *rest)");
    expect("{\"a\":7,\"b\":2}", "{\"quotient\":3,\"rest\":1}");
    refuse("{\"a\":7,\"b\":0}", "\"StatusError\"");
    refuse("{\"a\":7,\"b\":0}", "divide returned -22");
    create(FUNCTION(divide), "int divide(int a, int b, out int *quotient, out int *rest)");
    expect("{\"a\":7,\"b\":2}", "{\"result\":0,\"quotient\":3,\"rest\":1}");
    create(FUNCTION(same_i32), "status int f(int x)");
    expect("{\"x\":0}", "null");
}

typedef struct point {
    double x, y;
} point;

typedef struct body {
    const char *name;
    point at;
    int8_t tags[3];
    bool alive;
} body;

static double norm(point p)
{
    return sqrt(p.x * p.x + p.y * p.y);
}

static body move(const body *from, point by)
{
    body moved = *from;
    moved.at.x += by.x;
    moved.at.y += by.y;
    return moved;
}

static double total(const point *points, size_t points_count, point *last)
{
    double sum = 0;
    for (size_t i = 0; i < points_count; i++)
        sum += points[i].x, *last = points[i];
    return sum;
}

static void structs_by_value_and_pointer(void **state)
{
    (void)state;
    create(FUNCTION(norm), "struct point { double x; double y; }; double norm(struct point p)");
    expect("{\"p\":{\"x\":3,\"y\":4}}", "5.0");
    refuse("{\"p\":{\"x\":3}}", "\\\"p.y\\\": is missing");
    refuse("{\"p\":{\"x\":3,\"y\":4,\"z\":5}}", "\\\"p.z\\\": is not a member");
    refuse("{\"p\":[3,4]}", "expected object");
    create(FUNCTION(move), "struct point { double x; double y; };"
                           "struct body { const char *name; struct point at; int8_t tags[3]; bool alive; };"
                           "struct body move(const struct body *from, struct point by)");
    expect("{\"from\":{\"name\":\"a\",\"at\":{\"x\":1,\"y\":2},\"tags\":[1,-2,3],\"alive\":true},\"by\":{\"x\":1,\"y\":"
           "1}}",
           "{\"name\":\"a\",\"at\":{\"x\":2.0,\"y\":3.0},\"tags\":[1,-2,3],\"alive\":true}");
    refuse(
        "{\"from\":{\"name\":\"a\",\"at\":{\"x\":1,\"y\":2},\"tags\":[1,-2],\"alive\":true},\"by\":{\"x\":1,\"y\":1}}",
        "expected 3 elements, got 2");
    refuse("{\"from\":{\"name\":\"a\",\"at\":{\"x\":1,\"y\":2},\"tags\":[1,300,2],\"alive\":true},\"by\":{\"x\":1,"
           "\"y\":1}}",
           "from.tags[1]");
    create(FUNCTION(total), "struct point { double x; double y; };"
                            "double total(const struct point *points, size_t points_count, out struct point *last)");
    expect("{\"points\":[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}]}", "{\"result\":4.0,\"last\":{\"x\":3.0,\"y\":4.0}}");
}

static void bad_declarations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "the end"},
        {"double", "name is missing"},
        {"double f", "( is missing"},
        {"double f(", "not a type"},
        {"double f(double", "name is missing"},
        {"double f(double x", ") is missing"},
        {"double f(double x) y", "after the declaration"},
        {"double f(double)", "name is missing"},
        {"double f(double x, double x)", "twice"},
        {"double f(complex x)", "\"complex\""},
        {"double f(double *x)", "const or out"},
        {"double f(const double *x)", "_count"},
        {"double f(out const double *x)", "not const"},
        {"double f(out double x)", "pointer"},
        {"double f(double **x)", "pointers to pointers"},
        {"double f(void *x)", "void"},
        {"double f(int, ...)", "name is missing"},
        {"double f(int x, ...)", "variable number"},
        {"double f(double (*g)(double))", ""},
        {"double *f(void)", "returned"},
        {"char *f(void)", "returned"},
        {"long double f(void)", "long double"},
        {"short long f(void)", "not a type together"},
        {"signed unsigned f(void)", "not a type together"},
        {"int int f(void)", "twice"},
        {"unsigned double f(void)", "not a type together"},
        {"status double f(void)", "a status is an int"},
        {"double f(struct p x)", "not declared"},
        {"struct p { struct p x; }; double f(struct p x)", "not declared"},
        {"struct p { }; double f(struct p x)", "no members"},
        {"struct p { double x }; double f(struct p x)", "; is missing"},
        {"struct p { double x; double x; }; double f(struct p x)", "twice"},
        {"struct p { double *x; }; double f(struct p x)", "only pointers"},
        {"struct p { int x[0]; }; double f(struct p x)", "size"},
        {"struct p { int x[33]; }; double f(struct p x)", "size"},
        {"struct p { int x[20]; int y[20]; }; double f(struct p x)", "32 members"},
        {"struct p { int x; } double f(struct p x)", "; is missing"},
        {"struct p { int x; }; struct p { int x; }; double f(struct p x)", "twice"},
        {"double int(void)", "not a type together"},
        {"double 1f(void)", "name is missing"},
        {"\xFF", "not a type"},
    };
    lambda_function_config config = {.function_name = "bad"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.code = lambda_code_typed_function(FUNCTION(norm), bad[i].text);
        assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, bad[i].reason);
    }
    char many[2000] = "void f(int a0";
    for (int i = 1; i < 40; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), ", int a%d", i);
    strcat(many, ")");
    config.code = lambda_code_typed_function(FUNCTION(norm), many);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "32 parameters");
    static char huge[9000];
    memset(huge, ' ', sizeof(huge) - 1);
    config.code = lambda_code_typed_function(FUNCTION(norm), huge);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "longer");
    config.code = lambda_code_typed("libm.so.6", NULL);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "declaration");
    config.code = lambda_code_typed("libm.so.6", "double nothing_here(void)");
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "nothing_here");
    config.code = lambda_code_typed("libnowhere.so.1", "double pow(double x, double y)");
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "libnowhere");
    config.code = lambda_code_typed("libm.so.6", "double pow(double x, double y)");
    config.code.function = FUNCTION(norm);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "both");
    /* The program itself and what it links. */
    config.code = lambda_code_typed(NULL, "int abs(int x)");
    assert_ok(lambda, lambda_function_create(lambda, &config));
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 200);
        test_memory memory = {0};
        lambda_t *own = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        lambda_result result = {0};
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_function_config config = {
            .function_name = "f",
            .code = lambda_code_typed_function(FUNCTION(squares),
                                               "struct unused { int x; }; void squares(out double *values, int32_t "
                                               "values_count, out double *last)")};
        lambda_status status = lambda_function_create(own, &config);
        if (status == LAMBDA_OK) status = lambda_invoke(own, "f", LAMBDA_JSON("{\"values_count\":5}"), &result);
        succeeded = memory.requests < nth;
        memory.fail_at = 0;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        if (succeeded) assert_null(result.function_error);
        lambda_result_clear(&result);
        lambda_close(own);
        assert_int_equal(memory.live, 0);
    }
}

static void *call_often(void *user)
{
    (void)user;
    lambda_result result = {0};
    for (int i = 0; i < 2000; i++) {
        char event[64];
        char answer[32];
        int length = snprintf(event, sizeof(event), "{\"values\":[%d,%d]}", i, i + 2);
        snprintf(answer, sizeof(answer), "%d.0", i + 1);
        if (lambda_invoke(lambda, "t", lambda_bytes_make(event, (size_t)length), &result) != LAMBDA_OK ||
            strcmp(result.payload.data, answer) != 0)
            return (void *)1;
    }
    lambda_result_clear(&result);
    return NULL;
}

static void many_threads_may_call(void **state)
{
    (void)state;
    create(FUNCTION(mean), "double mean(const double *values, size_t values_count)");
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_checked),
        cmocka_unit_test(other_scalars),
        cmocka_unit_test(bad_results_are_errors),
        cmocka_unit_test(arrays_bring_their_count),
        cmocka_unit_test(status_and_out),
        cmocka_unit_test(structs_by_value_and_pointer),
        cmocka_unit_test(bad_declarations_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(many_threads_may_call),
    };
    return cmocka_run_group_tests(tests, open_service, close_service);
}
