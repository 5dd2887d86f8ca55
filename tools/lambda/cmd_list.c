/* lambda list, get, delete and publish: one operation each. */
#include <stdio.h>

#include "commands.h"
#include "configure.h"

static const char *text_of(const json_t *object, const char *name, char text[32])
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value)) return json_is_string(value) ? json_string_value(value) : "";
    snprintf(text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return text;
}

static json_t *row(const json_t *each)
{
    char memory[32];
    char timeout[32];
    char unused[32];
    return json_pack("[s, s, s, s, s, s]", text_of(each, "FunctionName", unused), text_of(each, "Runtime", unused),
                     text_of(each, "Handler", unused), text_of(each, "MemorySize", memory),
                     text_of(each, "Timeout", timeout), text_of(each, "LastModified", unused));
}

int tool_list(const tool_arguments *arguments)
{
    static const char *const HEADINGS[] = {"NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "MODIFIED", NULL};
    json_t *all;
    int code = tool_backend_ask_list(arguments, "ListFunctions", json_object(), "Functions", &all);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", "Functions", all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all) && code == TOOL_OK; i++)
        if (json_array_append_new(rows, row(json_array_get(all, i))) != 0) code = tool_no_memory();
    json_decref(all);
    if (code == TOOL_OK) return tool_print_table(HEADINGS, rows);
    json_decref(rows);
    return code;
}

static json_t *named(const tool_arguments *arguments)
{
    return json_pack("{s:s, s:s*}", "FunctionName", tool_operand(arguments, 0), "Qualifier",
                     tool_option_value(arguments, "qualifier"));
}

int tool_get(const tool_arguments *arguments)
{
    json_t *output;
    int code = tool_backend_ask(arguments, "GetFunction", named(arguments), &output);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(output);
    json_t *configuration = json_incref(json_object_get(output, "Configuration"));
    json_decref(output);
    return tool_configuration_print(arguments, configuration);
}

int tool_delete(const tool_arguments *arguments)
{
    json_t *output;
    int code = tool_backend_ask(arguments, "DeleteFunction", named(arguments), &output);
    json_decref(output);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json"))
        return tool_print_json(json_pack("{s:s}", "Deleted", tool_operand(arguments, 0)));
    printf("%s is deleted\n", tool_operand(arguments, 0));
    return TOOL_OK;
}

int tool_publish(const tool_arguments *arguments)
{
    json_t *output;
    json_t *input = json_pack("{s:s, s:s*}", "FunctionName", tool_operand(arguments, 0), "Description",
                              tool_option_value(arguments, "description"));
    int code = tool_backend_ask(arguments, "PublishVersion", input, &output);
    return code == TOOL_OK ? tool_configuration_print(arguments, output) : code;
}
