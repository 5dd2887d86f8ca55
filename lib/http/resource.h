/* What the operations of concurrency, layers, policies and other settings share: members that many have, ARNs, pages, policies' documents. */
#ifndef LAMBDA_HTTP_RESOURCE_H
#define LAMBDA_HTTP_RESOURCE_H

#include <lambda/function.h>
#include <lambda/port/runtime.h>

#include "api.h"
#include "handlers.h"

/* ---- members. A region of an ARN is any that a service may have; messages show AWS's pattern. */

#define LAMBDA__MEMBER_FUNCTION_NAME                                                                                   \
    {                                                                                                                  \
        .name = "FunctionName", .place = LAMBDA__IN_PATH, .required = true, .min = 1, .max = 256,                      \
        .pattern = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z0-9-]{1,32}:)?([0-9]{12}:)?(function:)?([a-zA-Z0-9_-]+)"       \
                   "(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9_-]+))?",                                                    \
        .shown = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"           \
                 "(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"                \
    }

#define LAMBDA__MEMBER_QUALIFIER(required_)                                                                            \
    {                                                                                                                  \
        .name = "Qualifier", .place = LAMBDA__IN_QUERY, .required = (required_), .min = 1, .max = 128,                 \
        .pattern = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9_$-]+", .shown = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+" \
    }

#define LAMBDA__MEMBER_MARKER                                                                                          \
    {                                                                                                                  \
        .name = "Marker", .place = LAMBDA__IN_QUERY                                                                    \
    }

#define LAMBDA__MEMBER_MAX_ITEMS(most)                                                                                 \
    {                                                                                                                  \
        .name = "MaxItems", .type = LAMBDA__INTEGER, .place = LAMBDA__IN_QUERY, .min = 1, .max = (most)                \
    }

#define LAMBDA__MEMBER_LAYER_NAME                                                                                      \
    {                                                                                                                  \
        .name = "LayerName", .place = LAMBDA__IN_PATH, .required = true, .min = 1, .max = 140,                         \
        .pattern = "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:[0-9]{12}:layer:[a-zA-Z0-9_-]+)|[a-zA-Z0-9_-]+",           \
        .shown = "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+"                \
    }

#define LAMBDA__MEMBER_LAYER_VERSION                                                                                   \
    {                                                                                                                  \
        .name = "VersionNumber", .type = LAMBDA__INTEGER, .place = LAMBDA__IN_PATH, .required = true, .min = -0x1p62   \
    }

#define LAMBDA__MEMBER_STATEMENT_ID(place_, more, more_shown)                                                          \
    {                                                                                                                  \
        .name = "StatementId", .place = (place_), .required = true, .min = 1, .max = 100,                              \
        .pattern = "([a-zA-Z0-9_" more "-]+)", .shown = "([a-zA-Z0-9-_" more_shown "]+)"                               \
    }

#define LAMBDA__MEMBER_REVISION_ID(place_)                                                                             \
    {                                                                                                                  \
        .name = "RevisionId", .place = (place_)                                                                        \
    }

#define LAMBDA__MEMBERS_END                                                                                            \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* ---- functions and pages: resource.c */

/** The ARN of a function that is there, with its qualifier if `name` has one: the caller's to free. NULL: it is answered why not. */
char *lambda__resource_arn(const lambda__request *request, const char *name, lambda__reply *reply);

/**
 * Answers with a page of `all` (taken; NULL: memory is out) as the member `name`: items sorted by the last part of their FunctionArn, which is what Marker and NextMarker are.
 */
void lambda__resource_page(const lambda__request *request, json_t *all, const char *name, lambda__reply *reply);

/** The bytes of an archive in base64: the caller's to free. NULL is answered. */
unsigned char *lambda__resource_bytes(const char *text, size_t *length, lambda__reply *reply);

/** Makes of the error for a request that is too large the one for an archive. */
void lambda__reply_archive_too_large(lambda__reply *reply);

/* ---- policies of resources as documents: policy_document.c */

/** Most bytes of one, as text: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
#define LAMBDA__POLICY_BYTES 20480

/** {"Policy": its text, "RevisionId": ...}; NULL when memory is out. The revision id is made of the text, so that it needs no place of its own. */
json_t *lambda__policy_shape(const json_t *document);

/** Is it the document (NULL: there is none) that the member RevisionId, if there is one, means? False: it is answered that it is not. */
bool lambda__policy_expect(const lambda__request *request, const json_t *document, lambda__reply *reply);

/** Is it short enough? False is answered. */
bool lambda__policy_fits(const json_t *document, lambda__reply *reply);

/**
 * Adds a statement (taken; NULL: memory is out) to `*document`, which is made where it is NULL. False, and answered: its Sid is there, the document would be too long, or memory is out.
 */
bool lambda__policy_add(json_t **document, json_t *statement, lambda__reply *reply);

/** Takes the statement of the member StatementId away. False, and answered: it is not there. `*empty`: no other is left. */
bool lambda__policy_remove(const lambda__request *request, json_t *document, bool *empty, lambda__reply *reply);

/** A statement that allows `action` on `resource`. `condition` is taken; NULL: none. NULL and answered for a principal that is none. */
json_t *lambda__policy_statement(const lambda__request *request, const char *resource, json_t *condition,
                                 lambda__reply *reply);

#endif
