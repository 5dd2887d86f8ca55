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
    lambda_delivery_kind kind;    /**< which of the three */
    lambda_request_id request_id; /**< of the event */
    const char *function_arn;     /**< of what was invoked, with its qualifier */
    const char *target;           /**< as the configuration names it */
    /**
     * An invocation record, Lambda's JSON (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html),
     * or with DEAD_LETTER the event's payload. A payload that is no JSON stands in a record as a string, and a member of its own, behind it,
     * says so: "requestPayloadEncoding" or "responsePayloadEncoding" is "text", or "base64" where it is not UTF-8. An event that never ran
     * has neither "responseContext" nor "responsePayload".
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
     * Hands up to `most` dead letters and records of failures to `take`, the oldest first, and forgets each that it took; records of
     * successes stay. What ended it is returned. NULL: what goes there cannot be had back.
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
 * A destination that appends one line of JSON a delivery to a file, and has it on disk before it returns. The file is made if it is not
 * there, for its owner alone. A line is one of
 *
 *     {"kind":"OnSuccess","functionArn":ARN,"record":RECORD}
 *     {"kind":"OnFailure","functionArn":ARN,"record":RECORD}
 *     {"kind":"DeadLetter","functionArn":ARN,"body":BODY,"messageAttributes":{"RequestID":{"stringValue":ID,"dataType":"String"},
 *      "ErrorCode":{"stringValue":CODE,"dataType":"Number"},"ErrorMessage":{"stringValue":MESSAGE,"dataType":"String"}}}
 *
 * in that order and with no space. ARN is `function_arn`. RECORD is the record itself; a line end within it, which JSON takes for any
 * other space, is a space. BODY is the event's payload: where that is UTF-8, a JSON string of it, else {"base64":"..."} of its bytes (RFC
 * 4648, with padding). The attributes are SQS's, as in its events; ErrorCode or ErrorMessage is left out where it is empty.
 *
 * A redrive takes dead letters and records of failures from the front. Records of successes stay, and so do lines that cannot be read,
 * of which a WARN line tells: they do not stand in the way of others. What was taken is cut out of the file before the redrive returns;
 * a process that ends before that leaves it there, to be taken once more. For that the file is written anew as PATH.redrive, which
 * needs room, and replaces the old one. A file that ends within a line, because of a crash, gets a line end before the next line.
 *
 * While it is registered the file is locked (flock). Other programs may read it, but must not write to it, nor move it. A device or a pipe
 * may take its place; it gives nothing back. A full disk fails the delivery and leaves the file as it was; so does a limit on a
 * file's size (RLIMIT_FSIZE) in a process that ignores SIGXFSZ.
 *
 * LAMBDA_ERROR_SERVICE where the file cannot be opened or is a destination already; else as lambda_destination_register.
 */
LAMBDA_API lambda_status lambda_destination_register_file(lambda_t *lambda, const char *name, const char *path);

/**
 * A destination that pushes the lines of `lambda_destination_register_file` to a queue, each as one message and without a line end, its
 * state word 0. The queue is the destination's from then on; where the call fails it is still the caller's, and untouched unless it was
 * its `attach` that failed. What is said of a redrive there holds here: what stays is given back to the queue at its end. Errors as
 * lambda_destination_register, and those of `attach`.
 */
LAMBDA_API lambda_status lambda_destination_register_queue(lambda_t *lambda, const char *name,
                                                           const lambda_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
