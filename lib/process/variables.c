/*
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime has the names, and which of them are reserved;
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-extensions-api-lifecycle those that extensions do not get. Credentials are not among them: there are none.
 */
#include "variables.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** More than Lambda has. */
#define LAMBDAS_MAX 32

typedef struct variable_list {
    char **items; /* NULL at the end */
    size_t count;
    size_t capacity;
    bool failed; /* memory was out */
} variable_list;

static bool has(char *const *items, const char *name, size_t length)
{
    for (; *items; items++)
        if (strncmp(*items, name, length) == 0 && (*items)[length] == '=') return true;
    return false;
}

/** Adds a variable, unless there is one of that name: who comes first wins. */
static void put(variable_list *list, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void put(variable_list *list, const char *name, const char *format, ...)
{
    if (list->failed || has(list->items, name, strlen(name))) return;
    char *value = NULL, *item = NULL;
    va_list arguments;
    va_start(arguments, format);
    bool made = vasprintf(&value, format, arguments) >= 0;
    va_end(arguments);
    if (made) {
        made = list->count + 1 < list->capacity && asprintf(&item, "%s=%s", name, value) >= 0;
        free(value);
    }
    if (made)
        list->items[list->count++] = item;
    else
        list->failed = true;
}

/** Those that nobody can change. */
static void put_reserved(variable_list *list, const lambda__facts *facts, bool extension)
{
    put(list, "AWS_REGION", "%s", facts->region);
    put(list, "AWS_DEFAULT_REGION", "%s", facts->region);
    put(list, "AWS_LAMBDA_FUNCTION_NAME", "%s", facts->function_name);
    put(list, "AWS_LAMBDA_FUNCTION_VERSION", "%s", facts->function_version);
    put(list, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "%u", facts->memory_mb);
    put(list, "AWS_LAMBDA_INITIALIZATION_TYPE", "%s", facts->initialization_type);
    put(list, "AWS_LAMBDA_RUNTIME_API", "%s", facts->runtime_api);
    if (extension) return;
    put(list, "_HANDLER", "%s", facts->handler);
    if (facts->runtime->kind != LAMBDA__RUNTIME_PROVIDED)
        put(list, "AWS_EXECUTION_ENV", "AWS_Lambda_%s", facts->runtime->name);
    put(list, "AWS_LAMBDA_LOG_GROUP_NAME", "%s", facts->log_group_name);
    put(list, "AWS_LAMBDA_LOG_STREAM_NAME", "%s", facts->log_stream_name);
    put(list, "LAMBDA_TASK_ROOT", "%s", facts->task);
    put(list, "LAMBDA_RUNTIME_DIR", "%s", facts->runtime_directory);
    /* https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html: what a runtime does not write is not to be made at all. */
    if (facts->log_format != LAMBDA_LOG_FORMAT_JSON) return;
    put(list, "AWS_LAMBDA_LOG_FORMAT", "JSON");
    put(list, "AWS_LAMBDA_LOG_LEVEL", "%s", lambda_log_level_name(facts->log_level));
}

/** Where Node.js looks for modules besides the package's own: "nodejs20.x" has a place for its version in a layer. */
static void put_node_path(variable_list *list, const lambda__facts *facts)
{
    const char *version = facts->runtime->name + strlen("nodejs");
    size_t length = strspn(version, "0123456789");
    const char *opt = facts->opt;
    if (length > 0)
        put(list, "NODE_PATH", "%s/nodejs/node%.*s/node_modules:%s/nodejs/node_modules:%s/node_modules:%s:%s", opt,
            (int)length, version, opt, facts->runtime_directory, facts->runtime_directory, facts->task);
    else
        put(list, "NODE_PATH", "%s/nodejs/node_modules:%s/node_modules:%s:%s", opt, facts->runtime_directory,
            facts->runtime_directory, facts->task);
}

/** Those that a function may have its own of. */
static void put_defaults(variable_list *list, const lambda__facts *facts, bool extension)
{
    const char *runtime = facts->runtime_directory, *opt = facts->opt;
    put(list, "LANG", "en_US.UTF-8");
    put(list, "TZ", ":UTC");
    put(list, "PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:%s/bin", opt);
    put(list, "LD_LIBRARY_PATH", "/var/lang/lib:/lib64:/usr/lib64:%s:%s/lib:%s:%s/lib:%s/lib", runtime, runtime,
        facts->task, facts->task, opt);
    if (strcmp(facts->tmp, "/tmp") != 0) {
        put(list, "HOME", "%s", facts->tmp);
        put(list, "TMPDIR", "%s", facts->tmp);
    }
    if (extension) return;
    put(list, "AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR");
    put(list, "AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000");
    put(list, "_AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1");
    put(list, "_AWS_XRAY_DAEMON_PORT", "2000");
    if (facts->runtime->kind == LAMBDA__RUNTIME_NODE) put_node_path(list, facts);
    if (facts->runtime->kind == LAMBDA__RUNTIME_PYTHON)
        put(list, "PYTHONPATH", "%s:%s/python/lib/%s/site-packages:%s/python:%s", facts->task, opt,
            facts->runtime->name, opt, runtime);
}

char **lambda__variables_make(const lambda__facts *facts, bool extension)
{
    variable_list made = {.capacity = facts->own_count + LAMBDAS_MAX + 1};
    made.items = calloc(made.capacity, sizeof(*made.items));
    if (!made.items) return NULL;
    put_reserved(&made, facts, extension);
    for (size_t i = 0; i < facts->own_count; i++)
        put(&made, facts->own[i].name, "%s", facts->own[i].value);
    put_defaults(&made, facts, extension);
    if (!made.failed) return made.items;
    lambda__variables_free(made.items);
    return NULL;
}

void lambda__variables_free(char **variables)
{
    if (!variables) return;
    for (size_t i = 0; variables[i]; i++)
        free(variables[i]);
    free(variables);
}

const char *lambda__variables_find(char *const *variables, const char *name)
{
    size_t length = strlen(name);
    for (; *variables; variables++)
        if (strncmp(*variables, name, length) == 0 && (*variables)[length] == '=') return *variables + length + 1;
    return NULL;
}
