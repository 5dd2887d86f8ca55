/*
 * Lambda's REST API and function URLs over HTTP, for the AWS SDKs, the AWS CLI and browsers. Library: liblambda-http (libmicrohttpd, libcrypto).
 *
 *     lambda_api_open(&(lambda_api_options){.lambda = lambda}, &api);
 *     lambda_http_open(&(lambda_http_options){.api = api, .port = 9000, .credentials = "credentials"}, &http);
 *     ...
 *     lambda_http_close(http, 2000);
 *     lambda_api_close(api);
 */
#ifndef LAMBDA_HTTP_H
#define LAMBDA_HTTP_H

#include <lambda/api.h>
#include <lambda/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A server. Opaque. */
typedef struct lambda_http lambda_http;

/** Where and for whom. Zero means the default. Copied, but for what is said to be borrowed. */
typedef struct lambda_http_options {
    lambda_api *api; /**< required. Borrowed until the server is closed */
    const char *
        address; /**< numeric, IPv4 or IPv6. Default "127.0.0.1". One that is not loopback needs `certificate` or `insecure` */
    uint16_t port; /**< default 0: the system chooses one (lambda_http_port) */
    /** Files in PEM of a certificate chain and its key: then TLS is spoken. Default NULL: it is not */
    const char *certificate;
    const char *key; /**< likewise; both or none */
    bool insecure;   /**< plain HTTP beyond loopback is meant */
    /**
     * Who may come in: a file of AWS's format (~/.aws/credentials), whose sections name identities. NULL: nobody, and only function URLs of AuthType NONE answer. Read again when
     * it has changed.
     */
    const char *credentials;
    /** What each identity may: a JSON file (docs/security.md). Default NULL: every identity of `credentials` may do everything. Read again likewise */
    const char *identities;
    uint32_t threads;     /**< that serve connections. Default the number of processors, at least 2; at most 64 */
    uint32_t workers;     /**< most threads that run what may take its time. Default 1,024; at most 4,096 */
    uint32_t connections; /**< most at once; beyond them, new ones are closed. Default 4,096; at most 1,048,576 */
    uint32_t
        connection_rate; /**< most requests a second of one address, of IPv6 a network of 64 bits; more are status 429. Default 0: no limit */
    uint32_t
        header_bytes; /**< most of a request's line and headers. Default 16,384; 1,024 to 1,048,576. More is status 431 */
    uint64_t
        body_bytes; /**< most memory of bodies, of all requests that are under way: whose no longer fits is answered with status 503. Default 1 GiB */
    /**
     * Milliseconds until a request's line and headers are there, from the connection's beginning or the end of the answer before; then for each further KiB of its body, or the rest of it; then for each 64 KiB of the
     * answer to be taken, a stream's included. A connection that takes longer is closed, whatever trickles. Default 20,000; at most 3,600,000
     */
    uint32_t header_timeout_ms;
    /**
     * Is given a line of each request that was answered: without a line end, of one call at a time, on any thread. It is the common log format (https://httpd.apache.org/docs/current/logs.html#common), with the access
     * key's id as user and no query, then request id, operation, function and milliseconds; "-" for what there is not. NULL: nobody is
     */
    lambda_writer *access_log;
    void *user; /**< handed to it */
} lambda_http_options;

/** Exported form of `lambda_http_open`. */
LAMBDA_API lambda_status lambda_http_open_sized(const lambda_http_options *options, size_t size, lambda_http **http);

/**
 * Starts a server. Besides the API and function URLs it has two pages: /healthz answers anybody "ok", and tells who asks from this machine, by a name of its own, where a file of credentials or identities is broken, so that nobody with keys can come in; /metrics is the service's metrics as Prometheus reads them, for who asks so, and for others with a
 * signature.
 *
 * A function with INLINE isolation that lately was quick, under a millisecond, runs on the thread that serves the connection; all others on threads that are made as they are needed, up to `workers`.
 *
 * `*http` is NULL on failure, else the caller's to end with `lambda_http_close`; `lambda_error_message(NULL)` says why. LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
 * LAMBDA_ERROR_RESOURCE_CONFLICT for a port that is taken, LAMBDA_ERROR_SERVICE for what else the system refuses, LAMBDA_ERROR_OUT_OF_MEMORY.
 */
static inline lambda_status lambda_http_open(const lambda_http_options *options, lambda_http **http)
{
    return lambda_http_open_sized(options, sizeof(lambda_http_options), http);
}

/** The port it listens on. 0 for NULL. */
LAMBDA_API uint16_t lambda_http_port(const lambda_http *http);

/**
 * Stops: takes no new connection, answers new requests with status 503, waits up to `grace_ms` for those that run, then ends their connections and waits for their handlers. Before its API and service
 * are closed. NULL is allowed.
 */
LAMBDA_API void lambda_http_close(lambda_http *http, uint32_t grace_ms);

/**
 * Makes a key of a new identity and adds it to a file of credentials as section `name` (1 to 64 of `A-Z a-z 0-9 + = , . @ _ -`): for the first administrator. The file is made where there is none;
 * it gets mode 0600, and stands on disk when this returns, whole or as it was. The key comes back in the buffers, the only other place where its secret is; "" on failure.
 * LAMBDA_ERROR_RESOURCE_CONFLICT where there is such a section, LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a name or file that is none or cannot be written, LAMBDA_ERROR_SERVICE without random bytes,
 * LAMBDA_ERROR_OUT_OF_MEMORY; `lambda_error_message(NULL)` says why. Any thread, and any process: each gets its section.
 */
LAMBDA_API lambda_status lambda_credentials_create(const char *path, const char *name, char access_key_id[21],
                                                   char secret_access_key[41]);

#ifdef __cplusplus
}
#endif

#endif
