/*
 * lambda_response_pack: jansson's format, written as text while it is read, with no tree between.
 * An object remembers its keys to refuse one that comes twice; that is what bounds their number.
 */
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "event/event.h"

#define KEYS_MAX  64
#define DEPTH_MAX 64

typedef struct packer {
    lambda_response *response;
    const char *format; /* whole, for messages */
    const char *at;     /* what is read next */
    int depth;
    bool fields; /* of a log line: its own members keep their names */
    lambda_status status;
    va_list arguments;
} packer;

/** A string argument: in one piece as a rule, in several when joined by `+`. */
typedef struct text {
    const char *data; /* NULL where the argument was */
    size_t length;
    bool owned; /* data is a joined copy in `joined` */
    lambda__buffer joined;
} text;

static void fail(packer *pack, lambda_status status, const char *message)
{
    if (pack->status != LAMBDA_OK) return;
    pack->status = lambda__fail(&pack->response->lambda->base, status, "format: %s, at character %td of \"%.200s\"",
                                message, pack->at - pack->format + 1, pack->format);
}

static void invalid(packer *pack, const char *message)
{
    fail(pack, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, message);
}

static char peek(packer *pack)
{
    while (*pack->at == ' ' || *pack->at == '\t' || *pack->at == '\n' || *pack->at == ',' || *pack->at == ':')
        pack->at++;
    return *pack->at;
}

static bool take(packer *pack, char wanted)
{
    if (peek(pack) != wanted) return false;
    pack->at++;
    return true;
}

static void append(packer *pack, const char *data, size_t length)
{
    if (pack->status == LAMBDA_OK) pack->status = lambda__response_append(pack->response, data, length);
}

/** What a writer of the buffer said, checked against the limit. */
static void written(packer *pack, bool complete)
{
    if (pack->status != LAMBDA_OK) return;
    if (!complete)
        pack->status = lambda__out_of_memory(&pack->response->lambda->base);
    else
        pack->status = lambda__response_check(pack->response);
}

static lambda__base *base_of(packer *pack)
{
    return &pack->response->lambda->base;
}

/** One string argument and its length, if `#` or `%` says that one follows. */
static void read_piece(packer *pack, const char **data, size_t *length)
{
    *data = va_arg(pack->arguments, const char *);
    if (take(pack, '#')) {
        int given = va_arg(pack->arguments, int);
        if (given < 0) invalid(pack, "a length is negative");
        *length = given < 0 ? 0 : (size_t)given;
    } else if (take(pack, '%')) {
        *length = va_arg(pack->arguments, size_t);
    } else {
        *length = *data ? strlen(*data) : 0;
    }
}

/** A string argument after its `s`, with what is joined to it. */
static text read_text(packer *pack, bool optional)
{
    text read = {0};
    read_piece(pack, &read.data, &read.length);
    if (!read.data && !optional && read.length == 0) invalid(pack, "a string is NULL");
    if (!read.data && read.length > 0) invalid(pack, "a string is NULL with a length");
    while (pack->status == LAMBDA_OK && !optional && take(pack, '+')) {
        const char *data = NULL;
        size_t length = 0;
        if (!read.owned) {
            written(pack, lambda__buffer_append(base_of(pack), &read.joined, read.data, read.length));
            read.owned = true;
        }
        read_piece(pack, &data, &length);
        if (!data) invalid(pack, "a string is NULL");
        if (pack->status == LAMBDA_OK) written(pack, lambda__buffer_append(base_of(pack), &read.joined, data, length));
        read.data = read.joined.data;
        read.length = read.joined.length;
    }
    if (pack->status == LAMBDA_OK && read.data && !lambda__utf8_valid(read.data, read.length))
        invalid(pack, "a string is not UTF-8");
    return read;
}

static void free_text(packer *pack, text *read)
{
    if (read->owned) lambda__buffer_clear(base_of(pack), &read->joined);
}

static void write_text(packer *pack, const text *read)
{
    if (pack->status == LAMBDA_OK)
        written(pack, lambda__json_string(base_of(pack), &pack->response->body, read->data, read->length));
}

/** What comes before a value: a comma, and in objects the key. Written only when the value is known to be there. */
typedef struct lead {
    bool comma;
    const text *key;
} lead;

static void write_lead(packer *pack, const lead *before)
{
    if (before->comma) append(pack, ",", 1);
    if (!before->key) return;
    write_text(pack, before->key);
    append(pack, ":", 1);
}

static bool pack_value(packer *pack, const lead *before);

/** `?` or `*` after a type: NULL is null, or is left out. */
static char read_option(packer *pack)
{
    char option = *pack->at;
    if (option != '?' && option != '*') return '\0';
    pack->at++;
    return option;
}

static bool pack_string(packer *pack, const lead *before)
{
    char option = read_option(pack);
    text read = read_text(pack, option != '\0');
    bool left_out = !read.data && option == '*';
    if (!left_out && pack->status == LAMBDA_OK) {
        write_lead(pack, before);
        if (read.data)
            write_text(pack, &read);
        else
            append(pack, "null", 4);
    }
    free_text(pack, &read);
    return !left_out;
}

static bool pack_json(packer *pack, const lead *before, bool steal)
{
    char option = read_option(pack);
    json_t *json = va_arg(pack->arguments, json_t *);
    bool left_out = !json && option == '*';
    if (!json && !option) invalid(pack, "a JSON value is NULL");
    if (!left_out && pack->status == LAMBDA_OK) {
        write_lead(pack, before);
        if (!json)
            append(pack, "null", 4);
        else if (pack->status == LAMBDA_OK)
            pack->status = lambda__response_dump(pack->response, json);
    }
    if (steal) json_decref(json);
    return !left_out;
}

/** Members that a log line in JSON has of itself. A key of that name gets a "_" before it. */
static void rename_key(packer *pack, text *key)
{
    static const char *const taken[] = {"timestamp", "level", "requestId", "message"};
    bool clashes = false;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        clashes = clashes || (key->length == strlen(taken[i]) && memcmp(key->data, taken[i], key->length) == 0);
    if (!clashes || pack->status != LAMBDA_OK) return;
    lambda__buffer renamed = {0};
    bool made = lambda__buffer_append(base_of(pack), &renamed, "_", 1) &&
                lambda__buffer_append(base_of(pack), &renamed, key->data, key->length);
    free_text(pack, key);
    *key = (text){.data = renamed.data, .length = renamed.length, .owned = true, .joined = renamed};
    written(pack, made);
}

static void check_key(packer *pack, const text *key, text *keys, size_t count)
{
    if (pack->status != LAMBDA_OK) return;
    if (count == KEYS_MAX) invalid(pack, "an object has more than 64 keys; use lambda_response_json");
    for (size_t i = 0; i < count && pack->status == LAMBDA_OK; i++)
        if (keys[i].length == key->length && memcmp(keys[i].data, key->data, key->length) == 0)
            invalid(pack, "an object has a key twice");
}

static void pack_object(packer *pack)
{
    text keys[KEYS_MAX];
    size_t count = 0;
    bool comma = false;
    append(pack, "{", 1);
    while (pack->status == LAMBDA_OK && !take(pack, '}')) {
        if (!take(pack, 's')) {
            invalid(pack, *pack->at ? "expected s for a key" : "the object does not end");
            break;
        }
        text key = read_text(pack, false);
        if (pack->fields && pack->depth == 1) rename_key(pack, &key);
        check_key(pack, &key, keys, count);
        if (pack->status != LAMBDA_OK) {
            free_text(pack, &key);
            break;
        }
        keys[count++] = key;
        comma = pack_value(pack, &(lead){.comma = comma, .key = &key}) || comma;
    }
    for (size_t i = 0; i < count; i++)
        free_text(pack, &keys[i]);
    append(pack, "}", 1);
}

static void pack_array(packer *pack)
{
    bool comma = false;
    append(pack, "[", 1);
    while (pack->status == LAMBDA_OK && !take(pack, ']')) {
        if (!*pack->at)
            invalid(pack, "the array does not end");
        else
            comma = pack_value(pack, &(lead){.comma = comma}) || comma;
    }
    append(pack, "]", 1);
}

static void pack_real(packer *pack)
{
    double value = va_arg(pack->arguments, double);
    if (!(value - value == 0))
        invalid(pack, "a number is NaN or infinite");
    else if (pack->status == LAMBDA_OK)
        written(pack, lambda__json_real(base_of(pack), &pack->response->body, value));
}

static void pack_integer(packer *pack, long long value)
{
    if (pack->status == LAMBDA_OK) written(pack, lambda__json_integer(base_of(pack), &pack->response->body, value));
}

static void pack_nested(packer *pack, char type)
{
    if (++pack->depth > DEPTH_MAX)
        invalid(pack, "more than 64 levels deep");
    else if (type == '{')
        pack_object(pack);
    else
        pack_array(pack);
    pack->depth--;
}

/** One value; false if it was left out. */
static bool pack_value(packer *pack, const lead *before)
{
    char type = peek(pack);
    if (type == '\0') {
        invalid(pack, "a value is missing");
        return true;
    }
    pack->at++;
    if (type == 's') return pack_string(pack, before);
    if (type == 'o' || type == 'O') return pack_json(pack, before, type == 'o');
    write_lead(pack, before);
    switch (type) {
    case 'n':
        append(pack, "null", 4);
        break;
    case 'b':
        va_arg(pack->arguments, int) ? append(pack, "true", 4) : append(pack, "false", 5);
        break;
    case 'i':
        pack_integer(pack, va_arg(pack->arguments, int));
        break;
    case 'I':
        pack_integer(pack, va_arg(pack->arguments, json_int_t));
        break;
    case 'f':
        pack_real(pack);
        break;
    case '{':
    case '[':
        pack_nested(pack, type);
        break;
    default:
        pack->at--;
        invalid(pack, "unknown letter");
    }
    return true;
}

lambda_status lambda_response_pack(lambda_response *response, const char *format, ...)
{
    if (!response || !format)
        return lambda__fail(response ? &response->lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "%s: is NULL", response ? "format" : "response");
    packer pack = {.response = response, .format = format, .at = format};
    lambda_status status = lambda__response_restart(response);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    va_start(pack.arguments, format);
    pack_value(&pack, &(lead){0});
    if (pack.status == LAMBDA_OK && peek(&pack) != '\0') invalid(&pack, "something follows the value");
    va_end(pack.arguments);
    if (pack.status != LAMBDA_OK) response->body.length = 0;
    return pack.status;
}

lambda_status lambda__pack_fields(lambda_t *lambda, lambda__buffer *buffer, const char *format, va_list arguments)
{
    lambda_response response = lambda__response_empty(lambda);
    packer pack = {.response = &response, .format = format, .at = format, .fields = true};
    va_copy(pack.arguments, arguments);
    if (peek(&pack) != '{')
        invalid(&pack, "the fields of a log line are an object");
    else
        pack_value(&pack, &(lead){0});
    if (pack.status == LAMBDA_OK && peek(&pack) != '\0') invalid(&pack, "something follows the value");
    va_end(pack.arguments);
    *buffer = response.body;
    return pack.status;
}
