/* What a handler is handed: the payload of the invocation. */
#ifndef LAMBDA_EVENT_H
#define LAMBDA_EVENT_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The event of one invocation. Opaque; borrowed by the handler until it returns; of the handler's thread only. */
typedef struct lambda_event lambda_event;

/** The payload as it came, unparsed. Borrowed until the handler returns. Empty for a NULL event. */
LAMBDA_API lambda_bytes lambda_event_payload(const lambda_event *event);

/**
 * Reads fields by name, with jansson's unpack format (https://jansson.readthedocs.io/en/latest/apiref.html#parsing-and-validating-values):
 * `lambda_event_unpack(event, "{s:F, s?i}", "length", &length, "count", &count)`. The payload is parsed at the first
 * call and kept for later ones; an empty payload reads as `{}`. Strings that `s` gives are borrowed until the handler
 * returns.
 *
 * LAMBDA_OK; LAMBDA_ERROR_INVALID_REQUEST_CONTENT where the payload is not JSON or does not fit the format (the
 * message names the field or the place), or where format or event is NULL. A handler that returns that status gives
 * its caller a function error with the message.
 */
LAMBDA_API lambda_status lambda_event_unpack(const lambda_event *event, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
