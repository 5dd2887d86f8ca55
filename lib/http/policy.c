/* What policies say of a wish. */
#include "policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "identities.h"

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    return c;
}

bool lambda__pattern_matches(const char *pattern, const char *text, bool any_case)
{
    const char *star =
        NULL; /* the last one, and where in the text it ends so far: only the last can need to take more */
    const char *taken = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (*pattern &&
                   (*pattern == '?' || *pattern == *text || (any_case && lower(*pattern) == lower(*text)))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* ---- the parts of a statement */

typedef bool matcher(const char *pattern, const lambda__wish *wish);

/** Does a string, or one of an array's, match? */
static bool any_matches(const json_t *patterns, matcher *matches, const lambda__wish *wish)
{
    if (json_is_string(patterns)) return matches(json_string_value(patterns), wish);
    size_t index;
    const json_t *pattern;
    json_array_foreach(patterns, index, pattern)
    {
        if (json_is_string(pattern) && matches(json_string_value(pattern), wish)) return true;
    }
    return false;
}

static bool action_matches(const char *pattern, const lambda__wish *wish)
{
    return lambda__pattern_matches(pattern, wish->action, true);
}

/** ARNs part at colons, six parts: a star does not reach into the next, but in the last. */
static bool resource_matches(const char *pattern, const lambda__wish *wish)
{
    const char *text = wish->resource;
    if (strcmp(pattern, "*") == 0 || strcmp(text, "*") == 0) return strcmp(pattern, "*") == 0;
    for (int i = 0; i < 5; i++) {
        size_t pattern_length = strcspn(pattern, ":");
        size_t text_length = strcspn(text, ":");
        char one[256];
        char two[256];
        if (!pattern[pattern_length] || !text[text_length]) return false;
        if (pattern_length >= sizeof(one) || text_length >= sizeof(two)) return false;
        memcpy(one, pattern, pattern_length);
        memcpy(two, text, text_length);
        one[pattern_length] = two[text_length] = '\0';
        if (!lambda__pattern_matches(one, two, false)) return false;
        pattern += pattern_length + 1;
        text += text_length + 1;
    }
    return lambda__pattern_matches(pattern, text, false);
}

/** Is the resource of the caller's account? That is the fifth part of its ARN. */
static bool same_account(const lambda__wish *wish)
{
    const char *text = wish->resource;
    for (int i = 0; i < 4 && text; i++) {
        text = strchr(text, ':');
        if (text) text++;
    }
    if (!text) text = wish->account_id ? wish->account_id : wish->caller->account_id;
    size_t length = strcspn(text, ":");
    return length == 0 ||
           (strlen(wish->caller->account_id) == length && strncmp(text, wish->caller->account_id, length) == 0);
}

/** By its name, or as everybody. */
static bool aws_principal_is(const char *pattern, const lambda__wish *wish)
{
    const lambda__caller *caller = wish->caller;
    if (strcmp(pattern, "*") == 0) return true;
    return !caller->service && *caller->arn && strcmp(pattern, caller->arn) == 0;
}

/** By its account, too. */
static bool aws_principal_matches(const char *pattern, const lambda__wish *wish)
{
    const lambda__caller *caller = wish->caller;
    char root[64];
    if (aws_principal_is(pattern, wish)) return true;
    if (caller->service || !*caller->account_id) return false;
    snprintf(root, sizeof(root), "arn:aws:iam::%s:root", caller->account_id);
    return strcmp(pattern, caller->account_id) == 0 || strcmp(pattern, root) == 0;
}

/** An Allow to an account leaves it to that account's policies whom of its own it means: within the account it gives nothing that they do not. */
static bool aws_principal_allowed(const char *pattern, const lambda__wish *wish)
{
    return same_account(wish) ? aws_principal_is(pattern, wish) : aws_principal_matches(pattern, wish);
}

static bool service_principal_matches(const char *pattern, const lambda__wish *wish)
{
    const char *service = wish->caller->service;
    return service && (strcmp(pattern, "*") == 0 || strcmp(pattern, service) == 0);
}

static bool principal_matches(const json_t *principal, matcher *aws, const lambda__wish *wish)
{
    if (json_is_string(principal)) return strcmp(json_string_value(principal), "*") == 0;
    return any_matches(json_object_get(principal, "AWS"), aws, wish) ||
           any_matches(json_object_get(principal, "Service"), service_principal_matches, wish);
}

/** By `yes`, or by what is not in `no`. Neither is there: `absent`. */
static bool part_matches(const json_t *statement, const char *yes, const char *no, matcher *matches,
                         const lambda__wish *wish)
{
    const json_t *in = json_object_get(statement, yes);
    const json_t *out = json_object_get(statement, no);
    if (in) return any_matches(in, matches, wish);
    return out && !any_matches(out, matches, wish);
}

static bool names_caller(const json_t *statement, const lambda__wish *wish, bool denies)
{
    const json_t *in = json_object_get(statement, "Principal");
    const json_t *out = json_object_get(statement, "NotPrincipal");
    if (in) return principal_matches(in, denies ? aws_principal_matches : aws_principal_allowed, wish);
    return out && !principal_matches(out, aws_principal_matches, wish);
}

static lambda__verdict evaluate_statement(const json_t *statement, const lambda__wish *wish, bool with_principal)
{
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    if (!effect) return LAMBDA__SILENT;
    bool denies = strcmp(effect, "Deny") == 0;
    if (!denies && strcmp(effect, "Allow") != 0) return LAMBDA__SILENT;
    if (with_principal && !names_caller(statement, wish, denies)) return LAMBDA__SILENT;
    if (!part_matches(statement, "Action", "NotAction", action_matches, wish)) return LAMBDA__SILENT;
    if (!part_matches(statement, "Resource", "NotResource", resource_matches, wish)) return LAMBDA__SILENT;
    const json_t *condition = json_object_get(statement, "Condition");
    if (condition && !lambda__condition_holds(condition, wish, denies)) return LAMBDA__SILENT;
    return denies ? LAMBDA__DENY : LAMBDA__ALLOW;
}

lambda__verdict lambda__policy_evaluate(const json_t *document, const lambda__wish *wish, bool with_principal)
{
    const json_t *statements = json_object_get(document, "Statement");
    lambda__verdict verdict = LAMBDA__SILENT;
    size_t index;
    const json_t *statement;
    if (json_is_object(statements)) return evaluate_statement(statements, wish, with_principal);
    json_array_foreach(statements, index, statement)
    {
        lambda__verdict one = evaluate_statement(statement, wish, with_principal);
        if (one > verdict) verdict = one;
        if (verdict == LAMBDA__DENY) break;
    }
    return verdict;
}

/* ---- all that is said together */

/** The identity's policies. One without any, NULL, may do everything: an administrator. */
static lambda__verdict evaluate_identity(const lambda__wish *wish)
{
    const lambda__caller *caller = wish->caller;
    if (caller->service || !*caller->arn) return LAMBDA__SILENT;
    if (!caller->identity) return LAMBDA__ALLOW;
    lambda__verdict verdict = LAMBDA__SILENT;
    size_t index;
    const json_t *policy;
    json_array_foreach(caller->identity->policies, index, policy)
    {
        lambda__verdict one = lambda__policy_evaluate(policy, wish, false);
        if (one > verdict) verdict = one;
    }
    return verdict;
}

static void explain(const lambda__wish *wish, const char *because, char why[512])
{
    const lambda__caller *caller = wish->caller;
    const char *who = caller->service ? caller->service : *caller->arn ? caller->arn : "anonymous";
    snprintf(why, 512, "User: %.120s is not authorized to perform: %.60s on resource: %.140s %.100s", who, wish->action,
             wish->resource, because);
}

bool lambda__caller_may(const lambda__wish *wish, const json_t *resource_policy, char why[512])
{
    char because[128];
    lambda__verdict identity = evaluate_identity(wish);
    lambda__verdict resource = resource_policy ? lambda__policy_evaluate(resource_policy, wish, true) : LAMBDA__SILENT;
    bool named = !wish->caller->service && *wish->caller->arn;
    why[0] = '\0';
    if (identity == LAMBDA__DENY || resource == LAMBDA__DENY) {
        explain(wish,
                identity == LAMBDA__DENY ? "with an explicit deny in an identity-based policy"
                                         : "with an explicit deny in a resource-based policy",
                why);
        return false;
    }
    bool across =
        named && !same_account(wish); /* both must allow it then; nobody allows another what is on no resource */
    if (across ? identity == LAMBDA__ALLOW && resource == LAMBDA__ALLOW
               : identity == LAMBDA__ALLOW || resource == LAMBDA__ALLOW)
        return true;
    bool by_resource = !named || (across && identity == LAMBDA__ALLOW);
    snprintf(because, sizeof(because), "because no %s-based policy allows the %.60s action",
             by_resource ? "resource" : "identity", wish->action);
    explain(wish, because, why);
    return false;
}
