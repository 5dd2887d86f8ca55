/*
 * A server: its options, its daemon, and the watchman, a thread that ends connections which take too long for a request's headers or body.
 *
 * Closing, in this order: libmicrohttpd listens no more; new requests are answered with 503; those that run are waited for as long as the grace is; streams are cut and sockets shut down; the workers end, when
 * their handlers have; then the daemon.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

#include "server.h"

#define fail(...) lambda_runtime_fail(NULL, __VA_ARGS__)

/* ---- the watchman */

static void look(lambda_http *http, uint64_t now)
{
    for (lambda__connection *each = http->connections; each; each = each->next) {
        uint64_t deadline = atomic_load_explicit(&each->deadline_ms, memory_order_relaxed);
        if (deadline == 0 || now < deadline) continue;
        /* libmicrohttpd sees the end of it, and closes it: it is listed, so its socket is open. */
        if (each->fd >= 0) shutdown(each->fd, SHUT_RDWR);
        atomic_store_explicit(&each->deadline_ms, 0, memory_order_relaxed);
    }
}

static void *watch(void *user)
{
    lambda_http *http = user;
    pthread_mutex_lock(&http->listing);
    while (!http->watch_ends) {
        if (!http->connections) {
            pthread_cond_wait(&http->watching, &http->listing);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)http->tick_ms * 1000000;
        until.tv_sec += (time_t)(ns / 1000000000);
        until.tv_nsec = (long)(ns % 1000000000);
        pthread_cond_timedwait(&http->watching, &http->listing, &until);
        uint64_t now = lambda__now_ms();
        atomic_store_explicit(&http->now_ms, now, memory_order_relaxed);
        look(http, now);
    }
    pthread_mutex_unlock(&http->listing);
    return NULL;
}

/* ---- options */

/** A number's default and its most. */
static bool bounded(uint32_t *value, uint32_t otherwise, uint32_t most)
{
    if (*value == 0) *value = otherwise;
    return *value <= most;
}

static lambda_status check(lambda_http_options *options)
{
    if (!options->api) return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "api: is required");
    if (!options->certificate != !options->key)
        return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: there is a %s, so it is required too",
                    options->certificate ? "key" : "certificate", options->certificate ? "certificate" : "key");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = processors < 2 ? 2 : processors > 64 ? 64 : (uint32_t)processors;
    const char *wrong = !bounded(&options->threads, threads, 64)                ? "threads: at most 64"
                        : !bounded(&options->workers, 1024, 4096)               ? "workers: at most 4,096"
                        : !bounded(&options->connections, 4096, 1U << 20)       ? "connections: at most 1,048,576"
                        : !bounded(&options->header_bytes, 16384, 1U << 20)     ? "header_bytes: at most 1,048,576"
                        : !bounded(&options->header_timeout_ms, 20000, 3600000) ? "header_timeout_ms: at most 3,600,000"
                        : options->header_bytes < 1024                          ? "header_bytes: at least 1,024"
                                                                                : NULL;
    return wrong ? fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s", wrong) : LAMBDA_OK;
}

/** Where to listen; plain HTTP only on loopback, unless it is meant. */
static lambda_status find_address(const lambda_http_options *options, struct sockaddr_storage *address, socklen_t *size)
{
    const char *text = options->address ? options->address : "127.0.0.1";
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof(*address));
    bool loopback = false;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(options->port);
        *size = sizeof(*four);
        loopback = ntohl(four->sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(options->port);
        *size = sizeof(*six);
        loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    } else {
        return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "address: \"%s\" is no numeric address of IPv4 or IPv6",
                    text);
    }
    if (loopback || options->certificate || options->insecure) return LAMBDA_OK;
    return fail(
        LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
        "address: %s can be reached from other machines, so a certificate and its key are required; `insecure` says "
        "that plain HTTP is meant",
        text);
}

static lambda_status start_listening(lambda_http *http, const lambda_http_options *options)
{
    struct sockaddr_storage address;
    socklen_t size = 0;
    lambda_status status = find_address(options, &address, &size);
    if (status != LAMBDA_OK) return status;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail(LAMBDA_ERROR_SERVICE, "port: no socket: %s", strerror(errno));
    http->listening = fd;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, SOMAXCONN) != 0) {
        const char *where = options->address ? options->address : "127.0.0.1";
        return fail(errno == EADDRINUSE ? LAMBDA_ERROR_RESOURCE_CONFLICT : LAMBDA_ERROR_SERVICE,
                    "port: cannot listen on %s, port %u: %s", where, options->port, strerror(errno));
    }
    size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return fail(LAMBDA_ERROR_SERVICE, "port: %s", strerror(errno));
    http->port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                    : ((struct sockaddr_in6 *)&address)->sin6_port);
    return LAMBDA_OK;
}

/** A file in PEM, ended by a NUL. */
static lambda_status read_pem(const char *option, const char *path, char **text)
{
    FILE *file = fopen(path, "re");
    if (!file) return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: %s: %s", option, path, strerror(errno));
    enum { MOST = 1 << 20 };
    char *data = calloc(1, MOST);
    size_t length = data ? fread(data, 1, MOST - 1, file) : 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!data) return fail(LAMBDA_ERROR_OUT_OF_MEMORY, "%s: no memory", option);
    if (failed || !strstr(data, "-----BEGIN ") || length == MOST - 1) {
        explicit_bzero(data, length);
        free(data);
        return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: %s is no file in PEM", option, path);
    }
    *text = data;
    return LAMBDA_OK;
}

/* ---- the daemon */

static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *text)
{
    (void)user;
    (void)connection;
    return strlen(text);
}

static lambda_status start_daemon(lambda_http *http, const lambda_http_options *options, const char *certificate,
                                  const char *key)
{
    /*
     * What a connection has for a request's headers and its answer's. libmicrohttpd zeroes all of it after each request: it is what a quick function's request costs most, next to the kernel.
     */
    size_t memory = (size_t)http->header_bytes + 8192;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem more[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    http->secure = certificate != NULL;
    if (certificate) {
        flags |= MHD_USE_TLS;
        more[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate};
        more[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key};
    }
    /* It shares its limit out among its threads, unevenly taken: the count of lambda__connection_admit is what holds. */
    unsigned each = http->connections_most + 64;
    errno = 0;
    http->daemon = MHD_start_daemon(
        flags, 0, lambda__connection_admit, http, lambda__connection_handle, http, MHD_OPTION_LISTEN_SOCKET,
        http->listening, MHD_OPTION_THREAD_POOL_SIZE, options->threads, MHD_OPTION_CONNECTION_LIMIT,
        each * options->threads, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(http->header_timeout_ms / 1000 + 2), MHD_OPTION_URI_LOG_CALLBACK, lambda__connection_line, http,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, http, MHD_OPTION_NOTIFY_COMPLETED, lambda__connection_completed,
        http, MHD_OPTION_NOTIFY_CONNECTION, lambda__connection_changed, http, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (!http->daemon)
        return fail(LAMBDA_ERROR_SERVICE, "libmicrohttpd does not start%s: %s",
                    certificate ? ", perhaps as it cannot read certificate and key" : "",
                    errno ? strerror(errno) : "it says no reason");
    http->listening = -1;
    return LAMBDA_OK;
}

static lambda_status start(lambda_http *http, const lambda_http_options *options)
{
    char *certificate = NULL;
    char *key = NULL;
    lambda_status status = LAMBDA_OK;
    if (options->certificate) status = read_pem("certificate", options->certificate, &certificate);
    if (status == LAMBDA_OK && options->key) status = read_pem("key", options->key, &key);
    if (status == LAMBDA_OK)
        status = lambda__identities_open(options->credentials, options->identities, options->api->account_id,
                                         &http->identities);
    if (status == LAMBDA_OK) status = start_listening(http, options);
    if (status == LAMBDA_OK && pthread_create(&http->watchman, NULL, watch, http) != 0)
        status = fail(LAMBDA_ERROR_SERVICE, "the system gives no thread");
    else if (status == LAMBDA_OK)
        http->watched = true;
    if (status == LAMBDA_OK) status = start_daemon(http, options, certificate, key);
    if (key) explicit_bzero(key, strlen(key));
    free(key);
    free(certificate);
    return status;
}

static lambda_http *make(const lambda_http_options *options)
{
    lambda_http *http = calloc(1, sizeof(*http));
    if (!http) return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&http->watching, &attributes);
    pthread_cond_init(&http->quiet, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&http->listing, NULL);
    pthread_mutex_init(&http->logging, NULL);
    pthread_mutex_init(&http->streaming, NULL);
    pthread_mutex_init(&http->roads.adding, NULL);
    http->api = options->api;
    http->lambda = options->api->lambda;
    http->listening = -1;
    http->connections_most = options->connections;
    http->header_bytes = options->header_bytes;
    http->header_timeout_ms = options->header_timeout_ms;
    http->tick_ms = options->header_timeout_ms / 16;
    if (http->tick_ms < 10) http->tick_ms = 10;
    if (http->tick_ms > 250) http->tick_ms = 250;
    http->access_log = options->access_log;
    http->user = options->user;
    atomic_init(&http->now_ms, lambda__now_ms());
    lambda__workers_open(&http->workers, options->workers);
    static const char failed[] = "{\"Type\":\"Server\",\"Message\":\"There is no memory.\"}";
    http->failed =
        MHD_create_response_from_buffer(sizeof(failed) - 1, (void *)(uintptr_t)failed, MHD_RESPMEM_PERSISTENT);
    bool whole = http->failed && MHD_add_response_header(http->failed, "Content-Type", "application/json") == MHD_YES &&
                 MHD_add_response_header(http->failed, "X-Amzn-ErrorType", "ServiceException") == MHD_YES;
    if (options->connection_rate > 0) {
        http->rate = lambda__rate_open(options->connection_rate);
        whole = whole && http->rate;
    }
    if (whole) return http;
    lambda_http_close(http, 0);
    return NULL;
}

lambda_status lambda_http_open_sized(const lambda_http_options *options, size_t size, lambda_http **http)
{
    if (!http) return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "http: is required");
    *http = NULL;
    if (!options) return fail(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "options: are required");
    lambda_http_options all = {0};
    memcpy(&all, options, size < sizeof(all) ? size : sizeof(all));
    lambda_status status = check(&all);
    if (status != LAMBDA_OK) return status;
    lambda_http *made = make(&all);
    if (!made) return fail(LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for a server");
    status = start(made, &all);
    if (status != LAMBDA_OK) {
        lambda_http_close(made, 0);
        return status;
    }
    *http = made;
    return LAMBDA_OK;
}

uint16_t lambda_http_port(const lambda_http *http)
{
    return http ? http->port : 0;
}

/* ---- the end */

/** With `listing`. */
static bool busy(const lambda_http *http)
{
    for (const lambda__connection *each = http->connections; each; each = each->next)
        if (atomic_load(&each->busy)) return true;
    return false;
}

/** Waits until no request is under way, at most until the grace is over. */
static void drain(lambda_http *http, uint32_t grace_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += grace_ms / 1000;
    until.tv_nsec += (long)(grace_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&http->listing);
    while (busy(http) && pthread_cond_timedwait(&http->quiet, &http->listing, &until) == 0)
        continue;
    pthread_mutex_unlock(&http->listing);
}

static void end_daemon(lambda_http *http, uint32_t grace_ms)
{
    atomic_store(&http->closing, true);
    int listening = MHD_quiesce_daemon(http->daemon);
    drain(http, grace_ms);
    atomic_store(&http->ending, true);
    pthread_mutex_lock(&http->listing);
    for (lambda__connection *each = http->connections; each; each = each->next)
        if (each->fd >= 0) shutdown(each->fd, SHUT_RDWR);
    pthread_mutex_unlock(&http->listing);
    lambda__flows_cut(http);
    lambda__workers_stop(&http->workers);
    /* Those that began since. */
    lambda__flows_cut(http);
    MHD_stop_daemon(http->daemon);
    if (listening >= 0) close(listening);
}

void lambda_http_close(lambda_http *http, uint32_t grace_ms)
{
    if (!http) return;
    if (http->daemon) end_daemon(http, grace_ms);
    if (http->watched) {
        pthread_mutex_lock(&http->listing);
        http->watch_ends = true;
        pthread_cond_signal(&http->watching);
        pthread_mutex_unlock(&http->listing);
        pthread_join(http->watchman, NULL);
    }
    if (http->listening >= 0) close(http->listening);
    lambda__identities_close(http->identities);
    lambda__rate_close(http->rate);
    lambda__roads_close(&http->roads);
    lambda__workers_free(&http->workers);
    if (http->failed) MHD_destroy_response(http->failed);
    pthread_cond_destroy(&http->watching);
    pthread_cond_destroy(&http->quiet);
    pthread_mutex_destroy(&http->listing);
    pthread_mutex_destroy(&http->logging);
    pthread_mutex_destroy(&http->streaming);
    free(http);
}
