/* The head of a streamed response: JSON, eight NUL bytes, and then the body. https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html */
#include <string.h>
#include <strings.h>

#include "url_answer.h"

#define INTEGRATION_TYPE "application/vnd.awslambda.http-integration-response"
#define NULS             8

static void prelude_bad(lambda__url_prelude *prelude, lambda__url_answer *answer)
{
    prelude->state = LAMBDA__PRELUDE_BAD;
    lambda__url_answer_bad(answer);
}

lambda_status lambda__url_prelude_begin(lambda__url_prelude *prelude, const char *content_type,
                                        lambda__url_answer *answer)
{
    prelude->state = LAMBDA__PRELUDE_MORE;
    prelude->text.length = 0;
    prelude->text.failed = false;
    prelude->nuls = 0;
    lambda__url_answer_reset(answer);
    if (strncasecmp(content_type, INTEGRATION_TYPE, strlen(INTEGRATION_TYPE)) == 0) {
        return LAMBDA_OK;
    }
    prelude->state = LAMBDA__PRELUDE_DONE;
    answer->status = 200;
    return lambda__url_answer_header(answer, "Content-Type", content_type, true);
}

static lambda_status prelude_finish(lambda__url_prelude *prelude, lambda__url_answer *answer)
{
    json_error_t error = {0};
    if (prelude->text.length) {
        answer->root = lambda__url_answer_read(lambda_bytes_make(prelude->text.data, prelude->text.length), &error);
    }
    if (!answer->root && json_error_code(&error) == json_error_out_of_memory) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    lambda_status status = LAMBDA_OK;
    if (!json_is_object(answer->root) || !lambda__url_answer_head(answer, answer->root, &status)) {
        prelude_bad(prelude, answer);
        return LAMBDA_OK;
    }
    prelude->state = LAMBDA__PRELUDE_DONE;
    return status;
}

lambda_status lambda__url_prelude_feed(lambda__url_prelude *prelude, const void *data, size_t length, size_t *used,
                                       lambda__url_answer *answer)
{
    const char *bytes = data;
    size_t i = 0;
    while (prelude->state == LAMBDA__PRELUDE_MORE && i < length) {
        if (!bytes[i]) {
            i++;
            if (++prelude->nuls == NULS) {
                *used = i;
                return prelude_finish(prelude, answer);
            }
            continue;
        }
        const char *end = memchr(bytes + i, '\0', length - i);
        size_t part = end ? (size_t)(end - bytes) - i : length - i;
        if (prelude->nuls || prelude->text.length + part > LAMBDA__URL_PRELUDE_MAX) {
            prelude_bad(prelude, answer);
            break;
        }
        lambda__url_text_add(&prelude->text, bytes + i, part);
        if (prelude->text.failed) {
            *used = i;
            return LAMBDA_ERROR_OUT_OF_MEMORY;
        }
        i += part;
    }
    *used = i;
    return LAMBDA_OK;
}

void lambda__url_prelude_end(lambda__url_prelude *prelude, lambda__url_answer *answer)
{
    if (prelude->state == LAMBDA__PRELUDE_MORE) {
        prelude_bad(prelude, answer);
    }
}

void lambda__url_prelude_clear(lambda__url_prelude *prelude)
{
    lambda__url_text_free(&prelude->text);
    *prelude = (lambda__url_prelude){0};
}
