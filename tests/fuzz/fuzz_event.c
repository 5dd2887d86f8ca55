/* Events: any bytes, read in several ways; a tree that was read is written and read again as the same. */
#include "fuzz.h"

#include "base/memory.h"
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lambda_t *lambda = fuzz_service();
    lambda_event event = {.lambda = lambda, .payload = {data, size}};
    lambda_response response = lambda__response_empty(lambda);
    int i = 0;
    int b = 0;
    double f = 0;
    json_int_t large = 0;
    const char *text = NULL;
    json_t *tree = NULL;
    lambda_event_unpack(&event, "{s:i, s?F, s?I, s?b, s?s}", "a", &i, "b", &f, "c", &large, "d", &b, "e", &text);
    lambda_event_unpack(&event, "{s:[i,i], s?{s:s}}", "a", &i, &i, "b", "c", &text);
    lambda_event_unpack(&event, "[F,s]", &f, &text);
    if (lambda_event_json(&event, &tree) == LAMBDA_OK) {
        if (lambda_response_pack(&response, "O", tree) != LAMBDA_OK) abort();
        json_t *again = json_loadb(response.body.data, response.body.length, JSON_DECODE_ANY, NULL);
        if (!again || !json_equal(tree, again)) abort();
        json_decref(again);
    }
    char *line = fuzz_text(data, size);
    if (lambda_response_error(&response, line, line) != LAMBDA_OK) abort();
    if (!lambda__response_error_body(&response, response.error_type, response.error_message, NULL)) abort();
    json_t *error = json_loadb(response.body.data, response.body.length, 0, NULL);
    if (!error) abort();
    json_decref(error);
    free(line);
    lambda__response_reset_error(&response);
    lambda__event_reset(&event);
    lambda__buffer_clear(&lambda->base, &response.body);
    return 0;
}
