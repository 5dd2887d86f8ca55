/*
 * What the parts of a filter pattern share.
 *
 * log_filter.c             the filter itself, its memory, and terms
 * log_filter_expression.c  && || (), and comparisons of texts and numbers
 * log_filter_value.c       values of comparisons: texts with wildcards, numbers
 * log_filter_json.c        { $.selector = value }
 * log_filter_fields.c      [field, field = value]
 * log_filter_regex.c       %expression%
 *
 * A pattern is read once, from left to right, by functions that take a reader. All that they make lives in the filter's
 * blocks and is freed with it, also when the reading fails half-way.
 */
#ifndef LAMBDA_LIB_LOG_FILTER_H
#define LAMBDA_LIB_LOG_FILTER_H

#include <lambda/log_filter.h>

#include "base/base.h"

/** States of all regular expressions of a pattern together. */
#define LAMBDA__FILTER_STATES_MAX 1024

/** Fields between brackets. */
#define LAMBDA__FILTER_FIELDS_MAX 128

/** Parentheses in each other. */
#define LAMBDA__FILTER_DEPTH_MAX 32

/** Regular expressions, wildcards in selectors: CloudWatch Logs' quotas. */
#define LAMBDA__FILTER_REGEXES_MAX   2
#define LAMBDA__FILTER_WILDCARDS_MAX 3

typedef struct lambda__filter_regex lambda__filter_regex;

typedef enum lambda__filter_operator {
    LAMBDA__FILTER_EQUAL,
    LAMBDA__FILTER_NOT_EQUAL,
    LAMBDA__FILTER_LESS,
    LAMBDA__FILTER_LESS_EQUAL,
    LAMBDA__FILTER_GREATER,
    LAMBDA__FILTER_GREATER_EQUAL,
    LAMBDA__FILTER_IS_TRUE,
    LAMBDA__FILTER_IS_FALSE,
    LAMBDA__FILTER_IS_NULL,
    LAMBDA__FILTER_NOT_EXISTS
} lambda__filter_operator;

/** A number, also as an integer where it is one of 64 bits: two of those are compared exactly. */
typedef struct lambda__filter_number {
    double real;
    long long whole;
    bool is_whole;
} lambda__filter_number;

/** What a comparison compares with. */
typedef struct lambda__filter_value {
    const lambda__filter_regex *regex; /* NULL: the text */
    const char *text;                  /* `*` is any text; not ended by NUL */
    size_t length;
    bool has_number; /* a word that is a number */
    lambda__filter_number number;
} lambda__filter_value;

/** A step of a selector. */
typedef struct lambda__filter_step {
    enum { LAMBDA__FILTER_KEY, LAMBDA__FILTER_INDEX, LAMBDA__FILTER_ANY_MEMBER, LAMBDA__FILTER_ANY_ELEMENT } kind;
    const char *key; /* ends in NUL */
    size_t index;
    struct lambda__filter_step *next;
} lambda__filter_step;

/** An expression. */
typedef struct lambda__filter_node {
    enum { LAMBDA__FILTER_AND, LAMBDA__FILTER_OR, LAMBDA__FILTER_LEAF } kind;
    struct lambda__filter_node *left;
    struct lambda__filter_node *right;
    lambda__filter_step *steps; /* of a leaf over JSON */
    lambda__filter_operator operation;
    lambda__filter_value value; /* of a comparison */
} lambda__filter_node;

/** A field between brackets; without conditions it takes anything. */
typedef struct lambda__filter_field {
    lambda__filter_node *condition;
    struct lambda__filter_field *next;
} lambda__filter_field;

/** What is between the brackets: some from the line's start and, where there is an ellipsis, some from its end. */
typedef struct lambda__filter_fields {
    lambda__filter_field *leading;
    size_t leading_count;
    lambda__filter_field *trailing;
    size_t trailing_count;
    bool ellipsis;
} lambda__filter_fields;

/** A pattern that is being read. */
typedef struct lambda__filter_reader {
    lambda_log_filter *filter;
    const char *pattern;
    size_t length; /* bytes */
    size_t at;     /* the next byte */
    size_t depth;  /* open parentheses */
    size_t regexes;
    size_t wildcards;
    size_t states;
    const char *field; /* the name that conditions must have, NULL before the first */
    size_t field_length;
} lambda__filter_reader;

/** InvalidParameterValue, "pattern: ... at character N": `at` is the byte that is wrong. */
lambda_status lambda__filter_fail(const lambda__filter_reader *reader, size_t at, const char *format, ...)
    LAMBDA_PRINTF(3, 4);

/** InvalidParameterValue, "pattern: ... must stand at character N", and what stands there. */
lambda_status lambda__filter_unexpected(const lambda__filter_reader *reader, const char *expected);

/** Zeroed memory that lives as long as the filter; NULL when there is none, of which the message then speaks. */
void *lambda__filter_allocate(lambda__filter_reader *reader, size_t size);

/* ---- reading: all of them stop at the end of the pattern */

/** The next byte, NUL at the end: a pattern holds no NUL. */
static inline char lambda__filter_peek(const lambda__filter_reader *reader)
{
    return reader->at < reader->length ? reader->pattern[reader->at] : '\0';
}

static inline bool lambda__filter_blank(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static inline bool lambda__filter_letter_or_digit(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z');
}

/** Letters and digits, also those beyond ASCII, and the underscore: what CloudWatch takes without quotes. */
static inline bool lambda__filter_word(char character)
{
    return lambda__filter_letter_or_digit(character) || character == '_' || (unsigned char)character >= 0x80;
}

static inline void lambda__filter_skip_blanks(lambda__filter_reader *reader)
{
    while (lambda__filter_blank(lambda__filter_peek(reader)))
        reader->at++;
}

/** Takes `text` if it comes next. */
bool lambda__filter_take(lambda__filter_reader *reader, const char *text);

/** Reads `"..."`, or '...' where `quote` is that, without its escapes; ends in NUL. */
lambda_status lambda__filter_read_quoted(lambda__filter_reader *reader, char quote, const char **text, size_t *length);

/** Reads a text in quotes, a word, a number or an expression, and checks that `operation` can have it. */
lambda_status lambda__filter_read_value(lambda__filter_reader *reader, lambda__filter_operator operation,
                                        lambda__filter_value *value);

/** Reads `=`, `!=`, `<`, `<=`, `>` or `>=`; `expected` is for the message, where there is none. */
lambda_status lambda__filter_read_comparison(lambda__filter_reader *reader, const char *expected,
                                             lambda__filter_operator *operation);

/** Reads `%...%`. */
lambda_status lambda__filter_read_regex(lambda__filter_reader *reader, const lambda__filter_regex **regex);

/** Reads `{ ... }` and `[ ... ]`. */
lambda_status lambda__filter_read_json(lambda__filter_reader *reader, lambda__filter_node **node);
lambda_status lambda__filter_read_fields(lambda__filter_reader *reader, lambda__filter_fields *fields);

/** Reads what is neither `&&`, `||` nor a parenthesis. */
typedef lambda_status lambda__filter_read_leaf(lambda__filter_reader *reader, lambda__filter_node *leaf);

lambda_status lambda__filter_read_expression(lambda__filter_reader *reader, lambda__filter_read_leaf *read_leaf,
                                             lambda__filter_node **node);

/* ---- matching: any thread */

/** Whether a leaf holds of `subject`. */
typedef bool lambda__filter_holds(const lambda__filter_node *leaf, const void *subject);

bool lambda__filter_evaluate(const lambda__filter_node *node, lambda__filter_holds *holds, const void *subject);

/** A comparison with a text; `<` and its kin never hold. */
bool lambda__filter_compare_text(const lambda__filter_node *leaf, const char *text, size_t length);

/** A comparison with a number whose text this is. */
bool lambda__filter_compare_number(const lambda__filter_node *leaf, const lambda__filter_number *number,
                                   const char *text, size_t length);

/** A decimal number with sign, fraction and exponent where there are any, and nothing else; false if it is none. */
bool lambda__filter_number_parse(const char *text, size_t length, lambda__filter_number *number);

/** Whether `needle` stands in `text`; in time of the sum of their lengths. */
bool lambda__filter_contains(const char *text, size_t length, const char *needle, size_t needle_length);

bool lambda__filter_regex_matches(const lambda__filter_regex *regex, const char *text, size_t length);
bool lambda__filter_json_matches(const lambda__filter_node *node, const char *line, size_t length);
bool lambda__filter_fields_match(const lambda__filter_fields *fields, const char *line, size_t length);

#endif
