/* Request targets as they come, and queries: whatever is decoded is shorter, and what is gathered is a JSON object of the members alone. */
#include <jansson.h>

#include "fuzz.h"
#include "percent.h"
#include "server.h"

static void require(bool holds)
{
    if (!holds) abort();
}

static const lambda__member members[] = {
    {.name = "Qualifier", .type = LAMBDA__STRING, .place = LAMBDA__IN_QUERY},
    {.name = "Marker", .type = LAMBDA__STRING, .place = LAMBDA__IN_QUERY},
    {.name = "TagKeys", .type = LAMBDA__LIST, .place = LAMBDA__IN_QUERY, .wire = "tagKeys"},
    {.name = "FunctionName", .type = LAMBDA__STRING, .place = LAMBDA__IN_PATH},
    {0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = fuzz_text(data, size);
    char *query = strchr(path, '?');
    if (query) *query++ = '\0';
    json_t *input = json_object();
    require(input != NULL);
    if (query && lambda__gather_query(members, query, input) == LAMBDA_OK) {
        require(json_object_size(input) <= 3 && !json_object_get(input, "FunctionName"));
        char *text = json_dumps(input, 0);
        require(text != NULL);
        free(text);
    }
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    for (size_t i = 0; i < 4; i++) {
        bool known = false;
        (void)lambda__operation_find(methods[i], path, query ? query : "", input, &known);
    }
    json_decref(input);
    char *copy = strdup(path);
    require(copy != NULL);
    if (lambda__percent_decode(copy)) require(strlen(copy) <= strlen(path));
    free(copy);
    free(path);
    return 0;
}
