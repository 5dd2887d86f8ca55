/* What a worker has received behind an event that takes long is run by others. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

enum { EVENTS = 2000, SLOW = 1000 };

/** A gate that one handler waits at. */
typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered;
    bool open;
    _Atomic uint32_t runs;
} gate;

static lambda_status pass(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    gate *g = lambda_context_user(context);
    lambda_bytes payload = lambda_event_payload(event);
    atomic_fetch_add(&g->runs, 1);
    if (payload.length == 1) return LAMBDA_OK;
    pthread_mutex_lock(&g->mutex);
    g->entered = true;
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    return LAMBDA_OK;
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void run_behind(uint32_t slow)
{
    gate g = {.open = false};
    pthread_mutex_init(&g.mutex, NULL);
    pthread_cond_init(&g.changed, NULL);
    lambda_t *lambda = test_open(&(lambda_options){.async_workers = 3});
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                               .code = lambda_code_native(pass, &g),
                                                                               .timeout_ms = 900000}));
    static lambda_bytes payloads[EVENTS];
    static lambda_request_id ids[EVENTS];
    for (uint32_t i = 0; i < EVENTS; i++)
        payloads[i] = i == slow ? LAMBDA_JSON("\"slow\"") : LAMBDA_JSON("1");
    assert_ok(lambda, lambda_invoke_async_batch(lambda, "f", payloads, EVENTS, NULL, ids));
    /* Each of the others ends while one is at the gate: wherever it stands in its batch. */
    for (uint32_t i = 0; i < EVENTS; i++)
        if (i != slow) assert_ok(lambda, lambda_async_wait(lambda, ids[i], LAMBDA_WAIT_FOREVER));
    lambda_async_statistics now;
    assert_ok(lambda, lambda_async_statistics_get(lambda, &now));
    assert_int_equal(now.running + now.waiting, 1);
    open_gate(&g);
    assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(g.runs, EVENTS);
    assert_ok(lambda, lambda_async_statistics_get(lambda, &now));
    assert_int_equal(now.succeeded, EVENTS);
    assert_int_equal(lambda_close(lambda), 0);
    pthread_mutex_destroy(&g.mutex);
    pthread_cond_destroy(&g.changed);
}

static void nothing_waits_behind_a_slow_handler(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        run_behind(SLOW + i * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_behind_a_slow_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
