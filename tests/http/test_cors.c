/* Preflights and headers of CORS. */
#include "support.h"

#include <string.h>
#include <strings.h>

#include "url.h"

static lambda__url_answer answer;

static int clear(void **state)
{
    (void)state;
    lambda__url_answer_clear(&answer);
    return 0;
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < answer.headers_count; i++) {
        if (!strcasecmp(answer.headers[i].name, name)) {
            return answer.headers[i].value;
        }
    }
    return NULL;
}

static char *ORIGINS[] = {"https://www.example.com", "http://localhost:60905", NULL};

static lambda__cors some(void)
{
    return (lambda__cors){.origins = ORIGINS,
                          .methods = "GET, POST",
                          .headers = "X-Custom, Date",
                          .expose = "Keep-Alive",
                          .credentials = true,
                          .max_age = 600};
}

static bool preflight(lambda__cors *cors, const char *method, const char *origin)
{
    lambda__url url = {.cors = cors};
    lambda__header headers[] = {{"Origin", origin},
                                {"Access-Control-Request-Method", "PUT"},
                                {"Access-Control-Request-Headers", "x-one, x-two"}};
    lambda_status status = LAMBDA_ERROR_SERVICE;
    bool answered = lambda__cors_preflight(&url, method, headers, 3, &answer, &status);
    assert_int_equal(status, LAMBDA_OK);
    return answered;
}

static void preflight_of_a_listed_origin(void **state)
{
    (void)state;
    lambda__cors cors = some();
    assert_true(preflight(&cors, "OPTIONS", "http://localhost:60905"));
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_length, 0);
    assert_string_equal(header("Access-Control-Allow-Origin"), "http://localhost:60905");
    assert_string_equal(header("Access-Control-Allow-Credentials"), "true");
    assert_string_equal(header("Access-Control-Allow-Methods"), "GET, POST");
    assert_string_equal(header("Access-Control-Allow-Headers"), "X-Custom, Date");
    assert_string_equal(header("Access-Control-Max-Age"), "600");
    assert_string_equal(header("Vary"), "Origin");
    assert_null(header("Access-Control-Expose-Headers"));
}

static void preflight_of_another_origin(void **state)
{
    (void)state;
    lambda__cors cors = some();
    assert_true(preflight(&cors, "OPTIONS", "https://www.example.com.evil.test"));
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.headers_count, 1);
    assert_string_equal(header("Vary"), "Origin");
}

static void wildcards(void **state)
{
    (void)state;
    lambda__cors cors = {.any_origin = true, .methods = "*", .headers = "*", .max_age = -1};
    assert_true(preflight(&cors, "OPTIONS", "https://anywhere.test"));
    assert_string_equal(header("Access-Control-Allow-Origin"), "*");
    assert_string_equal(header("Access-Control-Allow-Methods"), "PUT");
    assert_string_equal(header("Access-Control-Allow-Headers"), "x-one, x-two");
    assert_null(header("Access-Control-Max-Age"));
    assert_null(header("Access-Control-Allow-Credentials"));
    assert_null(header("Vary"));
}

static void what_is_no_preflight(void **state)
{
    (void)state;
    lambda__cors cors = some();
    assert_false(preflight(&cors, "GET", "http://localhost:60905"));
    assert_false(preflight(NULL, "OPTIONS", "http://localhost:60905"));
    lambda__url url = {.cors = &cors};
    lambda__header headers[] = {{"Origin", "http://localhost:60905"}};
    lambda_status status = LAMBDA_ERROR_SERVICE;
    assert_false(lambda__cors_preflight(&url, "OPTIONS", headers, 1, &answer, &status));
    assert_int_equal(status, LAMBDA_OK);
}

static void apply(lambda__cors *cors, const char *origin)
{
    static const char payload[] =
        "{\"statusCode\":200,\"headers\":{\"Access-Control-Allow-Origin\":\"https://own.test\","
        "\"access-control-max-age\":\"1\",\"X-Own\":\"1\"}}";
    lambda__url url = {.cors = cors};
    lambda__header headers[] = {{"origin", origin}};
    assert_int_equal(lambda__url_response(lambda_bytes_make(payload, strlen(payload)), &answer), LAMBDA_OK);
    assert_int_equal(lambda__cors_apply(&url, headers, origin ? 1 : 0, &answer), LAMBDA_OK);
    assert_string_equal(header("x-own"), "1");
}

static void the_functions_own_are_replaced(void **state)
{
    (void)state;
    lambda__cors cors = some();
    apply(&cors, "https://www.example.com");
    assert_string_equal(header("Access-Control-Allow-Origin"), "https://www.example.com");
    assert_string_equal(header("Access-Control-Expose-Headers"), "Keep-Alive");
    assert_string_equal(header("Access-Control-Allow-Credentials"), "true");
    assert_null(header("Access-Control-Max-Age"));
    apply(&cors, "https://own.test");
    assert_null(header("Access-Control-Allow-Origin"));
    apply(&cors, NULL);
    assert_null(header("Access-Control-Allow-Origin"));
    apply(NULL, "https://www.example.com");
    assert_string_equal(header("Access-Control-Allow-Origin"), "https://own.test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(preflight_of_a_listed_origin, clear),
        cmocka_unit_test_teardown(preflight_of_another_origin, clear),
        cmocka_unit_test_teardown(wildcards, clear),
        cmocka_unit_test_teardown(what_is_no_preflight, clear),
        cmocka_unit_test_teardown(the_functions_own_are_replaced, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
