/* Trace headers: X-Ray's and W3C's. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static void check_header(const char *header, uint64_t high, uint64_t low, uint64_t parent, int sampled)
{
    lambda_trace_context read;
    memset(&read, 0xff, sizeof(read));
    assert_ok(NULL, lambda_trace_header_parse(header, &read));
    assert_int_equal(read.trace_id.high, high);
    assert_int_equal(read.trace_id.low, low);
    assert_int_equal(read.parent_id, parent);
    assert_int_equal(read.decided, sampled >= 0);
    assert_int_equal(read.sampled, sampled == 1);
}

/* The examples of https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader. */
static void documented_headers_are_read(void **state)
{
    (void)state;
    const uint64_t high = UINT64_C(0x5759e988bd862e3f);
    const uint64_t low = UINT64_C(0xe1be46a994272793);
    check_header("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", high, low, 0, 1);
    check_header("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", high, low,
                 UINT64_C(0x53995c3f42cd8ad8), 1);
    /* Of the load balancer, https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html. */
    check_header("Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678",
                 UINT64_C(0x67891233abcdef01), UINT64_C(0x2345678912345678), 0, -1);
}

static void fields_may_stand_in_any_order(void **state)
{
    (void)state;
    const uint64_t high = UINT64_C(0x5759e988bd862e3f);
    const uint64_t low = UINT64_C(0xe1be46a994272793);
    check_header(
        "Sampled=0;Lineage=a87bd80c:1|68fd508a:5;Parent=53995c3f42cd8ad8 ; Root=1-5759e988-bd862e3fe1be46a994272793",
        high, low, UINT64_C(0x53995c3f42cd8ad8), 0);
    check_header("root=none;Root=1-5759E988-BD862E3FE1BE46A994272793;Sampled=?", high, low, 0, -1);
    check_header("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled", high, low, 0, -1);
    check_header("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=10", high, low, 0, -1);
    check_header("", 0, 0, 0, -1);
    check_header(";;  ;", 0, 0, 0, -1);
    check_header("Sampled=1", 0, 0, 0, 1);
    /* A parent is one of a trace. */
    check_header("Parent=53995c3f42cd8ad8;Sampled=1", 0, 0, 0, 1);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *header;
        const char *text;
    } bad[] = {
        {"Root=1-5759e988-bd862e3fe1be46a99427279", "Root"},
        {"Root=1-5759e988-bd862e3fe1be46a9942727934", "Root"},
        {"Root=2-5759e988-bd862e3fe1be46a994272793", "Root"},
        {"Root=1_5759e988-bd862e3fe1be46a994272793", "Root"},
        {"Root=1-5759e988_bd862e3fe1be46a994272793", "Root"},
        {"Root=1-5759g988-bd862e3fe1be46a994272793", "Root"},
        {"Root=1-5759e988-bd862e3fe1bg46a994272793", "Root"},
        {"Root=1-5759e988-bd862e3fe1be46a99427279 3", "Root"},
        {"Root=1-00000000-000000000000000000000000", "Root"},
        {"Root=", "Root"},
        {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad", "Parent"},
        {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad80", "Parent"},
        {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad-", "Parent"},
        {"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000", "Parent"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        lambda_trace_context read;
        memset(&read, 0xff, sizeof(read));
        assert_fails(NULL, lambda_trace_header_parse(bad[i].header, &read), INVALID, bad[i].text);
        assert_int_equal(read.trace_id.high | read.trace_id.low | read.parent_id, 0);
        assert_false(read.sampled || read.decided);
    }
    lambda_trace_context read;
    assert_fails(NULL, lambda_trace_header_parse(NULL, &read), INVALID, "header");
    assert_fails(NULL, lambda_trace_header_parse("", NULL), INVALID, "context");
}

/* The examples of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers. */
static void documented_traceparents_are_read(void **state)
{
    (void)state;
    lambda_trace_context read;
    char text[LAMBDA_TRACEPARENT_SIZE];
    assert_ok(NULL, lambda_traceparent_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &read));
    assert_int_equal(read.trace_id.high, UINT64_C(0x4bf92f3577b34da6));
    assert_int_equal(read.trace_id.low, UINT64_C(0xa3ce929d0e0e4736));
    assert_int_equal(read.parent_id, UINT64_C(0x00f067aa0ba902b7));
    assert_true(read.sampled && read.decided);
    lambda_traceparent_format(&read, text);
    assert_string_equal(text, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_ok(NULL, lambda_traceparent_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", &read));
    assert_true(!read.sampled && read.decided);
    lambda_traceparent_format(&read, text);
    assert_string_equal(text, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    /* Flags that are not known yet, and what a later version has behind it. */
    assert_ok(NULL, lambda_traceparent_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe", &read));
    assert_false(read.sampled);
    assert_ok(NULL, lambda_traceparent_parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", &read));
    assert_true(read.sampled);
    assert_ok(NULL, lambda_traceparent_parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &read));
}

static void malformed_traceparents_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *header;
        const char *text;
    } bad[] = {
        {"", "version"},
        {"0", "version"},
        {"00", "version"},
        {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "version"},
        {"0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "version"},
        {"00-", "trace-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", "trace-id"},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "trace-id"},
        {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "trace-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", "trace-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01", "parent-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", "parent-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "parent-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "parent-id"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "trace-flags"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", "trace-flags"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", "behind"},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.", "behind"},
        {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.", "behind"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        lambda_trace_context read;
        memset(&read, 0xff, sizeof(read));
        /* In memory of its own length: what reads on is seen. */
        char *copy = strdup(bad[i].header);
        assert_fails(NULL, lambda_traceparent_parse(copy, &read), INVALID, bad[i].text);
        free(copy);
        assert_int_equal(read.trace_id.high | read.trace_id.low | read.parent_id, 0);
        assert_false(read.sampled || read.decided);
    }
    lambda_trace_context read;
    assert_fails(NULL, lambda_traceparent_parse(NULL, &read), INVALID, "traceparent");
    assert_fails(NULL, lambda_traceparent_parse("", NULL), INVALID, "context");
}

static void headers_are_written(void **state)
{
    (void)state;
    char text[LAMBDA_TRACE_HEADER_SIZE];
    char parent[LAMBDA_TRACEPARENT_SIZE];
    lambda_trace_context context = {.trace_id = {UINT64_C(0x5759e988bd862e3f), UINT64_C(0xe1be46a994272793)},
                                    .parent_id = UINT64_C(0x53995c3f42cd8ad8),
                                    .sampled = true,
                                    .decided = true};
    lambda_trace_header_format(&context, text);
    assert_string_equal(text, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
    lambda_traceparent_format(&context, parent);
    assert_string_equal(parent, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
    context.sampled = false;
    lambda_trace_header_format(&context, text);
    assert_string_equal(text, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0");
    context.decided = false;
    lambda_trace_header_format(&context, text);
    assert_string_equal(text, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8");
    context.parent_id = 0;
    lambda_trace_header_format(&context, text);
    assert_string_equal(text, "Root=1-5759e988-bd862e3fe1be46a994272793");
    lambda_traceparent_format(&context, parent);
    assert_string_equal(parent, "");
    context = (lambda_trace_context){.sampled = true, .decided = true, .parent_id = 1};
    lambda_trace_header_format(&context, text);
    assert_string_equal(text, "");
    lambda_traceparent_format(&context, parent);
    assert_string_equal(parent, "");
    lambda_trace_header_format(NULL, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_headers_are_read),        cmocka_unit_test(fields_may_stand_in_any_order),
        cmocka_unit_test(malformed_headers_are_refused),      cmocka_unit_test(documented_traceparents_are_read),
        cmocka_unit_test(malformed_traceparents_are_refused), cmocka_unit_test(headers_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
