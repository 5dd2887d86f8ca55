/* What an environment holds: opened and closed; its programs, and their lines. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "variables.h"

/** How often what is watched rather than enforced is looked at, nanoseconds. */
#define LOOK_NS 10000000

/** Most bytes of each pipe that are read at the end of a phase: what is written all the time must not keep it from ending. */
#define DRAIN_MAX ((size_t)1024 * 1024)

static lambda_status out_of_memory(const lambda__instance *instance)
{
    return lambda_runtime_fail(lambda_context_service(instance->context), LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

/* ---- lines */

static void line_written(void *user, const char *line, size_t length)
{
    const lambda__part *part = user;
    lambda__instance *instance = part->instance;
    if (!instance->context) return;
    lambda_context_log_line(instance->context, line, length);
    if (!lambda__telemetry_wanted(instance->telemetry)) return;
    bool json = lambda_context_log_format(instance->context) == LAMBDA_LOG_FORMAT_JSON;
    lambda__telemetry_line(instance->telemetry, part->name ? LAMBDA__TELEMETRY_EXTENSION : LAMBDA__TELEMETRY_FUNCTION,
                           line, length, json);
}

static void drain_output(lambda__output *output)
{
    if (!output) return;
    if (lambda__output_unread(output)) lambda__output_drain(output, DRAIN_MAX);
    lambda__output_flush(output);
}

static void drain_part(const lambda__part *part)
{
    drain_output(part->output);
    drain_output(part->error_output);
}

void lambda__instance_drain(lambda__instance *instance)
{
    /* One round has all that was written before now, but for what is left of much of it; a look at each pipe would cost as much as all else. */
    lambda__loop_run(&instance->loop, 0);
    drain_part(&instance->runtime);
    for (size_t i = 0; i < instance->extensions_count; i++)
        drain_part(&instance->extensions[i]);
}

/* ---- programs */

static void part_exited(void *user, int status)
{
    lambda__part *part = user;
    part->ended = true;
    part->status = status;
}

/** Starts one, and listens to what it writes. What keeps it from starting is in `*error`, an errno; 0 where it is not its own fault. */
static lambda_status start_part(lambda__instance *instance, lambda__part *part, const lambda__program_options *options,
                                int *error)
{
    part->instance = instance;
    lambda__program_options full = *options;
    full.exited = part_exited;
    full.user = part;
    *error = 0;
    lambda_status status = lambda__program_start(instance->sandbox, &full, &part->program, error);
    if (status != LAMBDA_OK) return status;
    part->output = lambda__output_open(&instance->loop, lambda__program_output(part->program), line_written, part);
    part->error_output =
        lambda__output_open(&instance->loop, lambda__program_error_output(part->program), line_written, part);
    return part->output && part->error_output ? LAMBDA_OK : out_of_memory(instance);
}

static char **make_variables(const lambda__instance *instance, bool extension)
{
    lambda_context *context = instance->context;
    size_t own_count;
    const lambda_pair *own = lambda_context_environment_variables(context, &own_count);
    const lambda__facts facts = {.runtime = instance->code->runtime,
                                 .handler = instance->code->handler,
                                 .region = lambda_region(instance->code->process->lambda),
                                 .function_name = lambda_context_function_name(context),
                                 .function_version = lambda_context_function_version(context),
                                 .initialization_type = lambda_context_initialization_type(context),
                                 .log_group_name = lambda_context_log_group_name(context),
                                 .log_stream_name = lambda_context_log_stream_name(context),
                                 .memory_mb = lambda_context_memory_limit_in_mb(context),
                                 .log_format = lambda_context_log_format(context),
                                 .log_level = lambda_context_application_log_level(context),
                                 .runtime_api = lambda__endpoint_address(instance->endpoint),
                                 .task = lambda__sandbox_task(instance->sandbox),
                                 .opt = lambda__sandbox_opt(instance->sandbox),
                                 .tmp = lambda__sandbox_tmp(instance->sandbox),
                                 .runtime_directory = instance->runtime_directory,
                                 .own = own,
                                 .own_count = own_count};
    return lambda__variables_make(&facts, extension);
}

lambda_status lambda__instance_start_runtime(lambda__instance *instance)
{
    lambda__launch launch;
    char words[64];
    int error;
    const char *wrapper = lambda_context_environment_variable(instance->context, "AWS_LAMBDA_EXEC_WRAPPER");
    const lambda__places places = {lambda__sandbox_task(instance->sandbox), lambda__sandbox_opt(instance->sandbox),
                                   instance->runtime_directory};
    if (!lambda__runtime_launch(instance->code, &places, wrapper, &launch)) {
        lambda__instance_fault(instance, "Runtime.InvalidEntrypoint",
                               "Couldn't find valid bootstrap(s): [%s/bootstrap %s/bootstrap]", places.task,
                               places.opt);
        return LAMBDA_OK;
    }
    char **variables = make_variables(instance, false);
    if (!variables) return out_of_memory(instance);
    const lambda__program_options options = {.path = launch.path,
                                             .arguments = launch.arguments,
                                             .environment = (const char *const *)variables,
                                             .working_directory = places.task};
    lambda_status status = start_part(instance, &instance->runtime, &options, &error);
    lambda__variables_free(variables);
    if (status == LAMBDA_OK || !error) return status;
    lambda__instance_fault(instance, "Runtime.InvalidEntrypoint", "fork/exec %s: %s", launch.path,
                           lambda__errno_words(error, words));
    return LAMBDA_OK;
}

/* ---- external extensions: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html */

static int is_extension(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

/** The files of the layers' extensions/, by name. */
static lambda_status list_extensions(lambda__instance *instance)
{
    char path[4096];
    struct dirent **entries;
    if (!instance->code->layers) return LAMBDA_OK;
    snprintf(path, sizeof(path), "%s/extensions", lambda_package_path(instance->code->layers));
    int count = scandir(path, &entries, is_extension, alphasort);
    if (count < 0) return errno == ENOMEM ? out_of_memory(instance) : LAMBDA_OK;
    instance->extensions = calloc((size_t)count + 1, sizeof(*instance->extensions));
    bool complete = instance->extensions != NULL;
    for (int i = 0; i < count; i++) {
        if (complete) {
            lambda__part *part = &instance->extensions[i];
            part->name = strdup(entries[i]->d_name);
            complete = part->name != NULL;
            instance->extensions_count += complete;
        }
        free(entries[i]);
    }
    free(entries);
    return complete ? LAMBDA_OK : out_of_memory(instance);
}

static lambda_status start_extension(lambda__instance *instance, lambda__part *part, char *const *variables)
{
    char path[1024], words[64];
    int error;
    snprintf(path, sizeof(path), "%s/extensions/%s", lambda__sandbox_opt(instance->sandbox), part->name);
    const char *const arguments[] = {path, NULL};
    const lambda__program_options options = {
        .path = path, .arguments = arguments, .environment = (const char *const *)variables, .working_directory = "/"};
    lambda_status status = start_part(instance, part, &options, &error);
    if (status == LAMBDA_OK || !error) return status;
    lambda__instance_fault(instance, "Extension.LaunchError", "fork/exec %s: %s", path,
                           lambda__errno_words(error, words));
    lambda__event_extension(instance, part, "LaunchError", error == EACCES ? "PermissionDenied" : "UnknownError");
    return LAMBDA_OK;
}

lambda_status lambda__instance_start_extensions(lambda__instance *instance)
{
    lambda_status status = list_extensions(instance);
    instance->registered = instance->extensions_count == 0;
    if (status != LAMBDA_OK || instance->registered) return status;
    for (size_t i = 0; i < instance->extensions_count && status == LAMBDA_OK; i++)
        status = lambda__endpoint_expect_extension(instance->endpoint, instance->extensions[i].name);
    char **variables = status == LAMBDA_OK ? make_variables(instance, true) : NULL;
    if (status == LAMBDA_OK && !variables) status = out_of_memory(instance);
    for (size_t i = 0; i < instance->extensions_count && status == LAMBDA_OK && !instance->fault[0]; i++)
        status = start_extension(instance, &instance->extensions[i], variables);
    lambda__variables_free(variables);
    return status;
}

/* ---- all of it */

static void look(lambda__timer *timer)
{
    lambda__instance *instance = timer->user;
    timer->due = lambda__loop_now() + LOOK_NS;
    if (!lambda__sandbox_look(instance->sandbox)) instance->killed = true;
}

lambda_status lambda__instance_open(lambda__instance *instance)
{
    const lambda__code *code = instance->code;
    lambda_context *context = instance->context;
    lambda_t *lambda = code->process->lambda;
    char message[256];
    int error = lambda__loop_open(&instance->loop);
    if (error)
        return lambda_runtime_fail(lambda, error == ENOMEM ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_ERROR_SERVICE,
                                   "no loop for an environment: %s", strerror(error));
    instance->loop_open = true;
    instance->telemetry = lambda__telemetry_open(&instance->loop);
    if (!instance->telemetry) return out_of_memory(instance);
    lambda__sandbox_bind binds[3] = {{NULL, NULL}};
    size_t count = 0;
    if (code->programs) binds[count++] = (lambda__sandbox_bind){code->programs, "/var/runtime"};
    if (code->interpreter_prefix) binds[count++] = (lambda__sandbox_bind){code->interpreter_prefix, "/var/lang"};
    bool own = lambda__sandboxes_limits(code->process->sandboxes)->paths == LAMBDA_PROCESS_NAMESPACE;
    instance->runtime_directory = code->programs && !own ? code->programs : "/var/runtime";
    const lambda__sandbox_options sandbox = {.task = lambda_package_path(code->package),
                                             .opt = code->layers ? lambda_package_path(code->layers) : NULL,
                                             .binds = binds,
                                             .memory_mb = lambda_context_memory_limit_in_mb(context),
                                             .storage_mb = lambda_context_ephemeral_storage_size(context),
                                             .loop = &instance->loop};
    lambda_status status = lambda__sandbox_open(code->process->sandboxes, &sandbox, &instance->sandbox);
    if (status != LAMBDA_OK) return status;
    instance->rest.sandbox = instance->sandbox;
    instance->look = (lambda__timer){.due = lambda__loop_now() + LOOK_NS, .run = look, .user = instance};
    lambda__loop_add_timer(&instance->loop, &instance->look);
    snprintf(instance->function_name, sizeof(instance->function_name), "%s", lambda_context_function_name(context));
    snprintf(instance->function_version, sizeof(instance->function_version), "%s",
             lambda_context_function_version(context));
    const lambda__endpoint_options endpoint = {.loop = &instance->loop,
                                               .events = &lambda__instance_events,
                                               .user = instance,
                                               .telemetry = instance->telemetry,
                                               .response_limit = lambda_context_response_limit(context),
                                               .function_name = instance->function_name,
                                               .function_version = instance->function_version,
                                               .handler = code->handler,
                                               .account_id = lambda_account_id(lambda),
                                               .peer = lambda__sandbox_user(instance->sandbox)};
    status = lambda__endpoint_open(&endpoint, &instance->endpoint, message);
    return status == LAMBDA_OK ? status : lambda_runtime_fail(lambda, status, "no endpoint: %s", message);
}

void lambda__instance_kill(lambda__instance *instance)
{
    lambda__sandbox_kill(instance->sandbox);
    instance->killed = true;
}

static void close_part(lambda__part *part)
{
    if (part->output) lambda__output_close(part->output);
    if (part->error_output) lambda__output_close(part->error_output);
    free(part->name);
}

void lambda__instance_free(lambda__instance *instance)
{
    if (instance->sandbox && !instance->killed) lambda__instance_kill(instance);
    if (instance->sandbox) lambda__instance_drain(instance);
    close_part(&instance->runtime);
    for (size_t i = 0; i < instance->extensions_count; i++)
        close_part(&instance->extensions[i]);
    if (instance->endpoint) lambda__endpoint_close(instance->endpoint);
    if (instance->telemetry) lambda__telemetry_close(instance->telemetry);
    if (instance->look.run) lambda__loop_remove_timer(&instance->loop, &instance->look);
    if (instance->sandbox) lambda__sandbox_close(instance->sandbox);
    if (instance->loop_open) lambda__loop_close(&instance->loop);
    free(instance->extensions);
    free(instance);
}
