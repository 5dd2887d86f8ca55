/* The destination port: where what came of an asynchronous invocation goes. */
#ifndef LAMBDA_PORT_DESTINATION_H
#define LAMBDA_PORT_DESTINATION_H

#include <lambda/invoke.h>
#include <lambda/port/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a delivery is. */
typedef enum lambda_delivery_kind {
    LAMBDA_DELIVERY_ON_SUCCESS = 0, /**< an invocation record of a success */
    LAMBDA_DELIVERY_ON_FAILURE = 1, /**< an invocation record of a failure */
    LAMBDA_DELIVERY_DEAD_LETTER = 2 /**< an event that failed, as it was */
} lambda_delivery_kind;

/** One delivery. Borrowed for the call. */
typedef struct lambda_delivery {
    lambda_delivery_kind kind;
    lambda_request_id request_id; /**< of the event */
    const char *function_arn;     /**< of what was invoked, with its qualifier */
    const char *target;           /**< as the configuration names it */
    /**
     * An invocation record, Lambda's JSON (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html),
     * or with DEAD_LETTER the event's payload.
     */
    lambda_bytes body;
    const char *error_code;    /**< DEAD_LETTER: the HTTP status as text, Lambda's ErrorCode; else "" */
    const char *error_message; /**< DEAD_LETTER: at most 1,024 bytes of the last error; else "" */
} lambda_delivery;

/** Takes one dead letter or record back: anything but LAMBDA_OK leaves it where it is and ends the redrive. */
typedef lambda_status lambda_redrive_taker(void *taker, const lambda_delivery *delivery);

/** A destination. The library copies the struct. */
typedef struct lambda_destination {
    /**
     * Takes a delivery: LAMBDA_OK only once it is kept. Anything else, and it is delivered again later. At least once each. Called on
     * a worker's thread or in lambda_pump, with no lock held, any number at once. It may invoke functions.
     */
    lambda_status (*deliver)(void *user, const lambda_delivery *delivery);
    /**
     * Hands up to `most` of what was delivered to `take`, the oldest first, and forgets each that it took. NULL: what goes there
     * cannot be had back.
     */
    lambda_status (*redrive)(void *user, uint64_t most, lambda_redrive_taker *take, void *taker);
    /** The service closes. NULL: nothing is to be done. */
    void (*close)(void *user);
    void *user; /**< handed to all three */
} lambda_destination;

/**
 * Gives a name a destination: `name` is what configurations say, 1 to 256 characters, an ARN such as
 * "arn:aws:sqs:us-east-1:000000000000:failed" or any text that is no function's name or ARN. It stays until the service closes, which
 * calls its `close`. LAMBDA_ERROR_RESOURCE_CONFLICT where the name has one; LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
 * LAMBDA_ERROR_OUT_OF_MEMORY. On failure `close` is not called. Any thread.
 */
LAMBDA_API lambda_status lambda_destination_register(lambda_t *lambda, const char *name,
                                                     const lambda_destination *destination);

/**
 * A destination that appends one line of JSON a delivery to a file, made if it is not there, and has it on disk before it returns: for
 * a record {"kind":"OnSuccess" or "OnFailure","functionArn":...,"record":...}, for a dead letter {"kind":"DeadLetter",
 * "functionArn":...,"body":...,"messageAttributes":{...}} with SQS's attributes RequestID, ErrorCode and ErrorMessage. A redrive takes
 * lines from its front; a line that was cut by a crash is skipped. LAMBDA_ERROR_SERVICE where it cannot be opened.
 */
LAMBDA_API lambda_status lambda_destination_register_file(lambda_t *lambda, const char *name, const char *path);

/** A destination that pushes the lines of `lambda_destination_register_file` to a queue, which is the destination's from then on. */
LAMBDA_API lambda_status lambda_destination_register_queue(lambda_t *lambda, const char *name,
                                                           const lambda_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
