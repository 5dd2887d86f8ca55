#include "observe/log/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

/** Bytes of a block of a filter's memory, more where one piece needs more. */
#define BLOCK_SIZE 1024

typedef struct block {
    struct block *next;
    size_t used;
    size_t size;
    max_align_t memory[];
} block;

/** A word, phrase or expression of the line's text. */
typedef struct term {
    bool excluded;
    const lambda__filter_regex *regex; /* NULL: the text */
    const char *text;
    size_t length;
    struct term *next;
} term;

struct lambda_log_filter {
    lambda_allocator allocator;
    block *blocks;
    enum { EVERYTHING, ALL_TERMS, ANY_TERM, JSON, FIELDS } kind;
    term *terms;
    lambda__filter_node *node;
    lambda__filter_fields fields;
};

/* ---- what all parts use */

lambda_status lambda__filter_fail(const lambda__filter_reader *reader, size_t at, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "pattern: %s at character %zu", what,
                        lambda__utf8_count(reader->pattern, at) + 1);
}

lambda_status lambda__filter_unexpected(const lambda__filter_reader *reader, const char *expected)
{
    const char *next = reader->pattern + reader->at;
    size_t character = lambda__utf8_count(reader->pattern, reader->at) + 1;
    int length = (int)lambda__utf8_length(next, reader->length - reader->at);
    if (length == 0)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "pattern: %s must stand at character %zu, where it ends", expected, character);
    if (lambda__filter_blank(*next)) next = "a blank", length = 7;
    return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "pattern: %s must stand at character %zu, not %.*s",
                        expected, character, length, next);
}

void *lambda__filter_allocate(lambda__filter_reader *reader, size_t size)
{
    lambda_log_filter *filter = reader->filter;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    block *first = filter->blocks;
    if (!first || first->size - first->used < size) {
        size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        first = filter->allocator.allocate(filter->allocator.user, sizeof(block) + capacity);
        if (!first) return lambda__out_of_memory(NULL), NULL;
        *first = (block){.next = filter->blocks, .size = capacity};
        filter->blocks = first;
    }
    void *memory = (char *)first->memory + first->used;
    first->used += size;
    return memset(memory, 0, size);
}

bool lambda__filter_take(lambda__filter_reader *reader, const char *text)
{
    size_t length = strlen(text);
    if (reader->length - reader->at < length || memcmp(reader->pattern + reader->at, text, length) != 0) return false;
    reader->at += length;
    return true;
}

/* ---- terms */

static lambda_status read_word(lambda__filter_reader *reader, term *word)
{
    size_t start = reader->at;
    while (lambda__filter_word(lambda__filter_peek(reader)))
        reader->at++;
    word->length = reader->at - start;
    if (word->length == 0 || (reader->at < reader->length && !lambda__filter_blank(lambda__filter_peek(reader))))
        return lambda__filter_unexpected(reader, "a letter, a digit, _ or a term in double quotes");
    char *text = lambda__filter_allocate(reader, word->length);
    if (!text) return LAMBDA_ERROR_OUT_OF_MEMORY;
    word->text = memcpy(text, reader->pattern + start, word->length);
    return LAMBDA_OK;
}

static lambda_status read_phrase(lambda__filter_reader *reader, term *phrase)
{
    size_t start = reader->at;
    lambda_status status = lambda__filter_read_quoted(reader, '"', &phrase->text, &phrase->length);
    if (status != LAMBDA_OK) return status;
    /* CloudWatch's way to ask for all is a phrase of one space, which lines without a space match too. */
    size_t blanks = 0;
    while (blanks < phrase->length && lambda__filter_blank(phrase->text[blanks]))
        blanks++;
    if (blanks == phrase->length) phrase->length = 0;
    if (phrase->length == 0 && phrase->excluded)
        return lambda__filter_fail(reader, start, "nothing to exclude between the double quotes");
    return LAMBDA_OK;
}

/** One term; `*optional` if a question mark stands before it. */
static lambda_status read_term(lambda__filter_reader *reader, term *read, bool *optional)
{
    *optional = lambda__filter_take(reader, "?");
    if (!*optional && lambda__filter_take(reader, "-")) {
        read->excluded = true;
        lambda__filter_skip_blanks(reader);
    }
    lambda_status status;
    char first = lambda__filter_peek(reader);
    if (first == '"')
        status = read_phrase(reader, read);
    else if (first == '%')
        status = lambda__filter_read_regex(reader, &read->regex);
    else
        status = read_word(reader, read);
    if (status != LAMBDA_OK) return status;
    if (reader->at < reader->length && !lambda__filter_blank(lambda__filter_peek(reader)))
        return lambda__filter_unexpected(reader, "a space after a term");
    return LAMBDA_OK;
}

/** Terms of the two kinds, in their order: only optional ones are of use, or only the others. */
static lambda_status read_terms(lambda__filter_reader *reader)
{
    term *terms = NULL, **end = &terms;
    term *optional_terms = NULL, **optional_end = &optional_terms;
    for (lambda__filter_skip_blanks(reader); reader->at < reader->length; lambda__filter_skip_blanks(reader)) {
        term *read = lambda__filter_allocate(reader, sizeof(*read));
        if (!read) return LAMBDA_ERROR_OUT_OF_MEMORY;
        bool optional;
        lambda_status status = read_term(reader, read, &optional);
        if (status != LAMBDA_OK) return status;
        if (optional) {
            *optional_end = read;
            optional_end = &read->next;
        } else {
            *end = read;
            end = &read->next;
        }
    }
    reader->filter->kind = terms ? ALL_TERMS : ANY_TERM;
    reader->filter->terms = terms ? terms : optional_terms;
    return LAMBDA_OK;
}

static bool holds_term(const term *sought, const char *line, size_t length)
{
    if (sought->regex) return lambda__filter_regex_matches(sought->regex, line, length);
    return lambda__filter_contains(line, length, sought->text, sought->length);
}

static bool holds_all(const term *terms, const char *line, size_t length)
{
    for (const term *sought = terms; sought; sought = sought->next)
        if (holds_term(sought, line, length) == sought->excluded) return false;
    return true;
}

static bool holds_any(const term *terms, const char *line, size_t length)
{
    for (const term *sought = terms; sought; sought = sought->next)
        if (holds_term(sought, line, length)) return true;
    return false;
}

/* ---- the filter */

static lambda_status read_pattern(lambda__filter_reader *reader)
{
    lambda_log_filter *filter = reader->filter;
    if (!lambda__utf8_valid(reader->pattern, reader->length))
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "pattern: is not UTF-8");
    size_t characters = lambda__utf8_count(reader->pattern, reader->length);
    if (characters > LAMBDA_LOG_FILTER_PATTERN_MAX)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "pattern: has %zu characters, and must have no more than %d", characters,
                            LAMBDA_LOG_FILTER_PATTERN_MAX);
    lambda__filter_skip_blanks(reader);
    if (reader->at == reader->length) {
        filter->kind = EVERYTHING;
        return LAMBDA_OK;
    }
    lambda_status status;
    if (lambda__filter_peek(reader) == '{') {
        filter->kind = JSON;
        status = lambda__filter_read_json(reader, &filter->node);
    } else if (lambda__filter_peek(reader) == '[') {
        filter->kind = FIELDS;
        status = lambda__filter_read_fields(reader, &filter->fields);
    } else {
        return read_terms(reader);
    }
    if (status != LAMBDA_OK) return status;
    lambda__filter_skip_blanks(reader);
    if (reader->at < reader->length) return lambda__filter_unexpected(reader, "the pattern's end");
    return LAMBDA_OK;
}

lambda_status lambda_log_filter_new(const char *pattern, const lambda_allocator *allocator, lambda_log_filter **filter)
{
    if (!filter) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "filter: must not be NULL");
    *filter = NULL;
    if (!pattern) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "pattern: must not be NULL");
    lambda_allocator chosen;
    lambda_status status = lambda__allocator_choose(allocator ? allocator : &(lambda_allocator){0}, &chosen);
    if (status != LAMBDA_OK) return status;
    lambda_log_filter *made = chosen.allocate(chosen.user, sizeof(*made));
    if (!made) return lambda__out_of_memory(NULL);
    *made = (lambda_log_filter){.allocator = chosen};
    lambda__filter_reader reader = {.filter = made, .pattern = pattern, .length = strlen(pattern)};
    status = read_pattern(&reader);
    if (status == LAMBDA_OK)
        *filter = made;
    else
        lambda_log_filter_free(made);
    return status;
}

void lambda_log_filter_free(lambda_log_filter *filter)
{
    if (!filter) return;
    lambda_allocator allocator = filter->allocator;
    for (block *next, *each = filter->blocks; each; each = next) {
        next = each->next;
        allocator.release(allocator.user, each);
    }
    allocator.release(allocator.user, filter);
}

bool lambda_log_filter_matches(const lambda_log_filter *filter, const char *line, size_t length)
{
    if (!filter) return true;
    if (!line) line = "", length = 0;
    switch (filter->kind) {
    case ALL_TERMS:
        return holds_all(filter->terms, line, length);
    case ANY_TERM:
        return holds_any(filter->terms, line, length);
    case JSON:
        return lambda__filter_json_matches(filter->node, line, length);
    case FIELDS:
        return lambda__filter_fields_match(&filter->fields, line, length);
    case EVERYTHING:
        break;
    }
    return true;
}
