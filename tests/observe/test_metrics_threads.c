/* Threads that count for themselves: what they counted together is exact, and readers may look meanwhile. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <lambda/metrics.h>

enum { THREADS = 4, EACH = 3000 };

static lambda_t *lambda;
static pthread_barrier_t together;
static _Atomic bool done;

static lambda_status measures(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    return lambda_metric_put(context, "calls", 2, LAMBDA_UNIT_COUNT);
}

static void *invoke_both(void *user)
{
    (void)user;
    lambda_result result = {0};
    bool failed = false;
    pthread_barrier_wait(&together);
    for (int i = 0; i < EACH; i++) {
        failed |= lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result) != LAMBDA_OK || result.function_error;
        failed |= lambda_invoke(lambda, i % 2 ? "g" : "g:$LATEST", LAMBDA_JSON("1"), &result) != LAMBDA_OK;
    }
    lambda_result_clear(&result);
    return failed ? lambda : NULL;
}

/** Never more than there can be, and never less than before. */
static void *read_on(void *user)
{
    (void)user;
    uint64_t last = 0;
    pthread_barrier_wait(&together);
    while (!atomic_load(&done)) {
        lambda_metrics *metrics = NULL;
        if (lambda_metrics_read(lambda, &metrics) != LAMBDA_OK) return lambda;
        const lambda_metrics_series *total = &metrics->total;
        bool wrong = total->invocations < last || total->invocations > 2 * THREADS * EACH ||
                     total->duration.count != total->invocations || metrics->lost > 0;
        last = total->invocations;
        lambda_metrics_free(metrics);
        if (wrong) return lambda;
    }
    return NULL;
}

static void sums_are_exact(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    pthread_t reader;
    void *failed = NULL;
    lambda = test_open(&(lambda_options){.metrics = true});
    test_create(lambda, "f", measures, NULL);
    test_create(lambda, "g", test_nothing, NULL);
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS + 1), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_on, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, invoke_both, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    atomic_store(&done, true);
    pthread_join(reader, &failed);
    assert_null(failed);
    lambda_metrics *metrics = NULL;
    assert_ok(lambda, lambda_metrics_read(lambda, &metrics));
    assert_int_equal(metrics->total.invocations, 2 * THREADS * EACH);
    assert_int_equal(lambda_metrics_function(metrics, "f")->invocations, THREADS * EACH);
    assert_int_equal(lambda_metrics_resource(metrics, "g", "$LATEST")->invocations, THREADS * EACH / 2);
    assert_int_equal(lambda_metrics_resource(metrics, "g", "")->invocations, THREADS * EACH / 2);
    assert_int_equal(lambda_metrics_function(metrics, "g")->duration.count, THREADS * EACH);
    assert_int_equal(metrics->user_count, 1);
    assert_int_equal(metrics->user[0].values.count, THREADS * EACH);
    assert_true(metrics->user[0].values.sum == 2.0 * THREADS * EACH);
    lambda_metrics_free(metrics);
    lambda_close(lambda);
    pthread_barrier_destroy(&together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
