/* lambda: functions from the command line. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <lambda/base.h>

#include "commands.h"
#include "output.h"

static const tool_option QUALIFIER[] = {{"qualifier", "NAME", "a version or an alias"}, {0}};
static const tool_option DESCRIPTION[] = {{"description", "TEXT", "of the version"}, {0}};

/* clang-format off */
const tool_command TOOL_COMMANDS[] = {
    {"init", "DIRECTORY", "Makes a project that works, with a test.", 1, 1, TOOL_OPTIONS_INIT, false, true, tool_init},
    {"serve", "", "Serves a data directory over HTTP, for the AWS CLI, SDKs and --endpoint.", 0, 0, TOOL_OPTIONS_SERVE, false, false, tool_serve},
    {"create", "NAME", "Creates a function.", 1, 1, TOOL_OPTIONS_CREATE, true, true, tool_create},
    {"config", "NAME", "Shows and changes a function's configuration: memory, timeout, environment, concurrency, events.", 1, 1, TOOL_OPTIONS_CONFIG, true, true, tool_config},
    {"list", "", "Lists the functions.", 0, 0, NULL, true, true, tool_list},
    {"get", "NAME", "Shows a function, a version or an alias.", 1, 1, QUALIFIER, true, true, tool_get},
    {"update", "NAME", "Changes a function's code.", 1, 1, TOOL_OPTIONS_UPDATE, true, true, tool_update},
    {"delete", "NAME", "Deletes a function, or a version of it.", 1, 1, QUALIFIER, true, true, tool_delete},
    {"invoke", "NAME [EVENT|@FILE|-]", "Invokes a function.", 1, 2, TOOL_OPTIONS_INVOKE, true, true, tool_invoke},
    {"publish", "NAME", "Publishes a version.", 1, 1, DESCRIPTION, true, true, tool_publish},
    {"alias", "create|update|get|list|delete NAME [ALIAS]", "Works on aliases.", 2, 3, TOOL_OPTIONS_ALIAS, true, true, tool_alias},
    {"url", "create|update|get|list|delete NAME", "Works on function URLs.", 2, 2, TOOL_OPTIONS_URL, true, true, tool_url},
    {"layer", "list|publish|get|delete [NAME] [VERSION]", "Works on layers.", 1, 3, TOOL_OPTIONS_LAYER, true, true, tool_layer},
    {"logs", "[NAME]", "Prints a function's log.", 0, 1, TOOL_OPTIONS_LOGS, true, true, tool_logs},
    {"metrics", "", "Shows how invocations went, by the log of a data directory, or what a server counts.", 0, 0, NULL, true, true, tool_metrics},
    {"trace", "[TRACE]", "Lists the traces, or draws one.", 0, 1, TOOL_OPTIONS_TRACE, true, true, tool_trace},
    {"queue", "[list|purge|redrive|drain]", "Shows and handles asynchronous events.", 0, 1, TOOL_OPTIONS_QUEUE, true, true, tool_queue},
    {"event", "[KIND]", "Prints an event as a service of Lambda's sends it; without KIND, which there are.", 0, 1, TOOL_OPTIONS_EVENT, false, true, tool_event},
    {"api", "[OPERATION [INPUT|@FILE|-]]", "Calls any operation of the API; without one, lists them.", 0, 2, NULL, true, true, tool_api},
    {"call", "LIBRARY DECLARATION [EVENT|NAME=VALUE...]", "Calls a C function of a shared library.", 2, 34, NULL, false, true, tool_call},
    {"doctor", "", "Looks at what this machine, the data directory or the server can do.", 0, 0, NULL, true, true, tool_doctor},
    {"completion", "bash|zsh|fish", "Prints a script that completes commands and options.", 1, 1, NULL, false, false, tool_completion},
    {"man", "DIRECTORY", "Writes the man pages.", 1, 1, NULL, false, false, tool_man},
    {"version", "", "Prints the version.", 0, 0, NULL, false, true, tool_version},
    {0}};
/* clang-format on */

int tool_version(const tool_arguments *arguments)
{
    if (tool_option_value(arguments, "json"))
        return tool_print_json(json_pack("{s:s}", "version", LAMBDA_VERSION_TEXT));
    printf("lambda %s\n", LAMBDA_VERSION_TEXT);
    return TOOL_OK;
}

static int help(void)
{
    puts("Usage: lambda COMMAND [OPTION]...\nServerless functions on this machine.\n");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++)
        printf("  %s%-12s%s %s\n", tool_bold(), each->name, tool_plain(), each->summary);
    puts("\n'lambda COMMAND --help' says more of one.\n"
         "Exit codes: 0 done, 1 the function failed, 2 usage, 3 refused, 4 out of reach or in use.");
    return TOOL_OK;
}

static const tool_command *find(const char *name)
{
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++)
        if (strcmp(each->name, name) == 0) return each;
    return NULL;
}

static int run(const tool_command *command, int argc, char **argv)
{
    static tool_arguments arguments;
    if (!tool_options_parse(command, argc, argv, &arguments)) return TOOL_USAGE;
    if (tool_option_value(&arguments, "help")) {
        tool_options_help(command);
        return TOOL_OK;
    }
    return command->run(&arguments);
}

/** What could not be written is said, but for a reader that wanted no more. */
static int end(int code)
{
    struct pollfd reader = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code != TOOL_OK) return code;
    if (poll(&reader, 1, 0) == 1 && reader.revents & POLLERR) return TOOL_REFUSED;
    return tool_refused("FileError", "standard output could not be written whole");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    bool asks = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (strcmp(name, "--version") == 0) name = "version";
    if (asks && argc < 3) {
        int code = help();
        return argc > 1 ? end(code) : TOOL_USAGE;
    }
    const tool_command *command = find(asks ? argv[2] : name);
    if (!command) return tool_usage("there is no command '%s': 'lambda help' lists them", asks ? argv[2] : name);
    if (asks) {
        tool_options_help(command);
        return end(TOOL_OK);
    }
    /* A reader of our output that goes ends us with an error, not a signal. */
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = run(command, argc - 2, argv + 2);
    curl_global_cleanup();
    return end(code);
}
