/*
 * Filter patterns of log lines, in CloudWatch Logs' syntax
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html and the pages it names).
 *
 * What a pattern is, its first character that is no space decides:
 *
 * - Nothing, or blanks: every line matches.
 * - `{`: an expression over the line read as JSON, `{ $.level = "ERROR" && ($.latency > 1e3 || $.codes[*] = 5*) }`.
 *   A selector is `$` and steps: `.name` (letters, digits, `-`, `_`), `['name']`, `["name"]` or either of them after a `.`, `[0]`,
 *   and as wildcards `.*` (any member) and `[*]` (any element): one in a selector, three in a pattern. It is followed by `=`, `!=`, `<`,
 *   `<=`, `>`, `>=` and a value, by `IS TRUE`, `IS FALSE` or `IS NULL`, or by `NOT EXISTS`. `&&` binds closer than `||`.
 *   A comparison holds for a string or a number only: what is not there, or an array, is not `!=` either. With a wildcard, one
 *   that holds is enough.
 * - `[`: the line's fields, `[ip, user, ..., request = *.html*, status = 4* && status != 404, bytes]`. Fields stand between blanks;
 *   what is between brackets or double quotes is one. A field is a name, or conditions on that name, or nothing; the last takes
 *   all that is left of the line. `...`, once, stands for any number of fields, none too; those after it are counted from the line's end.
 * - Else terms, and a line matches that holds all: `ERROR "order refused" -retry %5\d\d%`. A term is letters, digits and `_`, compared
 *   as they are written; what has other characters stands in double quotes, or is a regular expression. `-` before a term: the
 *   line does not hold it. `?` before terms: the line holds any of them; together with other terms they are ignored, as CloudWatch does.
 *
 * A value is a text in double quotes, a word (letters, digits and `_ . - + : / @ #`), a number, or a regular expression. In the
 * first two `*` is any text, also none. A word that is a number is compared as one with what is one. `<` and its kin take a number.
 * Between double quotes `\"` and `\\` are a quote and a backslash.
 *
 * A regular expression stands between percent signs and is found anywhere in the text: letters, digits, space, `: _ # = @ / ; , -`;
 * `.` any character; `[a-z]`, `[^a-z]`; `\d \D \s \S \w \W`; `\xhh` a character of ASCII (for those not in this list); `\` before an
 * operator or one of those symbols; `? * + {n} {n,} {,m} {n,m}` after any of these; `^` at the start and `$` at the end of an alternative;
 * `|`. There are no parentheses. `.`, `\D` and their kin take a character of UTF-8 at once. Patterns of JSON and of fields
 * have at most two. The time to match grows with the line's length only, whatever the expression.
 */
#ifndef LAMBDA_LOG_FILTER_H
#define LAMBDA_LOG_FILTER_H

#include <lambda/port/allocator.h>
#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Characters of a pattern, CloudWatch Logs' limit (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricFilter.html). */
#define LAMBDA_LOG_FILTER_PATTERN_MAX 1024

/** Bytes of a line that is read as JSON, CloudWatch Logs' largest event; longer ones match no pattern of JSON. */
#define LAMBDA_LOG_FILTER_JSON_MAX 1048576

/** A pattern that was read. Nothing in it changes: any number of threads may match with it at once. */
typedef struct lambda_log_filter lambda_log_filter;

/**
 * Reads a pattern, which is not NULL and is UTF-8; it need not outlive the call. `allocator` NULL, or all NULL in it: malloc and its
 * kin; what it points at is copied, what its `user` points at must outlive the filter. `*filter` is NULL on failure, else the caller's to
 * end with lambda_log_filter_free.
 *
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for what is no pattern, or one beyond a limit: LAMBDA_LOG_FILTER_PATTERN_MAX characters, 32
 * parentheses in each other, 128 fields, 1,024 states of all regular expressions together (a character that may match is one, and
 * `a{3,5}` five); LAMBDA_ERROR_OUT_OF_MEMORY. lambda_error_message(NULL) says what is wrong, and at which character of the pattern,
 * counted from 1. Any thread.
 */
LAMBDA_API lambda_status lambda_log_filter_new(const char *pattern, const lambda_allocator *allocator,
                                               lambda_log_filter **filter);

/**
 * Whether a line matches. It may hold anything, also NULs and what is not UTF-8, and need not end in NUL; `line` may be NULL with
 * `length` 0. A filter of NULL matches every line. Patterns of JSON read the line with jansson, whose memory is malloc's or what the
 * host gave jansson, and is released before the call returns; if it is out, the line does not match. Other patterns
 * allocate nothing. Any thread, any number at once.
 */
LAMBDA_API bool lambda_log_filter_matches(const lambda_log_filter *filter, const char *line, size_t length);

/** Frees a filter that no thread uses any more. NULL is allowed. */
LAMBDA_API void lambda_log_filter_free(lambda_log_filter *filter);

#ifdef __cplusplus
}
#endif

#endif
