/*
 * The server's own pages. /healthz tells anybody that it answers. /metrics is Prometheus's text: names of functions stand in it, so that only who is on the same machine reads it without a signature.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lambda/metrics.h>

#include "identities.h"
#include "server.h"

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

/** A name that only this machine has. A page whose name was made to lead here (DNS rebinding) asks from this machine too, and may not read what is for who sits at it. */
static bool is_local_name(const char *host)
{
    struct in_addr four;
    char name[64];
    if (strncmp(host, "[::1]", 5) == 0) return host[5] == '\0' || host[5] == ':';
    size_t length = strcspn(host, ":");
    if (length >= sizeof(name)) return false;
    memcpy(name, host, length);
    name[length] = '\0';
    if (strcasecmp(name, "localhost") == 0) return true;
    return inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

static bool is_local(const lambda__connection *connection)
{
    const char *host = lambda__connection_header(connection, "Host");
    return is_loopback(&connection->address) && (!host || is_local_name(host));
}

/** It answers: so it is well. Who is on the same machine is told, too, why nobody with keys can come in. */
void lambda__run_health(lambda__connection *connection)
{
    char why[512];
    lambda__url_text *page = &connection->event;
    page->length = 0;
    page->failed = false;
    lambda__url_text_string(page, "ok\n");
    if (is_local(connection) && !lambda__identities_sound(connection->http->identities, why)) {
        lambda__url_text_string(page, "but nobody with keys can come in: ");
        lambda__url_text_string(page, why);
        lambda__url_text_string(page, "\n");
    }
    lambda__answer(
        connection, page->failed ? 500 : 200,
        page->failed ? NULL : lambda__response_of(connection, page->data, page->length, "text/plain; charset=utf-8"));
}

static lambda_status add(void *user, const char *text, size_t length)
{
    lambda__url_text *page = user;
    lambda__url_text_add(page, text, length);
    return page->failed ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_OK;
}

void lambda__run_metrics(lambda__connection *connection)
{
    if (!is_local(connection) && !lambda__authenticate(connection)) return;
    lambda_metrics *metrics = NULL;
    lambda_status status = lambda_metrics_read(connection->http->lambda, &metrics);
    lambda__url_text *page = &connection->event;
    page->length = 0;
    page->failed = false;
    if (status == LAMBDA_OK) status = lambda_metrics_write_prometheus(metrics, add, page);
    lambda_metrics_free(metrics);
    if (status != LAMBDA_OK)
        lambda__answer_refused(connection, 500, "ServiceException", lambda_error_message(connection->http->lambda));
    else
        lambda__answer(
            connection, 200,
            lambda__response_of(connection, page->data, page->length, "text/plain; version=0.0.4; charset=utf-8"));
}
