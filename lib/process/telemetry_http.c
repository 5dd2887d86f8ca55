/* Batches over HTTP: libcurl's multi interface, its sockets and its timer in the environment's loop. Only to this machine's loopback, whatever the host's environment or its files say. */
#include "subscriber.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_HEAD = 65536 };

struct lambda__http {
    lambda__loop *loop;
    CURLM *multi;
    lambda__timer timer; /* libcurl's */
    struct http_socket *sockets;
};

/** A socket of libcurl's, in a list of all: where memory was out, it closes some that it did not say it is done with. */
typedef struct http_socket {
    lambda__watch watch;
    struct http_socket *next;
} http_socket;

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_begun;

/* With all that libcurl has, as the host may use it too. */
static void begin_curl(void)
{
    curl_begun = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/** Tells those whose batch has ended. */
static void look(lambda__http *http)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        lambda__subscriber *subscriber = NULL;
        char reason[96];
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&subscriber);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(http->multi, easy);
        if (code == CURLE_OK)
            snprintf(reason, sizeof(reason), "it answered with HTTP status %ld", status);
        else
            snprintf(reason, sizeof(reason), "%.90s", curl_easy_strerror(code));
        lambda__subscriber_sent(subscriber, code == CURLE_OK && status >= 200 && status < 300, reason);
    }
}

static void act(lambda__http *http, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(http->multi, socket, events, &running);
    look(http);
}

static void ready(lambda__watch *watch, uint32_t events)
{
    int bits = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    act(watch->user, watch->fd, bits);
}

static void due(lambda__timer *timer)
{
    act(timer->user, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    lambda__http *http = user;
    (void)multi;
    http->timer.due = timeout_ms < 0 ? UINT64_MAX : lambda__loop_now() + (uint64_t)timeout_ms * 1000000;
    return 0;
}

static void forget_socket(lambda__http *http, int fd)
{
    http_socket **link = &http->sockets;
    while (*link && (*link)->watch.fd != fd)
        link = &(*link)->next;
    http_socket *socket = *link;
    if (!socket) return;
    lambda__loop_remove(http->loop, &socket->watch);
    *link = socket->next;
    free(socket);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    lambda__http *http = user;
    http_socket *socket = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        forget_socket(http, fd);
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (socket) return lambda__loop_change(http->loop, &socket->watch, events) == 0 ? 0 : -1;
    socket = malloc(sizeof(*socket));
    if (!socket) return -1;
    *socket = (http_socket){.watch = {.fd = fd, .ready = ready, .user = http}, .next = http->sockets};
    http->sockets = socket;
    if (lambda__loop_add(http->loop, &socket->watch, events) == 0 &&
        curl_multi_assign(http->multi, fd, socket) == CURLM_OK)
        return 0;
    forget_socket(http, fd);
    return -1;
}

/** Loopback alone, and nothing that a program started meanwhile inherits. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockaddr_in to;
    (void)user;
    (void)purpose;
    if (address->family != AF_INET || address->addrlen != sizeof(to)) return CURL_SOCKET_BAD;
    memcpy(&to, &address->addr, sizeof(to));
    if (to.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) return CURL_SOCKET_BAD;
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

/** Before its number can be another's. */
static int close_socket(void *user, curl_socket_t fd)
{
    forget_socket(user, fd);
    return close(fd);
}

lambda__http *lambda__http_open(lambda__loop *loop)
{
    pthread_once(&curl_once, begin_curl);
    lambda__http *http = curl_begun == CURLE_OK ? calloc(1, sizeof(*http)) : NULL;
    if (!http) return NULL;
    http->loop = loop;
    http->multi = curl_multi_init();
    if (!http->multi) {
        free(http);
        return NULL;
    }
    http->timer = (lambda__timer){.due = UINT64_MAX, .run = due, .user = http};
    lambda__loop_add_timer(loop, &http->timer);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return http;
}

void lambda__http_close(lambda__http *http)
{
    if (!http) return;
    curl_multi_cleanup(http->multi);
    lambda__loop_remove_timer(http->loop, &http->timer);
    free(http);
}

/* ---- one subscriber's */

static size_t read_body(char *to, size_t size, size_t count, void *user)
{
    return lambda__batch_read(user, to, size * count);
}

/** libcurl begins anew where a connection that it kept is found to be closed. */
static int seek_body(void *user, curl_off_t offset, int origin)
{
    if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    lambda__batch_rewind(user, false);
    return CURL_SEEKFUNC_OK;
}

/** What the listener says beside its status interests nobody. */
static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

/** libcurl keeps the head of an answer, which is the function's to make as long as it likes. */
static size_t bound_head(char *data, size_t size, size_t count, void *user)
{
    lambda__subscriber *subscriber = user;
    (void)data;
    subscriber->answer += size * count;
    return subscriber->answer <= ANSWER_HEAD ? size * count : 0;
}

static bool prepare(lambda__subscriber *subscriber)
{
    static const char *const headers[] = {"Content-Type: application/json", "Expect:"};
    if (subscriber->easy) return true;
    CURL *easy = curl_easy_init();
    bool good = easy != NULL;
    for (size_t i = 0; good && i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct curl_slist *list = curl_slist_append(subscriber->headers, headers[i]);
        if (list) subscriber->headers = list;
        good = list != NULL;
    }
    /* Whatever its name, and without asking anybody for it. */
    if (good) subscriber->connect_to = curl_slist_append(NULL, "::127.0.0.1:");
    subscriber->easy = easy;
    good = good && subscriber->connect_to && curl_easy_setopt(easy, CURLOPT_URL, subscriber->wanted.uri) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    if (!good) {
        lambda__http_forget(subscriber);
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, subscriber->connect_to);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, subscriber->headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, subscriber->http);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, subscriber);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, subscriber);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, bound_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, subscriber);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)subscriber);
    return true;
}

void lambda__http_send(lambda__subscriber *subscriber)
{
    if (!prepare(subscriber)) {
        lambda__subscriber_sent(subscriber, false, "memory was out");
        return;
    }
    subscriber->answer = 0;
    curl_easy_setopt(subscriber->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)subscriber->batch.length);
    CURLMcode code = curl_multi_add_handle(subscriber->http->multi, subscriber->easy);
    if (code != CURLM_OK) lambda__subscriber_sent(subscriber, false, curl_multi_strerror(code));
}

void lambda__http_stop(lambda__subscriber *subscriber)
{
    curl_multi_remove_handle(subscriber->http->multi, subscriber->easy);
}

void lambda__http_forget(lambda__subscriber *subscriber)
{
    curl_easy_cleanup(subscriber->easy);
    curl_slist_free_all(subscriber->headers);
    curl_slist_free_all(subscriber->connect_to);
    subscriber->easy = NULL;
    subscriber->headers = NULL;
    subscriber->connect_to = NULL;
}
