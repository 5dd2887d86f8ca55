/*
 * What is shown as text: two functions under virtual time that have seen most of what is counted, and that measure under names which need
 * care in every format. The same each time, to the byte.
 */
#ifndef LAMBDA_TESTS_METRICS_SCENE_H
#define LAMBDA_TESTS_METRICS_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/concurrency.h>
#include <lambda/metrics.h>

#include "../async/async_world.h"

#define SCENE_MS UINT64_C(1000000)

typedef struct scene {
    world w;
    lambda_metrics *first;  /* read when orders had been invoked once */
    lambda_metrics *second; /* read at the end, by a handler that runs in a provisioned environment */
} scene;

/** Takes as many milliseconds as its event says, and then fails if that is odd. */
static inline lambda_status scene_orders(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    scene *s = lambda_context_user(context);
    int ms = 0;
    lambda_status status = lambda_event_unpack(event, "i", &ms);
    if (status != LAMBDA_OK) return status;
    lambda_clock_virtual_step(s->w.clock, (uint64_t)ms * SCENE_MS);
    return ms % 2 ? lambda_response_error(response, "Odd", "it is odd") : LAMBDA_OK;
}

static inline lambda_status scene_init(lambda_context *context)
{
    scene *s = lambda_context_user(context);
    lambda_clock_virtual_step(s->w.clock, 120 * SCENE_MS);
    return LAMBDA_OK;
}

/** Measures; of the event 0 it reads the metrics while it runs, too. */
static inline lambda_status scene_stock(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    scene *s = lambda_context_user(context);
    int number = 0;
    lambda_status status = lambda_event_unpack(event, "i", &number);
    if (status != LAMBDA_OK) return status;
    lambda_clock_virtual_step(s->w.clock, 4 * SCENE_MS);
    status = lambda_metric_put(context, "Balance", -2.5 * number, LAMBDA_UNIT_NONE);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "a \"b\" \\ c", 0.1 * number, LAMBDA_UNIT_PERCENT);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "} 5\\n# EOF,{x=\"1\"}", 1e18, LAMBDA_UNIT_COUNT);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "Sent", 1500, LAMBDA_UNIT_BYTES);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "Sent", 3, LAMBDA_UNIT_COUNT_PER_SECOND);
    if (status == LAMBDA_OK && number == 0) status = lambda_metrics_read(s->w.lambda, &s->second);
    if (status != LAMBDA_OK) return status;
    return number % 2 ? lambda_response_error(response, "Odd", "it is odd") : LAMBDA_OK;
}

static inline void scene_create(scene *s, const char *name, lambda_code code, uint32_t memory_size)
{
    lambda_function_config config = {
        .function_name = name, .code = code, .memory_size = memory_size, .timeout_ms = 5000};
    assert_ok(s->w.lambda, lambda_function_create(s->w.lambda, &config));
    assert_ok(s->w.lambda, lambda_version_publish(s->w.lambda, name, NULL, NULL));
}

static inline void scene_invoke(scene *s, const char *name, int number)
{
    char event[16];
    int length = snprintf(event, sizeof(event), "%d", number);
    assert_ok(s->w.lambda, lambda_invoke(s->w.lambda, name, lambda_bytes_make(event, (size_t)length), NULL));
}

static inline void scene_open(scene *s, lambda_options options)
{
    memset(s, 0, sizeof(*s));
    options.metrics = true;
    options.async_workers = 1;
    open_with(&s->w, &options);
    lambda_t *lambda = s->w.lambda;
    scene_create(s, "orders", lambda_code_native_hooks(scene_orders, scene_init, NULL, s), 256);
    scene_create(s, "stock", lambda_code_native(scene_stock, s), 128);
    assert_ok(lambda,
              lambda_alias_create(lambda, "orders", &(lambda_alias_config){.name = "prod", .function_version = "1"}));
}

/** All that happens. */
static inline void scene_play(scene *s)
{
    lambda_t *lambda = s->w.lambda;
    scene_invoke(s, "orders:prod", 12); /* cold */
    assert_ok(lambda, lambda_metrics_read(lambda, &s->first));
    scene_invoke(s, "orders:prod", 8);
    scene_invoke(s, "orders:prod", 15);   /* fails */
    scene_invoke(s, "orders:prod", 6000); /* times out */
    scene_invoke(s, "orders", 40);        /* cold, another version */
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "orders", 0));
    assert_fails(lambda, lambda_invoke(lambda, "orders:prod", LAMBDA_JSON("2"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                 "");
    assert_ok(lambda, lambda_function_concurrency_delete(lambda, "orders"));
    /* Three attempts, none of which succeeds. */
    assert_ok(lambda, lambda_invoke_async(lambda, "stock", LAMBDA_JSON("3"), NULL, NULL));
    assert_ok(lambda, lambda_async_wait_all(lambda, A_DAY));
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "stock:1", 2));
    lambda_clock_virtual_run(s->w.clock, 10 * SECOND);
    scene_invoke(s, "stock:1", 2);
    scene_invoke(s, "stock:1", 0);
    assert_non_null(s->second);
}

static inline void scene_close(scene *s)
{
    lambda_metrics_free(s->first);
    lambda_metrics_free(s->second);
    close_world(&s->w);
}

/** What a writer was given, and when it is to refuse. */
typedef struct page {
    char text[1 << 18];
    size_t length;
    size_t calls;
    size_t fail_at; /* the call that is refused, counted from 1; 0: none */
} page;

/** A writer to a page. */
static inline lambda_status page_take(void *user, const char *text, size_t length)
{
    page *p = user;
    if (++p->calls == p->fail_at) return LAMBDA_ERROR_RESOURCE_CONFLICT;
    assert_true(length > 0 && p->length + length < sizeof(p->text));
    memcpy(p->text + p->length, text, length);
    p->length += length;
    p->text[p->length] = '\0';
    return LAMBDA_OK;
}

static inline page *page_new(void)
{
    page *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    return p;
}

/** Empty again, for a writer that refuses its `fail_at`th call. */
static inline void page_clear(page *p, size_t fail_at)
{
    p->text[0] = '\0';
    p->length = p->calls = 0;
    p->fail_at = fail_at;
}

/** The page is that file, to the byte. */
static inline void assert_golden(const page *p, const char *name)
{
    char path[600];
    const char *directory = getenv("TEST_GOLDEN");
    page *wanted = page_new();
    snprintf(path, sizeof(path), "%s/%s", directory ? directory : "tests/observe/golden", name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is not there", path);
    wanted->length = fread(wanted->text, 1, sizeof(wanted->text) - 1, file);
    fclose(file);
    assert_true(wanted->length > 0);
    size_t same = 0;
    while (same < p->length && same < wanted->length && p->text[same] == wanted->text[same])
        same++;
    if (p->length != wanted->length || same < p->length)
        fail_msg("not what is in %s, from byte %zu on:\n%.300s\nis not\n%.300s", path, same, p->text + same,
                 wanted->text + same);
    free(wanted);
}

#endif
