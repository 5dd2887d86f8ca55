/*
 * An operation of the API: one row of the table in operations.c. Whoever calls, a request goes this way:
 *
 *     server.c or lambda_api_call -> members gathered into one JSON object (gather.c) -> checked against the row's members (check.c) -> allowed? (caller.c) -> the row's handler -> lambda__reply
 *
 * A handler reads `request->input`, whose members are there in their right types, within their limits, or absent; and fills in the reply. It knows nothing of HTTP's wire.
 */
#ifndef LAMBDA_HTTP_OPERATION_H
#define LAMBDA_HTTP_OPERATION_H

#include <jansson.h>
#include <lambda/api.h>

typedef struct lambda__operation lambda__operation;

/* ---- what an operation takes */

typedef enum lambda__place {
    LAMBDA__IN_BODY = 0, /* a member of the JSON body */
    LAMBDA__IN_PATH,     /* {FunctionName}; {Arn+} takes slashes too */
    LAMBDA__IN_QUERY,
    LAMBDA__IN_HEADER,
    LAMBDA__IN_PAYLOAD /* the whole body, which is no JSON to us */
} lambda__place;

typedef enum lambda__type {
    LAMBDA__STRING = 0,
    LAMBDA__INTEGER,
    LAMBDA__NUMBER,
    LAMBDA__BOOLEAN,
    LAMBDA__BLOB,      /* base64 in JSON */
    LAMBDA__STRUCTURE, /* `members` */
    LAMBDA__LIST,      /* of `element` */
    LAMBDA__MAP        /* of strings to `element` */
} lambda__type;

/** A member and its limits: facts of Lambda's model. The limit of a string and of a list is its length; of a number its value. `max` 0: none. */
typedef struct lambda__member {
    const char *name; /* in the model */
    lambda__type type;
    lambda__place place;
    bool required;
    const char *wire; /* in query or header, where it differs: "X-Amz-Invocation-Type". NULL: the name */
    double min;
    double max;
    const char *pattern; /* POSIX extended, of the whole string; as AWS's messages show it: `shown`. NULL: none */
    const char *shown;   /* NULL: the pattern itself */
    bool
        takes_words; /* letters, digits, "_" and "-" alone are always of the pattern: nearly all names are, and it is slow */
    const char *const *values;            /* of an enumeration, NULL-terminated. NULL: none */
    const struct lambda__member *members; /* of a structure, or of a list's structures; ended by a NULL name */
    lambda__type element;                 /* of a list, or of a map's values */
    const struct lambda__member *each;    /* limits of those, which are scalars. NULL: none */
    const struct lambda__member *keys;    /* of a map's names. NULL: none */
} lambda__member;

/* ---- one call */

/** Who calls. */
typedef struct lambda__caller {
    const char *arn;        /* "arn:aws:iam::000000000000:user/alice"; "" for one without a name */
    const char *account_id; /* "" likewise */
    const char *service;    /* a service principal, "s3.amazonaws.com", on whose behalf it is. NULL: none */
    const char *source_arn; /* with `service`. NULL: unknown */
    const struct lambda__identity *identity; /* what it may do; NULL: everything */
    const char *source_ip;                   /* "" unknown */
    const char *secure_transport;            /* "true": by TLS; "false". NULL: not over HTTP */
} lambda__caller;

typedef struct lambda__request {
    lambda_api *api;
    const lambda__operation *operation;
    json_t *input;        /* an object, never NULL */
    lambda_bytes payload; /* of LAMBDA__IN_PAYLOAD */
    const lambda__caller *caller;
    const char *request_id; /* the HTTP request's own, a UUID */
    const char *origin; /* where the caller reached this server, "http://127.0.0.1:9000". NULL: it came through none */
} lambda__request;

/** Most headers that a handler adds. */
#define LAMBDA__REPLY_HEADERS 12

/** What is answered. Zero to begin with; ended by lambda__reply_clear. */
typedef struct lambda__reply {
    int status;          /* 0: the operation's own */
    char error_type[64]; /* "": no error */
    json_t *json;        /* the output or the error; NULL: `raw` */
    char *raw;           /* malloc'd; NULL: none */
    size_t raw_length;
    const char *content_type; /* of `raw`; static. NULL: "application/json" */
    struct {
        const char *name; /* static */
        char *value;      /* malloc'd */
    } headers[LAMBDA__REPLY_HEADERS];
    size_t headers_count;
} lambda__reply;

void lambda__reply_clear(lambda__reply *reply);
/** A copy of the value. False when memory is out, which the reply then says. */
bool lambda__reply_header(lambda__reply *reply, const char *name, const char *value);
/** Takes the object, NULL included: memory is out then. */
void lambda__reply_json(lambda__reply *reply, json_t *json);
/** An error in AWS's shape: {"Type":"User" or "Server" by the status,"Message":...}. */
void lambda__reply_error(lambda__reply *reply, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** The error that a call of the library gave, with its message; LAMBDA_OK is none. */
void lambda__reply_status(lambda__reply *reply, lambda_t *lambda, lambda_status status);

/** A string member, or NULL. Likewise a whole number with a default, and a boolean. */
const char *lambda__input_string(const lambda__request *request, const char *name);
uint64_t lambda__input_number(const lambda__request *request, const char *name, uint64_t otherwise);
bool lambda__input_boolean(const lambda__request *request, const char *name, bool otherwise);

/** What follows ":function:" or ":layer:" (`kind`) in an ARN or a part of one; else the name itself: "my-function:1" is one. */
const char *lambda__bare_name(const char *name, const char *kind);

/**
 * "NAME:QUALIFIER" as the library takes it, of the members FunctionName and Qualifier, into memory of the request (lambda__request_text). Where both name a qualifier and they differ it answers with an
 * error and gives NULL. Also NULL when memory is out, which is answered.
 */
const char *lambda__input_function(const lambda__request *request, lambda__reply *reply);

/* ---- the table */

/** Answers a request. */
typedef void lambda__handler(const lambda__request *request, lambda__reply *reply);

/** Streams and payloads, which the server runs itself (invoke.c): the handler is NULL. */
typedef enum lambda__kind {
    LAMBDA__KIND_JSON = 0,
    LAMBDA__KIND_INVOKE,
    LAMBDA__KIND_INVOKE_STREAM,
    LAMBDA__KIND_INVOKE_ASYNC
} lambda__kind;

struct lambda__operation {
    lambda_api_operation shown;
    lambda__kind kind;
    lambda__handler *handler;      /* NULL: not built, or of another kind */
    const lambda__member *members; /* ended by a NULL name */
};

/** By method, raw path and raw query, which a few differ by. The members of the path are put into `input`, percent-decoded. NULL: there is none; `*path_known` says whether the path has other methods. */
const lambda__operation *lambda__operation_find(const char *method, const char *path, const char *query, json_t *input,
                                                bool *path_known);
/** Is that a member of what it takes? */
bool lambda__operation_takes(const lambda__operation *operation, const char *name);
/** By name. NULL: there is none. */
const lambda__operation *lambda__operation_named(const char *name);

/**
 * Checks the input: what is missing, of another type or outside its limits; what the operation does not take is removed from it. Strings of queries and headers become what the member is. False: the reply has the error, in AWS's words:
 * "1 validation error detected: Value '...' at '...' failed to satisfy constraint: ...".
 */
bool lambda__operation_check(lambda_api *api, const lambda__operation *operation, json_t *input, lambda__reply *reply);

/** May the caller? By its identity, and a layer's policy where it reads a layer. The input was checked. False: the reply says why not. */
bool lambda__operation_allowed(const lambda__request *request, lambda__reply *reply);

/** Checks, asks whether the caller may, and runs it: the whole of a call of LAMBDA__KIND_JSON. */
void lambda__operation_run(const lambda__request *request, lambda__reply *reply);

#endif
