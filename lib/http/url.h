/*
 * Function URLs: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html. Knows nothing of connections, so that tests and fuzzers can feed it. Who serves a request goes this way:
 *
 *     lambda__url_find           is it for a function URL, and which?           else the REST API
 *     lambda__cors_preflight     answered without invoking?                     url->cors
 *     lambda__url_may            allowed? (AWS_IAM: after the signature)        else 403
 *     lambda__url_event          the event, into a buffer that is used again
 *     lambda_target_invoke       url->target; as a stream where url->stream
 *     lambda__url_response       BUFFERED: the result as an HTTP answer
 *     lambda__url_prelude_feed   RESPONSE_STREAM: parts, until status and headers are known
 *     lambda__cors_apply         headers of CORS, in place of the function's own
 *     lambda__url_release
 */
#ifndef LAMBDA_HTTP_URL_H
#define LAMBDA_HTTP_URL_H

#include <lambda/invoke.h>

#include "signature.h"
#include "url_text.h"

/* ---- which */

/** CORS of a URL: https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html. Lists joined as headers have them; NULL: not configured. */
typedef struct lambda__cors {
    bool credentials;
    bool any_origin;
    char **origins; /* NULL-terminated */
    char *methods;  /* "GET, POST" or "*" */
    char *headers;
    char *expose;
    int max_age; /* seconds; -1: not configured */
} lambda__cors;

/** A function URL. Stays as it is; a change puts another in its place. */
typedef struct lambda__url {
    char id[33]; /* 32 of a-z 0-9 */
    char function_name[65];
    char qualifier[130]; /* of an alias; "": none */
    char name[200];      /* "NAME" or "NAME:QUALIFIER" */
    char arn[320];       /* with the qualifier */
    bool iam;            /* AuthType AWS_IAM, else NONE */
    bool stream;         /* InvokeMode RESPONSE_STREAM, else BUFFERED */
    lambda__cors *cors;  /* NULL: none */
    lambda_target *target;
    char *document; /* what it was read from */
    size_t document_length;
    json_t *policy; /* of the resource; NULL: none */
    lambda__verdict
        open; /* what the policy says of anybody, where `settled`: no condition of it looks at the request */
    bool settled;
} lambda__url;

typedef struct lambda__url_index lambda__url_index;

/** Reads the attachments of kind "url" of all functions. `*index` is NULL on failure. Belongs to the API: `api->urls`. */
lambda_status lambda__url_index_open(lambda_api *api, lambda__url_index **index);
/** NULL is allowed. No match may be held. */
void lambda__url_index_close(lambda__url_index *index);
/**
 * Reads again what is attached to a function and its qualifiers: its URLs and policies. By whoever changed a URL or a policy, or deleted a function or an alias, after that. `name` in any form, with a qualifier or without. Any thread.
 * LAMBDA_ERROR_OUT_OF_MEMORY: what it had of that function stays as it was.
 */
lambda_status lambda__url_index_reload(lambda_api *api, const char *name);

typedef enum lambda__url_found {
    LAMBDA__URL_NOT = 0, /* the request is for no function URL */
    LAMBDA__URL_UNKNOWN, /* for one that is not there: lambda__url_answer_forbidden */
    LAMBDA__URL_FOUND
} lambda__url_found;

/** A request's URL. Its own storage, to be zeroed first. */
typedef struct lambda__url_match {
    const lambda__url *url; /* held until lambda__url_release */
    const char *path;       /* raw, of the event: points into what was asked with, or to "/" */
    char domain[256]; /* "ID.lambda-url.REGION.localhost", lower-case and without a port, also for the path form */
} lambda__url_match;

/**
 * By the Host header's value, "ID.lambda-url.REGION.ANY.DOMAIN[:PORT]" in any case, or by the raw path, "/lambda-url/ID/REST". `host` NULL: the request has none. With LAMBDA__URL_FOUND the match holds the URL: it
 * and its target are there until released, whatever changes meanwhile. A URL that went with its function or alias is found to be gone, also where another of that name is there now. Takes a lock that few
 * threads share, for as long as a look into a table takes.
 */
lambda__url_found lambda__url_find(lambda_api *api, const char *host, const char *path, lambda__url_match *match);
/** A match that holds nothing is allowed. */
void lambda__url_release(lambda__url_match *match);

/* ---- the event */

/** A request as it came. Borrowed. */
typedef struct lambda__url_request {
    const char *method;
    const char *query;    /* raw, without "?"; "" for none */
    const char *protocol; /* "HTTP/1.1" */
    const char *source_ip;
    const char *port;              /* of the server, as text */
    const char *trace;             /* the trace header's value */
    bool tls;                      /* it came so */
    const lambda__header *headers; /* all, repeated names too, in their order */
    size_t headers_count;
    lambda_bytes body;
    uint64_t now_ns;              /* since 1970 */
    const char *request_id;       /* a UUID */
    const lambda__caller *caller; /* with AWS_IAM, whose signature was right; else NULL */
    const char *access_key;       /* its access key's id; else NULL */
} lambda__url_request;

/**
 * The event, of payload format 2.0: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html. Overwrites `text`, whose memory is used again. It is JSON whatever the request holds: bytes that are no UTF-8 become U+FFFD. LAMBDA_ERROR_OUT_OF_MEMORY.
 */
lambda_status lambda__url_event(const lambda_api *api, const lambda__url_match *match,
                                const lambda__url_request *request, lambda__url_text *text);

/* ---- the answer */

/** Most headers of an answer, cookies included; more of them are a response that is not valid. */
#define LAMBDA__URL_HEADERS 256

/** What is answered over HTTP. Zero it before its first use; may be used again, which keeps its memory; ended by lambda__url_answer_clear. */
typedef struct lambda__url_answer {
    int status;
    /** Names and values as they go out, "Set-Cookie" once for each cookie. Neither Content-Length nor what belongs to a connection is among them. There is always a "Content-Type" where there is a body. */
    lambda__header headers[LAMBDA__URL_HEADERS];
    size_t headers_count;
    const char *body; /* whose memory is the answer's or the payload's that it was made of */
    size_t body_length;
    json_t *root;                       /* what headers and body point into */
    lambda__url_text text;              /* likewise: the decoded body */
    char *strings[LAMBDA__URL_HEADERS]; /* malloc'd values */
    size_t strings_count;
} lambda__url_answer;

/** Empties it, and keeps memory for the next use. */
void lambda__url_answer_reset(lambda__url_answer *answer);
void lambda__url_answer_clear(lambda__url_answer *answer);

/**
 * What a function answered, BUFFERED, as HTTP: an object with statusCode says status, headers, cookies, body and isBase64Encoded; any other JSON is the body, with status 200 and application/json, a JSON string as
 * the text it stands for. What is no JSON, or has members of another type, is status 502. `payload` is borrowed for as long as the answer is read. LAMBDA_ERROR_OUT_OF_MEMORY.
 */
lambda_status lambda__url_response(lambda_bytes payload, lambda__url_answer *answer);

/** An invocation that did not succeed, as HTTP: LAMBDA_OK for a function error, or a failed status of lambda_target_invoke. 502, 429 with its reason, which may be NULL, 413, 404 or 500. */
void lambda__url_answer_failed(lambda__url_answer *answer, lambda_status status, const char *throttle_reason);
/** 403, {"Message":"Forbidden..."}. */
void lambda__url_answer_forbidden(lambda__url_answer *answer);
/** Of a status and a message: {"Message":"..."}. `error_type` NULL: no X-Amzn-ErrorType. Both are static. */
void lambda__url_answer_message(lambda__url_answer *answer, int status, const char *error_type, const char *message);

/** Copies a header's name and value behind the others, in place of the one of that name if `replace`. */
lambda_status lambda__url_answer_header(lambda__url_answer *answer, const char *name, const char *value, bool replace);
/** Takes away all of that name. */
void lambda__url_answer_without(lambda__url_answer *answer, const char *name);

/* ---- RESPONSE_STREAM */

/** Most bytes of a prelude. */
#define LAMBDA__URL_PRELUDE_MAX 65536

/** How far status and headers of a stream are known. */
typedef enum lambda__prelude_state {
    LAMBDA__PRELUDE_MORE = 0, /* not yet: feed it more */
    LAMBDA__PRELUDE_DONE,     /* they stand in the answer; what was not taken is the body, as is all that follows */
    LAMBDA__PRELUDE_BAD       /* the prelude is none: the answer is status 502 */
} lambda__prelude_state;

/** Zero to begin with; ended by lambda__url_prelude_clear. */
typedef struct lambda__url_prelude {
    lambda__prelude_state state;
    lambda__url_text text; /* what came of it */
    size_t nuls;           /* at its end */
} lambda__url_prelude;

/**
 * The stream begins. With content type "application/vnd.awslambda.http-integration-response" JSON comes first, then eight NUL bytes, then the body. With any other, the answer is at once status 200 with that content type: DONE.
 * LAMBDA_ERROR_OUT_OF_MEMORY.
 */
lambda_status lambda__url_prelude_begin(lambda__url_prelude *prelude, const char *content_type,
                                        lambda__url_answer *answer);
/** Takes `*used` bytes of a part. What is DONE or BAD takes none. LAMBDA_ERROR_OUT_OF_MEMORY. */
lambda_status lambda__url_prelude_feed(lambda__url_prelude *prelude, const void *data, size_t length, size_t *used,
                                       lambda__url_answer *answer);
/** The stream has ended: what has no end of a prelude by now is BAD. */
void lambda__url_prelude_end(lambda__url_prelude *prelude, lambda__url_answer *answer);
void lambda__url_prelude_clear(lambda__url_prelude *prelude);

/* ---- CORS */

/** Answers a preflight of a URL with CORS: true. An OPTIONS request without Access-Control-Request-Method, or of a URL without CORS, is the function's: false. LAMBDA_ERROR_OUT_OF_MEMORY in `*status`. */
bool lambda__cors_preflight(const lambda__url *url, const char *method, const lambda__header *headers,
                            size_t headers_count, lambda__url_answer *answer, lambda_status *status);
/** Where the URL has CORS, its headers take the place of the function's own. Also of answers that refuse. LAMBDA_ERROR_OUT_OF_MEMORY. */
lambda_status lambda__cors_apply(const lambda__url *url, const lambda__header *headers, size_t headers_count,
                                 lambda__url_answer *answer);

/* ---- who may */

/**
 * May the caller invoke through this URL? Both lambda:InvokeFunctionUrl and lambda:InvokeFunction are asked for, as of new function URLs since October 2025:
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html. `caller`: who signed, for AuthType AWS_IAM, and otherwise anybody, without a name. False: the answer is 403.
 */
bool lambda__url_may(const lambda__url *url, const lambda__caller *caller, lambda__url_answer *answer);

#endif
