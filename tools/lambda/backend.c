/* What both backends share. */
#include "backend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

const char *tool_endpoint(const tool_arguments *arguments)
{
    static const char *const NAMES[] = {"AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"};
    const char *given = tool_option_value(arguments, "endpoint");
    if (given || tool_option_value(arguments, "data")) return given;
    for (size_t i = 0; i < 2; i++) {
        given = getenv(NAMES[i]);
        if (given && *given) return given;
    }
    return NULL;
}

int tool_arguments_check(const tool_arguments *arguments)
{
    if (tool_option_value(arguments, "endpoint") && tool_option_value(arguments, "data"))
        return tool_usage("--data and --endpoint exclude each other");
    return TOOL_OK;
}

int tool_backend_open(const tool_arguments *arguments, tool_backend **backend)
{
    *backend = NULL;
    int code = tool_arguments_check(arguments);
    if (code != TOOL_OK) return code;
    const char *endpoint = tool_endpoint(arguments);
    return endpoint ? tool_backend_open_remote(arguments, endpoint, backend)
                    : tool_backend_open_local(arguments, backend);
}

int tool_backend_ask(const tool_arguments *arguments, const char *operation, json_t *input, json_t **output)
{
    tool_backend *backend;
    *output = NULL;
    if (!input) return tool_no_memory();
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    code = backend->call(backend, operation, input, output);
    backend->close(backend);
    return code;
}

int tool_backend_show(const tool_arguments *arguments, const char *operation, json_t *input)
{
    json_t *output;
    int code = tool_backend_ask(arguments, operation, input, &output);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(output);
    code = tool_print_members(output);
    json_decref(output);
    return code;
}

int tool_backend_list(tool_backend *backend, const char *operation, json_t *input, const char *list, json_t **all)
{
    int code = TOOL_OK;
    *all = json_array();
    while (code == TOOL_OK && *all && input) {
        json_t *output = NULL;
        code = backend->call(backend, operation, json_incref(input), &output);
        const json_t *marker = json_object_get(output, "NextMarker");
        const bool more = json_is_string(marker) && *json_string_value(marker);
        if (json_is_array(json_object_get(output, list)) && json_array_extend(*all, json_object_get(output, list)) != 0)
            code = tool_no_memory();
        if (more && json_object_set(input, "Marker", (json_t *)marker) != 0) code = tool_no_memory();
        json_decref(output);
        if (!more) break;
    }
    if (code == TOOL_OK && (!*all || !input)) code = tool_no_memory();
    json_decref(input);
    if (code == TOOL_OK) return code;
    json_decref(*all);
    *all = NULL;
    return code;
}

int tool_backend_ask_list(const tool_arguments *arguments, const char *operation, json_t *input, const char *list,
                          json_t **all)
{
    tool_backend *backend;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    code = tool_backend_list(backend, operation, input, list, all);
    backend->close(backend);
    return code;
}

void tool_outcome_clear(tool_backend *backend, tool_outcome *outcome)
{
    if (outcome->connection) backend->forget(outcome);
    free(outcome->payload);
    free(outcome->log);
    *outcome = (tool_outcome){0};
}

char *tool_unbase64(const char *text, size_t *length)
{
    size_t given = strlen(text);
    unsigned char *plain = malloc(given / 4 * 3 + 4);
    int got = plain && given % 4 == 0 ? EVP_DecodeBlock(plain, (const unsigned char *)text, (int)given) : -1;
    if (got < 0) {
        free(plain);
        return NULL;
    }
    /* What stands for the padding is no part of it. */
    for (size_t i = given; i > 0 && text[i - 1] == '=' && got > 0; i--)
        got--;
    plain[got] = '\0';
    *length = (size_t)got;
    return (char *)plain;
}

char *tool_base64(const void *data, size_t length)
{
    unsigned char *text = length < (1u << 30) ? malloc((length + 2) / 3 * 4 + 1) : NULL;
    if (text) EVP_EncodeBlock(text, data, (int)length);
    return (char *)text;
}

uint64_t tool_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
