#include "observe/log/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/** Digits of a number. */
#define DIGITS_MAX 64

/** An exponent beyond this is infinity or zero, whatever the digits. */
#define EXPONENT_MAX 10000

/* ---- numbers */

typedef struct digits {
    char text[DIGITS_MAX + 32]; /* sign, digits without their point */
    size_t length;
    size_t count; /* digits */
    int fraction; /* of them, after the point */
} digits;

static size_t take_digits(const char *text, size_t length, size_t at, digits *taken)
{
    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
        if (taken->count++ < DIGITS_MAX) taken->text[taken->length++] = text[at];
    }
    return at;
}

/** The exponent that stands at `at`; false if none does. */
static bool take_exponent(const char *text, size_t length, size_t *at, int *exponent)
{
    bool negative = false;
    if (*at < length && (text[*at] == '+' || text[*at] == '-')) negative = text[(*at)++] == '-';
    size_t start = *at;
    *exponent = 0;
    for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; (*at)++)
        if (*exponent < EXPONENT_MAX) *exponent = *exponent * 10 + (text[*at] - '0');
    if (negative) *exponent = -*exponent;
    return *at > start;
}

bool lambda__filter_number_parse(const char *text, size_t length, lambda__filter_number *number)
{
    digits taken = {.length = 0};
    size_t at = 0;
    if (at < length && (text[at] == '+' || text[at] == '-')) taken.text[taken.length++] = text[at++];
    at = take_digits(text, length, at, &taken);
    size_t before_point = taken.count;
    if (at < length && text[at] == '.') {
        at = take_digits(text, length, at + 1, &taken);
        if (taken.count == before_point) return false;
        taken.fraction = (int)(taken.count - before_point);
    }
    if (before_point == 0 || taken.count > DIGITS_MAX) return false;
    int exponent = 0;
    bool whole = at == length && taken.fraction == 0;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (!take_exponent(text, length, &at, &exponent)) return false;
    }
    if (at != length) return false;
    /* Without its point the number reads the same in every locale. */
    snprintf(taken.text + taken.length, sizeof(taken.text) - taken.length, "e%d", exponent - taken.fraction);
    number->real = strtod(taken.text, NULL);
    /* A long long has at most 19 digits; below 2^63 the double says that it fits. */
    number->is_whole = whole && fabs(number->real) < 9.2e18;
    number->whole = number->is_whole ? strtoll(taken.text, NULL, 10) : 0;
    return isfinite(number->real);
}

static bool compare(lambda__filter_operator operation, int order)
{
    switch (operation) {
    case LAMBDA__FILTER_EQUAL:
        return order == 0;
    case LAMBDA__FILTER_NOT_EQUAL:
        return order != 0;
    case LAMBDA__FILTER_LESS:
        return order < 0;
    case LAMBDA__FILTER_LESS_EQUAL:
        return order <= 0;
    case LAMBDA__FILTER_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

bool lambda__filter_compare_number(const lambda__filter_node *leaf, const lambda__filter_number *number,
                                   const char *text, size_t length)
{
    const lambda__filter_number *other = &leaf->value.number;
    if (!leaf->value.has_number) return lambda__filter_compare_text(leaf, text, length);
    int order;
    if (number->is_whole && other->is_whole)
        order = (number->whole > other->whole) - (number->whole < other->whole);
    else
        order = (number->real > other->real) - (number->real < other->real);
    return compare(leaf->operation, order);
}

/* ---- texts */

bool lambda__filter_contains(const char *text, size_t length, const char *needle, size_t needle_length)
{
    return needle_length <= length && (needle_length == 0 || memmem(text, length, needle, needle_length) != NULL);
}

/** Whether a text is the value's, whose `*` are any text: each piece between them at its first place is enough. */
static bool matches_wildcards(const lambda__filter_value *value, const char *text, size_t length)
{
    const char *pattern = value->text;
    const char *end = pattern + value->length;
    const char *star = value->length > 0 ? memchr(pattern, '*', value->length) : NULL;
    if (!star) return length == value->length && (length == 0 || memcmp(text, pattern, length) == 0);
    size_t piece = (size_t)(star - pattern);
    if (piece > length || (piece > 0 && memcmp(text, pattern, piece) != 0)) return false;
    text += piece;
    length -= piece;
    for (;;) {
        pattern = star + 1;
        star = pattern < end ? memchr(pattern, '*', (size_t)(end - pattern)) : NULL;
        if (!star) break;
        piece = (size_t)(star - pattern);
        if (piece == 0) continue;
        const char *found = piece <= length ? memmem(text, length, pattern, piece) : NULL;
        if (!found) return false;
        length -= (size_t)(found - text) + piece;
        text = found + piece;
    }
    piece = (size_t)(end - pattern);
    return piece <= length && (piece == 0 || memcmp(text + length - piece, pattern, piece) == 0);
}

bool lambda__filter_compare_text(const lambda__filter_node *leaf, const char *text, size_t length)
{
    if (leaf->operation != LAMBDA__FILTER_EQUAL && leaf->operation != LAMBDA__FILTER_NOT_EQUAL) return false;
    bool equal = leaf->value.regex ? lambda__filter_regex_matches(leaf->value.regex, text, length)
                                   : matches_wildcards(&leaf->value, text, length);
    return equal == (leaf->operation == LAMBDA__FILTER_EQUAL);
}

/* ---- reading values */

lambda_status lambda__filter_read_quoted(lambda__filter_reader *reader, char quote, const char **text, size_t *length)
{
    size_t start = reader->at++;
    size_t end = reader->at;
    while (end < reader->length && reader->pattern[end] != quote)
        end += reader->pattern[end] == '\\' ? 2 : 1;
    if (end >= reader->length) return lambda__filter_fail(reader, start, "unclosed %c", quote);
    char *copy = lambda__filter_allocate(reader, end - reader->at + 1);
    if (!copy) return LAMBDA_ERROR_OUT_OF_MEMORY;
    *text = copy;
    *length = 0;
    for (; reader->at < end; reader->at++) {
        const char *next = reader->pattern + reader->at;
        if (*next == '\\' && (next[1] == quote || next[1] == '\\')) next++, reader->at++;
        copy[(*length)++] = *next;
    }
    reader->at = end + 1;
    return LAMBDA_OK;
}

static bool of_word(char character)
{
    return lambda__filter_word(character) || (character != '\0' && strchr("*.-+:/@#", character));
}

static lambda_status read_word(lambda__filter_reader *reader, lambda__filter_value *value)
{
    size_t start = reader->at;
    while (of_word(lambda__filter_peek(reader)))
        reader->at++;
    value->length = reader->at - start;
    if (value->length == 0)
        return lambda__filter_unexpected(reader, "a word, a number, a text in double quotes or an expression in %");
    char *copy = lambda__filter_allocate(reader, value->length);
    if (!copy) return LAMBDA_ERROR_OUT_OF_MEMORY;
    value->text = memcpy(copy, reader->pattern + start, value->length);
    value->has_number = lambda__filter_number_parse(value->text, value->length, &value->number);
    return LAMBDA_OK;
}

lambda_status lambda__filter_read_value(lambda__filter_reader *reader, lambda__filter_operator operation,
                                        lambda__filter_value *value)
{
    lambda__filter_skip_blanks(reader);
    size_t start = reader->at;
    lambda_status status;
    if (lambda__filter_peek(reader) == '"') {
        status = lambda__filter_read_quoted(reader, '"', &value->text, &value->length);
    } else if (lambda__filter_peek(reader) == '%') {
        if (++reader->regexes > LAMBDA__FILTER_REGEXES_MAX)
            return lambda__filter_fail(reader, start, "more than %d regular expressions", LAMBDA__FILTER_REGEXES_MAX);
        status = lambda__filter_read_regex(reader, &value->regex);
    } else {
        status = read_word(reader, value);
    }
    if (status != LAMBDA_OK) return status;
    if (operation != LAMBDA__FILTER_EQUAL && operation != LAMBDA__FILTER_NOT_EQUAL && !value->has_number)
        return lambda__filter_fail(reader, start, "< <= > >= need a number");
    return LAMBDA_OK;
}
