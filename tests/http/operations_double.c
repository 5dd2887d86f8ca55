/*
 * Stands for the table's lookup, checks and replies where only the server is tested: Invoke and its two relatives, nothing checked. To be left out as soon as the library has its own.
 */
#include "api.h"
#include "table.h"
#include "url.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
const lambda__operation *lambda__operation_named(const char *name)
{
    (void)name;
    return NULL;
}
static size_t match(const char *pattern, const char *path, json_t *in)
{
    while (*pattern) {
        if (*pattern == '{') {
            const char *e = strchr(pattern, '}');
            char n[64];
            snprintf(n, 64, "%.*s", (int)(e - pattern - 1), pattern + 1);
            size_t l = strcspn(path, "/");
            if (!l) return 0;
            char v[300];
            snprintf(v, 300, "%.*s", (int)l, path);
            json_object_set_new(in, n, json_string(v));
            path += l;
            pattern = e + 1;
            continue;
        }
        if (*pattern != *path) return 0;
        pattern++;
        path++;
    }
    return *path == 0;
}
extern const lambda__member lambda__members_invoke[], lambda__members_invoke_async[],
    lambda__members_invoke_with_response_stream[];
static lambda__operation ops[3];
const lambda__operation *lambda__operation_find(const char *method, const char *path, json_t *input, bool *known)
{
    if (!ops[0].members) {
        ops[1] = (lambda__operation){
            .shown = {"InvokeAsync", "POST", "/2014-11-13/functions/{FunctionName}/invoke-async", 202, 0},
            .kind = LAMBDA__KIND_INVOKE_ASYNC,
            .members = lambda__members_invoke_async};
        ops[2] = (lambda__operation){.shown = {"InvokeWithResponseStream", "POST",
                                               "/2021-11-15/functions/{FunctionName}/response-streaming-invocations",
                                               200, 0},
                                     .kind = LAMBDA__KIND_INVOKE_STREAM,
                                     .members = lambda__members_invoke_with_response_stream};
        ops[0] =
            (lambda__operation){.shown = {"Invoke", "POST", "/2015-03-31/functions/{FunctionName}/invocations", 200, 0},
                                .kind = LAMBDA__KIND_INVOKE,
                                .members = lambda__members_invoke};
    }
    *known = false;
    for (int i = 0; i < 3; i++)
        if (match(ops[i].shown.path, path, input)) {
            *known = true;
            if (!strcmp(ops[i].shown.method, method)) return &ops[i];
        }
    return NULL;
}
bool lambda__operation_check(const lambda__operation *o, json_t *i, lambda__reply *r)
{
    (void)o;
    (void)i;
    (void)r;
    return true;
}
void lambda__operation_run(const lambda__request *q, lambda__reply *r)
{
    (void)q;
    lambda__reply_error(r, 501, "X", "x");
}
void lambda__reply_clear(lambda__reply *r)
{
    json_decref(r->json);
    free(r->raw);
    for (size_t i = 0; i < r->headers_count; i++)
        free(r->headers[i].value);
    memset(r, 0, sizeof *r);
}
bool lambda__reply_header(lambda__reply *r, const char *n, const char *v)
{
    r->headers[r->headers_count].name = n;
    r->headers[r->headers_count++].value = strdup(v);
    return true;
}
void lambda__reply_json(lambda__reply *r, json_t *j)
{
    r->json = j;
}
void lambda__reply_error(lambda__reply *r, int status, const char *type, const char *f, ...)
{
    r->status = status;
    snprintf(r->error_type, 64, "%s", type);
    char m[500];
    va_list a;
    va_start(a, f);
    vsnprintf(m, 500, f, a);
    va_end(a);
    r->json = json_pack("{s:s,s:s}", "Type", "User", "Message", m);
}
void lambda__reply_status(lambda__reply *r, lambda_t *l, lambda_status s)
{
    lambda__reply_error(r,
                        s == LAMBDA_ERROR_RESOURCE_NOT_FOUND  ? 404
                        : s == LAMBDA_ERROR_REQUEST_TOO_LARGE ? 413
                                                              : 500,
                        lambda_status_name(s), "%s", lambda_error_message(l));
}
static char buf[8][300];
static _Atomic int at;
const char *lambda__input_function(const lambda__request *q, lambda__reply *r)
{
    (void)r;
    char *b = buf[at++ % 8];
    const char *f = json_string_value(json_object_get(q->input, "FunctionName"));
    const char *k = json_string_value(json_object_get(q->input, "Qualifier"));
    snprintf(b, 300, k ? "%s:%s" : "%s", f, k);
    return b;
}
lambda_status lambda_api_open_sized(const lambda_api_options *o, size_t size, lambda_api **api)
{
    (void)size;
    lambda_api *a = calloc(1, sizeof *a);
    a->lambda = o->lambda;
    strcpy(a->region, "us-east-1");
    strcpy(a->account_id, "000000000000");
    lambda_status s = lambda__url_index_open(a, &a->urls);
    *api = a;
    return s;
}
void lambda_api_close(lambda_api *a)
{
    if (!a) return;
    lambda__url_index_close(a->urls);
    free(a);
}
