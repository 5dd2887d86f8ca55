/*
 * Metrics as Prometheus' text, and as a bill. The expected text, in golden/, is that of
 * https://prometheus.io/docs/instrumenting/exposition_formats/; metrics_promtool.py and metrics_openmetrics.py have it read by others.
 */
#include "metrics_scene.h"

#include <math.h>

static void prometheus_is_what_it_was(void **state)
{
    (void)state;
    scene s;
    page *p = page_new();
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    assert_ok(NULL, lambda_metrics_write_prometheus(s.second, page_take, p));
    assert_golden(p, "metrics_prometheus.txt");
    assert_null(strstr(p->text, "# EOF\n# "));
    /* The same reading is the same text. */
    page *again = page_new();
    assert_ok(NULL, lambda_metrics_write_prometheus(s.second, page_take, again));
    assert_string_equal(again->text, p->text);
    scene_close(&s);
    free(again);
    free(p);
}

/** A service that has done nothing has its gauges and no series. */
static void nothing_is_text_too(void **state)
{
    (void)state;
    scene s;
    page *p = page_new();
    scene_open(&s, (lambda_options){0});
    assert_ok(s.w.lambda, lambda_metrics_read(s.w.lambda, &s.first));
    assert_ok(NULL, lambda_metrics_write_openmetrics(s.first, page_take, p));
    assert_non_null(strstr(p->text, "\nlambda_environments 0\n"));
    assert_null(strchr(p->text, '{'));
    assert_string_equal(p->text + p->length - 6, "# EOF\n");
    page_clear(p, 0);
    assert_ok(NULL, lambda_metrics_write_prometheus(s.first, page_take, p));
    assert_null(strchr(p->text, '{'));
    assert_null(strstr(p->text, "# EOF"));
    scene_close(&s);
    free(p);
}

/** No name of a function or a metric can hold a line end or what is not ASCII; were there one, the text would still be right. */
static void labels_are_escaped(void **state)
{
    (void)state;
    page *p = page_new();
    lambda_user_metric user = {.function_name = "a\nb", .name = "\"\\n\xC3\xA9\\", .unit = LAMBDA_UNIT_BITS};
    lambda_metrics metrics = {.user = &user, .user_count = 1};
    assert_ok(NULL, lambda_metrics_write_prometheus(&metrics, page_take, p));
    assert_non_null(strstr(p->text,
                           "\nlambda_user_metric_count{function_name=\"a\\nb\",metric=\"\\\"\\\\n\xC3\xA9\\\\\","
                           "unit=\"Bits\"} 0\n"));
    free(p);
}

/** Numbers that are hard to write: each is read again as what it was. */
static void numbers_are_exact(void **state)
{
    (void)state;
    static const double values[] = {
        0, 0.1, 1.0 / 3, 1e15, 123456789012345678.0, -2.5, 5e-324, 2.3485425827738332e108, 1e-7, 1e21};
    page *p = page_new();
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        static const char key[] = "\nlambda_user_metric_sum{function_name=\"f\",metric=\"m\",unit=\"None\"} ";
        lambda_user_metric user = {.function_name = "f", .name = "m", .values = {.count = 1, .sum = values[i]}};
        lambda_metrics metrics = {.user = &user, .user_count = 1};
        page_clear(p, 0);
        assert_ok(NULL, lambda_metrics_write_prometheus(&metrics, page_take, p));
        const char *found = strstr(p->text, key);
        assert_non_null(found);
        char *end = NULL;
        assert_true(strtod(found + strlen(key), &end) == values[i]);
        assert_int_equal(*end, '\n');
    }
    free(p);
}

/* ---- writers that fail, memory that is out */

typedef lambda_status text_of(const lambda_metrics *metrics, lambda_writer *write, void *user);

static lambda_status emf(const lambda_metrics *metrics, lambda_writer *write, void *user)
{
    return lambda_metrics_write_emf(metrics, NULL, NULL, write, user);
}

static text_of *const texts[] = {lambda_metrics_write_prometheus, lambda_metrics_write_openmetrics, emf};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static void a_writer_ends_the_writing(void **state)
{
    (void)state;
    scene s;
    page *whole = page_new();
    page *p = page_new();
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    for (size_t i = 0; i < TEXTS; i++) {
        page_clear(whole, 0);
        assert_ok(NULL, texts[i](s.second, page_take, whole));
        assert_true(whole->calls > 2);
        for (size_t fail_at = 1; fail_at <= whole->calls; fail_at++) {
            page_clear(p, fail_at);
            assert_int_equal(texts[i](s.second, page_take, p), LAMBDA_ERROR_RESOURCE_CONFLICT);
            /* Not asked again, and what it took is how the text begins. */
            assert_int_equal(p->calls, fail_at);
            assert_true(p->length < whole->length);
            assert_memory_equal(p->text, whole->text, p->length);
        }
        assert_fails(NULL, texts[i](NULL, page_take, p), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     i < 2 ? "metrics" : "now");
        assert_fails(NULL, texts[i](s.second, NULL, p), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "write");
    }
    scene_close(&s);
    free(whole);
    free(p);
}

/** Reads and writes with the `fail_at`th allocation failing: a reading is whole or none, and a text needs no memory. */
static bool read_and_write(scene *s, test_memory *memory, long fail_at, const page *whole, page *p)
{
    lambda_metrics *metrics = NULL;
    memory->requests = 0;
    memory->fail_at = fail_at;
    lambda_status status = lambda_metrics_read(s->w.lambda, &metrics);
    long after = memory->requests;
    if (status != LAMBDA_OK) {
        memory->fail_at = 0;
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_null(metrics);
        return false;
    }
    memory->fail_at = after + 1;
    memory->fail_on = true;
    for (size_t i = 0; i < TEXTS; i++) {
        page_clear(p, 0);
        assert_ok(NULL, texts[i](metrics, page_take, p));
        assert_int_equal(p->length, whole[i].length);
        assert_string_equal(p->text, whole[i].text);
    }
    lambda_billing billing;
    assert_ok(NULL, lambda_billing_summarize(metrics, NULL, &(lambda_price_table){.currency = "EUR"}, &billing));
    assert_int_equal(memory->requests, after);
    memory->fail_at = 0;
    memory->fail_on = false;
    lambda_metrics_free(metrics);
    return true;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    scene s;
    test_memory memory = {0};
    page *whole = calloc(TEXTS, sizeof(*whole));
    page *p = page_new();
    assert_non_null(whole);
    scene_open(&s, (lambda_options){.allocator = test_allocator(&memory)});
    scene_play(&s);
    lambda_metrics *metrics = NULL;
    assert_ok(s.w.lambda, lambda_metrics_read(s.w.lambda, &metrics));
    for (size_t i = 0; i < TEXTS; i++)
        assert_ok(NULL, texts[i](metrics, page_take, &whole[i]));
    lambda_metrics_free(metrics);
    long fail_at = 1;
    while (!read_and_write(&s, &memory, fail_at, whole, p))
        fail_at++;
    assert_true(fail_at > 10);
    scene_close(&s);
    assert_int_equal(memory.live, 0);
    free(whole);
    free(p);
}

/* ---- bills */

/** Prices that are powers of two, so that figures are exact. */
static const lambda_price_table prices = {
    .currency = "EUR", .per_request = 0.25, .per_gb_second = 1024, .per_provisioned_gb_second = 512};

static void bills_are_exact(void **state)
{
    (void)state;
    scene s;
    lambda_billing bill;
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    /* 120 + 12, 8, 15 and 6,000 ms through the alias; 120 + 40 ms of $LATEST: of 256 MB, a quarter of a GB. */
    assert_ok(NULL, lambda_billing_summarize(s.second, "orders", &prices, &bill));
    assert_string_equal(bill.currency, "EUR");
    assert_int_equal(bill.requests, 5);
    assert_int_equal(bill.billed_duration_ms, 6155 + 160);
    assert_true(bill.gb_seconds == 6.315 / 4);
    assert_true(bill.provisioned_gb_seconds == 0);
    assert_true(bill.request_cost == 1.25);
    assert_true(fabs(bill.duration_cost - 6.315 * 256) < 1e-9);
    assert_true(bill.cost == bill.request_cost + bill.duration_cost);
    /* 3 attempts of 4 ms, and one of 4 ms that is provisioned: of 128 MB. */
    assert_ok(NULL, lambda_billing_summarize(s.second, "stock", &prices, &bill));
    assert_int_equal(bill.requests, 4);
    assert_int_equal(bill.billed_duration_ms, 16);
    assert_true(bill.gb_seconds == 0.012 / 8 && bill.provisioned_gb_seconds == 0.004 / 8);
    assert_true(fabs(bill.duration_cost - (0.012 * 128 + 0.004 * 64)) < 1e-12);
    /* All together. */
    assert_ok(NULL, lambda_billing_summarize(s.second, NULL, &prices, &bill));
    assert_int_equal(bill.requests, 9);
    assert_int_equal(bill.billed_duration_ms, 6315 + 16);
    assert_true(fabs(bill.gb_seconds - (6.315 / 4 + 0.012 / 8)) < 1e-12);
    assert_true(bill.request_cost == 2.25);
    /* What never was costs nothing; prices that are left away are 0. */
    assert_ok(NULL, lambda_billing_summarize(s.second, "none", &prices, &bill));
    assert_true(bill.requests == 0 && bill.cost == 0);
    assert_string_equal(bill.currency, "EUR");
    assert_ok(NULL, lambda_billing_summarize(s.second, NULL, &(lambda_price_table){0}, &bill));
    assert_true(bill.requests == 9 && bill.cost == 0);
    assert_string_equal(bill.currency, "");
    scene_close(&s);
}

static void a_reading_amid_a_count_has_no_absurd_bill(void **state)
{
    (void)state;
    lambda_billing bill;
    lambda_metrics metrics = {.total = {.billed_mb_ms = 1024000, .provisioned_billed_mb_ms = 2048000}};
    assert_ok(NULL, lambda_billing_summarize(&metrics, NULL, &prices, &bill));
    assert_true(bill.gb_seconds == 0 && bill.provisioned_gb_seconds == 2);
    assert_true(bill.cost == 1024);
}

static void refuse(lambda_price_table table, const char *what)
{
    lambda_metrics metrics = {0};
    lambda_billing bill = {.requests = 7};
    assert_fails(NULL, lambda_billing_summarize(&metrics, NULL, &table, &bill), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 what);
    assert_int_equal(bill.requests, 7);
}

static void prices_that_are_none_are_refused(void **state)
{
    (void)state;
    lambda_metrics metrics = {0};
    lambda_billing bill;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    refuse((lambda_price_table){.per_request = -0.01}, "per_request");
    refuse((lambda_price_table){.per_gb_second = (double)NAN}, "per_gb_second");
    refuse((lambda_price_table){.per_provisioned_gb_second = (double)INFINITY}, "per_provisioned_gb_second");
    refuse((lambda_price_table){.currency = "1234567890123456"}, "currency");
    assert_ok(NULL,
              lambda_billing_summarize(&metrics, NULL, &(lambda_price_table){.currency = "123456789012345"}, &bill));
    assert_string_equal(bill.currency, "123456789012345");
    assert_fails(NULL, lambda_billing_summarize(NULL, NULL, &prices, &bill), invalid, "metrics");
    assert_fails(NULL, lambda_billing_summarize(&metrics, NULL, NULL, &bill), invalid, "prices");
    assert_fails(NULL, lambda_billing_summarize(&metrics, NULL, &prices, NULL), invalid, "billing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_is_what_it_was),
        cmocka_unit_test(nothing_is_text_too),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(a_writer_ends_the_writing),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(bills_are_exact),
        cmocka_unit_test(a_reading_amid_a_count_has_no_absurd_bill),
        cmocka_unit_test(prices_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
