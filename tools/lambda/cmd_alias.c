/* lambda alias create|update|get|list|delete NAME [ALIAS] */
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_ALIAS[] = {
    {"version", "NUMBER", "what it points at, or $LATEST"}, {"description", "TEXT", "for people"}, {0}};

static int list(const tool_arguments *arguments, json_t *input)
{
    static const char *const HEADINGS[] = {"NAME", "VERSION", "DESCRIPTION", NULL};
    tool_backend *backend;
    json_t *all;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    code = tool_backend_list(backend, "ListAliases", input, "Aliases", &all);
    backend->close(backend);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", "Aliases", all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        const char *description = json_string_value(json_object_get(each, "Description"));
        json_array_append_new(rows,
                              json_pack("[O, O, s]", json_object_get(each, "Name"),
                                        json_object_get(each, "FunctionVersion"), description ? description : ""));
    }
    json_decref(all);
    return tool_print_table(HEADINGS, rows);
}

int tool_alias(const tool_arguments *arguments)
{
    const char *verb = tool_operand(arguments, 0);
    const char *alias = tool_operand(arguments, 2);
    const char *version = tool_option_value(arguments, "version");
    const char *operation = strcmp(verb, "create") == 0   ? "CreateAlias"
                            : strcmp(verb, "update") == 0 ? "UpdateAlias"
                            : strcmp(verb, "get") == 0    ? "GetAlias"
                            : strcmp(verb, "delete") == 0 ? "DeleteAlias"
                                                          : NULL;
    json_t *input = json_pack("{s:s, s:s*, s:s*, s:s*}", "FunctionName", tool_operand(arguments, 1), "Name", alias,
                              "FunctionVersion", version, "Description", tool_option_value(arguments, "description"));
    int code = TOOL_OK;
    if (strcmp(verb, "list") == 0) return input ? list(arguments, input) : tool_no_memory();
    if (!operation)
        code = tool_usage("'%s' is none of create, update, get, list and delete", verb);
    else if (!alias)
        code = tool_usage("which alias? lambda alias %s NAME ALIAS", verb);
    else if (strcmp(verb, "create") == 0 && !version)
        code = tool_usage("alias create needs --version: 'lambda publish %s' makes one", tool_operand(arguments, 1));
    if (code == TOOL_OK) return tool_backend_show(arguments, operation, input);
    json_decref(input);
    return code;
}
