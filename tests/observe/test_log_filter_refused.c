/* What is no filter pattern: the message says what is wrong, and at which character. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct mistake {
    const char *pattern;
    const char *message;
} mistake;

static void refuse(const char *pattern, const char *message)
{
    lambda_log_filter *filter = (lambda_log_filter *)&message;
    if (lambda_log_filter_new(pattern, NULL, &filter) != LAMBDA_ERROR_INVALID_PARAMETER_VALUE)
        fail_msg("%s is taken, and should not be: %s", pattern, message);
    assert_null(filter);
    if (strcmp(lambda_error_message(NULL), message) != 0)
        fail_msg("%s\n  says       %s\n  instead of %s", pattern, lambda_error_message(NULL), message);
}

static void check(const mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        refuse(mistakes[i].pattern, mistakes[i].message);
}

#define CHECK(mistakes) check(mistakes, sizeof(mistakes) / sizeof((mistakes)[0]))

static void terms(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"a \"b c", "pattern: unclosed \" at character 3"},
        {"a Status: b", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 9, not :"},
        {"(a)", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 1, not ("},
        {"ERROR!", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 6, not !"},
        {"\"a\"b", "pattern: a space after a term must stand at character 4, not b"},
        {"-", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 2, where it ends"},
        {"x - ", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 5, where it ends"},
        {"?", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 2, where it ends"},
        {"-\"\"", "pattern: nothing to exclude between the double quotes at character 2"},
        {"a -\" \"", "pattern: nothing to exclude between the double quotes at character 4"},
        {"über \"é", "pattern: unclosed \" at character 6"},
        {"a-b", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 2, not -"},
        {"a%b%", "pattern: a letter, a digit, _ or a term in double quotes must stand at character 2, not %"},
    };
    CHECK(mistakes);
}

static void regular_expressions(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"%", "pattern: unclosed % at character 1"},
        {"%%", "pattern: an empty regular expression or alternative of one at character 2"},
        {"%a", "pattern: unclosed % at character 1"},
        {"%a|%", "pattern: an empty regular expression or alternative of one at character 4"},
        {"%|a%", "pattern: an empty regular expression or alternative of one at character 2"},
        {"%a||b%", "pattern: an empty regular expression or alternative of one at character 4"},
        {"%(a)%", "pattern: a regular expression with a parenthesis (as symbols \\x28, \\x29) at character 2"},
        {"%a!%", "pattern: a regular expression with ! (as a symbol \\x21) at character 3"},
        {"%é%", "pattern: a regular expression with what is not ASCII at character 2"},
        {"%*a%", "pattern: nothing to repeat at character 2"},
        {"%a+?%", "pattern: nothing to repeat at character 4"},
        {"%a{2%", "pattern: unclosed { at character 5"},
        {"%a{}%", "pattern: { without a number at character 4"},
        {"%a{,}%", "pattern: { without a number at character 5"},
        {"%a{3,2}%", "pattern: { whose first number is the greater at character 7"},
        {"%a{x}%", "pattern: { without a number at character 4"},
        {"%a]%", "pattern: ] that closes nothing at character 3"},
        {"%a}%", "pattern: } that closes nothing at character 3"},
        {"%[a%", "pattern: unclosed [ at character 4"},
        {"%[]%", "pattern: nothing between [ and ] at character 3"},
        {"%[^]%", "pattern: nothing between [ and ] at character 4"},
        {"%[z-a]%", "pattern: a range that ends before it begins at character 5"},
        {"%[a[b]%", "pattern: [ within [] (use \\[) at character 4"},
        {"%[a!]%", "pattern: a regular expression with ! (as a symbol \\x21) at character 4"},
        {"%[a-\\d]%", "pattern: a range without its end at character 5"},
        {"%a\\%", "pattern: an unknown escape (symbols are \\xhh) at character 4"},
        {"%\\p%", "pattern: an unknown escape (symbols are \\xhh) at character 3"},
        {"%\\x4%", "pattern: \\x without two hexadecimal digits at character 5"},
        {"%\\xZZ%", "pattern: \\x without two hexadecimal digits at character 4"},
        {"%\\x80%", "pattern: \\x beyond 7F, which is not ASCII at character 5"},
        {"%a^%", "pattern: ^ that is not at an alternative's start at character 3"},
        {"%a$b%", "pattern: $ that is not at an alternative's end at character 3"},
        {"%^*%", "pattern: nothing to repeat at character 3"},
        {"%a{1024}%", "pattern: more than 1024 states of regular expressions at character 2"},
        {"%a{99999999999999999999}%", "pattern: more than 1024 states of regular expressions at character 2"},
        {"%a{600}% %b{600}%", "pattern: more than 1024 states of regular expressions at character 11"},
        {"%a%b", "pattern: a space after a term must stand at character 4, not b"},
    };
    CHECK(mistakes);
}

static void json(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"{", "pattern: a selector, as $.name, must stand at character 2, where it ends"},
        {"{}", "pattern: nothing between { and } at character 1"},
        {"{ }", "pattern: nothing between { and } at character 1"},
        {"{ a = 1 }", "pattern: a selector, as $.name, must stand at character 3, not a"},
        {"{ $ = 1 }", "pattern: . or [ must stand at character 4, not a blank"},
        {"{ $. = 1 }",
         "pattern: a name of letters, digits, - and _, or one in [''], must stand at character 5, not a blank"},
        {"{ $.a }", "pattern: one of = != < <= > >= IS NOT must stand at character 7, not }"},
        {"{ $.a = }",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 9, not }"},
        {"{ $.a = 1", "pattern: one of && || } must stand at character 10, where it ends"},
        {"{ $.a = 1 } x", "pattern: the pattern's end must stand at character 13, not x"},
        {"{ $.a == 1 }",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 8, not ="},
        {"{ $.a ! 1 }", "pattern: one of = != < <= > >= IS NOT must stand at character 7, not !"},
        {"{ $.a IS }", "pattern: TRUE, FALSE or NULL must stand at character 10, not }"},
        {"{ $.a IS NOT NULL }", "pattern: TRUE, FALSE or NULL must stand at character 10, not N"},
        {"{ $.a EXISTS }", "pattern: one of = != < <= > >= IS NOT must stand at character 7, not E"},
        {"{ $.a NOT NULL }", "pattern: EXISTS must stand at character 11, not N"},
        {"{ $.a ISTRUE }", "pattern: one of = != < <= > >= IS NOT must stand at character 7, not I"},
        {"{ $.a > x }", "pattern: < <= > >= need a number at character 9"},
        {"{ $.a > \"1\" }", "pattern: < <= > >= need a number at character 9"},
        {"{ $.a < %1% }", "pattern: < <= > >= need a number at character 9"},
        {"{ $.a >= 4* }", "pattern: < <= > >= need a number at character 10"},
        {"{ $.a > 1e999 }", "pattern: < <= > >= need a number at character 9"},
        {"{ $.a = 1 & $.b = 2 }", "pattern: one of && || } must stand at character 11, not &"},
        {"{ $.a = 1 && }", "pattern: a selector, as $.name, must stand at character 14, not }"},
        {"{ $.a = 1 || || }", "pattern: a selector, as $.name, must stand at character 14, not |"},
        {"{ ($.a = 1 }", "pattern: one of && || ) must stand at character 12, not }"},
        {"{ $.a = 1) }", "pattern: one of && || } must stand at character 10, not )"},
        {"{ () }", "pattern: a selector, as $.name, must stand at character 4, not )"},
        {"{ $.a = 'x' }",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 9, not '"},
        {"{ $.a = \"x }", "pattern: unclosed \" at character 9"},
        {"{ $.a[ = 1 }", "pattern: an index, * or a name in quotes must stand at character 7, not a blank"},
        {"{ $.a[x] = 1 }", "pattern: an index, * or a name in quotes must stand at character 7, not x"},
        {"{ $.a[-1] = 1 }", "pattern: an index, * or a name in quotes must stand at character 7, not -"},
        {"{ $.a[1 = 1 }", "pattern: ] must stand at character 8, not a blank"},
        {"{ $.['a = 1 }", "pattern: unclosed ' at character 6"},
        {"{ $.[0] = 1 }", "pattern: a name in quotes must stand at character 6, not 0"},
        {"{ $.a[*].* = 1 }", "pattern: more than 1 wildcard in a selector at character 3"},
        {"{ $.*=1 || $.*=2 || $.*=3 || $.*=4 }", "pattern: more than 3 wildcards in selectors at character 30"},
        {"{ $.a = %1% || $.a = %2% || $.a = %3% }", "pattern: more than 2 regular expressions at character 35"},
        {"{ $.a!b = 1 }", "pattern: one of = != < <= > >= IS NOT must stand at character 6, not !"},
    };
    CHECK(mistakes);
}

static void fields(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"[", "pattern: the name of a field must stand at character 2, where it ends"},
        {"[]", "pattern: nothing between [ and ] at character 1"},
        {"[ ]", "pattern: nothing between [ and ] at character 1"},
        {"[a", "pattern: one of , ] = != < <= > >= must stand at character 3, where it ends"},
        {"[a, b", "pattern: one of , ] = != < <= > >= must stand at character 6, where it ends"},
        {"[a b]", "pattern: one of , ] = != < <= > >= must stand at character 4, not b"},
        {"[a] x", "pattern: the pattern's end must stand at character 5, not x"},
        {"[..., a, ...]", "pattern: more than 1 ellipsis at character 10"},
        {"[... a]", "pattern: , or ] must stand at character 6, not a"},
        {"[a == 1]",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 5, not ="},
        {"[a = 1 b]", "pattern: one of && || , ] must stand at character 8, not b"},
        {"[a = ]",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 6, not ]"},
        {"[= 1]", "pattern: the name of a field must stand at character 2, not ="},
        {"[\"x\"]", "pattern: the name of a field must stand at character 2, not \""},
        {"[a = 1 || b = 2]", "pattern: a condition on another field than \"a\" at character 11"},
        {"[status = 4* && bytes > 1000]", "pattern: a condition on another field than \"status\" at character 17"},
        {"[a > x]", "pattern: < <= > >= need a number at character 6"},
        {"[(a = 1]", "pattern: one of && || ) must stand at character 8, not ]"},
        {"[a = 1 &&]", "pattern: the name of a field must stand at character 10, not ]"},
        {"[a = !ERROR]",
         "pattern: a word, a number, a text in double quotes or an expression in % must stand at character 6, not !"},
    };
    CHECK(mistakes);
}

/** A text of `count` times `piece` between two others; the next call overwrites it. */
static const char *repeat(const char *before, const char *piece, int count, const char *after)
{
    static char text[8192];
    size_t length = (size_t)snprintf(text, sizeof(text), "%s", before);
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s", piece);
    snprintf(text + length, sizeof(text) - length, "%s", after);
    return text;
}

static void take(const char *pattern)
{
    lambda_log_filter *filter;
    assert_fails(NULL, lambda_log_filter_new(pattern, NULL, &filter), LAMBDA_OK, "");
    assert_non_null(filter);
    lambda_log_filter_free(filter);
}

static void limits(void **state)
{
    (void)state;
    take(repeat("", "a", 1024, ""));
    take(repeat("", "\xC3\xA9", 1024, "")); /* characters, not bytes */
    refuse(repeat("", "a", 1025, ""), "pattern: has 1025 characters, and must have no more than 1024");
    take(repeat("{", "(", 32, "$.a = 1))))))))))))))))))))))))))))))))}"));
    refuse(repeat("{", "(", 33, "$.a = 1"), "pattern: more than 32 parentheses in each other at character 34");
    take(repeat("[", ",", 127, "]"));
    refuse(repeat("[", ",", 128, "]"), "pattern: more than 128 fields at character 130");
    refuse(repeat("[..., ", ",", 128, "]"), "pattern: more than 128 fields at character 135");
    take("%a{1023}%");
    take("%a{500}% -%b{,500}%");
    take("{ $.a[99999999999999999999999] = 1 }");
}

static void parameters(void **state)
{
    (void)state;
    lambda_log_filter *filter;
    test_memory memory = {0};
    lambda_allocator half = test_allocator(&memory);
    half.release = NULL;
    assert_fails(NULL, lambda_log_filter_new(NULL, NULL, &filter), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "pattern: must not be NULL");
    assert_null(filter);
    assert_fails(NULL, lambda_log_filter_new("a", NULL, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "filter: must not be NULL");
    assert_fails(NULL, lambda_log_filter_new("a", &half, &filter), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "allocator");
    refuse("a \xFF", "pattern: is not UTF-8");
    assert_int_equal(lambda_log_filter_new("a", &(lambda_allocator){0}, &filter), LAMBDA_OK);
    lambda_log_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms),  cmocka_unit_test(regular_expressions),
        cmocka_unit_test(json),   cmocka_unit_test(fields),
        cmocka_unit_test(limits), cmocka_unit_test(parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
