/* What a call can answer: one list gives the enumeration, AWS's name and the plain text. */
#ifndef LAMBDA_STATUS_H
#define LAMBDA_STATUS_H

#include <lambda/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Every status: X(constant, name, text). The names are the exceptions of Lambda's API
 * (https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html and each operation's page);
 * `OutOfMemoryError` is this library's own, for a failed allocation in the host's process.
 */
#define LAMBDA_STATUS_MAP(X)                                                                                           \
    X(LAMBDA_OK, "OK", "success")                                                                                      \
    X(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "InvalidParameterValueException", "a parameter is invalid")                \
    X(LAMBDA_ERROR_RESOURCE_NOT_FOUND, "ResourceNotFoundException", "the resource does not exist")                     \
    X(LAMBDA_ERROR_RESOURCE_CONFLICT, "ResourceConflictException", "the resource exists already or is in use")         \
    X(LAMBDA_ERROR_TOO_MANY_REQUESTS, "TooManyRequestsException", "a concurrency or rate limit was reached")           \
    X(LAMBDA_ERROR_REQUEST_TOO_LARGE, "RequestTooLargeException", "the payload is larger than its limit")              \
    X(LAMBDA_ERROR_PRECONDITION_FAILED, "PreconditionFailedException", "the revision id is not the latest")            \
    X(LAMBDA_ERROR_INVALID_REQUEST_CONTENT, "InvalidRequestContentException", "the payload is not what it must be")    \
    X(LAMBDA_ERROR_INVALID_RUNTIME, "InvalidRuntimeException", "the runtime is unknown or not supported")              \
    X(LAMBDA_ERROR_INVALID_CODE, "InvalidZipFileException", "the code cannot be loaded")                               \
    X(LAMBDA_ERROR_CODE_STORAGE_EXCEEDED, "CodeStorageExceededException", "the code storage limit was reached")        \
    X(LAMBDA_ERROR_RECURSIVE_INVOCATION, "RecursiveInvocationException", "invocations are nested too deeply")          \
    X(LAMBDA_ERROR_SERVICE, "ServiceException", "the service or the system below it failed")                           \
    X(LAMBDA_ERROR_OUT_OF_MEMORY, "OutOfMemoryError", "an allocation failed")                                          \
    X(LAMBDA_ERROR_PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND, "ProvisionedConcurrencyConfigNotFoundException",          \
      "there is no provisioned concurrency")                                                                           \
    X(LAMBDA_ERROR_RESOURCE_NOT_READY, "ResourceNotReadyException", "the function has no code yet")

/** The answer of every call that can fail. Values are stable and only ever added at the end. */
typedef enum lambda_status {
#define LAMBDA_STATUS_ENUM(constant, name, text) constant,
    LAMBDA_STATUS_MAP(LAMBDA_STATUS_ENUM)
#undef LAMBDA_STATUS_ENUM
} lambda_status;

/** AWS's name of a status, for example "ResourceNotFoundException"; "Unknown" for a value that is none. Static; any thread. */
LAMBDA_API const char *lambda_status_name(lambda_status status);

/** A status in plain words; "unknown status" for a value that is none. Static; any thread. */
LAMBDA_API const char *lambda_status_text(lambda_status status);

#ifdef __cplusplus
}
#endif

#endif
