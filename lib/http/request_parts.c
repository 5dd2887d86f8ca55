/* An operation as an HTTP request: what gather.c does, the other way round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

#include "operation.h"

/** Most members of a query: no operation has half of them. */
#define QUERY_MOST 32

typedef struct splitting {
    const lambda__operation *operation;
    json_t *rest; /* what is not taken yet: the body in the end */
    FILE *path;
    FILE *headers;
    char *query[QUERY_MOST]; /* "name=value", encoded */
    size_t query_count;
    lambda_status status;
    char wrong[64]; /* the member */
    const char *why;
} splitting;

static void refuse(splitting *s, const char *member, const char *why)
{
    if (s->status != LAMBDA_OK) return;
    s->status = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    snprintf(s->wrong, sizeof s->wrong, "%s", member);
    s->why = why;
}

/** The text of a scalar, malloc'd. NULL: it was refused, or memory is out. */
static char *text_of(splitting *s, const char *member, const json_t *value)
{
    if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
        refuse(s, member, "holds a NUL");
    else if (json_is_object(value) || json_is_array(value) || json_is_null(value))
        refuse(s, member, "has to be a string, a number or a boolean");
    if (s->status != LAMBDA_OK) return NULL;
    char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
    if (!text) s->status = LAMBDA_ERROR_OUT_OF_MEMORY;
    return text;
}

static void encode(FILE *out, const char *text)
{
    for (; *text; text++) {
        bool plain = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text) != NULL;
        if (plain)
            fputc(*text, out);
        else
            fprintf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void put_path(splitting *s)
{
    const char *from = s->operation->shown.path;
    while (*from && *from != '?' && s->status == LAMBDA_OK) {
        if (*from != '{') {
            fputc(*from++, s->path);
            continue;
        }
        char name[64];
        size_t length = strcspn(from + 1, "}");
        snprintf(name, sizeof name, "%.*s", (int)length, from + 1);
        from += length + 2;
        const json_t *value = json_object_get(s->rest, name);
        char *text = value ? text_of(s, name, value) : NULL;
        if (!value || (text && !*text)) refuse(s, "", "a member of the path is missing or empty");
        if (text) encode(s->path, text);
        free(text);
        json_object_del(s->rest, name);
    }
}

static void add_query(splitting *s, const char *name, const char *value)
{
    char *pair = NULL;
    size_t length;
    FILE *out = s->query_count < QUERY_MOST ? open_memstream(&pair, &length) : NULL;
    if (!out) {
        s->status = LAMBDA_ERROR_OUT_OF_MEMORY;
        return;
    }
    encode(out, name);
    fputc('=', out);
    encode(out, value);
    if (fclose(out) != 0 || !pair) {
        free(pair);
        s->status = LAMBDA_ERROR_OUT_OF_MEMORY;
        return;
    }
    s->query[s->query_count++] = pair;
}

/** What the path of the table itself asks: "?find=LayerVersion". */
static void put_fixed_query(splitting *s)
{
    char name[64];
    const char *query = strchr(s->operation->shown.path, '?');
    if (!query) return;
    size_t length = strcspn(query + 1, "=");
    snprintf(name, sizeof name, "%.*s", (int)length, query + 1);
    add_query(s, name, query[1 + length] ? query + 2 + length : "");
}

static void put_one(splitting *s, const lambda__member *member, const json_t *value)
{
    const char *name = member->wire ? member->wire : member->name;
    char *text = text_of(s, member->name, value);
    if (!text) return;
    if (member->place == LAMBDA__IN_QUERY) {
        add_query(s, name, text);
    } else if (strpbrk(text, "\r\n")) {
        refuse(s, member->name, "stands in a header and has a line end");
    } else {
        fprintf(s->headers, "%s: %s\n", name, text);
    }
    free(text);
}

static void put_members(splitting *s)
{
    for (const lambda__member *member = s->operation->members; member && member->name; member++) {
        json_t *value = json_object_get(s->rest, member->name);
        if (!value || member->place == LAMBDA__IN_BODY || s->status != LAMBDA_OK) continue;
        if (member->place == LAMBDA__IN_QUERY && member->type == LAMBDA__LIST && json_is_array(value)) {
            for (size_t i = 0; i < json_array_size(value); i++)
                put_one(s, member, json_array_get(value, i));
        } else if (member->place != LAMBDA__IN_PAYLOAD) {
            put_one(s, member, value);
        }
        json_object_del(s->rest, member->name);
    }
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/** The query behind the path: sorted, as signatures have it, so that who signs need not. */
static void finish_query(splitting *s)
{
    qsort(s->query, s->query_count, sizeof *s->query, by_bytes);
    for (size_t i = 0; i < s->query_count; i++)
        fprintf(s->path, "%c%s", i == 0 ? '?' : '&', s->query[i]);
}

static void finish_body(splitting *s, lambda_api_request_parts *parts)
{
    bool payload = s->operation->kind != LAMBDA__KIND_JSON;
    bool none = json_object_size(s->rest) == 0 && strcmp(s->operation->shown.method, "POST") != 0;
    parts->body = payload || none ? strdup("") : json_dumps(s->rest, JSON_COMPACT);
    if (parts->body)
        parts->length = strlen(parts->body);
    else
        s->status = LAMBDA_ERROR_OUT_OF_MEMORY;
}

static lambda_status finish(splitting *s, lambda_api_request_parts *parts)
{
    bool lost = (s->path && fclose(s->path) != 0) + (s->headers && fclose(s->headers) != 0) > 0;
    for (size_t i = 0; i < s->query_count; i++)
        free(s->query[i]);
    json_decref(s->rest);
    if (s->status == LAMBDA_OK && (lost || !parts->path || !parts->headers)) s->status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (s->status == LAMBDA_OK) return LAMBDA_OK;
    lambda_api_request_clear(parts);
    if (s->status == LAMBDA_ERROR_OUT_OF_MEMORY) return lambda_runtime_fail(NULL, s->status, "no memory for a request");
    return lambda_runtime_fail(NULL, s->status, "%s%s%s", s->wrong, *s->wrong ? " " : "", s->why);
}

lambda_status lambda_api_request(const char *operation, lambda_bytes input, lambda_api_request_parts *parts)
{
    size_t length;
    splitting s = {.operation = operation ? lambda__operation_named(operation) : NULL};
    if (!parts) return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "parts is NULL");
    lambda_api_request_clear(parts);
    if (!s.operation)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "there is no such operation");
    s.rest = input.length ? json_loadb(input.data, input.length, JSON_ALLOW_NUL, NULL) : json_object();
    if (!json_is_object(s.rest)) {
        refuse(&s, "", "the input is no JSON object");
        return finish(&s, parts);
    }
    parts->method = s.operation->shown.method;
    s.path = open_memstream(&parts->path, &length);
    s.headers = open_memstream(&parts->headers, &length);
    if (s.path && s.headers) {
        put_path(&s);
        put_fixed_query(&s);
        put_members(&s);
        finish_query(&s);
        finish_body(&s, parts);
    } else {
        s.status = LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    return finish(&s, parts);
}

void lambda_api_request_clear(lambda_api_request_parts *parts)
{
    if (!parts) return;
    free(parts->path);
    free(parts->headers);
    free(parts->body);
    parts->method = NULL;
    parts->path = parts->headers = parts->body = NULL;
    parts->length = 0;
}
