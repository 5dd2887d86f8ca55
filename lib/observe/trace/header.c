/*
 * The forms: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader and
 * https://www.w3.org/TR/trace-context/#traceparent-header.
 */
#include "observe/trace/header.h"

#include <string.h>

#include "base/error.h"

/** The value of a hexadecimal digit, -1 for none; capital ones only where they are `allowed`. */
static int digit(char character, bool allowed)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (allowed && character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

/** Reads so many digits, 16 at most. False where there are fewer, or the text ends. */
static bool read_hex(const char *text, size_t count, bool capitals, uint64_t *value)
{
    uint64_t read = 0;
    for (size_t i = 0; i < count; i++) {
        int each = digit(text[i], capitals);
        if (each < 0) return false;
        read = read << 4 | (uint64_t)each;
    }
    *value = read;
    return true;
}

static char *write_hex(char *to, uint64_t value, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = count; i-- > 0; value >>= 4)
        to[i] = digits[value & 15];
    return to + count;
}

/** "1-", eight digits, "-", twenty-four: 35 characters. */
static bool read_root(const char *text, size_t length, lambda_trace_id *id)
{
    uint64_t seconds;
    uint64_t middle;
    if (length != 35 || text[0] != '1' || text[1] != '-' || text[10] != '-') return false;
    if (!read_hex(text + 2, 8, true, &seconds) || !read_hex(text + 11, 8, true, &middle)) return false;
    if (!read_hex(text + 19, 16, true, &id->low)) return false;
    id->high = seconds << 32 | middle;
    return lambda__trace_id_present(*id);
}

static bool is_key(const char *field, size_t length, const char *key)
{
    return length == strlen(key) && memcmp(field, key, length) == 0;
}

/** One `Key=value`. What is neither Root, Parent nor Sampled says nothing. */
static const char *read_field(const char *field, size_t length, lambda_trace_context *context)
{
    const char *equals = memchr(field, '=', length);
    if (!equals) return NULL;
    size_t key = (size_t)(equals - field);
    const char *value = equals + 1;
    size_t left = length - key - 1;
    if (is_key(field, key, "Root")) {
        if (!read_root(value, left, &context->trace_id)) return "Root is not 1-, 8, -, and 24 hexadecimal digits";
    } else if (is_key(field, key, "Parent")) {
        if (left != 16 || !read_hex(value, left, true, &context->parent_id) || context->parent_id == 0)
            return "Parent is not 16 hexadecimal digits";
    } else if (is_key(field, key, "Sampled")) {
        context->decided = left == 1 && (value[0] == '0' || value[0] == '1');
        context->sampled = context->decided && value[0] == '1';
    }
    return NULL;
}

const char *lambda__trace_header_read(const char *header, lambda_trace_context *context)
{
    lambda_trace_context read = LAMBDA_ZERO;
    const char *wrong = NULL;
    for (const char *at = header; *at && !wrong;) {
        size_t skipped = strspn(at, " \t;");
        size_t length = strcspn(at + skipped, ";");
        size_t kept = length;
        while (kept > 0 && (at[skipped + kept - 1] == ' ' || at[skipped + kept - 1] == '\t'))
            kept--;
        wrong = read_field(at + skipped, kept, &read);
        at += skipped + length;
    }
    /* A parent is one of a trace. */
    if (!lambda__trace_id_present(read.trace_id)) read.parent_id = 0;
    if (wrong) memset(&read, 0, sizeof(read));
    *context = read;
    return wrong;
}

const char *lambda__traceparent_read(const char *traceparent, lambda_trace_context *context)
{
    lambda_trace_context read = {.decided = true};
    uint64_t version;
    uint64_t flags;
    *context = (lambda_trace_context)LAMBDA_ZERO;
    /* No piece is looked at before all that stands in front of it: so nothing behind the text's end is. */
    if (!read_hex(traceparent, 2, false, &version) || version == 0xff || traceparent[2] != '-')
        return "the version is not two lower-case hexadecimal digits other than ff";
    if (!read_hex(traceparent + 3, 16, false, &read.trace_id.high) ||
        !read_hex(traceparent + 19, 16, false, &read.trace_id.low) || !lambda__trace_id_present(read.trace_id) ||
        traceparent[35] != '-')
        return "the trace-id is not 32 lower-case hexadecimal digits that are not all 0";
    if (!read_hex(traceparent + 36, 16, false, &read.parent_id) || read.parent_id == 0 || traceparent[52] != '-')
        return "the parent-id is not 16 lower-case hexadecimal digits that are not all 0";
    if (!read_hex(traceparent + 53, 2, false, &flags))
        return "the trace-flags are not two lower-case hexadecimal digits";
    /* Later versions may have more behind it. */
    if (traceparent[55] && (version == 0 || traceparent[55] != '-')) return "there is something behind the trace-flags";
    read.sampled = flags & 1;
    *context = read;
    return NULL;
}

static lambda_status parse(const char *name, const char *text, lambda_trace_context *context,
                           const char *(*read)(const char *, lambda_trace_context *))
{
    if (context) *context = (lambda_trace_context)LAMBDA_ZERO;
    if (!text || !context)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL", context ? name : "context");
    const char *wrong = read(text, context);
    return wrong ? lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: %s", name, wrong) : LAMBDA_OK;
}

lambda_status lambda_trace_header_parse(const char *header, lambda_trace_context *context)
{
    return parse("header", header, context, lambda__trace_header_read);
}

lambda_status lambda_traceparent_parse(const char *traceparent, lambda_trace_context *context)
{
    return parse("traceparent", traceparent, context, lambda__traceparent_read);
}

static char *write_text(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length + 1);
    return to + length;
}

void lambda_trace_header_format(const lambda_trace_context *context, char text[LAMBDA_TRACE_HEADER_SIZE])
{
    char *at = text;
    if (context && lambda__trace_id_present(context->trace_id)) {
        at = write_hex(write_text(at, "Root=1-"), context->trace_id.high >> 32, 8);
        at = write_hex(write_text(at, "-"), context->trace_id.high, 8);
        at = write_hex(at, context->trace_id.low, 16);
        if (context->parent_id) at = write_hex(write_text(at, ";Parent="), context->parent_id, 16);
        if (context->decided) at = write_text(at, context->sampled ? ";Sampled=1" : ";Sampled=0");
    }
    *at = '\0';
}

void lambda_traceparent_format(const lambda_trace_context *context, char text[LAMBDA_TRACEPARENT_SIZE])
{
    char *at = text;
    /* There is no form for a trace without a parent. */
    if (context && lambda__trace_id_present(context->trace_id) && context->parent_id) {
        at = write_hex(write_text(at, "00-"), context->trace_id.high, 16);
        at = write_hex(at, context->trace_id.low, 16);
        at = write_hex(write_text(at, "-"), context->parent_id, 16);
        at = write_text(at, context->sampled ? "-01" : "-00");
    }
    *at = '\0';
}
