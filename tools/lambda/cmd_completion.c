/* lambda completion bash|zsh|fish: a script for the shell, made of the table of commands. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"

static void names(void)
{
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++)
        printf("%s ", each->name);
    fputs("help", stdout);
}

/** What the first operand may be, where it is one of a few words: "create|delete NAME", "[list|purge]". False: it is not. */
static bool print_verbs(const tool_command *command, const char *before)
{
    const char *from = command->operands + (*command->operands == '[');
    size_t length = strcspn(from, " ]");
    if (!islower((unsigned char)*from) || !memchr(from, '|', length)) return false;
    fputs(before, stdout);
    for (size_t i = 0; i < length; i++)
        putchar(from[i] == '|' ? ' ' : from[i]);
    return true;
}

/** Names of options, with the hyphens; `valued`: of those alone that have a value, as a pattern. */
static void print_options(const tool_command *command, bool valued)
{
    const tool_option *tables[TOOL_TABLES];
    const char *between = "";
    tool_option_tables(command, tables);
    for (size_t i = 0; tables[i]; i++)
        for (const tool_option *each = tables[i]; each->name; each++) {
            if (valued && !each->argument) continue;
            printf("%s--%s", between, each->name);
            between = valued ? "|" : " ";
        }
    if (valued && !*between) fputs("--", stdout);
}

/* Values of options, and operands that are no verbs, are files as far as the shell knows. */
static void bash(void)
{
    puts("_lambda()\n{\n    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "    local options=\"\" valued=\"\" verbs=\"\"\n    COMPREPLY=()\n"
         "    case \"${COMP_WORDS[1]}\" in");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        printf("        %s)\n            options=\"", each->name);
        print_options(each, false);
        fputs("\"\n            valued=\"", stdout);
        print_options(each, true);
        putchar('"');
        if (print_verbs(each, "\n            verbs=\"")) putchar('"');
        puts("\n            ;;");
    }
    fputs(
        "    esac\n    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"$before\" = help ]; }; then\n"
        "        verbs=\"",
        stdout);
    names();
    puts("\"\n    elif [[ \"|$valued|\" == *\"|$before|\"* ]]; then\n        return\n    elif [[ $word == -* ]]; then\n"
         "        verbs=$options\n    elif [ \"$COMP_CWORD\" -ne 2 ]; then\n        return\n    fi\n"
         "    COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\"))\n}\n"
         "complete -o default -F _lambda lambda");
}

/** A file of zsh's $fpath, that may be read by `source` too. */
static void zsh(void)
{
    fputs("#compdef lambda\n_lambda()\n{\n    local options=() valued=\"\" verbs=()\n"
          "    if (( CURRENT == 2 )) || [[ $CURRENT == 3 && ${words[2]} == help ]]; then\n        compadd -- ",
          stdout);
    names();
    puts("\n        return\n    fi\n    case \"${words[2]}\" in");
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        printf("    %s) options=(", each->name);
        print_options(each, false);
        fputs(") valued=\"", stdout);
        print_options(each, true);
        putchar('"');
        if (print_verbs(each, " verbs=(")) putchar(')');
        puts(" ;;");
    }
    puts("    esac\n    if [[ \"|$valued|\" == *\"|${words[CURRENT-1]}|\"* ]]; then\n        _files\n"
         "    elif [[ $PREFIX == -* ]]; then\n        compadd -- $options\n"
         "    elif (( CURRENT == 3 && ${#verbs} )); then\n        compadd -- $verbs\n    else\n        _files\n    "
         "fi\n}\n"
         "if [ \"$funcstack[1]\" = _lambda ]; then _lambda \"$@\"; else compdef _lambda lambda; fi");
}

/** A text between single quotes of fish. */
static void print_quoted(const char *text)
{
    for (; *text; text++)
        printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void fish(void)
{
    for (const tool_command *each = TOOL_COMMANDS; each->name; each++) {
        const tool_option *tables[TOOL_TABLES];
        printf("complete -c lambda -n __fish_use_subcommand -f -a %s -d '", each->name);
        print_quoted(each->summary);
        puts("'");
        printf("complete -c lambda -n '__fish_seen_subcommand_from help' -f -a %s\n", each->name);
        tool_option_tables(each, tables);
        for (size_t i = 0; tables[i]; i++)
            for (const tool_option *option = tables[i]; option->name; option++) {
                printf("complete -c lambda -n '__fish_seen_subcommand_from %s' -l %s%s -d '", each->name, option->name,
                       option->argument ? " -r" : "");
                print_quoted(option->help);
                puts("'");
            }
        char before[160];
        snprintf(
            before, sizeof before,
            "complete -c lambda -n '__fish_seen_subcommand_from %s; and test (count (commandline -opc)) -eq 2' -f -a '",
            each->name);
        if (print_verbs(each, before)) puts("'");
    }
    puts("complete -c lambda -n __fish_use_subcommand -f -a help -d 'Says more of a command.'");
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
