#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>
#include <unistd.h>

extern char **environ;

/** Standard output gets the line and its end in one piece. A line end within TEXT would make two events of one. */
static lambda_status write_line(void *user, const lambda_log_record *record)
{
    (void)user;
    char *line = (char *)(uintptr_t)record->line; /* only read */
    struct iovec parts[2] = {{.iov_base = line, .iov_len = record->line_length}, {.iov_base = "\n", .iov_len = 1}};
    char *copy = NULL;
    if (memchr(line, '\n', record->line_length)) {
        copy = malloc(record->line_length);
        if (!copy) return LAMBDA_ERROR_OUT_OF_MEMORY;
        for (size_t i = 0; i < record->line_length; i++)
            copy[i] = (char)(line[i] == '\n' ? '\r' : line[i]);
        parts[0].iov_base = copy;
    }
    struct iovec *at = parts;
    int count = 2;
    lambda_status status = LAMBDA_OK;
    while (count > 0 && status == LAMBDA_OK) {
        ssize_t written = writev(STDOUT_FILENO, at, count);
        if (written < 0 && errno != EINTR) status = LAMBDA_ERROR_SERVICE;
        for (size_t left = written > 0 ? (size_t)written : 0; count > 0 && (left > 0 || at->iov_len == 0);) {
            size_t part = left < at->iov_len ? left : at->iov_len;
            at->iov_base = (char *)at->iov_base + part;
            at->iov_len -= part;
            left -= part;
            if (at->iov_len > 0) break;
            at++;
            count--;
        }
    }
    free(copy);
    return status;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static uint32_t number(const char *name)
{
    const char *value = variable(name);
    return value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

static lambda_log_level level(void)
{
    const char *value = variable("AWS_LAMBDA_LOG_LEVEL");
    for (int each = LAMBDA_LOG_TRACE; value && each <= LAMBDA_LOG_FATAL; each++)
        if (strcasecmp(value, lambda_log_level_name((lambda_log_level)each)) == 0) return (lambda_log_level)each;
    return LAMBDA_LOG_DEFAULT;
}

/** The process's variables as pairs: `*names` holds the names, one behind the other. False when memory is out. */
static bool read_variables(lambda_pair **pairs, size_t *count, char **names)
{
    size_t size = 1;
    *count = 0;
    for (char **each = environ; each && *each; each++) {
        size += strlen(*each) + 1;
        *count += 1;
    }
    *pairs = malloc((*count + 1) * sizeof(**pairs));
    char *at = *names = malloc(size);
    if (!*pairs || !at) return false;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const char *equals = strchr(environ[i], '=');
        if (!equals || equals == environ[i]) continue;
        size_t length = (size_t)(equals - environ[i]);
        memcpy(at, environ[i], length);
        at[length] = '\0';
        (*pairs)[kept].name = at;
        (*pairs)[kept].value = equals + 1;
        at += length + 1;
        kept++;
    }
    *count = kept;
    return true;
}

static lambda_status open_environment(const lambda_bootstrap_options *options, lambda_t *lambda,
                                      lambda_environment **environment)
{
    const char *directory = variable("TMPDIR");
    const char *format = variable("AWS_LAMBDA_LOG_FORMAT");
    const char *type = variable("AWS_LAMBDA_INITIALIZATION_TYPE");
    lambda_environment_config config = {
        .handler = options->handler,
        .init = options->init,
        .shutdown = options->shutdown,
        .user = options->user,
        .function_name = variable("AWS_LAMBDA_FUNCTION_NAME"),
        .function_version = variable("AWS_LAMBDA_FUNCTION_VERSION"),
        .handler_name = variable("_HANDLER"),
        .log_group_name = variable("AWS_LAMBDA_LOG_GROUP_NAME"),
        .log_stream_name = variable("AWS_LAMBDA_LOG_STREAM_NAME"),
        .log_format = format && strcasecmp(format, "JSON") == 0 ? LAMBDA_LOG_FORMAT_JSON : LAMBDA_LOG_FORMAT_TEXT,
        .log_level = level(),
        .memory_size = number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        .temporary_directory = directory ? directory : "/tmp",
        .provisioned = type && strcmp(type, "provisioned-concurrency") == 0,
    };
    lambda_pair *pairs = NULL;
    char *names = NULL;
    bool read = read_variables(&pairs, &config.environment_count, &names);
    config.environment = pairs;
    lambda_status status = read ? lambda_environment_open(lambda, &config, environment)
                                : lambda_runtime_fail(lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    free(pairs);
    free(names);
    return status;
}

lambda_status lambda__settings_open(const lambda_bootstrap_options *options, lambda_t **lambda,
                                    lambda_environment **environment)
{
    lambda_options service = LAMBDA_ZERO;
    service.log[0] = (lambda_log_sink){.write = write_line, .direct = true};
    service.region = variable("AWS_REGION");
    /* What is an event's most is the Runtime API's to say. */
    service.limits.request_payload = (size_t)1 << 30;
    service.limits.response_payload = options->response_payload;
    *environment = NULL;
    lambda_status status = lambda_open(&service, lambda);
    if (status != LAMBDA_OK) return status;
    return open_environment(options, *lambda, environment);
}
