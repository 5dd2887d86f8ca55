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

/** Also zsh's, by bashcompinit. */
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
    if (strcmp(shell, "zsh") == 0) puts("autoload -U +X bashcompinit && bashcompinit");
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0)
        bash();
    else if (strcmp(shell, "fish") == 0)
        fish();
    else
        return tool_usage("'%s' is none of bash, zsh and fish", shell);
    return TOOL_OK;
}
