/* Is it a policy document? https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
#include <stdio.h>
#include <string.h>

#include "identities.h"

enum { WHY = 256 };

/** Variables are no text here: a Deny that has one would silently deny nothing. */
static const char *wrong_text(const json_t *text)
{
    if (!json_is_string(text)) return "is no string or array of strings";
    if (!*json_string_value(text)) return "is empty";
    return strstr(json_string_value(text), "${") ? "has a policy variable, which is not supported" : NULL;
}

static const char *wrong_texts(const json_t *texts)
{
    if (!json_is_array(texts)) return wrong_text(texts);
    size_t index;
    const json_t *text;
    const char *wrong = json_array_size(texts) > 0 ? NULL : "is empty";
    json_array_foreach(texts, index, text)
    {
        if (!wrong) wrong = wrong_text(text);
    }
    return wrong;
}

static bool action_valid(const char *action)
{
    if (strcmp(action, "*") == 0) return true;
    size_t service = strspn(action, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-*?");
    if (service == 0 || action[service] != ':' || !action[service + 1]) return false;
    const char *name = action + service + 1;
    return !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*?")];
}

static bool resource_valid(const char *resource)
{
    int parts = 1;
    for (const char *c = resource; *c; c++)
        parts += *c == ':';
    return strcmp(resource, "*") == 0 || (strncmp(resource, "arn:", 4) == 0 && parts >= 6);
}

static bool aws_principal_valid(const char *principal)
{
    if (strcmp(principal, "*") == 0) return true;
    if (strspn(principal, "0123456789") == 12 && !principal[12]) return true;
    return resource_valid(principal) && !strpbrk(principal, "*?");
}

static bool service_principal_valid(const char *principal)
{
    return !principal[strspn(principal, "abcdefghijklmnopqrstuvwxyz0123456789.-")];
}

/** Texts, each of which `valid` likes; `form` says what it likes. */
static const char *wrong_each(const json_t *texts, bool (*valid)(const char *), const char *form)
{
    const char *wrong = wrong_texts(texts);
    if (wrong) return wrong;
    if (json_is_string(texts)) return valid(json_string_value(texts)) ? NULL : form;
    size_t index;
    const json_t *text;
    json_array_foreach(texts, index, text)
    {
        if (!valid(json_string_value(text))) return form;
    }
    return NULL;
}

static const char *wrong_principal(const json_t *principal)
{
    if (json_is_string(principal))
        return strcmp(json_string_value(principal), "*") == 0 ? NULL : "is a string other than \"*\"";
    if (!json_is_object(principal) || json_object_size(principal) == 0) return "is neither \"*\" nor an object";
    const char *kind;
    const json_t *texts;
    json_object_foreach((json_t *)principal, kind, texts)
    {
        bool aws = strcmp(kind, "AWS") == 0;
        if (!aws && strcmp(kind, "Service") != 0) return "has a kind that is neither AWS nor Service";
        const char *wrong = aws ? wrong_each(texts, aws_principal_valid, "is no ARN, account or \"*\"")
                                : wrong_each(texts, service_principal_valid, "is no name of a service");
        if (wrong) return wrong;
    }
    return NULL;
}

static const char *wrong_actions(const json_t *actions)
{
    return wrong_each(actions, action_valid, "is no action, such as \"lambda:InvokeFunction\"");
}

static const char *wrong_resources(const json_t *resources)
{
    return wrong_each(resources, resource_valid, "is neither \"*\" nor an ARN");
}

/** One of two members must be there, and not both. */
static bool check_pair(const json_t *statement, const char *yes, const char *no, const char *(*wrong)(const json_t *),
                       char why[WHY])
{
    const json_t *in = json_object_get(statement, yes);
    const json_t *out = json_object_get(statement, no);
    if (!in == !out) {
        snprintf(why, WHY, in ? "%s and %s are both there" : "neither %s nor %s is there", yes, no);
        return false;
    }
    const char *words = wrong(in ? in : out);
    if (words) snprintf(why, WHY, "%s %s", in ? yes : no, words);
    return !words;
}

static bool check_members(const json_t *statement, bool with_principal, char why[WHY])
{
    static const char *const KNOWN[] = {"Sid",         "Effect",    "Action",    "NotAction",   "Resource",
                                        "NotResource", "Condition", "Principal", "NotPrincipal"};
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)statement, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]) - (with_principal ? 0 : 2); i++)
            known = known || strcmp(name, KNOWN[i]) == 0;
        if (!known) {
            snprintf(why, WHY, "%.80s does not belong there", name);
            return false;
        }
    }
    return true;
}

static bool check_statement(const json_t *statement, bool with_principal, char why[WHY])
{
    if (!json_is_object(statement)) {
        snprintf(why, WHY, "is no object");
        return false;
    }
    if (!check_members(statement, with_principal, why)) return false;
    const json_t *sid = json_object_get(statement, "Sid");
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    if (sid && !json_is_string(sid)) {
        snprintf(why, WHY, "Sid is no string");
        return false;
    }
    if (!effect || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)) {
        snprintf(why, WHY, "Effect is neither Allow nor Deny");
        return false;
    }
    if (with_principal && !check_pair(statement, "Principal", "NotPrincipal", wrong_principal, why)) return false;
    if (!check_pair(statement, "Action", "NotAction", wrong_actions, why)) return false;
    if (!check_pair(statement, "Resource", "NotResource", wrong_resources, why)) return false;
    const json_t *condition = json_object_get(statement, "Condition");
    return !condition || lambda__condition_check(condition, why);
}

static bool check_top(const json_t *document, char why[WHY])
{
    const char *name;
    const json_t *value;
    if (!json_is_object(document)) {
        snprintf(why, WHY, "is no JSON object");
        return false;
    }
    json_object_foreach((json_t *)document, name, value)
    {
        const char *text = json_string_value(value);
        bool right = strcmp(name, "Statement") == 0 || (strcmp(name, "Id") == 0 && text) ||
                     (strcmp(name, "Version") == 0 && text &&
                      (strcmp(text, "2012-10-17") == 0 || strcmp(text, "2008-10-17") == 0));
        if (right) continue;
        snprintf(why, WHY, "%.80s is not what belongs there", name);
        return false;
    }
    return true;
}

bool lambda__policy_check(const json_t *document, bool with_principal, char why[WHY])
{
    why[0] = '\0';
    if (!check_top(document, why)) return false;
    const json_t *statements = json_object_get(document, "Statement");
    if (json_is_object(statements)) return check_statement(statements, with_principal, why);
    if (!json_is_array(statements)) {
        snprintf(why, WHY, "Statement is neither an object nor an array");
        return false;
    }
    size_t index;
    const json_t *statement;
    json_array_foreach(statements, index, statement)
    {
        char inner[WHY];
        if (check_statement(statement, with_principal, inner)) continue;
        snprintf(why, WHY, "Statement[%zu]: %.200s", index, inner);
        return false;
    }
    return true;
}
