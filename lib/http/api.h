/* A service with what only the API knows of. */
#ifndef LAMBDA_HTTP_API_H
#define LAMBDA_HTTP_API_H

#include <lambda/function.h>
#include <pthread.h>
#include <stdatomic.h>

#include "operation.h"

/** Places for compiled patterns: more than twice as many as the tables have. */
#define LAMBDA__PATTERNS 256
/** Above the port. */
#define LAMBDA__SERVED_TLS (UINT32_C(1) << 16)

struct lambda_api {
    lambda_t *lambda;
    lambda_packages *packages;
    char region[33];
    char account_id[13];
    char function_url[256];  /* with %s; "": the default */
    _Atomic uint32_t served; /* port of the server that was opened last, and LAMBDA__SERVED_TLS; 0: none is open */
    char *logs;              /* NULL: none to be read */
    char *traces;            /* likewise */
    unsigned char location_key[32];    /* location.c */
    pthread_mutex_t changing;          /* held by who reads an attachment and writes it again */
    struct lambda__url_index *urls;    /* function URLs by their id: url.h */
    struct lambda__policies *policies; /* of functions, as Invoke asks for them: policy_cache.h */
    _Atomic(struct lambda__compiled *) patterns[LAMBDA__PATTERNS]; /* pattern.h */
};

/* ---- documents of attachments: a JSON object each */

/** A new reference, or NULL with the status. `name` with its qualifier, as lambda_attachment_get takes it. LAMBDA_ERROR_RESOURCE_NOT_FOUND: the function is not there, or has none. */
json_t *lambda__document_get(lambda_api *api, const char *name, const char *kind, lambda_status *status);
/** `document` NULL takes it away; else it is borrowed. */
lambda_status lambda__document_put(lambda_api *api, const char *name, const char *kind, const json_t *document);

/* Shapes that several operations answer with: new references, NULL when memory is out. */
json_t *lambda__shape_configuration(const lambda_api *api, const lambda_function_configuration *configuration);

/** "2026-01-31T12:00:00.000+0000" of nanoseconds since 1970. */
void lambda__time_text(uint64_t ns, char text[32]);

#endif
