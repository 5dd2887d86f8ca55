/* Arguments of commands. */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

const tool_option TOOL_OPTIONS_JSON[] = {{"json", NULL, "print JSON, for programs"}, {0}};
const tool_option TOOL_OPTIONS_HELP[] = {{"help", NULL, "print this"}, {0}};

const tool_option TOOL_OPTIONS_SERVICE[] = {
    {"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
    {"endpoint", "URL", "ask a server instead (else AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL)"},
    {"profile", "NAME", "the profile of the credentials and config files (else AWS_PROFILE, else default)"},
    {"region", "NAME", "the region (else AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1)"},
    {0}};

static const tool_option *find_in(const tool_option *options, const char *name, size_t length)
{
    for (; options && options->name; options++)
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0) return options;
    return NULL;
}

void tool_option_tables(const tool_command *command, const tool_option *tables[TOOL_TABLES])
{
    size_t count = 0;
    if (command->options) tables[count++] = command->options;
    if (command->service) tables[count++] = TOOL_OPTIONS_SERVICE;
    if (command->json) tables[count++] = TOOL_OPTIONS_JSON;
    tables[count++] = TOOL_OPTIONS_HELP;
    tables[count] = NULL;
}

static const tool_option *find(const tool_command *command, const char *name, size_t length)
{
    const tool_option *tables[TOOL_TABLES];
    const tool_option *found = NULL;
    tool_option_tables(command, tables);
    for (size_t i = 0; tables[i] && !found; i++)
        found = find_in(tables[i], name, length);
    return found;
}

/** --help or -h anywhere before "--" is all that counts. */
static bool asks_for_help(int argc, char **argv)
{
    for (int at = 0; at < argc && strcmp(argv[at], "--") != 0; at++)
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) return true;
    return false;
}

/** What looks like an option and is none: "-" is stdin, and a number is an event. */
static bool is_short_option(const char *text)
{
    return text[0] == '-' && text[1] && (text[1] < '0' || text[1] > '9');
}

/** Takes an option, and its value from the next argument where it needs one. */
static bool take(const tool_command *command, int argc, char **argv, int *at, tool_arguments *arguments)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const tool_option *option = find(command, name, length);
    if (!option) {
        tool_usage("%s has no option --%.*s: 'lambda %s --help' lists them", command->name, (int)length, name,
                   command->name);
        return false;
    }
    if (option->argument && !value) {
        if (*at + 1 >= argc) {
            tool_usage("--%s needs a value: --%s %s", option->name, option->name, option->argument);
            return false;
        }
        value = argv[++*at];
    } else if (!option->argument && value) {
        tool_usage("--%s takes no value", option->name);
        return false;
    }
    if (arguments->given_count == TOOL_GIVEN) {
        tool_usage("there are more than %d options", TOOL_GIVEN);
        return false;
    }
    arguments->given[arguments->given_count].option = option;
    arguments->given[arguments->given_count++].value = value ? value : "";
    return true;
}

bool tool_options_parse(const tool_command *command, int argc, char **argv, tool_arguments *arguments)
{
    bool open = true;
    *arguments = (tool_arguments){.command = command};
    if (asks_for_help(argc, argv)) {
        arguments->given[0].option = TOOL_OPTIONS_HELP;
        arguments->given[0].value = "";
        arguments->given_count = 1;
        return true;
    }
    for (int at = 0; at < argc; at++) {
        if (open && strcmp(argv[at], "--") == 0) {
            open = false;
        } else if (open && strncmp(argv[at], "--", 2) == 0) {
            if (!take(command, argc, argv, &at, arguments)) return false;
        } else if (open && is_short_option(argv[at])) {
            tool_usage("%s has no option %s: 'lambda %s --help' lists them", command->name, argv[at], command->name);
            return false;
        } else if (arguments->operands_count < command->most && arguments->operands_count < TOOL_OPERANDS) {
            arguments->operands[arguments->operands_count++] = argv[at];
        } else {
            tool_usage("'%s' is one argument too many: lambda %s %s", argv[at], command->name, command->operands);
            return false;
        }
    }
    if (arguments->operands_count >= command->least) return true;
    tool_usage("an argument is missing: lambda %s %s", command->name, command->operands);
    return false;
}

const char *tool_option_value(const tool_arguments *arguments, const char *name)
{
    for (size_t i = arguments->given_count; i-- > 0;)
        if (strcmp(arguments->given[i].option->name, name) == 0) return arguments->given[i].value;
    return NULL;
}

const char *tool_option_value_at(const tool_arguments *arguments, const char *name, size_t index)
{
    for (size_t i = 0; i < arguments->given_count; i++)
        if (strcmp(arguments->given[i].option->name, name) == 0 && index-- == 0) return arguments->given[i].value;
    return NULL;
}

bool tool_option_number(const tool_arguments *arguments, const char *name, uint64_t least, uint64_t most,
                        uint64_t otherwise, uint64_t *number)
{
    const char *text = tool_option_value(arguments, name);
    char *end;
    *number = otherwise;
    if (!text) return true;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < least || value > most) {
        tool_usage("--%s is '%s', and has to be a whole number from %" PRIu64 " to %" PRIu64, name, text, least, most);
        return false;
    }
    *number = value;
    return true;
}

bool tool_options_belong(const tool_arguments *arguments, const char *what, const char *taken)
{
    for (size_t i = 0; i < arguments->given_count; i++) {
        char word[48];
        const tool_option *option = arguments->given[i].option;
        snprintf(word, sizeof word, " %s ", option->name);
        if (strstr(taken, word) || !find_in(arguments->command->options, option->name, strlen(option->name))) continue;
        tool_usage("%s has no --%s%s%s", what, option->name, *taken ? "; it takes:" : "", taken);
        return false;
    }
    return true;
}

const char *tool_operand(const tool_arguments *arguments, size_t index)
{
    return index < arguments->operands_count ? arguments->operands[index] : NULL;
}

static void help_of(const tool_option *options)
{
    for (; options && options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->argument ? " " : "",
                 options->argument ? options->argument : "");
        printf("  %-26s %s\n", left, options->help);
    }
}

void tool_options_help(const tool_command *command)
{
    printf("Usage: lambda %s%s%s [OPTION]...\n%s\n\n", command->name, *command->operands ? " " : "", command->operands,
           command->summary);
    const tool_option *tables[TOOL_TABLES];
    tool_option_tables(command, tables);
    for (size_t i = 0; tables[i]; i++)
        help_of(tables[i]);
}
