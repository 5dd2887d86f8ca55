/* Cross-origin requests: https://fetch.spec.whatwg.org/#http-cors-protocol, with what a URL's Cors says. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "url_answer.h"

static const char *find(const lambda__header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcasecmp(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return NULL;
}

static bool origin_allowed(const lambda__cors *cors, const char *origin)
{
    if (cors->any_origin) {
        return true;
    }
    for (char **each = cors->origins; each && *each; each++) {
        if (!strcasecmp(*each, origin)) {
            return true;
        }
    }
    return false;
}

static void put(lambda__url_answer *answer, const char *name, const char *value, lambda_status *status)
{
    if (!*status && value) {
        *status = lambda__url_answer_header(answer, name, value, false);
    }
}

/* False: the origin is not allowed, and nothing but Vary is said. */
static bool put_origin(const lambda__cors *cors, const char *origin, lambda__url_answer *answer, lambda_status *status)
{
    if (!cors->any_origin) {
        put(answer, "Vary", "Origin", status);
    }
    if (!origin || !origin_allowed(cors, origin)) {
        return false;
    }
    /* Any origin with credentials is refused by browsers, and so it must be: the origin is not told back then. */
    put(answer, "Access-Control-Allow-Origin", cors->any_origin ? "*" : origin, status);
    put(answer, "Access-Control-Allow-Credentials", cors->credentials ? "true" : NULL, status);
    return true;
}

/* "*" stands for what was asked for: with credentials it would stand for itself. */
static const char *listed(const char *configured, const char *requested)
{
    return configured && !strcmp(configured, "*") ? requested : configured;
}

bool lambda__cors_preflight(const lambda__url *url, const char *method, const lambda__header *headers,
                            size_t headers_count, lambda__url_answer *answer, lambda_status *status)
{
    *status = LAMBDA_OK;
    const char *origin = find(headers, headers_count, "origin");
    const char *requested = find(headers, headers_count, "access-control-request-method");
    if (!url->cors || strcmp(method, "OPTIONS") != 0 || !origin || !requested) {
        return false;
    }
    const lambda__cors *cors = url->cors;
    lambda__url_answer_reset(answer);
    answer->status = 200;
    if (put_origin(cors, origin, answer, status)) {
        put(answer, "Access-Control-Allow-Methods", listed(cors->methods, requested), status);
        put(answer, "Access-Control-Allow-Headers",
            listed(cors->headers, find(headers, headers_count, "access-control-request-headers")), status);
        if (cors->max_age >= 0) {
            char seconds[16];
            snprintf(seconds, sizeof seconds, "%d", cors->max_age);
            put(answer, "Access-Control-Max-Age", seconds, status);
        }
    }
    return true;
}

lambda_status lambda__cors_apply(const lambda__url *url, const lambda__header *headers, size_t headers_count,
                                 lambda__url_answer *answer)
{
    static const char *const names[] = {"Access-Control-Allow-Origin",   "Access-Control-Allow-Credentials",
                                        "Access-Control-Allow-Methods",  "Access-Control-Allow-Headers",
                                        "Access-Control-Expose-Headers", "Access-Control-Max-Age"};
    lambda_status status = LAMBDA_OK;
    if (!url->cors) {
        return status;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lambda__url_answer_without(answer, names[i]);
    }
    if (put_origin(url->cors, find(headers, headers_count, "origin"), answer, &status)) {
        put(answer, "Access-Control-Expose-Headers", url->cors->expose, &status);
    }
    return status;
}
