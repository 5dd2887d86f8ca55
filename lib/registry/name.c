/* Names, partial ARNs and ARNs: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, FunctionName. */
#include <stdio.h>
#include <string.h>

#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** What may stand in a name or alias. */
static const bool name_characters[256] = {
    ['-'] = true, ['_'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
    ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true,
    ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true,
    ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true,
    ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true, ['A'] = true, ['B'] = true,
    ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true,
    ['K'] = true, ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true, ['R'] = true,
    ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true, ['X'] = true, ['Y'] = true, ['Z'] = true};

static size_t name_span(const char *text)
{
    size_t length = 0;
    while (name_characters[(unsigned char)text[length]])
        length++;
    return length;
}

/** Takes "PART:" off the front if it is equal to `part`. */
static bool take(const char **at, const char *part)
{
    size_t length = strlen(part);
    if (strncmp(*at, part, length) != 0 || (*at)[length] != ':') return false;
    *at += length + 1;
    return true;
}

static size_t part_length(const char *at)
{
    return strcspn(at, ":");
}

static lambda_status other_region(lambda_t *lambda, const char *at)
{
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                        "function_name: Functions from '%.*s' are not reachable in this region ('%s')",
                        (int)part_length(at), at, lambda->region);
}

static lambda_status other_account(lambda_t *lambda, const char *at)
{
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                        "function_name: the account \"%.*s\" is not this service's, \"%s\"", (int)part_length(at), at,
                        lambda->account_id);
}

/** "arn:PARTITION:lambda:REGION:ACCOUNT:function:" off the front. */
static lambda_status take_arn(lambda_t *lambda, const char **at)
{
    const char *text = *at;
    *at += 4;
    if (strncmp(*at, "aws", 3) != 0 || !strchr(*at, ':'))
        return lambda__fail(&lambda->base, INVALID, "function_name: \"%.180s\" has no AWS partition", text);
    *at += part_length(*at) + 1;
    if (!take(at, "lambda"))
        return lambda__fail(&lambda->base, INVALID, "function_name: \"%.180s\" is not an ARN of Lambda", text);
    bool own_region = take(at, lambda->region);
    if (!own_region && !strchr(*at, ':'))
        return lambda__fail(&lambda->base, INVALID, "function_name: \"%.180s\" ends before its account", text);
    if (!own_region) return other_region(lambda, *at);
    if (!take(at, lambda->account_id)) return other_account(lambda, *at);
    if (!take(at, "function"))
        return lambda__fail(&lambda->base, INVALID, "function_name: \"%.180s\" is not a function's ARN", text);
    return LAMBDA_OK;
}

/** "ACCOUNT:function:" off the front, if it is there. */
static lambda_status take_partial(lambda_t *lambda, const char **at)
{
    if (strspn(*at, "0123456789") != 12 || strncmp(*at + 12, ":function:", 10) != 0) return LAMBDA_OK;
    if (!take(at, lambda->account_id)) return other_account(lambda, *at);
    *at += strlen("function:");
    return LAMBDA_OK;
}

/** A version, an alias or $LATEST, up to the text's end. */
static lambda_status check_qualifier(lambda_t *lambda, const char *qualifier, size_t *length)
{
    static const char latest[] = "$LATEST";
    *length = strcmp(qualifier, latest) == 0 ? sizeof(latest) - 1 : name_span(qualifier);
    if (*length > 0 && qualifier[*length] == '\0' && *length <= LAMBDA__QUALIFIER_MAX) return LAMBDA_OK;
    return lambda__fail(
        &lambda->base, INVALID,
        "qualifier: \"%.140s\" is neither $LATEST, a version nor an alias of 1 to %d of A-Z a-z 0-9 - _", qualifier,
        LAMBDA__QUALIFIER_MAX);
}

lambda_status lambda__name_parse(lambda_t *lambda, const char *text, lambda__name *name)
{
    if (LAMBDA__UNLIKELY(!text)) return lambda__fail(&lambda->base, INVALID, "function_name: is NULL");
    name->qualifier = NULL;
    name->qualifier_length = 0;
    name->function = text;
    name->function_length = name_span(text);
    if (LAMBDA__LIKELY(text[name->function_length] == '\0' && name->function_length > 0 &&
                       name->function_length <= LAMBDA__FUNCTION_NAME_MAX))
        return LAMBDA_OK;
    lambda_status status =
        strncmp(text, "arn:", 4) == 0 ? take_arn(lambda, &name->function) : take_partial(lambda, &name->function);
    if (status != LAMBDA_OK) return status;
    name->function_length = name_span(name->function);
    char end = name->function[name->function_length];
    if (name->function_length == 0 || name->function_length > LAMBDA__FUNCTION_NAME_MAX || (end != '\0' && end != ':'))
        return lambda__fail(&lambda->base, INVALID,
                            "function_name: \"%.180s\" is not a name of 1 to %d of A-Z a-z 0-9 - _", name->function,
                            LAMBDA__FUNCTION_NAME_MAX);
    if (end == '\0') return LAMBDA_OK;
    name->qualifier = name->function + name->function_length + 1;
    return check_qualifier(lambda, name->qualifier, &name->qualifier_length);
}

lambda_status lambda__name_parse_with(lambda_t *lambda, const char *text, const char *qualifier, lambda__name *name)
{
    lambda_status status = lambda__name_parse(lambda, text, name);
    if (LAMBDA__LIKELY(!qualifier || status != LAMBDA_OK || qualifier[0] == '\0')) return status;
    size_t length = 0;
    status = check_qualifier(lambda, qualifier, &length);
    if (status != LAMBDA_OK) return status;
    bool same = name->qualifier_length == length && memcmp(name->qualifier, qualifier, length) == 0;
    if (name->qualifier && !same)
        return lambda__fail(&lambda->base, INVALID, "qualifier: \"%s\" is not the one in the name, \"%s\"", qualifier,
                            name->qualifier);
    name->qualifier = qualifier;
    name->qualifier_length = length;
    return LAMBDA_OK;
}

lambda_status lambda__name_qualified(lambda_t *lambda)
{
    return lambda__fail(
        &lambda->base, INVALID,
        "qualifier: This operation is permitted on Lambda functions only. Aliases and versions do not support this "
        "operation. Please specify either a function name or an unqualified function ARN.");
}

lambda_status lambda__name_parse_plain(lambda_t *lambda, const char *text, lambda__name *name)
{
    lambda_status status = lambda__name_parse(lambda, text, name);
    if (status != LAMBDA_OK || !name->qualifier || strcmp(name->qualifier, "$LATEST") == 0) return status;
    return lambda__name_qualified(lambda);
}

int lambda__name_arn(const lambda_t *lambda, const char *function, const char *qualifier, char *text, size_t size)
{
    bool qualified = qualifier && qualifier[0];
    return snprintf(text, size, "arn:aws:lambda:%s:%s:function:%s%s%s", lambda->region, lambda->account_id, function,
                    qualified ? ":" : "", qualified ? qualifier : "");
}
