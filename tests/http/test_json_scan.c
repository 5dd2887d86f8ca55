/* What is JSON, and what is none. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* NULL: it is */
    } CASES[] = {
        {"null", NULL},
        {" \t\r\n true ", NULL},
        {"{}", NULL},
        {"[ ]", NULL},
        {"[[],{},[{\"a\":[1]}]]", NULL},
        {"{\"a\" : 1 , \"a\":{\"b\":[ ]},\"\":\"\"}", NULL},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\ud800\"", NULL},
        {"\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", NULL},
        {"[0,-0,1,10,-1.5,1e5,1E+5,0.1e-5,123456789012345678901234567890,1e999999]", NULL},
        {"", "wanted a value (line: 1, column: 1)"},
        {" \n ", "wanted a value (line: 2, column: 2)"},
        {"nul", "wanted a value (line: 1, column: 1)"},
        {"nulls", "wanted the end (line: 1, column: 5)"},
        {"{} {}", "wanted the end (line: 1, column: 4)"},
        {"]", "wanted a value (line: 1, column: 1)"},
        {"[1,]", "wanted a value (line: 1, column: 4)"},
        {"[1 2]", "wanted a comma or the closing bracket (line: 1, column: 4)"},
        {"[1}", "wanted a comma or the closing bracket (line: 1, column: 3)"},
        {"{\"a\":1]", "wanted a comma or the closing bracket (line: 1, column: 7)"},
        {"{\"a\":1,}", "wanted a name (line: 1, column: 8)"},
        {"{a:1}", "wanted a name (line: 1, column: 2)"},
        {"{\"a\" 1}", "wanted a colon (line: 1, column: 6)"},
        {"{\"a\":}", "wanted a value (line: 1, column: 6)"},
        {"{\n\"a\":\n'", "wanted a value (line: 3, column: 1)"},
        {"[", "wanted a value (line: 1, column: 2)"},
        {"01", "wanted no digit behind a zero (line: 1, column: 2)"},
        {"-", "wanted a digit (line: 1, column: 2)"},
        {"+1", "wanted a value (line: 1, column: 1)"},
        {".5", "wanted a value (line: 1, column: 1)"},
        {"1.", "wanted a digit (line: 1, column: 3)"},
        {"1e", "wanted a digit (line: 1, column: 3)"},
        {"1e+", "wanted a digit (line: 1, column: 4)"},
        {"0x1", "wanted the end (line: 1, column: 2)"},
        {"NaN", "wanted a value (line: 1, column: 1)"},
        {"\"a", "wanted the end of a string (line: 1, column: 3)"},
        {"\"\\", "wanted an escape (line: 1, column: 2)"},
        {"\"\\x\"", "wanted an escape (line: 1, column: 2)"},
        {"\"\\u12\"", "wanted an escape (line: 1, column: 2)"},
        {"\"\\u12g4\"", "wanted an escape of four digits (line: 1, column: 2)"},
        {"\"a\nb\"", "wanted no control character (line: 1, column: 3)"},
        {"\"\xff\"", "wanted UTF-8 (line: 1, column: 2)"},
        {"\"\xc3", "wanted UTF-8 (line: 1, column: 2)"},
        {"\"\xed\xa0\x80\"", "wanted UTF-8 (line: 1, column: 2)"},
        {"\xef\xbb\xbf{}", "wanted a value (line: 1, column: 1)"},
        {"1\f", "wanted the end (line: 1, column: 2)"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char why[96];
        /* A copy of its length, so that a byte behind it is seen to be read. */
        size_t length = strlen(CASES[i].text);
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        char *text = copy + 1;
        memcpy(text, CASES[i].text, length);
        bool is = lambda__json_scan(lambda_bytes_make(text, length), why);
        free(copy);
        if (is != !CASES[i].why) print_error("%s: %s\n", CASES[i].text, why);
        assert_string_equal(why, CASES[i].why ? CASES[i].why : "");
        assert_int_equal(is, !CASES[i].why);
    }
}

static void nuls(void **state)
{
    (void)state;
    char why[96];
    assert_false(lambda__json_scan(lambda_bytes_make("\"a\0b\"", 5), why));
    assert_false(lambda__json_scan(lambda_bytes_make("1\0", 2), why));
    assert_string_equal(why, "wanted the end (line: 1, column: 2)");
    assert_false(lambda__json_scan(lambda_bytes_make("\"\\\0\"", 4), why));
    assert_false(lambda__json_scan(lambda_bytes_make(NULL, 0), why));
}

static void depth(void **state)
{
    (void)state;
    char why[96];
    char text[2 * (LAMBDA__JSON_DEPTH + 1)];
    for (size_t deep = LAMBDA__JSON_DEPTH; deep <= LAMBDA__JSON_DEPTH + 1; deep++) {
        memset(text, '[', deep);
        memset(text + deep, ']', deep);
        assert_int_equal(lambda__json_scan(lambda_bytes_make(text, 2 * deep), why), deep == LAMBDA__JSON_DEPTH);
        assert_false(lambda__json_scan(lambda_bytes_make(text, 2 * deep - 1), why));
    }
    assert_false(lambda__json_scan(lambda_bytes_make(text, LAMBDA__JSON_DEPTH + 1), why));
    assert_string_equal(why, "wanted less depth (line: 1, column: 2050)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(nuls),
        cmocka_unit_test(depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
