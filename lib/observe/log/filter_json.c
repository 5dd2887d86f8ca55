#include "observe/log/filter.h"

#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "base/json_write.h"

/* ---- reading */

static bool of_name(char character)
{
    return lambda__filter_letter_or_digit(character) || character == '-' || character == '_';
}

static lambda_status read_name(lambda__filter_reader *reader, lambda__filter_step *step)
{
    size_t start = reader->at;
    while (of_name(lambda__filter_peek(reader)))
        reader->at++;
    size_t length = reader->at - start;
    if (length == 0) return lambda__filter_unexpected(reader, "a name of letters, digits, - and _, or one in [''],");
    char *key = lambda__filter_allocate(reader, length + 1);
    if (!key) return LAMBDA_ERROR_OUT_OF_MEMORY;
    step->key = memcpy(key, reader->pattern + start, length);
    return LAMBDA_OK;
}

static lambda_status read_index(lambda__filter_reader *reader, lambda__filter_step *step)
{
    size_t start = reader->at;
    step->kind = LAMBDA__FILTER_INDEX;
    for (char next = lambda__filter_peek(reader); next >= '0' && next <= '9'; next = lambda__filter_peek(reader)) {
        /* No line is long enough for more elements. */
        if (step->index <= LAMBDA_LOG_FILTER_JSON_MAX) step->index = step->index * 10 + (size_t)(next - '0');
        reader->at++;
    }
    if (reader->at == start) return lambda__filter_unexpected(reader, "an index, * or a name in quotes");
    return LAMBDA_OK;
}

/** After `[`. */
static lambda_status read_bracket(lambda__filter_reader *reader, lambda__filter_step *step)
{
    lambda_status status = LAMBDA_OK;
    char next = lambda__filter_peek(reader);
    if (next == '\'' || next == '"') {
        size_t length;
        status = lambda__filter_read_quoted(reader, next, &step->key, &length);
    } else if (next == '*') {
        step->kind = LAMBDA__FILTER_ANY_ELEMENT;
        reader->at++;
    } else {
        status = read_index(reader, step);
    }
    if (status != LAMBDA_OK) return status;
    if (!lambda__filter_take(reader, "]")) return lambda__filter_unexpected(reader, "]");
    return LAMBDA_OK;
}

static lambda_status read_step(lambda__filter_reader *reader, lambda__filter_step *step)
{
    step->kind = LAMBDA__FILTER_KEY;
    if (lambda__filter_take(reader, ".")) {
        if (lambda__filter_take(reader, "*")) {
            step->kind = LAMBDA__FILTER_ANY_MEMBER;
            return LAMBDA_OK;
        }
        if (lambda__filter_peek(reader) != '[') return read_name(reader, step);
        reader->at++;
        char quote = lambda__filter_peek(reader);
        if (quote != '\'' && quote != '"') return lambda__filter_unexpected(reader, "a name in quotes");
    } else {
        reader->at++;
    }
    return read_bracket(reader, step);
}

static lambda_status read_selector(lambda__filter_reader *reader, lambda__filter_step **steps)
{
    size_t start = reader->at, wildcards = 0;
    if (!lambda__filter_take(reader, "$")) return lambda__filter_unexpected(reader, "a selector, as $.name,");
    for (char next = lambda__filter_peek(reader); next == '.' || next == '['; next = lambda__filter_peek(reader)) {
        lambda__filter_step *step = lambda__filter_allocate(reader, sizeof(*step));
        if (!step) return LAMBDA_ERROR_OUT_OF_MEMORY;
        lambda_status status = read_step(reader, step);
        if (status != LAMBDA_OK) return status;
        if (step->kind == LAMBDA__FILTER_ANY_MEMBER || step->kind == LAMBDA__FILTER_ANY_ELEMENT) wildcards++;
        *steps = step;
        steps = &step->next;
    }
    if (reader->at == start + 1) return lambda__filter_unexpected(reader, ". or [");
    if (wildcards > 1) return lambda__filter_fail(reader, start, "more than 1 wildcard in a selector");
    reader->wildcards += wildcards;
    if (reader->wildcards > LAMBDA__FILTER_WILDCARDS_MAX)
        return lambda__filter_fail(reader, start, "more than %d wildcards in selectors", LAMBDA__FILTER_WILDCARDS_MAX);
    return LAMBDA_OK;
}

/** Takes a word if it comes next and ends there. */
static bool take_word(lambda__filter_reader *reader, const char *word)
{
    lambda__filter_skip_blanks(reader);
    size_t start = reader->at;
    if (lambda__filter_take(reader, word) && !lambda__filter_word(lambda__filter_peek(reader))) return true;
    reader->at = start;
    return false;
}

static lambda_status read_leaf(lambda__filter_reader *reader, lambda__filter_node *leaf)
{
    lambda_status status = read_selector(reader, &leaf->steps);
    if (status != LAMBDA_OK) return status;
    if (take_word(reader, "IS")) {
        if (take_word(reader, "TRUE"))
            leaf->operation = LAMBDA__FILTER_IS_TRUE;
        else if (take_word(reader, "FALSE"))
            leaf->operation = LAMBDA__FILTER_IS_FALSE;
        else if (take_word(reader, "NULL"))
            leaf->operation = LAMBDA__FILTER_IS_NULL;
        else
            return lambda__filter_unexpected(reader, "TRUE, FALSE or NULL");
        return LAMBDA_OK;
    }
    if (take_word(reader, "NOT")) {
        if (!take_word(reader, "EXISTS")) return lambda__filter_unexpected(reader, "EXISTS");
        leaf->operation = LAMBDA__FILTER_NOT_EXISTS;
        return LAMBDA_OK;
    }
    status = lambda__filter_read_comparison(reader, "one of = != < <= > >= IS NOT", &leaf->operation);
    if (status != LAMBDA_OK) return status;
    return lambda__filter_read_value(reader, leaf->operation, &leaf->value);
}

lambda_status lambda__filter_read_json(lambda__filter_reader *reader, lambda__filter_node **node)
{
    size_t start = reader->at++;
    lambda__filter_skip_blanks(reader);
    if (lambda__filter_peek(reader) == '}') return lambda__filter_fail(reader, start, "nothing between { and }");
    lambda_status status = lambda__filter_read_expression(reader, read_leaf, node);
    if (status != LAMBDA_OK) return status;
    if (!lambda__filter_take(reader, "}")) return lambda__filter_unexpected(reader, "one of && || }");
    return LAMBDA_OK;
}

/* ---- matching */

static bool value_holds(const lambda__filter_node *leaf, const json_t *value)
{
    lambda__filter_number number = {0};
    char text[LAMBDA__JSON_NUMBER_SIZE];
    size_t length;
    switch (leaf->operation) {
    case LAMBDA__FILTER_IS_TRUE:
        return json_is_true(value);
    case LAMBDA__FILTER_IS_FALSE:
        return json_is_false(value);
    case LAMBDA__FILTER_IS_NULL:
        return json_is_null(value);
    case LAMBDA__FILTER_NOT_EXISTS:
        return true; /* it exists: the leaf is the opposite */
    default:
        break;
    }
    if (json_is_string(value))
        return lambda__filter_compare_text(leaf, json_string_value(value), json_string_length(value));
    if (json_is_integer(value)) {
        number.whole = json_integer_value(value);
        number.real = (double)number.whole;
        number.is_whole = true;
        length = lambda__json_integer_text(text, number.whole);
    } else if (json_is_real(value)) {
        number.real = json_real_value(value);
        length = lambda__json_real_text(text, number.real);
    } else {
        return false;
    }
    return lambda__filter_compare_number(leaf, &number, text, length);
}

/** Whether a leaf holds of what `step` and those after it lead to; of one that is enough. One of them at most has a wildcard. */
static bool selected_holds(const lambda__filter_node *leaf, const lambda__filter_step *step, json_t *value)
{
    for (; step && value; step = step->next) {
        if (step->kind == LAMBDA__FILTER_KEY) {
            value = json_object_get(value, step->key);
        } else if (step->kind == LAMBDA__FILTER_INDEX) {
            value = json_array_get(value, step->index);
        } else if (step->kind == LAMBDA__FILTER_ANY_ELEMENT) {
            for (size_t i = 0; i < json_array_size(value); i++)
                if (selected_holds(leaf, step->next, json_array_get(value, i))) return true;
            return false;
        } else {
            for (void *each = json_object_iter(value); each; each = json_object_iter_next(value, each))
                if (selected_holds(leaf, step->next, json_object_iter_value(each))) return true;
            return false;
        }
    }
    return value && value_holds(leaf, value);
}

static bool leaf_holds(const lambda__filter_node *leaf, const void *subject)
{
    const json_t *const *root = subject;
    bool holds = selected_holds(leaf, leaf->steps, (json_t *)*root);
    return holds != (leaf->operation == LAMBDA__FILTER_NOT_EXISTS);
}

bool lambda__filter_json_matches(const lambda__filter_node *node, const char *line, size_t length)
{
    size_t start = 0;
    while (start < length && lambda__filter_blank(line[start]))
        start++;
    if (start == length || (line[start] != '{' && line[start] != '[') || length > LAMBDA_LOG_FILTER_JSON_MAX)
        return false;
    json_error_t error;
    json_t *root = json_loadb(line + start, length - start, JSON_ALLOW_NUL, &error);
    if (!root && json_error_code(&error) == json_error_numeric_overflow)
        root = json_loadb(line + start, length - start, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!root) return false;
    bool matches = lambda__filter_evaluate(node, leaf_holds, &root);
    json_decref(root);
    return matches;
}
