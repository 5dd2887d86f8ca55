/* What an extension asks for when it subscribes to the Telemetry API, read and checked. https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html */
#ifndef LAMBDA_PROCESS_SUBSCRIPTION_H
#define LAMBDA_PROCESS_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lambda/base.h>

/** Longest URI of a listener, with its zero. */
#define LAMBDA__SUBSCRIPTION_URI_MAX 1024

typedef struct lambda__subscription {
    unsigned types;      /* of lambda__telemetry_type, or'ed */
    uint32_t max_items;  /* events of a batch, 1,000 to 10,000; default 10,000 */
    uint32_t max_bytes;  /* bytes of events from which a batch is sent, 262,144 to 1,048,576; default 262,144 */
    uint32_t timeout_ms; /* how long an event waits for others at most, 25 to 30,000; default 1,000 */
    uint16_t port;       /* of the listener, which is on this machine's loopback */
    char uri[LAMBDA__SUBSCRIPTION_URI_MAX]; /* as given, for HTTP; "" for TCP */
} lambda__subscription;

/** False: it is not in order, and `message` says all that is wrong, joined by "; ". */
bool lambda__subscription_read(lambda_bytes body, lambda__subscription *subscription, char message[256]);

#endif
