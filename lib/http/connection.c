/* One request from its first byte to the answer that is queued. All of it on the connection's event thread, but for lambda__answer, which whoever runs the request calls. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "server.h"

/** So much of a body that nobody wants is read and thrown away, so that the connection can go on; of a longer one the connection is closed. */
#define DISCARDED_MOST (UINT64_C(64) << 20)
/** So much of a body has to come in each header_timeout_ms, or the rest of it. */
#define BODY_STEP 1024
/** So much of an answer has to be taken in each header_timeout_ms. */
#define ANSWER_STEP 65536

uint64_t lambda__now_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t lambda__now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** SplitMix64, seeded by the system for each thread: ids are told apart, not kept secret. */
static uint64_t random_word(void)
{
    static _Thread_local uint64_t state;
    if (state == 0 && getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
        state = lambda__now_wall() ^ (uint64_t)(uintptr_t)&state;
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

const char *lambda__request_id_text(lambda__connection *connection)
{
    if (connection->request_id[0] != '\0') return connection->request_id;
    lambda_request_id id = {.high = (random_word() & ~UINT64_C(0xf000)) | UINT64_C(0x4000),
                            .low = (random_word() >> 2) | (UINT64_C(1) << 63)};
    lambda_request_id_format(id, connection->request_id);
    return connection->request_id;
}

const char *lambda__connection_header(const lambda__connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, name);
}

const char *lambda__request_trace(const lambda__connection *connection)
{
    const char *trace = lambda__connection_header(connection, "X-Amzn-Trace-Id");
    return trace && *trace != '\0' && strlen(trace) <= 255 ? trace : NULL;
}

/* ---- the request */

void lambda__connection_due(lambda__connection *connection, uint64_t times)
{
    const lambda_http *http = connection->http;
    uint64_t now = atomic_load_explicit(&http->now_ms, memory_order_relaxed);
    /* The watchman's clock may be a tick behind. */
    uint64_t deadline = times == 0 ? 0 : now + http->tick_ms + times * http->header_timeout_ms;
    atomic_store_explicit(&connection->deadline_ms, deadline, memory_order_relaxed);
}

void *lambda__connection_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
    (void)user;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    lambda__connection *connection = info ? info->socket_context : NULL;
    if (!connection) return NULL;
    connection->phase = LAMBDA__PHASE_LINE;
    connection->no_memory = false;
    atomic_store_explicit(&connection->reading, true, memory_order_relaxed);
    atomic_store_explicit(&connection->busy, true, memory_order_release);
    atomic_store_explicit(&connection->users, 1, memory_order_relaxed);
    size_t size = strlen(uri) + 1;
    if (size > connection->uri_size) {
        char *larger = realloc(connection->uri, size < 256 ? 256 : size);
        if (!larger) {
            connection->no_memory = true;
            connection->path = connection->query = "";
            return connection;
        }
        connection->uri = larger;
        connection->uri_size = size < 256 ? 256 : size;
    }
    memcpy(connection->uri, uri, size);
    char *query = strchr(connection->uri, '?');
    if (query) *query++ = '\0';
    connection->path = connection->uri;
    connection->query = query ? query : "";
    return connection;
}

/** What a body's memory counts for: a small one is the connection's, as its headers are. */
static size_t counted(size_t size)
{
    return size > LAMBDA__SMALL_BODY ? size : 0;
}

/** Room for so many bytes more in the body. False: `no_room` or `no_memory` says why. */
static bool grow(lambda__connection *connection, size_t more)
{
    lambda_http *http = connection->http;
    size_t needed = connection->body_length + more;
    if (needed <= connection->body_size) return true;
    size_t size = connection->body_size * 2;
    if (size < needed) size = needed < 4096 ? 4096 : needed;
    size_t count = counted(size) - counted(connection->body_size);
    connection->no_room = count > 0 && atomic_fetch_add(&http->bodies, count) + count > http->bodies_most;
    char *larger = connection->no_room ? NULL : realloc(connection->body, size);
    if (!larger) {
        if (count > 0) atomic_fetch_sub(&http->bodies, count);
        connection->no_memory = !connection->no_room;
        return false;
    }
    connection->body = larger;
    connection->body_size = size;
    return true;
}

/** False: the connection is to be closed. */
static bool take_body(lambda__connection *connection, const char *data, size_t length)
{
    bool wanted = connection->phase == LAMBDA__PHASE_BODY && !connection->ignored && !connection->too_large &&
                  !connection->no_memory && !connection->no_room;
    if (wanted && length > connection->body_most - connection->body_length) {
        connection->too_large = true;
        wanted = false;
    }
    if (wanted && !grow(connection, length)) wanted = false;
    if (wanted) {
        memcpy(connection->body + connection->body_length, data, length);
        connection->body_length += length;
    } else {
        connection->discarded += length;
    }
    connection->body_told += length;
    if (connection->body_told >= BODY_STEP) {
        connection->body_told = 0;
        lambda__connection_due(connection, 1);
    }
    return connection->discarded <= DISCARDED_MOST;
}

static enum MHD_Result queue(lambda__connection *connection)
{
    struct MHD_Response *response = connection->response;
    connection->response = NULL;
    if (!response) return MHD_NO;
    atomic_store_explicit(&connection->reading, false, memory_order_relaxed);
    /* Of a stream nothing is known yet: it moves this on while it is read. */
    lambda__connection_due(connection, 1 + atomic_load_explicit(&connection->sent, memory_order_relaxed) / ANSWER_STEP);
    enum MHD_Result result = MHD_queue_response(connection->mhd, (unsigned)connection->status, response);
    if (response != connection->http->failed) MHD_destroy_response(response);
    return result;
}

/** Its line and headers are there. */
static enum MHD_Result begin(lambda__connection *connection)
{
    lambda_http *http = connection->http;
    connection->body_length = 0;
    connection->body_told = 0;
    connection->discarded = 0;
    connection->too_large = false;
    connection->ignored = false;
    connection->no_room = false;
    connection->last = false;
    connection->unframed = false;
    connection->runner = NULL;
    connection->request_id[0] = '\0';
    connection->log_name[0] = '\0';
    connection->access_key[0] = '\0';
    connection->status = 0;
    atomic_store_explicit(&connection->sent, 0, memory_order_relaxed);
    connection->phase = LAMBDA__PHASE_BODY;
    if (http->access_log) connection->began_ns = lambda__now_wall();
    lambda__route(connection);
    /* Where its body ends is not known: nothing behind it is looked at. */
    if (connection->unframed) return queue(connection);
    const char *declared = lambda__connection_header(connection, "Content-Length");
    if (!declared) return MHD_YES;
    uint64_t length = strtoull(declared, NULL, 10);
    if (connection->phase == LAMBDA__PHASE_BODY && !connection->ignored && length > connection->body_most)
        connection->too_large = true;
    bool answered = connection->phase == LAMBDA__PHASE_ANSWERED;
    if (!answered && !connection->too_large && !connection->ignored) return MHD_YES;
    /* What the client does not send is not thrown away: that way the connection is closed. */
    const char *expects = lambda__connection_header(connection, "Expect");
    if (length <= DISCARDED_MOST && (!expects || strcasecmp(expects, "100-continue") != 0)) return MHD_YES;
    if (connection->ignored && !answered)
        lambda__answer_refused(connection, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    else if (!answered)
        (void)lambda__route_run(connection);
    return queue(connection);
}

enum MHD_Result lambda__connection_handle(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                          const char *version, const char *data, size_t *length, void **context)
{
    (void)user;
    (void)mhd;
    (void)url;
    lambda__connection *connection = *context;
    if (!connection) return MHD_NO;
    if (connection->phase == LAMBDA__PHASE_LINE) {
        connection->method = method;
        connection->version = version;
        return begin(connection);
    }
    if (*length > 0) {
        bool goes_on = take_body(connection, data, *length);
        *length = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (connection->phase == LAMBDA__PHASE_BODY) {
        atomic_store_explicit(&connection->reading, false, memory_order_relaxed);
        lambda__connection_due(connection, 0);
        connection->phase = LAMBDA__PHASE_RUNS;
        /* Where a worker has it, not even the phase is looked at. */
        if (!lambda__route_run(connection)) return MHD_YES;
    }
    return connection->phase == LAMBDA__PHASE_ANSWERED ? queue(connection) : MHD_YES;
}

/** Nobody needs what belongs to the request any more. */
static void clear(lambda__connection *connection)
{
    lambda__url_release(&connection->match);
    if (connection->input) json_decref(connection->input);
    connection->input = NULL;
    if (connection->body_size > LAMBDA__SMALL_BODY) {
        atomic_fetch_sub(&connection->http->bodies, connection->body_size);
        free(connection->body);
        connection->body = NULL;
        connection->body_size = 0;
    }
    if (connection->event.capacity > LAMBDA__SMALL_BODY) {
        lambda__url_text_free(&connection->event);
        connection->event = (lambda__url_text){0};
    }
    if (connection->result.capacity > LAMBDA__SMALL_BODY) lambda_result_clear(&connection->result);
    if (connection->signature) {
        free(connection->signature->decoded);
        connection->signature->decoded = NULL;
        lambda__key_release(&connection->signature->key);
        memset(&connection->signature->key, 0, sizeof(connection->signature->key));
    }
    connection->operation = NULL;
    connection->caller = (lambda__caller){0};
    lambda_http *http = connection->http;
    /* Who closes looks at these in the other order: one of both sees the other. */
    atomic_store(&connection->busy, false);
    if (!atomic_load(&http->closing)) return;
    pthread_mutex_lock(&http->listing);
    pthread_cond_signal(&http->quiet);
    pthread_mutex_unlock(&http->listing);
}

void lambda__request_done(lambda__connection *connection)
{
    if (atomic_fetch_sub(&connection->users, 1) == 1) clear(connection);
}

void lambda__connection_completed(void *user, struct MHD_Connection *mhd, void **context,
                                  enum MHD_RequestTerminationCode code)
{
    (void)user;
    (void)mhd;
    (void)code;
    lambda__connection *connection = *context;
    *context = NULL;
    if (!connection) return;
    if (connection->response && connection->response != connection->http->failed)
        MHD_destroy_response(connection->response);
    connection->response = NULL;
    if (connection->phase != LAMBDA__PHASE_LINE && connection->status != 0) lambda__access_log(connection);
    connection->phase = LAMBDA__PHASE_IDLE;
    lambda__connection_due(connection, 1);
    lambda__request_done(connection);
}

/* ---- the answer */

struct MHD_Response *lambda__response_of(lambda__connection *connection, const void *data, size_t length,
                                         const char *content_type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (!response) return NULL;
    atomic_store_explicit(&connection->sent, length, memory_order_relaxed);
    if (!content_type || MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES) return response;
    MHD_destroy_response(response);
    return NULL;
}

void lambda__answer(lambda__connection *connection, int status, struct MHD_Response *response)
{
    if (response) {
        bool whole = MHD_add_response_header(response, "x-amzn-RequestId", lambda__request_id_text(connection)) &&
                     (!connection->last || MHD_add_response_header(response, "Connection", "close"));
        if (!whole) {
            MHD_destroy_response(response);
            response = NULL;
        }
    }
    connection->status = response ? status : 500;
    connection->response = response ? response : connection->http->failed;
    connection->phase = LAMBDA__PHASE_ANSWERED;
    if (!connection->suspended) return;
    /* From here on it may be gone. */
    connection->suspended = false;
    MHD_resume_connection(connection->mhd);
}

/* ---- connections */

enum MHD_Result lambda__connection_admit(void *user, const struct sockaddr *address, socklen_t length)
{
    (void)address;
    (void)length;
    const lambda_http *http = user;
    return atomic_load(&http->connections_count) < http->connections_most ? MHD_YES : MHD_NO;
}

static void free_connection(lambda__connection *connection)
{
    free(connection->uri);
    free(connection->headers);
    free(connection->body);
    free(connection->signature);
    lambda__url_text_free(&connection->event);
    lambda__url_answer_clear(&connection->url_answer);
    lambda_result_clear(&connection->result);
    free(connection);
}

void lambda__connection_release(lambda__connection *connection)
{
    if (atomic_fetch_sub(&connection->references, 1) == 1) free_connection(connection);
}

static lambda__connection *new_connection(lambda_http *http, struct MHD_Connection *mhd)
{
    lambda__connection *connection = calloc(1, sizeof(*connection));
    if (!connection) return NULL;
    connection->http = http;
    connection->mhd = mhd;
    connection->fd = -1;
    atomic_init(&connection->references, 1);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) connection->fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr) {
        bool six = info->client_addr->sa_family == AF_INET6;
        memcpy(&connection->address, info->client_addr, six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        getnameinfo(info->client_addr, six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), connection->peer,
                    sizeof(connection->peer), NULL, 0, NI_NUMERICHOST);
    }
    return connection;
}

void lambda__connection_changed(void *user, struct MHD_Connection *mhd, void **context,
                                enum MHD_ConnectionNotificationCode code)
{
    lambda_http *http = user;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        lambda__connection *connection = new_connection(http, mhd);
        *context = connection;
        if (!connection) return;
        uint64_t now = lambda__now_ms();
        atomic_store(&connection->deadline_ms, now + http->header_timeout_ms);
        pthread_mutex_lock(&http->listing);
        connection->next = http->connections;
        if (connection->next) connection->next->previous = connection;
        http->connections = connection;
        if (atomic_fetch_add(&http->connections_count, 1) == 0) {
            atomic_store_explicit(&http->now_ms, now, memory_order_relaxed);
            pthread_cond_signal(&http->watching);
        }
        pthread_mutex_unlock(&http->listing);
        return;
    }
    lambda__connection *connection = *context;
    *context = NULL;
    if (!connection) return;
    pthread_mutex_lock(&http->listing);
    if (connection->next) connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        http->connections = connection->next;
    atomic_fetch_sub(&http->connections_count, 1);
    pthread_mutex_unlock(&http->listing);
    lambda__connection_release(connection);
}
