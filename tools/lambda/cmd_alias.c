/* lambda alias create|update|get|list|delete NAME [ALIAS] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_ALIAS[] = {
    {"version", "NUMBER", "create, update: what it points at, or $LATEST"},
    {"routing-weight", "VERSION=SHARE",
     "create, update: this share of invocations, 0 to 1, goes there instead; none: all to --version"},
    {"description", "TEXT", "create, update: for people"},
    {0}};

/** {"AdditionalVersionWeights": {"2": 0.1}} of --routing-weight, put into the input. */
static int put_routing(const tool_arguments *arguments, json_t *input)
{
    const char *each;
    if (!tool_option_value(arguments, "routing-weight")) return TOOL_OK;
    json_t *weights = json_object();
    if (json_object_set_new(input, "RoutingConfig", json_pack("{s:o}", "AdditionalVersionWeights", weights)) != 0)
        return tool_no_memory();
    for (size_t i = 0; (each = tool_option_value_at(arguments, "routing-weight", i)) != NULL; i++) {
        char version[32];
        char *end;
        const char *equals = strchr(each, '=');
        if (strcmp(each, "none") == 0) {
            json_object_clear(weights);
            continue;
        }
        double share = equals ? strtod(equals + 1, &end) : 0;
        if (!equals || equals == each || equals - each >= (int)sizeof version || end == equals + 1 || *end ||
            !(share >= 0 && share <= 1))
            return tool_usage("--routing-weight '%s' has to be VERSION=SHARE, the share from 0 to 1: 2=0.1", each);
        snprintf(version, sizeof version, "%.*s", (int)(equals - each), each);
        if (json_object_set_new(weights, version, json_real(share)) != 0) return tool_no_memory();
    }
    return TOOL_OK;
}

/** "2=0.1" of an alias, or "-". */
static const char *routing_of(const json_t *alias, char text[96])
{
    json_t *weights = json_object_get(json_object_get(alias, "RoutingConfig"), "AdditionalVersionWeights");
    const char *version;
    const json_t *share;
    size_t length = 0;
    snprintf(text, 96, "-");
    json_object_foreach(weights, version, share)
    {
        if (length >= 96) break;
        length += (size_t)snprintf(text + length, 96 - length, "%s%s=%g", length ? " " : "", version,
                                   json_number_value(share));
    }
    return text;
}

static int list(const tool_arguments *arguments, json_t *input)
{
    static const char *const HEADINGS[] = {"NAME", "VERSION", "ROUTING", "DESCRIPTION", NULL};
    json_t *all;
    int code = tool_backend_ask_list(arguments, "ListAliases", input, "Aliases", &all);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", "Aliases", all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        char routing[96];
        const json_t *each = json_array_get(all, i);
        const char *description = json_string_value(json_object_get(each, "Description"));
        json_array_append_new(rows, json_pack("[O, O, s, s]", json_object_get(each, "Name"),
                                              json_object_get(each, "FunctionVersion"), routing_of(each, routing),
                                              description ? description : ""));
    }
    json_decref(all);
    return tool_print_table(HEADINGS, rows);
}

/** Whether the verb is given what it needs, and nothing that it does not take. */
static int check(const tool_arguments *arguments, const char *verb, const char *alias)
{
    char what[32];
    const bool creates = strcmp(verb, "create") == 0;
    const bool changes = creates || strcmp(verb, "update") == 0;
    snprintf(what, sizeof what, "alias %s", verb);
    if (!tool_options_belong(arguments, what, changes ? " version routing-weight description " : "")) return TOOL_USAGE;
    if (strcmp(verb, "list") == 0)
        return alias ? tool_usage("'%s' is one argument too many: lambda alias list NAME", alias) : TOOL_OK;
    if (!alias) return tool_usage("which alias? lambda alias %s NAME ALIAS", verb);
    if (creates && !tool_option_value(arguments, "version"))
        return tool_usage("alias create needs --version: 'lambda publish %s' makes one", tool_operand(arguments, 1));
    if (changes && !creates && arguments->given_count == 0)
        return tool_usage("nothing to update: 'lambda alias --help' says what there is");
    return TOOL_OK;
}

int tool_alias(const tool_arguments *arguments)
{
    static const char *const VERBS[][2] = {{"create", "CreateAlias"},
                                           {"update", "UpdateAlias"},
                                           {"get", "GetAlias"},
                                           {"delete", "DeleteAlias"},
                                           {"list", "ListAliases"}};
    const char *verb = tool_operand(arguments, 0);
    const char *alias = tool_operand(arguments, 2);
    const char *operation = NULL;
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
        if (strcmp(VERBS[i][0], verb) == 0) operation = VERBS[i][1];
    if (!operation) return tool_usage("'%s' is none of create, update, get, list and delete", verb);
    int code = check(arguments, verb, alias);
    if (code != TOOL_OK) return code;
    json_t *input = json_pack("{s:s, s:s*, s:s*, s:s*}", "FunctionName", tool_operand(arguments, 1), "Name", alias,
                              "FunctionVersion", tool_option_value(arguments, "version"), "Description",
                              tool_option_value(arguments, "description"));
    if (strcmp(verb, "list") == 0) return list(arguments, input);
    code = input ? put_routing(arguments, input) : tool_no_memory();
    if (code == TOOL_OK) return tool_backend_show(arguments, operation, input);
    json_decref(input);
    return code;
}
