/* The Runtime API as a bootstrap uses it: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
#ifndef LAMBDA_BOOTSTRAP_API_H
#define LAMBDA_BOOTSTRAP_API_H

#include <signal.h>

#include <curl/curl.h>

#include <lambda/stream.h>

/** What `next` says of an invocation. Texts are "" where their header was not there. */
enum {
    LAMBDA__REQUEST_ID,
    LAMBDA__DEADLINE,
    LAMBDA__ARN,
    LAMBDA__TRACE,
    LAMBDA__CLIENT_CONTEXT,
    LAMBDA__IDENTITY,
    LAMBDA__HEADERS
};

/** A growing run of bytes, a NUL behind them. */
typedef struct lambda__bytes {
    char *data;
    size_t length;
    size_t capacity;
} lambda__bytes;

/** A streamed response on its way. */
typedef struct lambda__upload {
    CURL *easy; /* made for each */
    struct curl_slist *headers;
    bool begun;
    bool waits;       /* libcurl wants more, and there is nothing now */
    bool whole;       /* nothing comes any more */
    bool over;        /* libcurl is done with it */
    CURLcode result;  /* once it is over */
    const char *data; /* what is to be sent: of who writes */
    size_t length;
    char *error_headers[2]; /* trailers; NULL: there is no error */
} lambda__upload;

typedef struct lambda__api {
    CURLM *multi;
    CURL *next;   /* no timeout: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next */
    CURL *answer; /* responses and errors */
    struct curl_slist *plain; /* headers of a request without any of its own */
    struct curl_slist *json;
    const char *address; /* AWS_LAMBDA_RUNTIME_API */
    int wake;            /* readable when the process is to end; -1: nothing wakes */
    lambda__bytes headers[LAMBDA__HEADERS];
    lambda__bytes payload;
    lambda__bytes reply; /* what an answer is answered with */
    lambda__upload upload;
    char error[CURL_ERROR_SIZE];
} lambda__api;

/** True, or the reason is on standard error. `wake` as in lambda__api. */
bool lambda__api_open(lambda__api *api, int wake);
void lambda__api_close(lambda__api *api);

typedef enum lambda__next { LAMBDA__NEXT_EVENT, LAMBDA__NEXT_WOKEN, LAMBDA__NEXT_FAILED } lambda__next;

/** Waits for the next event, or until something wakes; the reason of a failure is on standard error. */
lambda__next lambda__api_next(lambda__api *api);

/** Answers the invocation; false where the Runtime API says that the process has to end, or cannot be reached. */
bool lambda__api_response(lambda__api *api, lambda_bytes payload);

/** The same with an error: `payload` is Lambda's object. With `init`, the environment's instead of the invocation's. */
bool lambda__api_error(lambda__api *api, bool init, const char *type, lambda_bytes payload);

/** A streamed response begins. LAMBDA_ERROR_SERVICE where it cannot, or OUT_OF_MEMORY. */
lambda_status lambda__api_stream_begin(lambda__api *api, const char *content_type);

/** Sends a part, and returns when it is on its way. LAMBDA_ERROR_SERVICE: nobody takes it. */
lambda_status lambda__api_stream_write(lambda__api *api, const void *data, size_t length);

/** Ends it; with `type` not NULL in an error. As lambda__api_response. */
bool lambda__api_stream_end(lambda__api *api, const char *type, lambda_bytes payload);

/** Appends; false when memory is out. */
bool lambda__bytes_append(lambda__bytes *bytes, const void *data, size_t length);

#endif
