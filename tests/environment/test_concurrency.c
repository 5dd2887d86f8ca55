/* Reserved and provisioned concurrency, spare environments, scaling rate, loops, the account: all under virtual time. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

#define SECOND UINT64_C(1000000000)

/** Invokes the functions that its event lists, one within the other: "a b c". */
typedef struct hooks {
    int inits;
    int fail_inits;
    int shutdowns;
    int provisioned_inits;
} hooks;

static lambda_status hook_init(lambda_context *context)
{
    hooks *seen = lambda_context_user(context);
    seen->inits++;
    seen->provisioned_inits += strcmp(lambda_context_initialization_type(context), "provisioned-concurrency") == 0;
    if (seen->fail_inits == 0) return LAMBDA_OK;
    seen->fail_inits--;
    return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "no database");
}

static void hook_shutdown(lambda_context *context)
{
    hooks *seen = lambda_context_user(context);
    seen->shutdowns++;
}

/** The event names a function to invoke in turn, with the rest of the event; answers with the innermost status. */
static lambda_status nest(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_bytes payload = lambda_event_payload(event);
    char text[2048];
    assert_true(payload.length < sizeof(text));
    memcpy(text, payload.data, payload.length);
    text[payload.length] = '\0';
    char *rest = strchr(text, ' ');
    if (rest) *rest++ = '\0';
    if (!text[0]) return lambda_response_write(response, "OK", 2);
    lambda_result result = {0};
    lambda_status status = lambda_invoke(lambda_context_service(context), text,
                                         lambda_bytes_make(rest ? rest : "", rest ? strlen(rest) : 0), &result);
    const char *name = result.throttle_reason ? result.throttle_reason : lambda_status_name(status);
    if (status == LAMBDA_OK)
        lambda_response_write(response, result.payload.data, result.payload.length);
    else
        lambda_response_write(response, name, strlen(name));
    lambda_result_clear(&result);
    return LAMBDA_OK;
}

static lambda_clock_virtual *virtual_clock;
static lambda_t *lambda;
static lambda_result result;

static void open_service(lambda_options options)
{
    assert_int_equal(lambda_clock_virtual_open(1, 0, &virtual_clock), LAMBDA_OK);
    lambda_clock_virtual_options(virtual_clock, &options);
    lambda = test_open(&options);
    result = (lambda_result){0};
}

static void close_service(void)
{
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    lambda_clock_virtual_close(virtual_clock);
}

static void create(const char *name, hooks *seen, lambda_isolation isolation)
{
    lambda_function_config config = {
        .function_name = name,
        .isolation = isolation,
        .publish = true,
        .code = lambda_code_native_hooks(nest, seen ? hook_init : NULL, seen ? hook_shutdown : NULL, seen)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
}

/** What the innermost of these invocations, one within the other, came to. */
static void nested(const char *first, const char *rest, const char *answer)
{
    assert_ok(lambda, lambda_invoke(lambda, first, lambda_bytes_make(rest, strlen(rest)), &result));
    test_assert_payload(&result, answer);
}

static void refused(const char *name, const char *reason)
{
    assert_fails(lambda, lambda_invoke(lambda, name, LAMBDA_JSON(""), &result), LAMBDA_ERROR_TOO_MANY_REQUESTS, reason);
    assert_string_equal(result.throttle_reason, reason);
}

static void reserved_concurrency_is_a_bound_and_a_guarantee(void **state)
{
    (void)state;
    for (int isolation = LAMBDA_ISOLATION_INLINE; isolation <= LAMBDA_ISOLATION_THREAD; isolation++) {
        open_service((lambda_options){.limits = {.concurrent_executions = 4, .unreserved_concurrent_executions = 1}});
        create("a", NULL, (lambda_isolation)isolation);
        create("b", NULL, (lambda_isolation)isolation);
        nested("a", "a a a", "OK");
        nested("a", "a a a b", "ConcurrentInvocationLimitExceeded");
        assert_ok(lambda, lambda_function_concurrency_put(lambda, "a", 2));
        nested("a", "a", "OK");
        nested("a", "a a", "ReservedFunctionConcurrentInvocationLimitExceeded");
        nested("b", "b a a", "OK");
        nested("a", "a b b b", "ConcurrentInvocationLimitExceeded");
        lambda_account_settings account;
        assert_ok(lambda, lambda_account_settings_get(lambda, &account));
        assert_int_equal(account.concurrent_executions, 4);
        assert_int_equal(account.unreserved_concurrent_executions, 2);
        assert_int_equal(account.function_count, 2);
        assert_fails(lambda, lambda_function_concurrency_put(lambda, "a", 4), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     "minimum value of [1]");
        bool reserved = false;
        uint32_t count = 9;
        assert_ok(lambda, lambda_function_concurrency_get(lambda, "a", &reserved, &count));
        assert_true(reserved && count == 2);
        assert_ok(lambda, lambda_function_concurrency_put(lambda, "a", 0));
        refused("a", "ReservedFunctionConcurrentInvocationLimitExceeded");
        nested("b", "b b b", "OK");
        assert_ok(lambda, lambda_function_concurrency_delete(lambda, "a"));
        assert_ok(lambda, lambda_function_concurrency_delete(lambda, "a"));
        assert_ok(lambda, lambda_function_concurrency_get(lambda, "a", &reserved, &count));
        assert_true(!reserved && count == 0);
        nested("a", "a a b", "OK");
        assert_ok(lambda, lambda_function_concurrency_put(lambda, "a", 3));
        assert_ok(lambda, lambda_function_delete(lambda, "a"));
        nested("b", "b b b", "OK");
        lambda_statistics counts;
        assert_ok(lambda, lambda_statistics_get(lambda, &counts));
        assert_int_equal(counts.throttles, 4);
        close_service();
    }
}

/** Changes reserved concurrency while it runs. */
static lambda_status lower(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_t *service = lambda_context_service(context);
    assert_ok(service, lambda_function_concurrency_put(service, "lower", 1));
    lambda_result inner = {0};
    assert_int_equal(lambda_invoke(service, "lower", LAMBDA_JSON("1"), &inner), LAMBDA_ERROR_TOO_MANY_REQUESTS);
    lambda_result_clear(&inner);
    assert_ok(service, lambda_function_concurrency_put(service, "lower", 0));
    return lambda_response_write(response, "1", 1);
}

static void a_limit_lowered_under_load_holds_for_what_comes_next(void **state)
{
    (void)state;
    open_service((lambda_options){.limits = {.concurrent_executions = 4, .unreserved_concurrent_executions = 1}});
    test_create(lambda, "lower", lower, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "lower", LAMBDA_JSON("1"), &result));
    refused("lower", "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_ok(lambda, lambda_function_concurrency_delete(lambda, "lower"));
    assert_ok(lambda, lambda_invoke(lambda, "lower", LAMBDA_JSON("1"), &result));
    assert_false(result.cold_start);
    close_service();
}

static lambda_provisioned_concurrency provisioned(const char *name)
{
    lambda_provisioned_concurrency seen;
    assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, name, &seen));
    return seen;
}

static void provisioned_environments_are_there_before_anybody_asks(void **state)
{
    (void)state;
    for (int isolation = LAMBDA_ISOLATION_INLINE; isolation <= LAMBDA_ISOLATION_THREAD; isolation++) {
        hooks seen = {0};
        open_service((lambda_options){.idle_timeout_ms = 1000,
                                      .limits = {.concurrent_executions = 10, .unreserved_concurrent_executions = 1}});
        create("f", &seen, (lambda_isolation)isolation);
        assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 2));
        assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_IN_PROGRESS);
        lambda_clock_virtual_run(virtual_clock, 0);
        assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
        assert_int_equal(provisioned("f:1").allocated, 2);
        assert_int_equal(seen.provisioned_inits, 2);
        nested("f:1", "", "OK");
        assert_false(result.cold_start);
        nested("f:1", "f:1 f:1", "OK"); /* the third spills over */
        lambda_statistics counts;
        assert_ok(lambda, lambda_statistics_get(lambda, &counts));
        assert_int_equal(counts.provisioned_invocations, 3);
        assert_int_equal(counts.provisioned_spillovers, 1);
        assert_int_equal(counts.cold_starts, 1);
        /* Idle time ends the ordinary one only. */
        lambda_clock_virtual_step(virtual_clock, 3 * SECOND);
        assert_int_equal(seen.shutdowns, 1);
        /* Room is set aside for them. */
        lambda_account_settings account;
        assert_ok(lambda, lambda_account_settings_get(lambda, &account));
        assert_int_equal(account.unreserved_concurrent_executions, 8);
        assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 10),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "UnreservedConcurrentExecution");
        assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 3));
        assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 4), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     "reserved concurrency of 3");
        assert_fails(lambda, lambda_function_concurrency_put(lambda, "f", 1), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     "provisioned concurrency of 2");
        nested("f:1", "f:1 f:1", "OK");
        nested("f:1", "f:1 f:1 f:1", "ReservedFunctionConcurrentInvocationLimitExceeded");
        assert_ok(lambda, lambda_function_concurrency_delete(lambda, "f"));
        /* Fewer, then none: what is too much becomes ordinary, and ends when it was idle for long. */
        assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 1));
        assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
        assert_ok(lambda, lambda_provisioned_concurrency_delete(lambda, "f:1"));
        lambda_clock_virtual_run(virtual_clock, UINT64_MAX);
        assert_int_equal(seen.shutdowns, seen.inits);
        lambda_provisioned_concurrency gone;
        assert_fails(lambda, lambda_provisioned_concurrency_get(lambda, "f:1", &gone),
                     LAMBDA_ERROR_PROVISIONED_CONCURRENCY_CONFIG_NOT_FOUND, "No Provisioned Concurrency Config");
        close_service();
        assert_int_equal(seen.shutdowns, seen.inits);
    }
}

static void a_provisioned_environment_that_ends_is_replaced(void **state)
{
    (void)state;
    hooks seen = {0};
    open_service((lambda_options){0});
    create("f", &seen, LAMBDA_ISOLATION_INLINE);
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 1));
    lambda_clock_virtual_run(virtual_clock, 0);
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_TIMEOUT, 1));
    assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON(""), &result));
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
    assert_int_equal(result.duration_ns, 3 * SECOND);
    assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_IN_PROGRESS);
    lambda_clock_virtual_run(virtual_clock, 0);
    assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_int_equal(seen.provisioned_inits, 2);
    close_service();
}

static void a_failed_provision_says_why(void **state)
{
    (void)state;
    for (int isolation = LAMBDA_ISOLATION_INLINE; isolation <= LAMBDA_ISOLATION_THREAD; isolation++) {
        hooks seen = {.fail_inits = 1};
        open_service((lambda_options){0});
        create("f", &seen, (lambda_isolation)isolation);
        assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 1));
        lambda_clock_virtual_run(virtual_clock, 0);
        lambda_provisioned_concurrency now = provisioned("f:1");
        assert_int_equal(now.status, LAMBDA_PROVISIONED_CONCURRENCY_FAILED);
        assert_string_equal(now.status_reason, "no database");
        assert_string_equal(lambda_provisioned_concurrency_status_name(now.status), "FAILED");
        assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 1));
        lambda_clock_virtual_run(virtual_clock, 0);
        assert_int_equal(provisioned("f:1").status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
        close_service();
        assert_int_equal(seen.shutdowns, 1);
    }
}

static void an_alias_takes_its_environments_along(void **state)
{
    (void)state;
    hooks seen = {0};
    open_service((lambda_options){0});
    create("f", &seen, LAMBDA_ISOLATION_INLINE);
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.timeout_ms = 9}));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    lambda_alias_config live = {.name = "live", .function_version = "1"};
    assert_ok(lambda, lambda_alias_create(lambda, "f", &live));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "new", .function_version = "$LATEST"}));
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:live", 4));
    lambda_clock_virtual_run(virtual_clock, 0);
    assert_int_equal(provisioned("f:live").allocated, 4);
    nested("f:1", "", "OK");
    assert_false(result.cold_start);
    assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 1), LAMBDA_ERROR_RESOURCE_CONFLICT,
                 "pointed by");
    assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:new", 1), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "$LATEST");
    assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f", 1), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "published version");
    assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:live", 0), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "is 0");
    assert_fails(lambda, lambda_provisioned_concurrency_put(lambda, "f:7", 1), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:7");
    live.additional_version = "2";
    live.additional_weight = 0.25;
    assert_ok(lambda, lambda_alias_update(lambda, "f", &live));
    lambda_clock_virtual_run(virtual_clock, 0);
    assert_int_equal(provisioned("f:live").status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_int_equal(seen.provisioned_inits, 5);
    nested("f:2", "", "OK");
    assert_false(result.cold_start);
    lambda_provisioned_concurrency items[2];
    size_t count = 0;
    assert_ok(lambda, lambda_provisioned_concurrency_list(lambda, "f", items, 2, &count));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].qualifier, "live");
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_ok(lambda, lambda_provisioned_concurrency_list(lambda, "f", NULL, 0, &count));
    assert_int_equal(count, 0);
    lambda_account_settings account;
    assert_ok(lambda, lambda_account_settings_get(lambda, &account));
    assert_int_equal(account.unreserved_concurrent_executions, 1000);
    close_service();
    assert_int_equal(seen.inits, seen.shutdowns);
}

static void spare_environments_are_started_ahead(void **state)
{
    (void)state;
    hooks seen = {0};
    open_service((lambda_options){0});
    create("f", &seen, LAMBDA_ISOLATION_INLINE);
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.spare_environments = 2}));
    assert_fails(
        lambda,
        lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.spare_environments = 1001}),
        LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "spare_environments");
    nested("f", "", "OK");
    assert_true(result.cold_start);
    lambda_clock_virtual_run(virtual_clock, 0);
    assert_int_equal(seen.inits, 3);
    nested("f", "f f", "OK");
    lambda_statistics counts;
    assert_ok(lambda, lambda_statistics_get(lambda, &counts));
    assert_int_equal(counts.cold_starts, 1);
    lambda_function_configuration *configuration = NULL;
    assert_ok(lambda, lambda_function_update_configuration(
                          lambda, "f", &(lambda_function_config){.spare_environments = LAMBDA_NO_SPARE_ENVIRONMENTS}));
    assert_ok(lambda, lambda_function_get(lambda, "f", &configuration));
    assert_int_equal(configuration->spare_environments, 0);
    lambda_function_configuration_free(configuration);
    close_service();
    assert_int_equal(seen.inits, seen.shutdowns);
}

static void scaling_up_is_paced(void **state)
{
    (void)state;
    open_service((lambda_options){.limits = {.scaling_rate = 10}});
    create("f", NULL, LAMBDA_ISOLATION_INLINE);
    nested("f", "f f f f f f f f f", "OK");
    nested("f", "f f f f f f f f f f", "FunctionInvocationRateLimitExceeded");
    lambda_clock_virtual_step(virtual_clock, SECOND);
    nested("f", "f f f f f f f f f f", "OK");
    nested("f", "f f f f f f f f f f f", "FunctionInvocationRateLimitExceeded");
    /* Waiting is another way: a rate frees up with time alone. */
    close_service();
}

/** Invokes itself and waits for the second environment. */
static lambda_status wait_inside(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_bytes payload = lambda_event_payload(event);
    if (payload.length == 0) return lambda_response_write(response, "OK", 2);
    lambda_t *service = lambda_context_service(context);
    lambda_result inner = {0};
    uint64_t before = lambda_clock_virtual_now(virtual_clock);
    lambda_status status =
        lambda_invoke_with(service, "w", LAMBDA_JSON(""), &(lambda_invoke_options){.wait_ms = 700}, &inner);
    uint64_t waited = lambda_clock_virtual_now(virtual_clock) - before;
    lambda_result_clear(&inner);
    return lambda_response_pack(response, "{s:s, s:I}", "status", lambda_status_name(status), "waited",
                                (json_int_t)(waited / 1000000));
}

static void waiting_for_concurrency_ends_at_its_deadline(void **state)
{
    (void)state;
    open_service((lambda_options){.limits = {.concurrent_executions = 1}});
    test_create(lambda, "w", wait_inside, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "w", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "{\"status\":\"TooManyRequestsException\",\"waited\":700}");
    /* Who is refused has started nothing. */
    lambda_statistics counts;
    assert_ok(lambda, lambda_statistics_get(lambda, &counts));
    assert_int_equal(counts.environments_started, 1);
    close_service();
    open_service((lambda_options){.limits = {.scaling_rate = 1}});
    test_create(lambda, "w", wait_inside, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "w", LAMBDA_JSON(""), &result));
    lambda_clock_virtual_step(virtual_clock, 9700 * (SECOND / 1000));
    assert_ok(lambda, lambda_invoke(lambda, "w", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "{\"status\":\"OK\",\"waited\":300}");
    close_service();
}

static void loops_end(void **state)
{
    (void)state;
    for (int isolation = LAMBDA_ISOLATION_INLINE; isolation <= LAMBDA_ISOLATION_THREAD; isolation++) {
        open_service((lambda_options){.limits = {.invocation_depth = 40}});
        create("a", NULL, (lambda_isolation)isolation);
        create("b", NULL, (lambda_isolation)isolation);
        char chain[512] = "";
        for (int i = 0; i < 15; i++)
            strcat(chain, i ? " a" : "a");
        nested("a", chain, "OK");
        strcat(chain, " b a");
        nested("a", chain, "RecursiveInvocationException");
        lambda_recursive_loop loop = LAMBDA_RECURSIVE_LOOP_ALLOW;
        assert_ok(lambda, lambda_function_recursion_config_get(lambda, "a", &loop));
        assert_int_equal(loop, LAMBDA_RECURSIVE_LOOP_TERMINATE);
        assert_ok(lambda, lambda_function_recursion_config_put(lambda, "a", LAMBDA_RECURSIVE_LOOP_ALLOW));
        assert_fails(lambda, lambda_function_recursion_config_put(lambda, "a", (lambda_recursive_loop)5),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "recursive_loop");
        nested("a", chain, "OK");
        for (int i = 0; i < 30; i++)
            strcat(chain, " a");
        nested("a", chain, "RecursiveInvocationException"); /* the depth */
        close_service();
    }
}

static void arguments_are_checked(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    bool reserved;
    uint32_t count;
    size_t total;
    open_service((lambda_options){0});
    create("f", NULL, LAMBDA_ISOLATION_INLINE);
    assert_fails(lambda, lambda_function_concurrency_put(lambda, "f:1", 1), invalid, "qualifier");
    assert_fails(lambda, lambda_function_concurrency_put(lambda, "g", 1), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(NULL, lambda_function_concurrency_put(NULL, "f", 1), invalid, "lambda");
    assert_fails(lambda, lambda_function_concurrency_put(lambda, "f", 901), invalid, "minimum value of [100]");
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 900));
    assert_fails(lambda, lambda_function_concurrency_get(lambda, "f", NULL, &count), invalid, "reserved");
    assert_fails(lambda, lambda_function_concurrency_get(lambda, "f", &reserved, NULL), invalid, "reserved_concurrent");
    assert_fails(lambda, lambda_function_concurrency_delete(lambda, "g"), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(lambda, lambda_provisioned_concurrency_get(lambda, "f:1", NULL), invalid, "got");
    assert_fails(lambda, lambda_provisioned_concurrency_list(lambda, "f:1", NULL, 0, &total), invalid, "qualifier");
    assert_fails(lambda, lambda_provisioned_concurrency_list(lambda, "f", NULL, 2, &total), invalid, "items");
    assert_fails(lambda, lambda_provisioned_concurrency_delete(lambda, "f"), invalid, "published version");
    assert_ok(lambda, lambda_provisioned_concurrency_delete(lambda, "f:1"));
    assert_fails(lambda, lambda_account_settings_get(lambda, NULL), invalid, "settings");
    assert_fails(lambda, lambda_function_recursion_config_get(lambda, "f", NULL), invalid, "recursive_loop");
    assert_string_equal(lambda_provisioned_concurrency_status_name((lambda_provisioned_concurrency_status)8),
                        "UNKNOWN");
    close_service();
}

/** The same steps, the Nth allocation failing: each is done, or refused with the service as it was. */
static void failed_allocations_leave_the_service_usable(void **state)
{
    (void)state;
    for (uint64_t at = 1;; at++) {
        lambda_test_memory memory = {0};
        hooks seen = {0};
        open_service((lambda_options){.allocator = lambda_test_allocator(&memory)});
        create("f", &seen, LAMBDA_ISOLATION_THREAD);
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status statuses[] = {lambda_function_concurrency_put(lambda, "f", 10),
                                    lambda_provisioned_concurrency_put(lambda, "f:1", 2),
                                    lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_THROTTLE, 0)};
        lambda_clock_virtual_run(virtual_clock, 0);
        lambda_status invoked = lambda_invoke(lambda, "f:1", LAMBDA_JSON(""), &result);
        bool failed = memory.requests >= at;
        memory.fail_at = 0;
        for (size_t i = 0; i < 3; i++)
            assert_true(statuses[i] == LAMBDA_OK || statuses[i] == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_true(invoked == LAMBDA_OK || invoked == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON(""), &result));
        close_service();
        assert_int_equal(memory.live, 0);
        assert_int_equal(seen.inits, seen.shutdowns);
        if (!failed) break;
        assert_true(at < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_concurrency_is_a_bound_and_a_guarantee),
        cmocka_unit_test(a_limit_lowered_under_load_holds_for_what_comes_next),
        cmocka_unit_test(provisioned_environments_are_there_before_anybody_asks),
        cmocka_unit_test(a_provisioned_environment_that_ends_is_replaced),
        cmocka_unit_test(a_failed_provision_says_why),
        cmocka_unit_test(an_alias_takes_its_environments_along),
        cmocka_unit_test(spare_environments_are_started_ahead),
        cmocka_unit_test(scaling_up_is_paced),
        cmocka_unit_test(waiting_for_concurrency_ends_at_its_deadline),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(failed_allocations_leave_the_service_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
