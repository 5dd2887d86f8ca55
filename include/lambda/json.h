/*
 * Event and response as jansson values, for handlers that want the tree itself. This is the one core header that shows
 * a type of a dependency; lambda.h does not include it.
 */
#ifndef LAMBDA_JSON_H
#define LAMBDA_JSON_H

#include <jansson.h>

#include <lambda/event.h>
#include <lambda/response.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The event as a jansson value, parsed at the first call and kept; an empty payload is `{}`. `*json` is borrowed until
 * the handler returns; take a reference (`json_incref`) to keep it longer. NULL and
 * LAMBDA_ERROR_INVALID_REQUEST_CONTENT where the payload is not JSON; LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL
 * arguments.
 */
LAMBDA_API lambda_status lambda_event_json(const lambda_event *event, json_t **json);

/**
 * Replaces the response by `json`, written compactly, keys in their order of insertion. The value is only read.
 * Errors as `lambda_response_pack`.
 */
LAMBDA_API lambda_status lambda_response_json(lambda_response *response, const json_t *json);

#ifdef __cplusplus
}
#endif

#endif
