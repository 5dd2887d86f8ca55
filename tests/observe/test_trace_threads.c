/* Traces of functions with THREAD isolation, and of several threads at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "trace_world.h"

/** What the late handler and the test wait for. */
typedef struct gate {
    traced world; /* first: what handlers of trace_create find */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    bool done;
} gate;

static void set(gate *g, bool *what)
{
    pthread_mutex_lock(&g->mutex);
    *what = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void wait_for(gate *g, const bool *what)
{
    pthread_mutex_lock(&g->mutex);
    while (!*what)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static gate *begin(void)
{
    gate *g = calloc(1, sizeof(*g));
    assert_non_null(g);
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->changed, NULL);
    traced *w = &g->world;
    w->clock.wall = TRACE_DAY * 1000 * MS;
    w->clock.monotonic = 1000 * MS;
    w->lambda = test_open(&(lambda_options){
        .clock = test_clock_port(&w->clock),
        .trace = {{.write = keep_traced, .close = close_traced_exporter, .user = w, .direct = true}}});
    return g;
}

static void end(gate *g)
{
    trace_close(&g->world);
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

static void create(gate *g, const char *name, lambda_handler *handler, lambda_init_hook *init,
                   lambda_isolation isolation)
{
    assert_ok(g->world.lambda,
              lambda_function_create(g->world.lambda,
                                     &(lambda_function_config){.function_name = name,
                                                               .code = lambda_code_native_hooks(handler, init, NULL, g),
                                                               .isolation = isolation}));
}

static lambda_status init_works(lambda_context *context)
{
    trace_advance(lambda_context_user(context), 2 * MS);
    return LAMBDA_OK;
}

static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_t *lambda = lambda_context_service(context);
    assert_ok(lambda, lambda_subsegment_begin(context, "step"));
    trace_advance(lambda_context_user(context), 3 * MS);
    assert_ok(lambda, lambda_annotate_integer(context, "n", 1));
    assert_ok(lambda, lambda_subsegment_end(context));
    return lambda_response_pack(response, "s", lambda_context_traceparent(context));
}

static lambda_status calls(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    assert_ok(lambda, lambda_invoke(lambda, "works", LAMBDA_JSON("1"), NULL));
    return LAMBDA_OK;
}

static void a_workers_tree_is_the_callers(void **state)
{
    (void)state;
    gate *g = begin();
    create(g, "works", works, init_works, LAMBDA_ISOLATION_THREAD);
    create(g, "outer", calls, NULL, LAMBDA_ISOLATION_THREAD);
    trace_invoke(&g->world, "outer", SAMPLED_HEADER);
    assert_string_equal(g->world.text, "FUNCTION works 0-5\n"
                                       "  INITIALIZATION Initialization 0-2\n"
                                       "  INVOCATION Invocation 2-5\n"
                                       "    SUBSEGMENT step 2-5 n=1\n"
                                       "  OVERHEAD Overhead 5-5\n"
                                       "FUNCTION outer 0-5\n"
                                       "  INITIALIZATION Initialization 0-0\n"
                                       "  INVOCATION Invocation 0-5\n"
                                       "    CALL works 0-5\n"
                                       "  OVERHEAD Overhead 5-5\n");
    assert_int_equal(g->world.segments[0].parent_id, g->world.segments[1].calls[0]);
    /* A traceparent is copied too. */
    lambda_result result = {0};
    lambda_invoke_options options = {.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"};
    assert_ok(g->world.lambda, lambda_invoke_with(g->world.lambda, "works", LAMBDA_JSON("1"), &options, &result));
    assert_memory_equal(result.payload.data, "\"00-4bf92f3577b34da6a3ce929d0e0e4736-", 37);
    assert_int_equal(g->world.count, 2);
    lambda_result_clear(&result);
    end(g);
}

/** Lets its time pass, and goes on once its caller has left. */
static lambda_status is_late(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    gate *g = lambda_context_user(context);
    lambda_t *lambda = lambda_context_service(context);
    assert_ok(lambda, lambda_subsegment_begin(context, "early"));
    trace_advance(&g->world, 5000 * MS);
    wait_for(g, &g->open);
    for (int i = 0; i < 20; i++) {
        assert_ok(lambda, lambda_subsegment_begin(context, "late"));
        assert_ok(lambda, lambda_annotate_string(context, "k", "v"));
        assert_ok(lambda, lambda_subsegment_end(context));
    }
    assert_ok(lambda, lambda_subsegment_fail(context, "Late", "too late"));
    assert_true(lambda_context_trace_id(context)[0]);
    set(g, &g->done);
    return LAMBDA_OK;
}

static void a_late_handler_adds_nothing(void **state)
{
    (void)state;
    gate *g = begin();
    create(g, "late", is_late, init_works, LAMBDA_ISOLATION_THREAD);
    trace_invoke(&g->world, "late", SAMPLED_HEADER);
    set(g, &g->open);
    wait_for(g, &g->done);
    assert_int_equal(g->world.count, 1);
    assert_non_null(strstr(g->world.text, "FUNCTION late 0-5002 fault Sandbox.Timedout: RequestId: "));
    assert_non_null(strstr(g->world.text, "  INITIALIZATION Initialization 0-2\n"));
    assert_non_null(strstr(g->world.text, "  INVOCATION Invocation 2-5002 fault Sandbox.Timedout: RequestId: "));
    assert_null(strstr(g->world.text, "SUBSEGMENT"));
    end(g);
}

/* ---- several threads, one service */

enum { THREADS = 4, EACH = 200 };

static lambda_status busy(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    (void)lambda_subsegment_begin(context, "step");
    (void)lambda_annotate_integer(context, "n", 1);
    return lambda_invoke(lambda, "leaf", LAMBDA_JSON("1"), NULL);
}

static void *invoke_often(void *user)
{
    for (int i = 0; i < EACH; i++)
        if (lambda_invoke(user, "busy", LAMBDA_JSON("1"), NULL) != LAMBDA_OK) abort();
    return NULL;
}

typedef struct tally {
    _Atomic uint32_t direct;
    uint32_t read;
    uint32_t leaves;
} tally;

static lambda_status tally_one(void *user, const lambda_trace_segment *segment)
{
    check_segment(segment);
    atomic_fetch_add(&((tally *)user)->direct, 1);
    return LAMBDA_OK;
}

static bool read_one(void *user, const lambda_trace_segment *segment)
{
    tally *t = user;
    check_segment(segment);
    t->read++;
    t->leaves += strcmp(segment->function_name, "leaf") == 0 && segment->parent_id != 0;
    return true;
}

static void threads_are_traced_at_once(void **state)
{
    (void)state;
    tally t = {0};
    lambda_trace_ring *ring;
    pthread_t threads[THREADS];
    assert_ok(NULL, lambda_trace_ring_new((size_t)16 << 20, NULL, &ring));
    lambda_t *lambda = test_open(
        &(lambda_options){.trace = {lambda_trace_ring_exporter(ring), {.write = tally_one, .user = &t, .direct = true}},
                          .trace_rate = 1});
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "busy",
                                                                               .code = lambda_code_native(busy, NULL),
                                                                               .tracing_mode = LAMBDA_TRACING_ACTIVE}));
    test_create(lambda, "leaf", test_nothing, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, invoke_often, lambda), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    lambda_close(lambda);
    assert_int_equal(t.direct, THREADS * EACH * 2);
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, read_one, &t));
    assert_int_equal(t.read, THREADS * EACH * 2);
    assert_int_equal(t.leaves, THREADS * EACH);
    lambda_trace_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workers_tree_is_the_callers),
        cmocka_unit_test(a_late_handler_adds_nothing),
        cmocka_unit_test(threads_are_traced_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
