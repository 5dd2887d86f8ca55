/* lambda layer publish|list|get|delete [NAME [VERSION]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_LAYER[] = {
    {"zip", "PATH", "publish: a zip, a directory or a file"}, {"description", "TEXT", "publish: for people"}, {0}};

static int publish(const tool_arguments *arguments, const char *name)
{
    const char *path = tool_option_value(arguments, "zip");
    if (!path || !name) return tool_usage("layer publish needs a name and --zip: lambda layer publish NAME --zip DIR");
    json_t *content = json_object();
    json_t *input = json_pack("{s:s, s:s*, s:o}", "LayerName", name, "Description",
                              tool_option_value(arguments, "description"), "Content", content);
    int code = input ? tool_configure_code(path, content) : tool_no_memory();
    if (code == TOOL_OK) return tool_backend_show(arguments, "PublishLayerVersion", input);
    json_decref(input);
    return code;
}

static int list(const tool_arguments *arguments, const char *name)
{
    static const char *const HEADINGS[] = {"ARN", "DESCRIPTION", NULL};
    const char *what = name ? "LayerVersions" : "Layers";
    tool_backend *backend;
    json_t *all;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) return code;
    code = tool_backend_list(backend, name ? "ListLayerVersions" : "ListLayers", json_pack("{s:s*}", "LayerName", name),
                             what, &all);
    backend->close(backend);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", what, all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        if (!name) each = json_object_get(each, "LatestMatchingVersion");
        const char *description = json_string_value(json_object_get(each, "Description"));
        json_array_append_new(
            rows, json_pack("[O, s]", json_object_get(each, "LayerVersionArn"), description ? description : ""));
    }
    json_decref(all);
    return tool_print_table(HEADINGS, rows);
}

int tool_layer(const tool_arguments *arguments)
{
    const char *verb = tool_operand(arguments, 0);
    const char *name = tool_operand(arguments, 1);
    const char *version = tool_operand(arguments, 2);
    char *end = NULL;
    if (strcmp(verb, "publish") == 0) return publish(arguments, name);
    if (strcmp(verb, "list") == 0) return list(arguments, name);
    if (strcmp(verb, "get") != 0 && strcmp(verb, "delete") != 0)
        return tool_usage("'%s' is none of publish, list, get and delete", verb);
    long long number = version ? strtoll(version, &end, 10) : 0;
    if (number < 1 || *end) return tool_usage("which version? lambda layer %s NAME NUMBER", verb);
    return tool_backend_show(arguments, *verb == 'g' ? "GetLayerVersion" : "DeleteLayerVersion",
                             json_pack("{s:s, s:I}", "LayerName", name, "VersionNumber", (json_int_t)number));
}
