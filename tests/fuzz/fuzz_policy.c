/*
 * A policy document, or, where it begins with "[", a file of credentials. What is checked as no policy says why; what denies in one statement is not allowed by all; and a caller may what a policy allows. A file
 * of credentials has its texts within it.
 */
#include "fuzz.h"

#include <jansson.h>

#include "identities.h"

static void require(bool holds)
{
    if (!holds) abort();
}

static void credentials(char *text, size_t size)
{
    lambda__section *sections;
    size_t count;
    lambda_status status = lambda__credentials_parse(text, "it", &sections, &count);
    require(status == LAMBDA_OK || (count == 0 && lambda_error_message(NULL)[0] != '\0'));
    for (size_t i = 0; i < count; i++) {
        const char *parts[] = {sections[i].name, sections[i].id, sections[i].secret, sections[i].token};
        for (size_t k = 0; k < 4; k++)
            require(!parts[k] || (parts[k] >= text && parts[k] + strlen(parts[k]) <= text + size));
        require(sections[i].name && sections[i].line > 0);
    }
    free(sections);
}

static void policy(const json_t *document)
{
    static const lambda__caller CALLERS[] = {
        {.arn = "arn:aws:iam::000000000000:user/alice", .account_id = "000000000000", .source_ip = "127.0.0.1"},
        {.arn = "", .account_id = "", .service = "s3.amazonaws.com", .source_arn = "arn:aws:s3:::b", .source_ip = ""},
        {.arn = "", .account_id = "", .source_ip = "::1"},
    };
    char why[512];
    for (int with_principal = 0; with_principal < 2; with_principal++)
        require(lambda__policy_check(document, with_principal, why) == !why[0]);
    for (size_t i = 0; i < 3; i++) {
        lambda__wish wish = {.action = "lambda:InvokeFunction",
                             .resource = "arn:aws:lambda:us-east-1:000000000000:function:area:prod",
                             .function_url_auth_type = i == 2 ? "NONE" : NULL,
                             .invoked_via_function_url = i == 2,
                             .caller = &CALLERS[i]};
        lambda__verdict verdict = lambda__policy_evaluate(document, &wish, true);
        bool may = lambda__caller_may(&wish, document, why);
        require(may == !why[0]);
        require(may == (i == 0 ? verdict != LAMBDA__DENY : verdict == LAMBDA__ALLOW));
        size_t index;
        const json_t *statement;
        json_array_foreach(json_object_get(document, "Statement"), index, statement)
        {
            json_t *alone = json_pack("{s:O}", "Statement", (json_t *)statement);
            require(alone && lambda__policy_evaluate(alone, &wish, true) <= verdict);
            json_decref(alone);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    if (size > 0 && text[0] == '[') {
        credentials(text, size);
    } else {
        json_error_t error;
        json_t *document = json_loadb(text, size, JSON_DECODE_ANY, &error);
        if (document) policy(document);
        json_decref(document);
    }
    free(text);
    return 0;
}
