/* lambda serve: a data directory's service over HTTP, until SIGTERM or SIGINT. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lambda/http.h>

#include "commands.h"
#include "home.h"
#include "output.h"

const tool_option TOOL_OPTIONS_SERVE[] = {
    {"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
    {"port", "NUMBER", "the port; 0: any that is free (default 9000)"},
    {"listen", "ADDRESS", "the numeric address (default 127.0.0.1)"},
    {"certificate", "FILE", "speak TLS, with this chain in PEM"},
    {"key", "FILE", "the certificate's key in PEM"},
    {"insecure", NULL, "plain HTTP beyond loopback is meant"},
    {"credentials", "FILE", "whose keys are taken (default DIR/credentials, made at the first start)"},
    {"connections", "NUMBER", "most at once (default 4096)"},
    {"rate", "NUMBER", "most requests a second of one address (default: no limit)"},
    {"identities", "FILE", "what each may, in JSON (default: everything)"},
    {"access-log", "FILE", "a line of each request; -: on stderr"},
    {"region", "NAME", "the region (else AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1)"},
    {"stop-timeout", "SECONDS",
     "how long a stop waits for requests that run, 0 to 3600 (default 900, the longest timeout)"},
    {0}};

typedef struct server {
    tool_home home;
    lambda_http *http;
    FILE *access;
    char credentials[1024];
    uint64_t connections;
    uint64_t rate;
    uint16_t port;
} server;

static lambda_status log_access(void *user, const char *text, size_t length)
{
    FILE *file = user;
    fwrite(text, 1, length, file);
    fputc('\n', file);
    return fflush(file) == 0 ? LAMBDA_OK : LAMBDA_ERROR_SERVICE;
}

/** At the first start, the administrator's keys. */
static int make_credentials(const tool_arguments *arguments, server *made)
{
    char id[21];
    char secret[41];
    const char *given = tool_option_value(arguments, "credentials");
    if (given) {
        snprintf(made->credentials, sizeof made->credentials, "%s", given);
        return TOOL_OK;
    }
    tool_home_path(made->home.directory, "credentials", made->credentials);
    if (access(made->credentials, F_OK) == 0) return TOOL_OK;
    lambda_status status = lambda_credentials_create(made->credentials, "default", id, secret);
    if (status != LAMBDA_OK) return tool_failed(NULL, status);
    fprintf(stderr,
            "The administrator's keys are made, and stand in %s (profile \"default\"):\n"
            "  export AWS_ACCESS_KEY_ID=%s\n  export AWS_SECRET_ACCESS_KEY=%s\n  export AWS_REGION=%s\n",
            made->credentials, id, secret, lambda_region(made->home.lambda));
    memset(secret, 0, sizeof secret);
    return TOOL_OK;
}

static int listen_there(const tool_arguments *arguments, server *made)
{
    lambda_http_options options = {.api = made->home.api,
                                   .address = tool_option_value(arguments, "listen"),
                                   .port = made->port,
                                   .certificate = tool_option_value(arguments, "certificate"),
                                   .key = tool_option_value(arguments, "key"),
                                   .insecure = tool_option_value(arguments, "insecure") != NULL,
                                   .connections = (uint32_t)made->connections,
                                   .connection_rate = (uint32_t)made->rate,
                                   .credentials = made->credentials,
                                   .identities = tool_option_value(arguments, "identities")};
    if (made->access) {
        options.access_log = log_access;
        options.user = made->access;
    }
    lambda_status status = lambda_http_open(&options, &made->http);
    if (status == LAMBDA_ERROR_RESOURCE_CONFLICT)
        return tool_unreachable("%s\n  next: another port with --port, or any with --port 0",
                                lambda_error_message(NULL));
    return status == LAMBDA_OK ? TOOL_OK : tool_failed(NULL, status);
}

static int open_access_log(const tool_arguments *arguments, server *made)
{
    const char *path = tool_option_value(arguments, "access-log");
    if (!path) return TOOL_OK;
    made->access = strcmp(path, "-") == 0 ? stderr : fopen(path, "ae");
    return made->access ? TOOL_OK : tool_usage("--access-log %s cannot be opened: %s", path, strerror(errno));
}

static int start(const tool_arguments *arguments, server *made)
{
    uint64_t port;
    const char *address = tool_option_value(arguments, "listen");
    bool secure = tool_option_value(arguments, "certificate") != NULL;
    if (!tool_option_number(arguments, "port", 0, 65535, 9000, &port) ||
        !tool_option_number(arguments, "connections", 1, 1U << 20, 4096, &made->connections) ||
        !tool_option_number(arguments, "rate", 1, UINT32_MAX, 0, &made->rate))
        return TOOL_USAGE;
    if (secure != (tool_option_value(arguments, "key") != NULL))
        return tool_usage("--certificate and --key go together");
    made->port = (uint16_t)port;
    int code = open_access_log(arguments, made);
    if (code == TOOL_OK) code = tool_home_open(arguments, &made->home);
    if (code == TOOL_OK) code = make_credentials(arguments, made);
    if (code == TOOL_OK) code = listen_there(arguments, made);
    if (code != TOOL_OK) return code;
    bool bare = !address || !strchr(address, ':');
    printf("listening on http%s://%s%s%s:%u\n", secure ? "s" : "", bare ? "" : "[", address ? address : "127.0.0.1",
           bare ? "" : "]", (unsigned)lambda_http_port(made->http));
    fflush(stdout);
    return TOOL_OK;
}

int tool_serve(const tool_arguments *arguments)
{
    server made = {0};
    sigset_t ends;
    int which;
    uint64_t stop_s;
    if (!tool_option_number(arguments, "stop-timeout", 0, 3600, 900, &stop_s)) return TOOL_USAGE;
    /* Before any thread begins: they all inherit it, and the signals wait for sigwait. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int code = start(arguments, &made);
    if (code == TOOL_OK) sigwait(&ends, &which);
    /* Another one ends the process at once. */
    pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
    lambda_http_close(made.http, (uint32_t)stop_s * 1000);
    tool_home_close(&made.home);
    if (made.access && made.access != stderr) fclose(made.access);
    return code;
}
