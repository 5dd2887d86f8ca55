/* lambda layer list|publish|get|delete [NAME] [VERSION] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_LAYER[] = {{"zip", "PATH", "publish: a zip, a directory, or a single file"},
                                          {"description", "TEXT", "publish: for people"},
                                          {"license", "TEXT", "publish: the license"},
                                          {"runtime", "NAME", "publish: a runtime that it is for; may be given again"},
                                          {0}};

/** Texts of a row; what is not there is "-". */
static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}

/** All layers with their newest versions, or all versions of one. */
static int list(const tool_arguments *arguments, const char *name)
{
    static const char *const HEADINGS[] = {"LAYER", "VERSION", "CREATED", "DESCRIPTION", NULL};
    json_t *all;
    const char *member = name ? "LayerVersions" : "Layers";
    int code = tool_backend_ask_list(arguments, name ? "ListLayerVersions" : "ListLayers",
                                     json_pack("{s:s*}", "LayerName", name), member, &all);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", member, all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        const json_t *version = name ? each : json_object_get(each, "LatestMatchingVersion");
        char number[24];
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(version, "Version")));
        json_array_append_new(rows, json_pack("[s, s, s, s]", name ? name : text_of(each, "LayerName"), number,
                                              text_of(version, "CreatedDate"), text_of(version, "Description")));
    }
    json_decref(all);
    return tool_print_table(HEADINGS, rows);
}

static int publish(const tool_arguments *arguments, const char *name)
{
    const char *path = tool_option_value(arguments, "zip");
    const char *runtime;
    if (!path) return tool_usage("layer publish needs --zip: lambda layer publish %s --zip DIR", name);
    json_t *content = json_object();
    json_t *input =
        json_pack("{s:s, s:o, s:s*, s:s*}", "LayerName", name, "Content", content, "Description",
                  tool_option_value(arguments, "description"), "LicenseInfo", tool_option_value(arguments, "license"));
    if (!input) return tool_no_memory();
    json_t *runtimes = json_array();
    for (size_t i = 0; (runtime = tool_option_value_at(arguments, "runtime", i)); i++)
        json_array_append_new(runtimes, json_string(runtime));
    if (json_array_size(runtimes) > 0) json_object_set(input, "CompatibleRuntimes", runtimes);
    json_decref(runtimes);
    int code = tool_configure_code(path, content);
    if (code == TOOL_OK) return tool_backend_show(arguments, "PublishLayerVersion", input);
    json_decref(input);
    return code;
}

/** Of one version: get, delete. */
static int one(const tool_arguments *arguments, const char *operation, const char *name)
{
    char *end = NULL;
    const char *version = tool_operand(arguments, 2);
    errno = 0;
    long long number = version ? strtoll(version, &end, 10) : 0;
    if (number < 1 || errno || *end)
        return tool_usage("which version of %s? 'lambda layer list %s' lists them", name, name);
    return tool_backend_show(arguments, operation,
                             json_pack("{s:s, s:I}", "LayerName", name, "VersionNumber", (json_int_t)number));
}

int tool_layer(const tool_arguments *arguments)
{
    const char *verb = tool_operand(arguments, 0);
    const char *name = tool_operand(arguments, 1);
    char what[64];
    snprintf(what, sizeof what, "layer %.40s", verb);
    if (strcmp(verb, "publish") != 0 && !tool_options_belong(arguments, what, "")) return TOOL_USAGE;
    if (strcmp(verb, "list") == 0) return list(arguments, name);
    if (!name && (strcmp(verb, "publish") == 0 || strcmp(verb, "get") == 0 || strcmp(verb, "delete") == 0))
        return tool_usage("which layer? lambda layer %s NAME", verb);
    if (strcmp(verb, "publish") == 0) return publish(arguments, name);
    if (strcmp(verb, "get") == 0) return one(arguments, "GetLayerVersion", name);
    if (strcmp(verb, "delete") == 0) return one(arguments, "DeleteLayerVersion", name);
    return tool_usage("'%s' is none of list, publish, get and delete", verb);
}
