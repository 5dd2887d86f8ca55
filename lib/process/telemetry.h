/*
 * The Telemetry API of one environment: extensions subscribe with a listener of theirs, and get batches of what the platform, the function and extensions say, over HTTP or TCP.
 * https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html, telemetry-schema-reference.html. Run by the environment's loop; sends with libcurl's multi interface. Also the older Logs API's
 * path (2020-08-15/logs), which Lambda still answers, with its own schema version refused clearly.
 *
 * What waits is bounded: 1 MiB of events before somebody has subscribed, four times its maxBytes for each who has. What there is no room or no memory for, and batches that a listener did not take in ten
 * attempts, are counted, and told to that subscriber by a platform.logsDropped event, whatever types it wants. Listeners are on this machine's loopback.
 */
#ifndef LAMBDA_PROCESS_TELEMETRY_H
#define LAMBDA_PROCESS_TELEMETRY_H

#include <jansson.h>

#include <lambda/base.h>
#include <lambda/status.h>

#include "loop.h"

typedef struct lambda__telemetry lambda__telemetry;

typedef enum lambda__telemetry_type {
    LAMBDA__TELEMETRY_PLATFORM = 1,
    LAMBDA__TELEMETRY_FUNCTION = 2,
    LAMBDA__TELEMETRY_EXTENSION = 4
} lambda__telemetry_type;

/** NULL when memory is out. The loop is not closed before it. */
lambda__telemetry *lambda__telemetry_open(lambda__loop *loop);
/** What waits is not sent any more. */
void lambda__telemetry_close(lambda__telemetry *telemetry);

/**
 * PUT /2022-07-01/telemetry. The HTTP status, and what stands in the body: "OK" or Lambda's error object, at most 512 bytes. `phase_open` false: the init phase is over (Lambda's 403). The subscriber is
 * told of what was said before it subscribed, too, as in Lambda.
 */
int lambda__telemetry_subscribe(lambda__telemetry *telemetry, const char *extension_name, lambda_bytes body,
                                bool phase_open, char answer[512]);

/** True if anybody could be told: before the end of the init phase, or somebody has subscribed. Else nobody need make events. */
bool lambda__telemetry_wanted(const lambda__telemetry *telemetry);

/** The init phase is over: nobody subscribes any more, and what nobody asked for is forgotten. */
void lambda__telemetry_end_init(lambda__telemetry *telemetry);

/** An event of the platform: `type` "platform.start" and so on; takes `record` over, NULL included (memory was out: it is counted as dropped). Time is now. */
void lambda__telemetry_event(lambda__telemetry *telemetry, const char *type, json_t *record);

/** A line of the function or of an extension: `json`: an object stands there as one, where the line is one. What is not UTF-8 becomes U+FFFD. */
void lambda__telemetry_line(lambda__telemetry *telemetry, lambda__telemetry_type type, const char *line, size_t length,
                            bool json);

/**
 * Sends what waits now, without waiting for its buffers to fill or time to pass. True while there is something to be sent yet: run the loop until it is false, or as long as one likes. Who does not take what
 * was sent is tried again later and not waited for.
 */
bool lambda__telemetry_flush(lambda__telemetry *telemetry);

#endif
