/*
 * Names of runtimes, and how each is started. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html; names that Lambda had before stand in its API's list,
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "driver.h"

#define BUILD_A_BOOTSTRAP "build it as an executable named \"bootstrap\" and use provided.al2023"

static const lambda__runtime runtimes[] = {
    {"provided.al2023", LAMBDA__RUNTIME_PROVIDED, NULL},
    {"provided.al2", LAMBDA__RUNTIME_PROVIDED, NULL},
    {"nodejs", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs4.3", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs4.3-edge", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs6.10", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs8.10", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs10.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs12.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs14.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs16.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs18.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs20.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs22.x", LAMBDA__RUNTIME_NODE, NULL},
    {"nodejs24.x", LAMBDA__RUNTIME_NODE, NULL},
    {"python3.6", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.7", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.8", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.9", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.10", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.11", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.12", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.13", LAMBDA__RUNTIME_PYTHON, NULL},
    {"python3.14", LAMBDA__RUNTIME_PYTHON, NULL},
    {"shared-object", LAMBDA__RUNTIME_OBJECT, NULL},
    {"python2.7", LAMBDA__RUNTIME_REFUSED, "it is Python 2: move it to Python 3 and use python3.12"},
    {"provided", LAMBDA__RUNTIME_REFUSED, "Lambda has it no more: use provided.al2023, which takes the same bootstrap"},
    {"go1.x", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java8", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java8.al2", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java11", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java17", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java21", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"java25", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnetcore1.0", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnetcore2.0", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnetcore2.1", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnetcore3.1", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnet6", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnet8", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"dotnet10", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"ruby2.5", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"ruby2.7", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"ruby3.2", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"ruby3.3", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
    {"ruby3.4", LAMBDA__RUNTIME_REFUSED, BUILD_A_BOOTSTRAP},
};

/* Where the official clients stand, in a package or a layer (below nodejs/ or python/ there), relative to what is seen as /var/task and /opt. */
#define NODE_CLIENT   "node_modules/aws-lambda-ric/bin/index.mjs"
#define PYTHON_CLIENT "awslambdaric/__main__.py"

const lambda__runtime *lambda__runtimes_all(size_t *count)
{
    *count = sizeof(runtimes) / sizeof(runtimes[0]);
    return runtimes;
}

/** What stands below a package, following its links; its mode, 0 where there is nothing. */
static mode_t mode_of(const lambda_package *package, const char *below)
{
    char path[4096];
    struct stat about;
    if (!package) return 0;
    int length = snprintf(path, sizeof(path), "%s/%s", lambda_package_path(package), below);
    if (length < 0 || (size_t)length >= sizeof(path) || stat(path, &about) != 0) return 0;
    return about.st_mode;
}

static bool has_file(const lambda_package *package, const char *below)
{
    return S_ISREG(mode_of(package, below));
}

static bool can_run(const lambda_package *package, const char *below)
{
    mode_t mode = mode_of(package, below);
    return S_ISREG(mode) && (mode & 0111);
}

static lambda_status check_bootstrap(const lambda__code *code)
{
    lambda_t *lambda = code->process->lambda;
    if (can_run(code->package, "bootstrap") || can_run(code->layers, "bootstrap")) return LAMBDA_OK;
    bool there = mode_of(code->package, "bootstrap") || mode_of(code->layers, "bootstrap");
    return lambda_runtime_fail(
        lambda, LAMBDA_ERROR_INVALID_CODE,
        there ? "code: \"bootstrap\" is not an executable file (chmod +x bootstrap); \"%s\" runs it"
              : "code: there is no file \"bootstrap\" in the package or in a layer; \"%s\" runs it",
        code->runtime->name);
}

/** "file.method", as Lambda has it for all three: something before the last dot and after it. */
static lambda_status check_handler(const lambda__code *code)
{
    const char *dot = strrchr(code->handler, '.');
    if (dot && dot != code->handler && dot[1] != '\0' && dot[1] != '/') return LAMBDA_OK;
    return lambda_runtime_fail(code->process->lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                               "handler: \"%.128s\" is not of the form \"file.function\", which \"%s\" needs",
                               code->handler, code->runtime->name);
}

/** The object that a handler "file.symbol" names; lambda-bootstrap looks for the same. */
static void object_name(const char *handler, char name[256])
{
    const char *dot = strrchr(handler, '.');
    snprintf(name, 256, "%.*s.so", (int)(dot - handler), handler);
}

static lambda_status check_object(const lambda__code *code)
{
    char name[256];
    object_name(code->handler, name);
    if (has_file(code->package, name)) return LAMBDA_OK;
    return lambda_runtime_fail(code->process->lambda, LAMBDA_ERROR_INVALID_CODE,
                               "code: there is no file \"%s\" in the package, which the handler \"%.128s\" names", name,
                               code->handler);
}

/** True if the official client is there, so that ours is not needed. */
static bool has_client(const lambda__code *code)
{
    if (code->runtime->kind == LAMBDA__RUNTIME_NODE)
        return has_file(code->package, NODE_CLIENT) || has_file(code->layers, "nodejs/" NODE_CLIENT);
    return has_file(code->package, PYTHON_CLIENT) || has_file(code->layers, "python/" PYTHON_CLIENT);
}

lambda_status lambda__runtime_check(lambda__code *code)
{
    if (code->runtime->kind == LAMBDA__RUNTIME_PROVIDED) return check_bootstrap(code);
    lambda_status status = check_handler(code);
    if (status != LAMBDA_OK) return status;
    bool object = code->runtime->kind == LAMBDA__RUNTIME_OBJECT;
    status = object ? check_object(code) : lambda__interpreter_find(code);
    if (status != LAMBDA_OK || (!object && has_client(code))) return status;
    return lambda__programs_directory(code->process, &code->programs);
}

/** "DIRECTORY/NAME" into one of the launch's texts; NULL where it is too long. */
static const char *text(lambda__launch *launch, int which, const char *directory, const char *name)
{
    int length = snprintf(launch->texts[which], sizeof(launch->texts[which]), "%s/%s", directory, name);
    return length >= 0 && (size_t)length < sizeof(launch->texts[which]) ? launch->texts[which] : NULL;
}

static const char *node_client(const lambda__code *code, const lambda__places *places, lambda__launch *launch)
{
    if (has_file(code->package, NODE_CLIENT)) return text(launch, 0, places->task, NODE_CLIENT);
    if (has_file(code->layers, "nodejs/" NODE_CLIENT)) return text(launch, 0, places->opt, "nodejs/" NODE_CLIENT);
    return text(launch, 0, places->runtime, "bootstrap.mjs");
}

/** The arguments behind the interpreter; false where a path is too long. */
static bool arguments_of(const lambda__code *code, const lambda__places *places, lambda__launch *launch, size_t *count)
{
    const char **arguments = launch->arguments;
    switch (code->runtime->kind) {
    case LAMBDA__RUNTIME_NODE:
        arguments[(*count)++] = code->interpreter;
        arguments[(*count)++] = node_client(code, places, launch);
        break;
    case LAMBDA__RUNTIME_PYTHON:
        arguments[(*count)++] = code->interpreter;
        if (has_client(code)) {
            arguments[(*count)++] = "-m";
            arguments[(*count)++] = "awslambdaric";
        } else {
            arguments[(*count)++] = text(launch, 0, places->runtime, "bootstrap.py");
        }
        break;
    case LAMBDA__RUNTIME_OBJECT:
        arguments[(*count)++] = text(launch, 0, places->runtime, "lambda-bootstrap");
        break;
    default: {
        const char *where = can_run(code->package, "bootstrap")  ? places->task
                            : can_run(code->layers, "bootstrap") ? places->opt
                                                                 : NULL;
        arguments[(*count)++] = where ? text(launch, 0, where, "bootstrap") : NULL;
        return where && launch->arguments[*count - 1];
    }
    }
    for (size_t i = 0; i < *count; i++)
        if (!arguments[i]) return false;
    arguments[(*count)++] = code->handler;
    return true;
}

bool lambda__runtime_launch(const lambda__code *code, const lambda__places *places, const char *wrapper,
                            lambda__launch *launch)
{
    size_t count = 0;
    /* https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper: not for those that have only a bootstrap. */
    bool managed = code->runtime->kind == LAMBDA__RUNTIME_NODE || code->runtime->kind == LAMBDA__RUNTIME_PYTHON;
    memset(launch->arguments, 0, sizeof(launch->arguments));
    if (wrapper && wrapper[0] && managed) launch->arguments[count++] = wrapper;
    if (!arguments_of(code, places, launch, &count)) return false;
    int length = snprintf(launch->path, sizeof(launch->path), "%s", launch->arguments[0]);
    return length >= 0 && (size_t)length < sizeof(launch->path);
}
