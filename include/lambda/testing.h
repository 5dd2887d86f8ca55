/*
 * For people who test their handlers, with any framework: fakes, captured logs, injected faults, and the events that
 * Lambda's services send. Time is faked with lambda/clock_virtual.h. Uses jansson's types, so lambda.h does not include it.
 */
#ifndef LAMBDA_TESTING_H
#define LAMBDA_TESTING_H

#include <lambda/code.h>
#include <lambda/invoke.h>
#include <lambda/json.h>
#include <lambda/port/allocator.h>
#include <lambda/port/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- faults */

/** What can be made to go wrong. */
typedef enum lambda_test_fault_kind {
    LAMBDA_TEST_FAULT_THROTTLE =
        0, /**< invoking gives LAMBDA_ERROR_TOO_MANY_REQUESTS, a name with qualifier or ARN included */
    LAMBDA_TEST_FAULT_TIMEOUT =
        1,                     /**< the handler does not run, the result is "Sandbox.Timedout", the environment ends */
    LAMBDA_TEST_FAULT_INIT = 2 /**< the handler does not run, the result is "Runtime.InitError", the environment ends */
} lambda_test_fault_kind;

/**
 * Has the next `count` invocations of a function fail in that way; 0: none any more. It replaces what was said before for the
 * same function and kind. A function that does not exist yet is allowed, a qualifier is not. Any thread.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_test_fault(lambda_t *lambda, const char *function_name, lambda_test_fault_kind kind,
                                           uint32_t count);

/* ---- memory */

/** An allocator over malloc that counts, and fails when told. Zero it; it must outlive its service. */
typedef struct lambda_test_memory {
    uint64_t live;     /**< allocations that were not released yet */
    uint64_t requests; /**< allocations that were asked for */
    uint64_t fail_at;  /**< the request that fails, counted from 1; 0: none does */
    bool fail_on;      /**< all requests after it fail too */
} lambda_test_memory;

/** The port of it. Any thread; read the fields while no call runs. */
LAMBDA_API lambda_allocator lambda_test_allocator(lambda_test_memory *memory);

/* ---- logs */

/** Log lines that were captured. Opaque; any thread. */
typedef struct lambda_test_log lambda_test_log;

/** Begins with no line. NULL when memory is out. The caller's to end with `lambda_test_log_free`, after its service. */
LAMBDA_API lambda_test_log *lambda_test_log_new(void);

/** Ends it. NULL is allowed. */
LAMBDA_API void lambda_test_log_free(lambda_test_log *log);

/** The port that captures. */
LAMBDA_API lambda_log_sink lambda_test_log_sink(lambda_test_log *log);

/** All lines, each `LEVEL REQUEST-ID MESSAGE` and a line end, a `-` for no request id. Borrowed until the next line or clear. */
LAMBDA_API const char *lambda_test_log_text(lambda_test_log *log);

/** How many lines hold `text`. */
LAMBDA_API size_t lambda_test_log_count(lambda_test_log *log, const char *text);

/** Forgets all lines. */
LAMBDA_API void lambda_test_log_clear(lambda_test_log *log);

/* ---- calling a handler directly */

/** What a fake context answers. Zero or NULL is the default. All is copied. */
typedef struct lambda_test_context_fields {
    const char *aws_request_id;       /**< at most 36 characters. Default "00000000-0000-4000-8000-000000000000" */
    const char *function_name;        /**< at most 64 characters. Default "function" */
    const char *function_version;     /**< at most 23 characters. Default "$LATEST" */
    const char *invoked_function_arn; /**< default: made of the function's name, at most 319 characters */
    const char *handler;              /**< default "" */
    const char *role;                 /**< default "" */
    const char *log_group_name;       /**< default "/aws/lambda/NAME" */
    const char *log_stream_name;      /**< default: made as for any environment */
    uint32_t memory_limit_in_mb;      /**< default 128 */
    uint32_t remaining_time_ms;       /**< from now on, on the service's clock. Default 3,000 */
    lambda_bytes client_context;      /**< default none */
    lambda_bytes identity;            /**< default none */
    const char *trace_id;             /**< default "" */
    const lambda_pair *environment;   /**< variables */
    size_t environment_count;         /**< number of those */
    void *user;                       /**< `lambda_context_user`; borrowed */
    void *state;                      /**< `lambda_context_state`; borrowed */
    bool provisioned;                 /**< the initialization type. Default "on-demand" */
} lambda_test_context_fields;

/** Exported form of `lambda_test_context_new`. */
LAMBDA_API lambda_status lambda_test_context_new_sized(lambda_t *lambda, const lambda_test_context_fields *fields,
                                                       size_t size, lambda_context **context);

/**
 * A context that answers what it is told, to call a handler with: `handler(event, context, response)`. Log lines go to the
 * service's sink; `lambda_context_temporary_directory` works. `fields` NULL: all defaults. `*context` is NULL on failure,
 * else the caller's to end with `lambda_test_context_free`, before the service closes.
 */
static inline lambda_status lambda_test_context_new(lambda_t *lambda, const lambda_test_context_fields *fields,
                                                    lambda_context **context)
{
    return lambda_test_context_new_sized(lambda, fields, sizeof(lambda_test_context_fields), context);
}

/** Ends it, its directory included. NULL is allowed. */
LAMBDA_API void lambda_test_context_free(lambda_context *context);

/** An event with a copy of these bytes. `*event` is NULL on failure, else the caller's to end. */
LAMBDA_API lambda_status lambda_test_event_new(lambda_t *lambda, lambda_bytes payload, lambda_event **event);

/** As lambda_test_event_new, of JSON; takes over the reference to `json`, even where it fails (NULL: out of memory). */
LAMBDA_API lambda_status lambda_test_event_new_json(lambda_t *lambda, json_t *json, lambda_event **event);

/** Ends it. NULL is allowed. */
LAMBDA_API void lambda_test_event_free(lambda_event *event);

/** An empty response. `*response` is NULL on failure, else the caller's to end. */
LAMBDA_API lambda_status lambda_test_response_new(lambda_t *lambda, lambda_response **response);

/** Ends it. NULL is allowed. */
LAMBDA_API void lambda_test_response_free(lambda_response *response);

/** What the handler has written, or the whole error that lambda_response_error_payload was given; a NUL stands after it. Borrowed until the response is used again. */
LAMBDA_API lambda_bytes lambda_test_response_payload(const lambda_response *response);

/** The type and message that were given to `lambda_response_error`; NULL where it was not called. Borrowed likewise. */
LAMBDA_API const char *lambda_test_response_error_type(const lambda_response *response);
LAMBDA_API const char *lambda_test_response_error_message(const lambda_response *response);

/*
 * ---- events
 *
 * What Lambda's services send, in the shapes of https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html and the pages
 * it leads to. Each call returns a new reference that is the caller's to alter with jansson and to json_decref; NULL when
 * memory is out or a text is not UTF-8. Texts that are NULL take the default that stands beside them. Any thread.
 */

/** S3, "ObjectCreated:Put": bucket "bucket", key "key" (percent-encoded as S3 does by the call), size in bytes. */
LAMBDA_API json_t *lambda_test_event_s3_put(const char *bucket, const char *key, uint64_t size);

/** SQS: one record a body; queue "queue". */
LAMBDA_API json_t *lambda_test_event_sqs(const char *queue, const char *const *bodies, size_t count);

/** SNS: one record; topic "topic", subject NULL for none, message "message". */
LAMBDA_API json_t *lambda_test_event_sns(const char *topic, const char *subject, const char *message);

/** Kinesis: one record a piece of data, base64 by the call; stream "stream", partition key "partition". */
LAMBDA_API json_t *lambda_test_event_kinesis(const char *stream, const char *partition_key, const lambda_bytes *data,
                                             size_t count);

/**
 * A DynamoDB stream: one record; `event_name` "INSERT", "MODIFY" or "REMOVE" (default "INSERT"), table "table". Keys and images
 * are in DynamoDB's JSON, borrowed; NULL: keys {"Id":{"S":"1"}}, an image left out.
 */
LAMBDA_API json_t *lambda_test_event_dynamodb(const char *table, const char *event_name, json_t *keys,
                                              json_t *old_image, json_t *new_image);

/** API Gateway's REST API, payload 1.0: method "GET", path "/"; body NULL for none. */
LAMBDA_API json_t *lambda_test_event_api_gateway_v1(const char *method, const char *path, const char *body);

/** API Gateway's HTTP API and function URLs, payload 2.0: method "GET", path "/", query "" as it stands after the `?`; body NULL for none. */
LAMBDA_API json_t *lambda_test_event_api_gateway_v2(const char *method, const char *path, const char *query,
                                                    const char *body);

/** An Application Load Balancer: method "GET", path "/"; body "" for none. */
LAMBDA_API json_t *lambda_test_event_alb(const char *method, const char *path, const char *body);

/** EventBridge: source "my.source", detail type "my.detail"; detail is borrowed, {} for NULL. */
LAMBDA_API json_t *lambda_test_event_event_bridge(const char *source, const char *detail_type, json_t *detail);

/** A schedule of EventBridge: rule "rule". */
LAMBDA_API json_t *lambda_test_event_schedule(const char *rule);

/**
 * CloudWatch Logs: group "group", stream "stream", messages. As sent it is base64 of gzip; it is stored, not compressed,
 * within the gzip form, which every reader of gzip takes.
 */
LAMBDA_API json_t *lambda_test_event_cloudwatch_logs(const char *group, const char *stream, const char *const *messages,
                                                     size_t count);

/** An IoT rule sends what its SELECT made of the message: {"topic":..., "payload":...} here. Topic "topic"; payload is borrowed, {} for NULL. */
LAMBDA_API json_t *lambda_test_event_iot_rule(const char *topic, json_t *payload);

/** A Cognito user pool's trigger: source "PreSignUp_SignUp", user "user"; attributes are borrowed, {"email":"user@example.com"} for NULL. */
LAMBDA_API json_t *lambda_test_event_cognito(const char *trigger_source, const char *user_name, json_t *attributes);

#ifdef __cplusplus
}
#endif

#endif
