/*
 * A request's line and headers. One of which two readers could make two different ones, a proxy before this server and this server, is refused, and its connection is closed
 * (https://www.rfc-editor.org/rfc/rfc9112#section-11.2): libmicrohttpd takes the first of several lengths, a length beside chunks, any transfer coding as none, and names with blanks in them.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "header_text.h"
#include "server.h"

typedef struct reading {
    lambda__connection *connection;
    const char *host;
    const char *coding;
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    bool malformed;
    bool too_many;
} reading;

static enum MHD_Result take(void *user, enum MHD_ValueKind kind, const char *name, size_t name_length,
                            const char *value, size_t value_length)
{
    reading *self = user;
    lambda__connection *connection = self->connection;
    (void)kind;
    if (!value) value = "";
    if (connection->headers_count == LAMBDA__REQUEST_HEADERS) {
        self->too_many = true;
        return MHD_NO;
    }
    self->malformed =
        self->malformed || !lambda__is_token(name, name_length) || !lambda__is_field_value(value, value_length);
    if (name_length == 4 && strcasecmp(name, "Host") == 0) {
        self->hosts++;
        self->host = value;
    } else if (name_length == 14 && strcasecmp(name, "Content-Length") == 0) {
        self->lengths++;
    } else if (name_length == 17 && strcasecmp(name, "Transfer-Encoding") == 0) {
        self->codings++;
        self->coding = value;
    }
    connection->headers[connection->headers_count++] = (lambda__header){.name = name, .value = value};
    return MHD_YES;
}

/** A name or address, and a port. */
static bool is_host(const char *host)
{
    /* Nearly all are of letters, digits, dots and a port, which is quicker seen so. */
    while ((*host >= 'a' && *host <= 'z') || (*host >= '0' && *host <= ':') || *host == '.' || *host == '-')
        host++;
    return !*host ||
           !host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=%:[]")];
}

/** "http://HOST/PATH" is "/PATH". False: it is of another host than the header says. */
static bool take_absolute(lambda__connection *connection, const char *host)
{
    const char *path = connection->path;
    size_t scheme = strncasecmp(path, "http://", 7) == 0 ? 7 : strncasecmp(path, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0) return true;
    path += scheme;
    size_t length = strcspn(path, "/");
    if (!host || strlen(host) != length || strncasecmp(path, host, length) != 0) return false;
    connection->path = path[length] ? path + length : "/";
    return true;
}

static const char *fault_of(const reading *self)
{
    const lambda__connection *connection = self->connection;
    bool old = strcmp(connection->version, "HTTP/1.0") == 0;
    if (self->malformed || !lambda__is_token(connection->method, strlen(connection->method)))
        return "The request's method or a header is malformed.";
    if (self->hosts > 1 || (self->host && !is_host(self->host))) return "The request has no valid Host.";
    if (self->lengths > 1 || (self->lengths > 0 && self->codings > 0))
        return "The request says its length more than once.";
    if (self->codings > 0 && (self->codings > 1 || old || strcasecmp(self->coding, "chunked") != 0))
        return "The request's transfer coding is not supported.";
    return NULL;
}

bool lambda__request_read(lambda__connection *connection)
{
    reading self = {.connection = connection};
    connection->headers_count = 0;
    if (!connection->headers) connection->headers = malloc(LAMBDA__REQUEST_HEADERS * sizeof(lambda__header));
    if (!connection->headers) {
        lambda__answer(connection, 500, NULL);
        return false;
    }
    MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, take, &self);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *fault = fault_of(&self);
    if (!fault && !take_absolute(connection, self.host)) fault = "The request's target is of another host.";
    bool too_large = self.too_many || (info && info->header_size > connection->http->header_bytes);
    if (!fault && !too_large) return true;
    connection->last = true;
    connection->unframed = fault != NULL;
    if (fault)
        lambda__answer_refused(connection, 400, "BadRequestException", fault);
    else
        lambda__answer_refused(connection, 431, "RequestHeaderSectionTooLargeException",
                               "The request's headers are too large.");
    return false;
}
