#include "endpoint_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

/** Bytes of an invocation's headers: libmicrohttpd puts them together in the connection's memory. */
#define HEADERS_MAX (LAMBDA__ENDPOINT_CONNECTION_MEMORY / 2)

/** Runs of libmicrohttpd in one round of the loop. */
enum { AT_ONCE = 4 };
#define IDLE_NS UINT64_C(5000000)

/** One run. True if libmicrohttpd has more to do at once, than to ask for the runtime's `next` again; `*idle`: it wants to do that alone. */
static bool run_once(lambda__endpoint *endpoint, bool *idle)
{
    endpoint->again = false;
    endpoint->run++;
    endpoint->calls = 0;
    MHD_run(endpoint->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    /* Connections have no timeouts, so if there is one it is none. */
    bool pending = MHD_get_timeout(endpoint->daemon, &wait_ms) == MHD_YES;
    const lambda__request *waiting = endpoint->waiting;
    unsigned others = endpoint->calls - (waiting && waiting->run == endpoint->run ? waiting->calls : 0);
    *idle = pending && waiting && others == 0 && !endpoint->again;
    return (pending && !*idle) || endpoint->again;
}

/**
 * The other side of an answer's connection has closed it. libmicrohttpd may have read what came before together with that, and then waits for an event that has been: what is done here to the
 * socket is one. It is told again until it has seen the end; what waits to be read stays.
 */
static void hung_up(lambda__watch *watch, uint32_t events)
{
    lambda__endpoint *endpoint = watch->user;
    (void)events;
    shutdown(watch->fd, SHUT_RD);
    lambda__endpoint_run(endpoint);
}

/** Looks for the end of a connection whose answer did not come in one piece. */
static void watch_answer(lambda__endpoint *endpoint)
{
    if (!endpoint->answering || endpoint->hangup.added || endpoint->closing) return;
    const union MHD_ConnectionInfo *information =
        MHD_get_connection_info(endpoint->answering->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!information) return;
    endpoint->hangup = (lambda__watch){.fd = information->connect_fd, .ready = hung_up, .user = endpoint};
    lambda__loop_add(endpoint->options.loop, &endpoint->hangup, EPOLLRDHUP);
}

void lambda__endpoint_answer_over(lambda__endpoint *endpoint)
{
    endpoint->answering = NULL;
    lambda__loop_remove(endpoint->options.loop, &endpoint->hangup);
}

void lambda__endpoint_run(lambda__endpoint *endpoint)
{
    if (endpoint->running) {
        endpoint->again = true;
        return;
    }
    endpoint->running = true;
    bool pending = true;
    bool idle = false;
    /* An answer to who waited takes two runs: one to be told of it, one to send. */
    for (int i = 0; i < AT_ONCE && pending; i++)
        pending = run_once(endpoint, &idle);
    endpoint->running = false;
    watch_answer(endpoint);
    /* A round of the loop later. Where a `next` waits one cannot see if a connection was left with something to be read: that is looked for now and then. */
    endpoint->timer.due = pending ? lambda__loop_now() + 1 : idle ? lambda__loop_now() + IDLE_NS : UINT64_MAX;
}

static void ready(lambda__watch *watch, uint32_t events)
{
    (void)events;
    lambda__endpoint_run(watch->user);
}

static void due(lambda__timer *timer)
{
    lambda__endpoint_run(timer->user);
}

/** Where there were as many connections as may be, libmicrohttpd listens again when it is run after one was closed. */
static void connection_changed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    (void)context;
    lambda__endpoint *endpoint = user;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) endpoint->again = true;
}

/** Whether a connection is taken: nothing was read from it yet. */
static enum MHD_Result admit(void *user, const struct sockaddr *address, socklen_t length)
{
    const lambda__endpoint *endpoint = user;
    struct sockaddr_in peer;
    uid_t found;
    if (endpoint->options.peer == LAMBDA__ENDPOINT_ANYBODY) return MHD_YES;
    if (length < sizeof(peer) || address->sa_family != AF_INET) return MHD_NO;
    memcpy(&peer, address, sizeof(peer));
    bool known = lambda__peer_user(endpoint->peers, &peer, &endpoint->name, &found);
    return known && found == endpoint->options.peer ? MHD_YES : MHD_NO;
}

/** A listening socket on a free port of loopback, with its name in the endpoint; -1 and errno. */
static int listen_socket(lambda__endpoint *endpoint)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 || listen(fd, LAMBDA__ENDPOINT_CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    endpoint->name = name;
    snprintf(endpoint->address, sizeof(endpoint->address), "127.0.0.1:%u", ntohs(name.sin_port));
    return fd;
}

/** Listens, and stands in the loop. False with the reason in `message`. */
static bool start(lambda__endpoint *endpoint, char message[256])
{
    int fd = listen_socket(endpoint);
    if (fd < 0) {
        snprintf(message, 256, "Runtime API: a socket on loopback: %s", strerror(errno));
        return false;
    }
    bool matters = endpoint->options.peer != LAMBDA__ENDPOINT_ANYBODY;
    endpoint->peers = matters ? lambda__peer_find_source(&endpoint->name) : LAMBDA__PEER_UNKNOWN;
    if (matters && endpoint->peers == LAMBDA__PEER_UNKNOWN) {
        snprintf(message, 256, "Runtime API: neither sock_diag nor /proc/net/tcp tells who connects");
        close(fd);
        return false;
    }
    errno = 0;
    endpoint->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, admit, endpoint,
        lambda__request_handle, endpoint, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LAMBDA__ENDPOINT_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LAMBDA__ENDPOINT_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)8192,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_COMPLETED, lambda__request_completed, endpoint,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, endpoint, MHD_OPTION_END);
    if (!endpoint->daemon) {
        snprintf(message, 256, "Runtime API: libmicrohttpd does not start: %s", errno ? strerror(errno) : "no reason");
        close(fd);
        return false;
    }
    const union MHD_DaemonInfo *information = MHD_get_daemon_info(endpoint->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!information) {
        snprintf(message, 256, "Runtime API: libmicrohttpd was built without epoll");
        return false;
    }
    endpoint->watch = (lambda__watch){.fd = information->epoll_fd, .ready = ready, .user = endpoint};
    int error = lambda__loop_add(endpoint->options.loop, &endpoint->watch, EPOLLIN);
    if (error != 0) {
        snprintf(message, 256, "Runtime API: epoll: %s", strerror(error));
        return false;
    }
    /* Now it begins to listen. */
    lambda__endpoint_run(endpoint);
    return true;
}

lambda_status lambda__endpoint_open(const lambda__endpoint_options *options, lambda__endpoint **result,
                                    char message[256])
{
    *result = NULL;
    lambda__endpoint *endpoint = calloc(1, sizeof(lambda__endpoint));
    if (!endpoint) {
        snprintf(message, 256, "Runtime API: no memory");
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    endpoint->options = *options;
    endpoint->phase_open = endpoint->init = true;
    for (size_t i = LAMBDA__ENDPOINT_CONNECTIONS; i > 0; i--) {
        lambda__request *request = &endpoint->requests[i - 1];
        request->next = endpoint->free_requests;
        endpoint->free_requests = request;
    }
    endpoint->timer = (lambda__timer){.due = UINT64_MAX, .run = due, .user = endpoint};
    lambda__loop_add_timer(options->loop, &endpoint->timer);
    static const char accepted[] = "{\"status\":\"OK\"}\n";
    endpoint->accepted = lambda__json_answer(accepted, sizeof(accepted) - 1);
    lambda_status status = LAMBDA_OK;
    if (!endpoint->accepted) {
        snprintf(message, 256, "Runtime API: no memory");
        status = LAMBDA_ERROR_OUT_OF_MEMORY;
    } else if (!start(endpoint, message)) {
        status = LAMBDA_ERROR_SERVICE;
    }
    if (status != LAMBDA_OK) {
        lambda__endpoint_close(endpoint);
        return status;
    }
    *result = endpoint;
    return LAMBDA_OK;
}

void lambda__endpoint_close(lambda__endpoint *endpoint)
{
    if (!endpoint) return;
    endpoint->closing = true;
    lambda__loop_remove(endpoint->options.loop, &endpoint->watch);
    lambda__loop_remove(endpoint->options.loop, &endpoint->hangup);
    lambda__loop_remove_timer(endpoint->options.loop, &endpoint->timer);
    /* libmicrohttpd wants no suspended connection when it is stopped. */
    for (size_t i = 0; i < LAMBDA__ENDPOINT_CONNECTIONS; i++)
        if (endpoint->requests[i].suspended) MHD_resume_connection(endpoint->requests[i].connection);
    if (endpoint->daemon) MHD_stop_daemon(endpoint->daemon);
    if (endpoint->event) MHD_destroy_response(endpoint->event);
    if (endpoint->accepted) MHD_destroy_response(endpoint->accepted);
    free(endpoint->invoke_event);
    free(endpoint->shutdown_event);
    free(endpoint);
}

const char *lambda__endpoint_address(const lambda__endpoint *endpoint)
{
    return endpoint->address;
}

lambda_status lambda__endpoint_expect_extension(lambda__endpoint *endpoint, const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > LAMBDA__EXTENSION_NAME_MAX)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "extension: a name has 1 to %d bytes, this one %zu", LAMBDA__EXTENSION_NAME_MAX,
                                   length);
    if (lambda__extensions_find(endpoint, name))
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT, "extension: there are two named %s", name);
    if (endpoint->extensions_count == LAMBDA__EXTENSIONS_MAX)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "extension: %s is one more than the %d that an environment may have", name,
                                   LAMBDA__EXTENSIONS_MAX);
    lambda__extension *extension = &endpoint->extensions[endpoint->extensions_count++];
    *extension = (lambda__extension){.state = LAMBDA__EXTENSION_EXPECTED, .external = true};
    memcpy(extension->name, name, length);
    return LAMBDA_OK;
}

void lambda__endpoint_check_phase(lambda__endpoint *endpoint)
{
    if (!endpoint->phase_open || endpoint->event || endpoint->state != LAMBDA__RUNTIME_READY) return;
    if (!lambda__extensions_ready(endpoint)) return;
    endpoint->phase_open = false;
    endpoint->init = false;
    if (!endpoint->closing) endpoint->options.events->all_ready(endpoint->options.user);
}

lambda_status lambda__endpoint_invoke(lambda__endpoint *endpoint, const lambda__endpoint_invocation *invocation)
{
    size_t length = strlen(invocation->request_id);
    if (length > LAMBDA__REQUEST_ID_MAX)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "request id: %zu bytes are more than %d",
                                   length, LAMBDA__REQUEST_ID_MAX);
    if (strlen(invocation->invoked_function_arn) + strlen(invocation->trace_id) + invocation->client_context.length +
            invocation->cognito_identity.length >
        HEADERS_MAX)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "client context: with the other headers it is more than %d bytes", HEADERS_MAX);
    lambda__endpoint_cancel(endpoint);
    struct MHD_Response *event = lambda__runtime_event(invocation);
    bool wanted = false;
    for (size_t i = 0; i < endpoint->extensions_count; i++)
        if (endpoint->extensions[i].events & 1) wanted = true;
    char *text = wanted ? lambda__extensions_invoke_event(invocation) : NULL;
    if (!event || (wanted && !text)) {
        if (event) MHD_destroy_response(event);
        free(text);
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    endpoint->event = event;
    memcpy(endpoint->request_id, invocation->request_id, length + 1);
    endpoint->phase_open = true;
    endpoint->init = false;
    if (wanted) {
        free(endpoint->invoke_event);
        endpoint->invoke_event = text;
        lambda__extensions_give(endpoint, 1);
    }
    lambda__endpoint_run(endpoint);
    return LAMBDA_OK;
}

void lambda__endpoint_cancel(lambda__endpoint *endpoint)
{
    endpoint->request_id[0] = '\0';
    lambda__endpoint_answer_over(endpoint);
    if (endpoint->state > LAMBDA__RUNTIME_READY) endpoint->state = LAMBDA__RUNTIME_ANSWERED;
    for (size_t i = 0; i < endpoint->extensions_count; i++)
        endpoint->extensions[i].pending &= ~1U;
    lambda__runtime_release(endpoint);
}

size_t lambda__endpoint_shutdown(lambda__endpoint *endpoint, const char *reason, uint64_t deadline_ms)
{
    char *text = lambda__extensions_shutdown_event(reason, deadline_ms);
    if (!text) return 0;
    free(endpoint->shutdown_event);
    endpoint->shutdown_event = text;
    size_t wanted = lambda__extensions_give(endpoint, 2);
    lambda__endpoint_run(endpoint);
    return wanted;
}

bool lambda__endpoint_runtime_waits(const lambda__endpoint *endpoint)
{
    return endpoint->waiting != NULL;
}

bool lambda__endpoint_has_extensions(const lambda__endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->extensions_count; i++)
        if (endpoint->extensions[i].state != LAMBDA__EXTENSION_EXPECTED) return true;
    return false;
}
