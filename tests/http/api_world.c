#include "api_world.h"

#include <stdlib.h>
#include <string.h>

void api_world_open(api_world *world)
{
    fixture_open(&world->f, &(lambda_packages_options){.archives = true, .zipped_size = 65536});
    world->lambda = test_open(&(lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_NONE}});
    test_create(world->lambda, "f", test_echo, NULL);
    test_create(world->lambda, "g", test_echo, NULL);
    assert_ok(world->lambda, lambda_version_publish(world->lambda, "f", NULL, NULL));
    assert_ok(world->lambda,
              lambda_alias_create(world->lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    lambda_api_options options = {.lambda = world->lambda, .packages = world->f.packages};
    assert_ok(NULL, lambda_api_open(&options, &world->api));
}

void api_world_close(api_world *world)
{
    lambda_api_close(world->api);
    lambda_close(world->lambda);
    fixture_close(&world->f);
}

/** With " for '. The caller's to free. */
static char *json_of(const char *text)
{
    char *json = strdup(text);
    assert_non_null(json);
    for (char *at = json; *at; at++)
        if (*at == '\'') *at = '"';
    return json;
}

static lambda_api_answer call(const api_world *world, const char *operation, const char *input)
{
    lambda_api_answer answer = {0};
    char *json = json_of(input);
    assert_ok(NULL, lambda_api_call(world->api, operation, lambda_bytes_make(json, strlen(json)), &answer));
    free(json);
    return answer;
}

json_t *api_output(const api_world *world, const char *operation, int status, const char *input)
{
    lambda_api_answer answer = call(world, operation, input);
    if (answer.status != status || answer.error_type[0])
        fail_msg("%s %s: %d %s %s", operation, input, answer.status, answer.error_type, answer.json);
    assert_int_equal(strlen(answer.json), answer.length);
    json_t *output = answer.length > 0 ? json_loads(answer.json, 0, NULL) : NULL;
    if (answer.length > 0) assert_non_null(output);
    lambda_api_answer_clear(&answer);
    return output;
}

bool api_equal(const json_t *value, const char *text)
{
    char *json = json_of(text);
    json_t *other = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(other);
    bool equal = json_equal(value, other) == 1;
    json_decref(other);
    free(json);
    return equal;
}

void api_expect(const api_world *world, const char *operation, const char *input, int status, const char *output)
{
    json_t *got = api_output(world, operation, status, input);
    bool equal = output[0] ? got && api_equal(got, output) : !got;
    if (!equal) {
        char *text = got ? json_dumps(got, 0) : NULL;
        fail_msg("%s %s: %s", operation, input, text ? text : "");
    }
    json_decref(got);
}

void api_refused(const api_world *world, const char *operation, const char *input, int status, const char *type,
                 const char *text)
{
    lambda_api_answer answer = call(world, operation, input);
    if (answer.status != status || strcmp(answer.error_type, type) != 0 || !strstr(answer.json, text))
        fail_msg("%s %s: %d %s %s", operation, input, answer.status, answer.error_type, answer.json);
    json_t *error = json_loads(answer.json, 0, NULL);
    assert_string_equal(api_text(error, "Type"), status < 500 ? "User" : "Server");
    json_decref(error);
    lambda_api_answer_clear(&answer);
}

const char *api_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

json_t *api_inner(const json_t *object, const char *name)
{
    json_t *inner = json_loads(api_text(object, name), 0, NULL);
    assert_non_null(inner);
    return inner;
}
