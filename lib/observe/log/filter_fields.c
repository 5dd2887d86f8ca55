#include "observe/log/filter.h"

#include <string.h>

#include "base/error.h"

typedef struct span {
    const char *text;
    size_t length;
} span;

/* ---- reading */

static bool of_name(char character)
{
    return lambda__filter_word(character) || character == '-';
}

static size_t read_name(lambda__filter_reader *reader)
{
    size_t start = reader->at;
    while (of_name(lambda__filter_peek(reader)))
        reader->at++;
    return reader->at - start;
}

/** `name = value`, where the name is the field's: the first condition's is. */
static lambda_status read_leaf(lambda__filter_reader *reader, lambda__filter_node *leaf)
{
    lambda__filter_skip_blanks(reader);
    size_t start = reader->at, length = read_name(reader);
    if (length == 0) return lambda__filter_unexpected(reader, "the name of a field");
    if (!reader->field) {
        reader->field = reader->pattern + start;
        reader->field_length = length;
    }
    if (length != reader->field_length || memcmp(reader->pattern + start, reader->field, length) != 0)
        return lambda__filter_fail(reader, start, "a condition on another field than \"%.*s\"",
                                   (int)reader->field_length, reader->field);
    lambda_status status = lambda__filter_read_comparison(reader, "one of , ] = != < <= > >=", &leaf->operation);
    if (status != LAMBDA_OK) return status;
    return lambda__filter_read_value(reader, leaf->operation, &leaf->value);
}

static bool at_field_end(const lambda__filter_reader *reader)
{
    char next = lambda__filter_peek(reader);
    return next == ',' || next == ']';
}

static lambda_status read_field(lambda__filter_reader *reader, lambda__filter_field *field)
{
    size_t start = reader->at;
    if (at_field_end(reader)) return LAMBDA_OK;
    if (read_name(reader) > 0) {
        lambda__filter_skip_blanks(reader);
        if (at_field_end(reader)) return LAMBDA_OK;
    }
    reader->at = start;
    reader->field = NULL;
    lambda_status status = lambda__filter_read_expression(reader, read_leaf, &field->condition);
    if (status == LAMBDA_OK && !at_field_end(reader)) return lambda__filter_unexpected(reader, "one of && || , ]");
    return status;
}

/** A field or the ellipsis, up to the comma or bracket after it. */
static lambda_status read_place(lambda__filter_reader *reader, lambda__filter_fields *fields,
                                lambda__filter_field ***end)
{
    lambda__filter_skip_blanks(reader);
    size_t start = reader->at;
    if (lambda__filter_take(reader, "...")) {
        if (fields->ellipsis) return lambda__filter_fail(reader, start, "more than 1 ellipsis");
        fields->ellipsis = true;
        *end = &fields->trailing;
        lambda__filter_skip_blanks(reader);
        return at_field_end(reader) ? LAMBDA_OK : lambda__filter_unexpected(reader, ", or ]");
    }
    size_t *count = fields->ellipsis ? &fields->trailing_count : &fields->leading_count;
    if (fields->leading_count + fields->trailing_count == LAMBDA__FILTER_FIELDS_MAX)
        return lambda__filter_fail(reader, start, "more than %d fields", LAMBDA__FILTER_FIELDS_MAX);
    lambda__filter_field *field = lambda__filter_allocate(reader, sizeof(*field));
    if (!field) return LAMBDA_ERROR_OUT_OF_MEMORY;
    **end = field;
    *end = &field->next;
    (*count)++;
    return read_field(reader, field);
}

lambda_status lambda__filter_read_fields(lambda__filter_reader *reader, lambda__filter_fields *fields)
{
    size_t start = reader->at++;
    lambda__filter_field **end = &fields->leading;
    lambda__filter_skip_blanks(reader);
    if (lambda__filter_peek(reader) == ']') return lambda__filter_fail(reader, start, "nothing between [ and ]");
    for (;;) {
        lambda_status status = read_place(reader, fields, &end);
        if (status != LAMBDA_OK) return status;
        if (lambda__filter_take(reader, "]")) return LAMBDA_OK;
        reader->at++; /* the comma */
    }
}

/* ---- matching */

/** A line that is being split. What is closed nowhere behind one place is closed nowhere behind a later one: no text is sought twice. */
typedef struct line_splitter {
    const char *at;
    const char *end;
    bool no_bracket; /* no `]` is left */
    bool no_quote;
} line_splitter;

/** The place of the delimiter that closes what the one at `at` opens, NULL if there is none. */
static const char *closing(line_splitter *splitter)
{
    bool bracket = *splitter->at == '[';
    bool *none = bracket ? &splitter->no_bracket : &splitter->no_quote;
    const char *after = splitter->at + 1;
    if (*none) return NULL;
    const char *close =
        after < splitter->end ? memchr(after, bracket ? ']' : '"', (size_t)(splitter->end - after)) : NULL;
    *none = !close;
    return close;
}

static void skip_blanks(line_splitter *splitter)
{
    while (splitter->at < splitter->end && lambda__filter_blank(*splitter->at))
        splitter->at++;
}

/** The next field; false at the line's end. */
static bool next_field(line_splitter *splitter, span *field)
{
    skip_blanks(splitter);
    if (splitter->at == splitter->end) return false;
    const char *start = splitter->at;
    const char *close = *start == '[' || *start == '"' ? closing(splitter) : NULL;
    if (close) {
        splitter->at = close + 1;
        if (splitter->at == splitter->end || lambda__filter_blank(*splitter->at)) {
            *field = (span){start + 1, (size_t)(close - start - 1)};
            return true;
        }
    }
    /* Something follows what was closed: then the delimiters belong to the field. */
    while (splitter->at < splitter->end && !lambda__filter_blank(*splitter->at))
        splitter->at++;
    *field = (span){start, (size_t)(splitter->at - start)};
    return true;
}

/** All that is left, without the blanks around it; one field, if it is one. False if nothing is. */
static bool rest(line_splitter *splitter, span *field)
{
    skip_blanks(splitter);
    const char *start = splitter->at;
    const char *end = splitter->end;
    while (end > start && lambda__filter_blank(end[-1]))
        end--;
    if (!next_field(splitter, field)) return false;
    if (splitter->at != end) *field = (span){start, (size_t)(end - start)};
    splitter->at = splitter->end;
    return true;
}

static bool leaf_holds(const lambda__filter_node *leaf, const void *subject)
{
    const span *field = subject;
    lambda__filter_number number;
    if (leaf->value.has_number && lambda__filter_number_parse(field->text, field->length, &number))
        return lambda__filter_compare_number(leaf, &number, field->text, field->length);
    return lambda__filter_compare_text(leaf, field->text, field->length);
}

static bool field_holds(const lambda__filter_field *field, const span *text)
{
    return !field->condition || lambda__filter_evaluate(field->condition, leaf_holds, text);
}

/** The fields after an ellipsis: of all that are left, the last ones. */
static bool trailing_match(const lambda__filter_fields *fields, line_splitter *splitter)
{
    span last[LAMBDA__FILTER_FIELDS_MAX]; /* a ring */
    size_t count = 0;
    if (fields->trailing_count == 0) return true;
    for (span field; next_field(splitter, &field); count++)
        last[count % fields->trailing_count] = field;
    if (count < fields->trailing_count) return false;
    for (const lambda__filter_field *field = fields->trailing; field; field = field->next, count++)
        if (!field_holds(field, &last[count % fields->trailing_count])) return false;
    return true;
}

bool lambda__filter_fields_match(const lambda__filter_fields *fields, const char *line, size_t length)
{
    line_splitter splitter = {.at = line, .end = line + length};
    for (const lambda__filter_field *field = fields->leading; field; field = field->next) {
        span text;
        bool last = !field->next && !fields->ellipsis;
        if (!(last ? rest(&splitter, &text) : next_field(&splitter, &text))) return false;
        if (!field_holds(field, &text)) return false;
    }
    return trailing_match(fields, &splitter);
}
