/* Arguments of commands, by a table: "--name VALUE" and "--name=VALUE" anywhere between the operands; "--" ends them. */
#ifndef LAMBDA_TOOL_OPTIONS_H
#define LAMBDA_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One option. Tables of them end with a NULL name. */
typedef struct tool_option {
    const char *name;     /* without the hyphens */
    const char *argument; /* what --help calls its value; NULL: it has none */
    const char *help;
} tool_option;

/** Most operands, and most options that are given. */
#define TOOL_OPERANDS 64
#define TOOL_GIVEN    256

/** What a command was called with. Borrowed from argv. */
typedef struct tool_arguments {
    const struct tool_command *command;
    struct {
        const tool_option *option;
        const char *value; /* "" of one without */
    } given[TOOL_GIVEN];
    size_t given_count;
    const char *operands[TOOL_OPERANDS];
    size_t operands_count;
} tool_arguments;

/** A command: one row of the table in main.c. */
typedef struct tool_command {
    const char *name;
    const char *operands; /* as --help shows them, "" none */
    const char *summary;
    size_t least; /* operands */
    size_t most;
    const tool_option *options; /* of its own; NULL: none */
    bool service;               /* takes those of a data directory or an endpoint too */
    bool json;                  /* and --json */
    int (*run)(const tool_arguments *arguments);
} tool_command;

/** Those of commands that speak to a service, and those that nearly every command takes. */
extern const tool_option TOOL_OPTIONS_SERVICE[];
extern const tool_option TOOL_OPTIONS_JSON[];
extern const tool_option TOOL_OPTIONS_HELP[];
/** All tables of a command's options, its own first; the last is followed by NULL. */
#define TOOL_TABLES 5
void tool_option_tables(const tool_command *command, const tool_option *tables[TOOL_TABLES]);

/** False: it was said what is wrong. `--help` is in the table of every command, and then nothing else is checked. */
bool tool_options_parse(const tool_command *command, int argc, char **argv, tool_arguments *arguments);

/** The last value of an option; NULL where it was not given. */
const char *tool_option_value(const tool_arguments *arguments, const char *name);
/** The value of that index, from 0, of one that may be given again; NULL past the last. */
const char *tool_option_value_at(const tool_arguments *arguments, const char *name, size_t index);
/** A whole number between the two; `otherwise` where it was not given. False: it was said what is wrong. */
bool tool_option_number(const tool_arguments *arguments, const char *name, uint64_t least, uint64_t most,
                        uint64_t otherwise, uint64_t *number);
/** Whether all given options of the command's own are among those that `what` takes: names with a space before and behind each. False: it was said which is not. */
bool tool_options_belong(const tool_arguments *arguments, const char *what, const char *taken);
/** An operand, or NULL. */
const char *tool_operand(const tool_arguments *arguments, size_t index);

/** The text of --help, on stdout. */
void tool_options_help(const tool_command *command);

#endif
