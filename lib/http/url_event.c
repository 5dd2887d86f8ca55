/* Requests as events of payload format 2.0, written as text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api.h"
#include "percent.h"
#include "url.h"

/* ---- names and values, of which the same name may come again */

#define NO_PAIR   UINT32_MAX
#define FEW_PAIRS 32

typedef struct pair {
    const char *name;
    const char *value;
    size_t name_length;
    size_t value_length;
    uint32_t next; /* of the same name */
    uint32_t index;
    bool again; /* an earlier one has its name */
} pair;

typedef struct pairs {
    pair *all;
    size_t count;
    bool fold; /* names are the same in any case */
    pair few[FEW_PAIRS];
} pairs;

static bool pairs_room(pairs *them, size_t count)
{
    them->all = count <= FEW_PAIRS ? them->few : malloc(count * sizeof *them->all);
    return them->all;
}

static void pairs_free(pairs *them)
{
    if (them->all != them->few) {
        free(them->all);
    }
}

static void pairs_add(pairs *them, const char *name, size_t name_length, const char *value, size_t value_length)
{
    them->all[them->count] = (pair){name, value, name_length, value_length, NO_PAIR, (uint32_t)them->count, false};
    them->count++;
}

static int compare_names(const pair *a, const pair *b, bool fold)
{
    if (a->name_length != b->name_length) {
        return a->name_length < b->name_length ? -1 : 1;
    }
    return fold ? strncasecmp(a->name, b->name, a->name_length) : memcmp(a->name, b->name, a->name_length);
}

static int compare_folded(const void *a, const void *b)
{
    const pair *one = *(const pair *const *)a;
    const pair *other = *(const pair *const *)b;
    int order = compare_names(one, other, true);
    return order ? order : one->index < other->index ? -1 : 1;
}

static int compare_exact(const void *a, const void *b)
{
    const pair *one = *(const pair *const *)a;
    const pair *other = *(const pair *const *)b;
    int order = compare_names(one, other, false);
    return order ? order : one->index < other->index ? -1 : 1;
}

/* Links those of one name. Many of them are sorted, so that a client cannot make it slow. */
static bool pairs_link(pairs *them)
{
    if (them->count <= FEW_PAIRS) {
        for (size_t i = 1; i < them->count; i++) {
            for (size_t k = i; k-- > 0;) {
                if (!compare_names(&them->all[k], &them->all[i], them->fold)) {
                    them->all[k].next = (uint32_t)i;
                    them->all[i].again = true;
                    break;
                }
            }
        }
        return true;
    }
    pair **sorted = malloc(them->count * sizeof(pair *));
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < them->count; i++) {
        sorted[i] = &them->all[i];
    }
    qsort(sorted, them->count, sizeof(pair *), them->fold ? compare_folded : compare_exact);
    for (size_t i = 1; i < them->count; i++) {
        if (!compare_names(sorted[i - 1], sorted[i], them->fold)) {
            sorted[i - 1]->next = sorted[i]->index;
            sorted[i]->again = true;
        }
    }
    free(sorted);
    return true;
}

static void write_lower(lambda__url_text *text, const char *name, size_t length)
{
    char lower[128];
    while (length) {
        size_t part = length < sizeof lower ? length : sizeof lower;
        for (size_t i = 0; i < part; i++) {
            lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
        }
        lambda__url_text_escaped(text, lower, part);
        name += part;
        length -= part;
    }
}

/* {"name":"value,value",...} */
static void write_pairs(lambda__url_text *text, const pairs *them)
{
    char before = '{';
    for (size_t i = 0; i < them->count; i++) {
        const pair *each = &them->all[i];
        if (each->again) {
            continue;
        }
        char open[2] = {before, '"'};
        lambda__url_text_add(text, open, 2);
        if (them->fold) {
            write_lower(text, each->name, each->name_length);
        } else {
            lambda__url_text_escaped(text, each->name, each->name_length);
        }
        lambda__url_text_add(text, "\":\"", 3);
        lambda__url_text_escaped(text, each->value, each->value_length);
        for (uint32_t next = each->next; next != NO_PAIR; next = them->all[next].next) {
            lambda__url_text_add(text, ",", 1);
            lambda__url_text_escaped(text, them->all[next].value, them->all[next].value_length);
        }
        lambda__url_text_add(text, "\"", 1);
        before = ',';
    }
    lambda__url_text_string(text, before == '{' ? "{}" : "}");
}

/* ---- members */

/* ,"name":"value" */
static inline void write_member(lambda__url_text *text, const char *name, const char *value)
{
    lambda__url_text_add(text, ",\"", 2);
    lambda__url_text_string(text, name);
    lambda__url_text_add(text, "\":\"", 3);
    lambda__url_text_escaped(text, value, strlen(value));
    lambda__url_text_add(text, "\"", 1);
}

/* Each pair between semicolons, of all Cookie headers. */
static void write_cookies(lambda__url_text *text, const lambda__url_request *request)
{
    bool any = false;
    for (size_t i = 0; i < request->headers_count; i++) {
        if (strcasecmp(request->headers[i].name, "cookie") != 0) {
            continue;
        }
        const char *at = request->headers[i].value;
        while (*at) {
            at += strspn(at, "; \t");
            size_t length = strcspn(at, ";");
            size_t trimmed = length;
            while (trimmed && (at[trimmed - 1] == ' ' || at[trimmed - 1] == '\t')) {
                trimmed--;
            }
            if (trimmed) {
                lambda__url_text_string(text, any ? ",\"" : ",\"cookies\":[\"");
                lambda__url_text_escaped(text, at, trimmed);
                lambda__url_text_add(text, "\"", 1);
                any = true;
            }
            at += length;
        }
    }
    if (any) {
        lambda__url_text_add(text, "]", 1);
    }
}

/* How a request came and which trace it belongs to is the server's to say, as a load balancer does: not the client's. */
typedef struct own_header {
    const char *name;
    size_t length;
    const char *value;
} own_header;

enum { OWN_HEADERS = 4 };

/* Not passed on: what is told in another member, or by the server in its place. Of x-forwarded-for, the first, what the client says stays, before its address. */
static bool is_own(const own_header own[OWN_HEADERS], const char *name, size_t length)
{
    for (size_t i = 1; i < OWN_HEADERS; i++) {
        if (length == own[i].length && !strcasecmp(name, own[i].name)) {
            return true;
        }
    }
    return length == 6 && !strcasecmp(name, "cookie");
}

static bool write_headers(lambda__url_text *text, const lambda__url_request *request)
{
    const own_header own[OWN_HEADERS] = {{"x-forwarded-for", 15, request->source_ip},
                                         {"x-forwarded-proto", 17, request->tls ? "https" : "http"},
                                         {"x-forwarded-port", 16, request->port},
                                         {"x-amzn-trace-id", 15, request->trace}};
    pairs them = {.fold = true};
    if (!pairs_room(&them, request->headers_count + OWN_HEADERS)) {
        return false;
    }
    for (size_t i = 0; i < request->headers_count; i++) {
        const lambda__header *header = &request->headers[i];
        size_t length = strlen(header->name);
        if (!is_own(own, header->name, length)) {
            pairs_add(&them, header->name, length, header->value, strlen(header->value));
        }
    }
    for (size_t i = 0; i < OWN_HEADERS; i++) {
        pairs_add(&them, own[i].name, own[i].length, own[i].value, strlen(own[i].value));
    }
    bool linked = pairs_link(&them);
    if (linked) {
        lambda__url_text_string(text, ",\"headers\":");
        write_pairs(text, &them);
    }
    pairs_free(&them);
    return linked;
}

/* Decodes what a form encodes; a percent sign without two digits stands for itself. Gives the end. */
static char *decode(char *out, const char *in, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int high = in[i] == '%' && length - i > 2 ? lambda__hexadecimal(in[i + 1]) : -1;
        int low = high >= 0 ? lambda__hexadecimal(in[i + 2]) : -1;
        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            i += 2;
        } else {
            *out++ = (char)(in[i] == '+' ? ' ' : in[i]);
        }
    }
    return out;
}

static bool write_query(lambda__url_text *text, const char *query)
{
    size_t count = 1;
    for (const char *at = query; (at = strchr(at, '&')); at++) {
        count++;
    }
    char few[1024];
    size_t length = strlen(query);
    char *memory = length <= sizeof few ? few : malloc(length);
    pairs them = {0};
    bool good = memory && pairs_room(&them, count);
    char *out = memory;
    for (const char *at = query; good && *at;) {
        size_t part = strcspn(at, "&");
        size_t name_length = strcspn(at, "&=");
        if (part) {
            char *name = out;
            out = decode(out, at, name_length);
            char *value = out;
            if (name_length < part) {
                out = decode(out, at + name_length + 1, part - name_length - 1);
            }
            pairs_add(&them, name, (size_t)(value - name), value, (size_t)(out - value));
        }
        at += part + (at[part] == '&');
    }
    good = good && pairs_link(&them);
    if (good && them.count) {
        lambda__url_text_string(text, ",\"queryStringParameters\":");
        write_pairs(text, &them);
    }
    pairs_free(&them);
    if (memory != few) {
        free(memory);
    }
    return good;
}

static const char *header_of(const lambda__url_request *request, const char *name)
{
    for (size_t i = 0; i < request->headers_count; i++) {
        if (!strcasecmp(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

static void write_authorizer(lambda__url_text *text, const lambda__url_request *request)
{
    const lambda__caller *caller = request->caller;
    if (!caller) {
        lambda__url_text_string(text, ",\"authorizer\":null");
        return;
    }
    /* There are no unique ids of principals here: the name stands for them. */
    const char *slash = strrchr(caller->arn, '/');
    const char *id = slash ? slash + 1 : caller->arn;
    lambda__url_text_string(text, ",\"authorizer\":{\"iam\":{\"cognitoIdentity\":null,\"principalOrgId\":null");
    write_member(text, "accessKey", request->access_key ? request->access_key : "");
    write_member(text, "accountId", caller->account_id);
    write_member(text, "callerId", id);
    write_member(text, "userArn", caller->arn);
    write_member(text, "userId", id);
    lambda__url_text_string(text, "}}");
}

static char *two_digits(char *at, int number)
{
    at[0] = (char)('0' + number / 10 % 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

/* "12/Mar/2020:19:03:58 +0000", and milliseconds. */
static void write_time(lambda__url_text *text, uint64_t now_ns)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now_ns / 1000000000U);
    struct tm parts = {.tm_mday = 1, .tm_year = 70};
    gmtime_r(&seconds, &parts);
    char line[] = "dd/Mmm/yyyy:hh:mm:ss +0000";
    two_digits(line, parts.tm_mday);
    memcpy(line + 3, months[parts.tm_mon], 3);
    two_digits(two_digits(line + 7, (parts.tm_year + 1900) / 100), parts.tm_year % 100);
    two_digits(line + 12, parts.tm_hour);
    two_digits(line + 15, parts.tm_min);
    two_digits(line + 18, parts.tm_sec);
    write_member(text, "time", line);
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t left = now_ns / 1000000U;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    lambda__url_text_string(text, ",\"timeEpoch\":");
    lambda__url_text_add(text, at, (size_t)(digits + sizeof digits - at));
}

static void write_context(lambda__url_text *text, const lambda_api *api, const lambda__url_match *match,
                          const lambda__url_request *request)
{
    lambda__url_text_string(text, ",\"requestContext\":{\"authentication\":null");
    write_member(text, "accountId", request->caller ? api->account_id : "anonymous");
    write_member(text, "apiId", match->url->id);
    write_authorizer(text, request);
    write_member(text, "domainName", match->domain);
    write_member(text, "domainPrefix", match->url->id);
    const char *agent = header_of(request, "user-agent");
    lambda__url_text_string(text, ",\"http\":{\"method\":\"");
    lambda__url_text_escaped(text, request->method, strlen(request->method));
    lambda__url_text_add(text, "\"", 1);
    write_member(text, "path", match->path);
    write_member(text, "protocol", request->protocol);
    write_member(text, "sourceIp", request->source_ip);
    if (agent) {
        write_member(text, "userAgent", agent);
    }
    lambda__url_text_add(text, "}", 1);
    write_member(text, "requestId", request->request_id);
    lambda__url_text_string(text, ",\"routeKey\":\"$default\",\"stage\":\"$default\"");
    write_time(text, request->now_ns);
    lambda__url_text_add(text, "}", 1);
}

/* Is a body of that type text? Forms, and what says nothing of its type, are none, as with Lambda. */
static bool is_text(const char *type)
{
    static const char *const types[] = {"application/json", "application/xml", "application/javascript"};
    if (!type) {
        return false;
    }
    size_t length = strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (length == strlen(types[i]) && !strncasecmp(type, types[i], length)) {
            return true;
        }
    }
    return !strncasecmp(type, "text/", 5) || (length > 5 && !strncasecmp(type + length - 5, "+json", 5)) ||
           (length > 4 && !strncasecmp(type + length - 4, "+xml", 4));
}

static void write_body(lambda__url_text *text, const lambda__url_request *request)
{
    lambda_bytes body = request->body;
    bool plain = !body.length ||
                 (is_text(header_of(request, "content-type")) && lambda__url_text_is_utf8(body.data, body.length));
    if (body.length) {
        lambda__url_text_string(text, ",\"body\":\"");
        if (plain) {
            lambda__url_text_escaped(text, body.data, body.length);
        } else {
            lambda__url_text_base64(text, body.data, body.length);
        }
        lambda__url_text_add(text, "\"", 1);
    }
    lambda__url_text_string(text, plain ? ",\"isBase64Encoded\":false}" : ",\"isBase64Encoded\":true}");
}

lambda_status lambda__url_event(const lambda_api *api, const lambda__url_match *match,
                                const lambda__url_request *request, lambda__url_text *text)
{
    text->length = 0;
    text->failed = false;
    lambda__url_text_string(text, "{\"version\":\"2.0\",\"routeKey\":\"$default\"");
    write_member(text, "rawPath", match->path);
    write_member(text, "rawQueryString", request->query);
    write_cookies(text, request);
    if (!write_headers(text, request) || !write_query(text, request->query)) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    write_context(text, api, match, request);
    write_body(text, request);
    return text->failed ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_OK;
}
