/*
 * A line for each request that was answered, in the common log format (https://httpd.apache.org/docs/current/logs.html#common) and four fields more: request id, operation, function, milliseconds. What is not
 * there is "-".
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server.h"

/** What came from outside, without what would make another line or field of it. */
static void tame(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from[i] != '\0' && i + 1 < size; i++) {
        unsigned char c = (unsigned char)from[i];
        bool plain = c > ' ' && c != '"' && c != '\\' && c < 0x7f;
        to[i] = '?';
        if (plain) to[i] = from[i];
    }
    if (i == 0) to[i++] = '-';
    to[i] = '\0';
}

void lambda__access_log(lambda__connection *connection)
{
    lambda_http *http = connection->http;
    if (!http->access_log) return;
    char who[200];
    char method[32];
    char target[1024];
    char function[200];
    tame(who, sizeof(who), connection->access_key);
    tame(method, sizeof(method), connection->method);
    tame(target, sizeof(target), connection->path);
    tame(function, sizeof(function), connection->log_name);
    const char *operation = connection->operation   ? connection->operation->shown.name
                            : connection->match.url ? "InvokeFunctionUrl"
                                                    : "-";
    time_t seconds = (time_t)(connection->began_ns / UINT64_C(1000000000));
    struct tm parts;
    char when[40] = "";
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof(when), "%d/%b/%Y:%H:%M:%S +0000", &parts);
    uint64_t now = lambda__now_wall();
    double took = now > connection->began_ns ? (double)(now - connection->began_ns) / 1e6 : 0;
    char line[2048];
    int length = snprintf(line, sizeof(line), "%s - %s [%s] \"%s %s %s\" %d %llu %s %s %s %.3f", connection->peer, who,
                          when, method, target, connection->version, connection->status,
                          (unsigned long long)atomic_load(&connection->sent), lambda__request_id_text(connection),
                          operation, function, took);
    if (length < 0) return;
    size_t size = (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1;
    pthread_mutex_lock(&http->logging);
    /* A line that is not taken is lost: the request was answered. */
    (void)http->access_log(http->user, line, size);
    pthread_mutex_unlock(&http->logging);
}
