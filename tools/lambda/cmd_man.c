/* lambda man: the man pages, of the same tables as --help. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lambda/base.h>

#include "commands.h"
#include "output.h"

/** Text for troff: hyphens are meant, and a line begins with no control character. */
static void text(FILE *out, const char *words)
{
    if (*words == '.' || *words == '\'') fputs("\\&", out);
    for (; *words; words++) {
        if (*words == '-')
            fputs("\\-", out);
        else if (*words == '\\')
            fputs("\\e", out);
        else
            fputc(*words, out);
    }
}

static void options(FILE *out, const tool_option *each)
{
    for (; each && each->name; each++) {
        fputs(".TP\n\\fB\\-\\-", out);
        text(out, each->name);
        fputs("\\fR", out);
        if (each->argument) fprintf(out, " \\fI%s\\fR", each->argument);
        fputc('\n', out);
        text(out, each->help);
        fputc('\n', out);
    }
}

static void ends(FILE *out)
{
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nthe function failed\n.TP\n2\nthe arguments are wrong\n.TP\n3\nthe "
          "operation was refused\n"
          ".TP\n4\nthe server is out of reach, or the data directory in use\n",
          out);
}

/** What decides where a service is, beside the options. */
static void environment(FILE *out)
{
    static const char *const NAMES[][2] = {
        {"AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL", "a server, where neither --data nor --endpoint is given"},
        {"LAMBDA_DATA", "the data directory"},
        {"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "keys for a server"},
        {"AWS_PROFILE", "the profile of the files below"},
        {"AWS_REGION, AWS_DEFAULT_REGION", "the region"},
        {"AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE",
         "files with keys and regions, instead of ~/.aws/credentials and "
         "~/.aws/config"},
        {"NO_COLOR", "no colour on terminals either"}};
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        fprintf(out, ".TP\n\\fB%s\\fR\n", NAMES[i][0]);
        text(out, NAMES[i][1]);
        fputc('\n', out);
    }
}

static void page(FILE *out, const tool_command *command)
{
    const tool_option *tables[TOOL_TABLES];
    fputs(".TH LAMBDA\\-", out);
    for (const char *at = command->name; *at; at++)
        fputc(toupper((unsigned char)*at), out);
    fprintf(out, " 1 \"\" \"lambda %s\" \"Manual of lambda\"\n.SH NAME\nlambda\\-%s \\- ", LAMBDA_VERSION_TEXT,
            command->name);
    text(out, command->summary);
    fprintf(out, "\n.SH SYNOPSIS\n\\fBlambda %s\\fR%s", command->name, *command->operands ? " " : "");
    text(out, command->operands);
    fputs(" [\\fIOPTION\\fR]...\n.SH OPTIONS\n", out);
    tool_option_tables(command, tables);
    for (size_t i = 0; tables[i]; i++)
        options(out, tables[i]);
    if (command->service) environment(out);
    ends(out);
    fputs(".SH SEE ALSO\n\\fBlambda\\fR(1)\n", out);
}

static void contents(FILE *out)
{
    fprintf(out,
            ".TH LAMBDA 1 \"\" \"lambda %s\" \"Manual of lambda\"\n.SH NAME\nlambda \\- serverless functions on this "
            "machine\n.SH SYNOPSIS\n"
            "\\fBlambda\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR]... [\\fIOPTION\\fR]...\n.SH COMMANDS\n",
            LAMBDA_VERSION_TEXT);
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        fprintf(out, ".TP\n\\fBlambda\\-%s\\fR(1)\n", each->name);
        text(out, each->summary);
        fputc('\n', out);
    }
    ends(out);
}

/** A page of a command, or with NULL that of all. */
static int write_page(const char *directory, const tool_command *command)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/lambda%s%s.1", directory, command ? "-" : "", command ? command->name : "");
    FILE *out = fopen(path, "we");
    if (!out) {
        char why[1200];
        snprintf(why, sizeof why, "%s: %s", path, strerror(errno));
        return tool_refused("FileError", why);
    }
    if (command)
        page(out, command);
    else
        contents(out);
    bool failed = ferror(out) != 0;
    return fclose(out) != 0 || failed ? tool_refused("FileError", path) : TOOL_OK;
}

int tool_man(const tool_arguments *arguments)
{
    const char *directory = tool_operand(arguments, 0);
    if (strlen(directory) > 1000) return tool_usage("the directory's name has to have at most 1000 bytes");
    int code = write_page(directory, NULL);
    for (const tool_command *each = TOOL_COMMANDS; code == TOOL_OK && each->name; each++)
        code = write_page(directory, each);
    return code;
}
