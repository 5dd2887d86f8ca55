/*
 * Lambda's invocation record: what a destination is told
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
 *
 * A payload that is JSON stands in it as it is. What Lambda would have refused stands there as a string, and a member that Lambda's
 * records never have says which: "requestPayloadEncoding" or "responsePayloadEncoding" is "text" where the string is the payload,
 * "base64" where that is not UTF-8. So each payload can be had back. An empty answer is null.
 */
#ifndef LAMBDA_LIB_RECORD_H
#define LAMBDA_LIB_RECORD_H

#include <lambda/invoke.h>

#include "base/buffer.h"
#include "service.h"

/** What a record says. Borrowed; only `function_error` may be NULL, and the last five may be where the function did not run. */
typedef struct lambda__record {
    uint64_t wall_ns; /* when it ended */
    lambda_request_id request_id;
    const char *function_arn; /* of what was invoked; without a qualifier, ":$LATEST" is added, as Lambda does */
    const char *condition;    /* "Success", "RetriesExhausted", ... */
    uint32_t invoke_count;
    lambda_bytes request; /* the event */
    bool ran;             /* false: the function was never run, and the record has no response */
    int status_code;      /* 200 */
    const char *executed_version;
    const char *function_error; /* NULL where it did not fail */
    lambda_bytes response;      /* the last answer */
} lambda__record;

/** Appends the record as one JSON object. False when memory is out, the buffer's content as it was. */
bool lambda__record_render(lambda__base *base, const lambda__record *record, lambda__buffer *buffer);

/**
 * The event that a record tells of: appends its payload's bytes and the ARN it was for (a buffer that is NULL: not wanted). On
 * failure the buffers' contents are as they were: LAMBDA_ERROR_INVALID_PARAMETER_VALUE where it is no record.
 */
lambda_status lambda__record_request(lambda_t *lambda, lambda_bytes record, lambda__buffer *payload,
                                     lambda__buffer *function_arn);

/** The request id that a record tells of. False where it is no record, or one of another service with ids of another form. */
bool lambda__record_request_id(lambda_bytes record, lambda_request_id *id);

/** Reads what lambda_request_id_format writes, in either case. */
bool lambda__request_id_parse(const char *text, size_t length, lambda_request_id *id);

#endif
