#include "orders.h"

#include <stdlib.h>

#include <lambda/json.h>

/** Kept between invocations. */
typedef struct shop {
    long taken;
} shop;

lambda_status orders_init(lambda_context *context)
{
    shop *made = calloc(1, sizeof(*made));
    lambda_context_set_state(context, made);
    return made ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

void orders_shutdown(lambda_context *context)
{
    free(lambda_context_state(context));
}

/** {"item":"...","count":N}, N from 1 to the environment's MOST. */
static bool take(shop *own, const json_t *record, long most)
{
    json_t *order = json_loads(json_string_value(json_object_get(record, "body")), 0, NULL);
    json_int_t count = json_integer_value(json_object_get(order, "count"));
    bool good = json_is_string(json_object_get(order, "item")) && count >= 1 && count <= most;
    json_decref(order);
    if (good) own->taken += (long)count;
    return good;
}

lambda_status orders(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    shop *own = lambda_context_state(context);
    const char *most = lambda_context_environment_variable(context, "MOST");
    json_t *batch;
    lambda_status status = lambda_event_json(event, &batch);
    if (status != LAMBDA_OK) return status;
    size_t index;
    json_t *record;
    json_t *failures = json_array();
    json_array_foreach(json_object_get(batch, "Records"), index, record)
    {
        if (lambda_context_remaining_time_in_millis(context) > 100 && take(own, record, most ? atol(most) : 10))
            continue;
        const char *id = json_string_value(json_object_get(record, "messageId"));
        lambda_log(context, LAMBDA_LOG_WARN, "order %s is not taken", id);
        json_array_append_new(failures, json_pack("{s:s}", "itemIdentifier", id));
    }
    return lambda_response_pack(response, "{s:o, s:i}", "batchItemFailures", failures, "taken", (int)own->taken);
}
