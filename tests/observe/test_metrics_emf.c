/*
 * Metrics as the embedded metric format, held against what
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html says of each document.
 */
#include "metrics_scene.h"

#include <jansson.h>

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html */
static const char *const units[] = {"None",
                                    "Seconds",
                                    "Microseconds",
                                    "Milliseconds",
                                    "Bytes",
                                    "Kilobytes",
                                    "Megabytes",
                                    "Gigabytes",
                                    "Terabytes",
                                    "Bits",
                                    "Kilobits",
                                    "Megabits",
                                    "Gigabits",
                                    "Terabits",
                                    "Percent",
                                    "Count",
                                    "Bytes/Second",
                                    "Kilobytes/Second",
                                    "Megabytes/Second",
                                    "Gigabytes/Second",
                                    "Terabytes/Second",
                                    "Bits/Second",
                                    "Kilobits/Second",
                                    "Megabits/Second",
                                    "Gigabits/Second",
                                    "Terabits/Second",
                                    "Count/Second"};
enum { UNITS = sizeof(units) / sizeof(units[0]) };

static void units_are_cloudwatchs(void **state)
{
    (void)state;
    assert_int_equal(UNITS, LAMBDA_UNIT_COUNT_PER_SECOND + 1);
    for (int i = 0; i < UNITS; i++)
        assert_string_equal(lambda_metric_unit_name((lambda_metric_unit)i), units[i]);
    assert_string_equal(lambda_metric_unit_name((lambda_metric_unit)UNITS), "Unknown");
}

/* ---- documents */

static bool is_unit(const char *name)
{
    for (int i = 0; name && i < UNITS; i++)
        if (strcmp(name, units[i]) == 0) return true;
    return false;
}

static const json_t *directive_of(const json_t *document)
{
    const json_t *aws = json_object_get(document, "_aws");
    assert_int_equal(json_object_size(aws), 2);
    assert_true(json_is_integer(json_object_get(aws, "Timestamp")));
    const json_t *directives = json_object_get(aws, "CloudWatchMetrics");
    assert_int_equal(json_array_size(directives), 1);
    return json_array_get(directives, 0);
}

/** The sets; and how many of the document's members they name. */
static size_t check_dimensions(const json_t *document, const json_t *sets)
{
    size_t most = 0;
    assert_true(json_array_size(sets) >= 1);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *set = json_array_get(sets, i);
        assert_true(json_is_array(set) && json_array_size(set) <= 9);
        if (json_array_size(set) > most) most = json_array_size(set);
        for (size_t j = 0; j < json_array_size(set); j++) {
            const char *name = json_string_value(json_array_get(set, j));
            assert_non_null(name);
            const json_t *value = json_object_get(document, name);
            assert_true(json_is_string(value) && json_string_length(value) > 0);
        }
    }
    return most;
}

static void check_value(const json_t *value)
{
    if (json_is_number(value)) return;
    assert_true(json_is_array(value));
    assert_true(json_array_size(value) >= 1 && json_array_size(value) <= 100);
    for (size_t i = 0; i < json_array_size(value); i++) {
        assert_true(json_is_number(json_array_get(value, i)));
        assert_true(i == 0 ||
                    json_number_value(json_array_get(value, i)) >= json_number_value(json_array_get(value, i - 1)));
    }
}

/** How many metrics it has. */
static size_t check_document(const json_t *document)
{
    const json_t *directive = directive_of(document);
    assert_int_equal(json_object_size(directive), 3);
    size_t name_space = json_string_length(json_object_get(directive, "Namespace"));
    assert_true(name_space >= 1 && name_space <= 255);
    size_t named = check_dimensions(document, json_object_get(directive, "Dimensions"));
    const json_t *metrics = json_object_get(directive, "Metrics");
    size_t count = json_array_size(metrics);
    assert_true(count >= 1 && count <= 100);
    for (size_t i = 0; i < count; i++) {
        const json_t *metric = json_array_get(metrics, i);
        const char *name = json_string_value(json_object_get(metric, "Name"));
        assert_int_equal(json_object_size(metric), 2);
        assert_true(name && strlen(name) >= 1 && strlen(name) <= 255);
        assert_true(is_unit(json_string_value(json_object_get(metric, "Unit"))));
        check_value(json_object_get(document, name));
        /* Not named twice: another unit has another document. */
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, json_string_value(json_object_get(json_array_get(metrics, j), "Name")));
    }
    /* Nothing is in it that nothing names. */
    assert_int_equal(json_object_size(document), 1 + named + count);
    return count;
}

/** All documents of a page, checked. The caller's to json_decref. */
static json_t *documents_of(const page *p)
{
    json_t *all = json_array();
    for (const char *line = p->text; *line;) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        assert_true(end - line < 1 << 20);
        json_error_t error;
        json_t *document = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, &error);
        if (!document) fail_msg("%s in %.*s", error.text, (int)(end - line), line);
        check_document(document);
        assert_int_equal(json_array_append_new(all, document), 0);
        line = end + 1;
    }
    return all;
}

static json_t *write_documents(const lambda_metrics *now, const lambda_metrics *before,
                               const lambda_emf_options *options)
{
    page *p = page_new();
    assert_ok(NULL, lambda_metrics_write_emf(now, before, options, page_take, p));
    json_t *all = documents_of(p);
    free(p);
    return all;
}

/** The one of that resource and executed version; NULL where it is not there. "": without the member. */
static const json_t *document_of(const json_t *all, const char *resource, const char *version)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        const char *its_resource = json_string_value(json_object_get(each, "Resource"));
        const char *its_version = json_string_value(json_object_get(each, "ExecutedVersion"));
        if (!its_resource || strcmp(its_resource, resource) != 0 ||
            strcmp(its_version ? its_version : "", version) != 0)
            continue;
        assert_null(found);
        found = each;
    }
    return found;
}

/** The member is that JSON; NULL: it is not there. */
static void assert_member(const json_t *document, const char *name, const char *expected)
{
    const json_t *value = json_object_get(document, name);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if ((text == NULL) != (expected == NULL) || (text && strcmp(text, expected) != 0))
        fail_msg("%s is %s, not %s", name, text ? text : "not there", expected ? expected : "away");
    free(text);
}

static void documents_are_as_specified(void **state)
{
    (void)state;
    scene s;
    page *p = page_new();
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    assert_ok(NULL, lambda_metrics_write_emf(s.second, NULL, NULL, page_take, p));
    assert_golden(p, "metrics_emf.jsonl");
    json_t *all = documents_of(p);
    assert_int_equal(json_array_size(all), 12);
    const json_t *orders = document_of(all, "orders:prod", "1");
    assert_member(orders, "Invocations", "4");
    assert_member(orders, "Errors", "2");
    assert_member(orders, "Timeouts", "1");
    assert_member(orders, "ColdStarts", "1");
    assert_member(orders, "InitDuration", "[120]");
    assert_member(orders, "BilledDuration", "6155");
    assert_member(orders, "AsyncEventsReceived", NULL);
    assert_member(document_of(all, "orders:prod", ""), "Throttles", "1");
    json_decref(all);
    scene_close(&s);
    free(p);
}

static void only_what_is_new_is_written(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    json_t *all = write_documents(s.second, s.first, NULL);
    const json_t *orders = document_of(all, "orders:prod", "1");
    assert_member(orders, "Invocations", "3");
    assert_member(orders, "Errors", "2");
    assert_member(orders, "BilledDuration", "6023");
    /* The only cold start was before. */
    assert_member(orders, "ColdStarts", NULL);
    assert_member(orders, "InitDuration", NULL);
    const json_t *durations = json_object_get(orders, "Duration");
    assert_int_equal(json_array_size(durations), 3);
    assert_true(json_number_value(json_array_get(durations, 0)) == 8);
    assert_true(json_number_value(json_array_get(durations, 2)) == 6000);
    json_decref(all);
    /* Nothing new: what is busy, of the service, two functions and a version that is provisioned. A later reading is not before. */
    all = write_documents(s.second, s.second, NULL);
    assert_int_equal(json_array_size(all), 4);
    json_decref(all);
    all = write_documents(s.first, s.second, NULL);
    assert_int_equal(json_array_size(all), 2);
    assert_member(json_array_get(all, 0), "ConcurrentExecutions", "0");
    json_decref(all);
    scene_close(&s);
}

/* ---- limits */

enum { MANY = 250 };

/** Measures the event's number as "Number", and every hundredth time 120 names of the longest kind. */
static lambda_status measures_much(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    char name[256];
    int number = 0;
    lambda_status status = lambda_event_unpack(event, "i", &number);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "Number", number, LAMBDA_UNIT_COUNT);
    for (int i = 0; i < 120 && number % 100 == 0 && status == LAMBDA_OK; i++) {
        memset(name, '"', sizeof(name));
        snprintf(name + 250, 6, "%05u", (unsigned)i % 100000);
        status = lambda_metric_put(context, name, i, LAMBDA_UNIT_NONE);
    }
    return status;
}

/** Of so many numbers from 1 on, in an array of 100: the least, the greatest, and what is between within 1 %. */
static void check_shares(const json_t *values, int count)
{
    assert_int_equal(json_array_size(values), 100);
    assert_true(json_number_value(json_array_get(values, 0)) == 1);
    assert_true(json_number_value(json_array_get(values, 99)) == count);
    for (int i = 1; i < 99; i++) {
        double middle = (i + 0.5) * count / 100;
        double value = json_number_value(json_array_get(values, (size_t)i));
        assert_true(value > middle * 0.99 - 1 && value < middle * 1.01 + 1);
    }
}

static void the_formats_limits_are_kept(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, (lambda_options){0});
    test_create(s.w.lambda, "much", measures_much, &s);
    for (int i = 1; i <= MANY; i++)
        scene_invoke(&s, "much", i);
    assert_ok(s.w.lambda, lambda_metrics_read(s.w.lambda, &s.first));
    assert_int_equal(s.first->user_count, 121);
    json_t *all = write_documents(s.first, NULL, &(lambda_emf_options){.user_namespace = "Shop/Orders"});
    size_t users = 0;
    size_t measured = 0;
    bool numbers = false;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *document = json_array_get(all, i);
        const char *name_space = json_string_value(json_object_get(directive_of(document), "Namespace"));
        bool user = strcmp(name_space, "Shop/Orders") == 0;
        if (!user) assert_string_equal(name_space, "AWS/Lambda");
        if (!user) continue;
        users++;
        measured += check_document(document);
        const json_t *values = json_object_get(document, "Number");
        if (values) check_shares(values, MANY);
        numbers = numbers || values;
    }
    assert_int_equal(users, 2);
    assert_int_equal(measured, 121);
    assert_true(numbers);
    const json_t *much = document_of(all, "much", "$LATEST");
    assert_member(much, "Invocations", "250");
    assert_int_equal(json_array_size(json_object_get(much, "Duration")), 100);
    json_decref(all);
    scene_close(&s);
}

/* ---- namespaces */

static void assert_namespace(const char *name, bool valid)
{
    lambda_metrics metrics = {.total = {.function_name = ""}};
    page *p = page_new();
    lambda_emf_options one = {.namespace_name = name};
    lambda_emf_options other = {.user_namespace = name};
    if (valid) {
        assert_ok(NULL, lambda_metrics_write_emf(&metrics, NULL, &one, page_take, p));
        assert_ok(NULL, lambda_metrics_write_emf(&metrics, NULL, &other, page_take, p));
        assert_non_null(strstr(p->text, name));
        json_decref(documents_of(p));
    } else {
        const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
        assert_fails(NULL, lambda_metrics_write_emf(&metrics, NULL, &one, page_take, p), invalid, "namespace_name: ");
        assert_fails(NULL, lambda_metrics_write_emf(&metrics, NULL, &other, page_take, p), invalid, "user_namespace: ");
        assert_int_equal(p->calls, 0);
    }
    free(p);
}

static void namespaces_are_cloudwatchs(void **state)
{
    (void)state;
    char longest[257];
    memset(longest, 'n', sizeof(longest));
    longest[255] = '\0';
    assert_namespace("Shop", true);
    assert_namespace(" a.b-c_d/e#f:0 ", true);
    assert_namespace(longest, true);
    longest[255] = 'n';
    longest[256] = '\0';
    assert_namespace(longest, false);
    assert_namespace("", false);
    assert_namespace("   ", false);
    assert_namespace(":Shop", false);
    assert_namespace("Shop\n", false);
    assert_namespace("\"Shop\"", false);
    assert_namespace("Caf\xC3\xA9", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_cloudwatchs),       cmocka_unit_test(documents_are_as_specified),
        cmocka_unit_test(only_what_is_new_is_written), cmocka_unit_test(the_formats_limits_are_kept),
        cmocka_unit_test(namespaces_are_cloudwatchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
