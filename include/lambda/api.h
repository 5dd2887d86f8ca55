/*
 * Lambda's REST API as calls: operations by name, their input and output as JSON. What http.h serves to clients, without a network. Library: liblambda-http (libmicrohttpd, libcrypto).
 */
#ifndef LAMBDA_API_H
#define LAMBDA_API_H

#include <lambda/package.h>
#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A service with the API's own things around it: function URLs, resource policies and whatever else only the API knows of. Opaque. */
typedef struct lambda_api lambda_api;

/** Zero means the default. Copied. */
typedef struct lambda_api_options {
    lambda_t *lambda; /**< required: the service. Borrowed until the API is closed */
    /** Where layers and deployment packages are. Borrowed likewise. NULL: operations that need it are refused */
    lambda_packages *packages;
    /**
     * A function URL, with %s for its id, of at most 200 bytes. Default "http://%s.lambda-url.REGION.localhost:PORT/": of the service's region, and of the server that was opened on the API last (https where it
     * speaks TLS); without a port where there is none.
     */
    const char *function_url;
    /** The directory of the service's sink to files (log_file.h), which `GetLogLines` reads. NULL: there is none to be read */
    const char *logs;
    /** The file of its exporter (lambda_trace_exporter_file), which `ListTraceDocuments` reads. NULL likewise */
    const char *traces;
} lambda_api_options;

/** Exported form of `lambda_api_open`. */
LAMBDA_API lambda_status lambda_api_open_sized(const lambda_api_options *options, size_t size, lambda_api **api);

/** `*api` is NULL on failure, else the caller's to end with `lambda_api_close`. LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY. */
static inline lambda_status lambda_api_open(const lambda_api_options *options, lambda_api **api)
{
    return lambda_api_open_sized(options, sizeof(lambda_api_options), api);
}

/** Ends it, before its service. No call of it may be running. NULL is allowed. */
LAMBDA_API void lambda_api_close(lambda_api *api);

/** What an operation answered. Zero it before its first use; when done, `lambda_api_answer_clear`. */
typedef struct lambda_api_answer {
    int status;          /**< HTTP's: 200, 201, 202, 204 where it succeeded */
    char error_type[64]; /**< "ResourceNotFoundException", ...; "" where it succeeded */
    char *
        json; /**< the output as JSON, or the error's: {"Type":"User","Message":"..."}. NUL-terminated; "" where there is none */
    size_t length; /**< of it */
} lambda_api_answer;

/**
 * Runs an operation: "CreateFunction", "ListAliases", ..., as docs/api.md has them. `input` is a JSON object with the operation's members by their names in AWS's model, wherever they stand in an HTTP
 * request ({"FunctionName": "area", "Qualifier": "prod"}); blobs are base64. Empty: {}. As the account's administrator: nothing is refused for want of a permission.
 *
 * LAMBDA_OK says that the operation ran; whether it failed stands in the answer. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for no such operation, for input that is no JSON object, and for operations whose answer
 * is a stream; LAMBDA_ERROR_OUT_OF_MEMORY. Any thread.
 */
LAMBDA_API lambda_status lambda_api_call(lambda_api *api, const char *operation, lambda_bytes input,
                                         lambda_api_answer *answer);

/** Frees an answer's memory and zeroes it. NULL and a zeroed one are allowed. */
LAMBDA_API void lambda_api_answer_clear(lambda_api_answer *answer);

/** An operation as an HTTP request, for who asks a server (http.h) or Lambda itself. Zero it before its first use; when done, `lambda_api_request_clear`. */
typedef struct lambda_api_request_parts {
    const char *method; /**< "POST". Static */
    char *path;         /**< path and query, percent-encoded, the query's names in order of bytes */
    char *
        headers; /**< "Name: value" and a line end each, those that the operation takes; "" for none. The rest, Host and the signature too, are the caller's */
    char *body;  /**< JSON; "" for none, and for operations that take a payload: the caller's payload is the body */
    size_t length; /**< of it */
} lambda_api_request_parts;

/**
 * Says how an operation is asked for over HTTP: puts the members of `input`, an object as `lambda_api_call` takes it, where they stand in a request. A member that is a payload ("Payload" of Invoke) is left
 * out. Members are not checked, the server does that, but those of the path have to be there. `*parts` is overwritten.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for no such operation, no JSON object, a member of the path that is missing or empty, a value of path, query or header that is a structure or has a line end; LAMBDA_ERROR_OUT_OF_MEMORY;
 * `lambda_error_message(NULL)` says why. Any thread.
 */
LAMBDA_API lambda_status lambda_api_request(const char *operation, lambda_bytes input, lambda_api_request_parts *parts);

/** Frees its memory and zeroes it. NULL and a zeroed one are allowed. */
LAMBDA_API void lambda_api_request_clear(lambda_api_request_parts *parts);

/** How far an operation is built. */
typedef enum lambda_api_state {
    LAMBDA_API_BUILT = 0,    /**< it works */
    LAMBDA_API_NOT_BUILT = 1 /**< it answers status 501 and names itself */
} lambda_api_state;

/** An operation of the API. Static. */
typedef struct lambda_api_operation {
    const char *name;       /**< "CreateFunction" */
    const char *method;     /**< "POST" */
    const char *path;       /**< "/2015-03-31/functions/{FunctionName}/aliases" */
    int status;             /**< where it succeeds */
    lambda_api_state state; /**< see there */
    bool
        own; /**< libλ's own, which AWS does not have: its path begins with "/liblambda/", its action with "liblambda:" */
} lambda_api_operation;

/** The operation of that index, from 0; NULL past the last. Any thread. */
LAMBDA_API const lambda_api_operation *lambda_api_operation_at(size_t index);

#ifdef __cplusplus
}
#endif

#endif
