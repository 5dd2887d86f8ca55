/* lambda completion bash|zsh|fish: a script for the shell, made of the table of commands. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"

static void names(void)
{
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++)
        printf("%s%s", each == TOOL_COMMANDS ? "" : " ", each->name);
}

static void options(const tool_option *from)
{
    for (; from && from->name; from++)
        printf(" --%s", from->name);
}

static void bash(void)
{
    puts("_lambda()\n{\n    local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n    if [ \"$COMP_CWORD\" -eq 1 ]; "
         "then");
    fputs("        words=\"", stdout);
    names();
    puts("\"\n    else\n        case \"${COMP_WORDS[1]}\" in");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        printf("        %s) words=\"", each->name);
        options(each->options);
        if (each->service) options(TOOL_OPTIONS_SERVICE);
        options(TOOL_OPTIONS_EVERY);
        puts("\" ;;");
    }
    puts("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
         "complete -o default -F _lambda lambda");
}

/** A file of zsh's $fpath, that may be read by `source` too. */
static void zsh(void)
{
    fputs("#compdef lambda\n_lambda()\n{\n    if (( CURRENT == 2 )); then\n        compadd -- ", stdout);
    names();
    puts("\n        return\n    fi\n    case \"${words[2]}\" in");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        printf("    %s) compadd --", each->name);
        options(each->options);
        if (each->service) options(TOOL_OPTIONS_SERVICE);
        options(TOOL_OPTIONS_EVERY);
        puts(" ;;");
    }
    puts("    esac\n    _files\n}\n"
         "if [ \"$funcstack[1]\" = _lambda ]; then _lambda \"$@\"; else compdef _lambda lambda; fi");
}

static void fish_options(const char *command, const tool_option *from)
{
    for (; from && from->name; from++)
        printf("complete -c lambda -n '__fish_seen_subcommand_from %s' -l %s%s\n", command, from->name,
               from->argument ? " -r" : "");
}

static void fish(void)
{
    fputs("complete -c lambda -n __fish_use_subcommand -f -a '", stdout);
    names();
    puts("'");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        fish_options(each->name, each->options);
        if (each->service) fish_options(each->name, TOOL_OPTIONS_SERVICE);
        fish_options(each->name, TOOL_OPTIONS_EVERY);
    }
}

int tool_completion(const tool_arguments *arguments)
{
    const char *shell = tool_operand(arguments, 0);
    if (strcmp(shell, "bash") == 0)
        bash();
    else if (strcmp(shell, "zsh") == 0)
        zsh();
    else if (strcmp(shell, "fish") == 0)
        fish();
    else
        return tool_usage("'%s' is none of bash, zsh and fish", shell);
    return TOOL_OK;
}
