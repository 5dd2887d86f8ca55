/* A data directory. */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/async.h>
#include <lambda/log_file.h>
#include <lambda/trace.h>

#include "keys.h"
#include "output.h"

static const char *set(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool tool_home_directory(const tool_arguments *arguments, char directory[768])
{
    const char *given = tool_option_value(arguments, "data");
    if (!given) given = set("LAMBDA_DATA");
    if (!given) given = ".lambda";
    if (strlen(given) < 700 && *given) {
        snprintf(directory, 768, "%s", given);
        return true;
    }
    tool_usage("the data directory's name has to have 1 to 699 bytes");
    return false;
}

void tool_home_path(const char *directory, const char *name, char path[1024])
{
    snprintf(path, 1024, "%s/%s", directory, name);
}

const char *tool_region(const tool_arguments *arguments)
{
    static char configured[64];
    const char *region = tool_option_value(arguments, "region");
    if (!region) region = set("AWS_REGION");
    if (!region) region = set("AWS_DEFAULT_REGION");
    if (!region && tool_profile_region(tool_option_value(arguments, "profile"), configured)) region = configured;
    return region ? region : "us-east-1";
}

/** What could not be opened: one that another process has is the usual case, and has another way. */
static int not_opened(const tool_home *home, lambda_status status)
{
    if (status != LAMBDA_ERROR_RESOURCE_CONFLICT) return tool_failed(NULL, status);
    return tool_unreachable("the data directory %s is in use by another process: %s\n"
                            "  next: ask the server that has it, with --endpoint http://127.0.0.1:PORT",
                            home->directory, lambda_error_message(NULL));
}

/** The file holds functions' environment variables: for its owner alone. SQLite's other files get the mode of this one. */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return tool_unreachable("%s cannot be opened: %s", path, strerror(errno));
    close(fd);
    return TOOL_OK;
}

static int open_parts(const tool_arguments *arguments, tool_home *home)
{
    char path[1024];
    char logs[1024];
    char traces[1024];
    lambda_log_sink sink = {0};
    lambda_options options = {.metrics = true, .region = tool_region(arguments)};
    tool_home_path(home->directory, "lambda.db", path);
    int code = make_file(path);
    if (code != TOOL_OK) return code;
    lambda_status status = lambda_sqlite_open(path, NULL, &home->file);
    if (status != LAMBDA_OK) return not_opened(home, status);
    tool_home_path(home->directory, "packages", path);
    status = lambda_packages_open(
        &(lambda_packages_options){.directory = path, .region = options.region, .archives = true}, &home->packages);
    if (status != LAMBDA_OK) return not_opened(home, status);
    tool_home_path(home->directory, "logs", logs);
    status = lambda_log_sink_file(&(lambda_log_file_options){.directory = logs, .times = true}, &sink);
    if (status != LAMBDA_OK) return not_opened(home, status);
    options.log[0] = sink;
    tool_home_path(home->directory, "traces.jsonl", traces);
    status = lambda_trace_exporter_file(traces, &options.trace[0]);
    if (status != LAMBDA_OK) {
        sink.close(sink.user);
        return not_opened(home, status);
    }
    lambda_sqlite_use(home->file, &options);
    status = lambda_open(&options, &home->lambda);
    if (status != LAMBDA_OK) {
        sink.close(sink.user);
        options.trace[0].close(options.trace[0].user);
        return tool_failed(NULL, status);
    }
    status = lambda_process_open(
        home->lambda, &(lambda_process_options){.packages = home->packages, .best_effort = true}, &home->process);
    if (status != LAMBDA_OK) return tool_failed(home->lambda, status);
    status = lambda_api_open(
        &(lambda_api_options){.lambda = home->lambda, .packages = home->packages, .logs = logs, .traces = traces},
        &home->api);
    return status == LAMBDA_OK ? TOOL_OK : tool_failed(NULL, status);
}

int tool_home_open(const tool_arguments *arguments, tool_home *home)
{
    if (!tool_home_directory(arguments, home->directory)) return TOOL_USAGE;
    /* Functions may run as another user, who reads their packages: so not for the owner alone. */
    if (mkdir(home->directory, 0755) != 0 && errno != EEXIST)
        return tool_unreachable("the data directory %s cannot be made: %s", home->directory, strerror(errno));
    return open_parts(arguments, home);
}

void tool_home_close(tool_home *home)
{
    lambda_api_close(home->api);
    lambda_close(home->lambda);
    lambda_packages_close(home->packages);
    lambda_sqlite_close(home->file);
    *home = (tool_home){0};
}
