/* Layers: their versions and numbers, pages, and trees of several. Facts: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html and the API's pages of the calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

/** Publishes a version of a zip with one file; its number. */
static uint64_t publish(const fixture *f, const char *layer, const char *name, const char *text)
{
    zip made = zip_one(name, text);
    lambda_layer_version *version = NULL;
    lambda_layer_config config = {.layer_name = layer, .data = made.bytes, .data_length = made.length};
    assert_ok(NULL, lambda_layer_publish(f->packages, &config, &version));
    uint64_t number = version->version;
    lambda_layer_version_free(version);
    zip_free(&made);
    return number;
}

/** The ARN of a version, in the default region and account. Valid until the fourth call after it. */
static const char *arn(const char *layer, int number)
{
    static char texts[6][256];
    static unsigned next;
    char *text = texts[next++ % 6];
    snprintf(text, sizeof(texts[0]), "arn:aws:lambda:us-east-1:000000000000:layer:%s:%d", layer, number);
    return text;
}

static void test_publish(void **state)
{
    (void)state;
    fixture f;
    static const char *const runtimes[] = {"nodejs20.x", "provided.al2023"};
    static const char *const architectures[] = {"x86_64", "arm64"};
    zip made = zip_one("nodejs/index.js", "x");
    lambda_layer_version *version = NULL;
    lambda_layer_config config = {.layer_name = "My-layer_1",
                                  .description = "what it is for \xe2\x82\xac",
                                  .license_info = "Apache-2.0",
                                  .compatible_runtimes = runtimes,
                                  .compatible_runtimes_count = 2,
                                  .compatible_architectures = architectures,
                                  .compatible_architectures_count = 2,
                                  .data = made.bytes,
                                  .data_length = made.length};
    fixture_open(&f, NULL);
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, &version));
    for (int round = 0; round < 3; round++) {
        assert_string_equal(version->layer_name, "My-layer_1");
        assert_string_equal(version->layer_arn, "arn:aws:lambda:us-east-1:000000000000:layer:My-layer_1");
        assert_string_equal(version->layer_version_arn, "arn:aws:lambda:us-east-1:000000000000:layer:My-layer_1:1");
        assert_int_equal(version->version, 1);
        assert_string_equal(version->description, "what it is for \xe2\x82\xac");
        assert_string_equal(version->license_info, "Apache-2.0");
        assert_int_equal(version->compatible_runtimes_count, 2);
        assert_string_equal(version->compatible_runtimes[1], "provided.al2023");
        assert_int_equal(version->compatible_architectures_count, 2);
        assert_string_equal(version->compatible_architectures[0], "x86_64");
        assert_int_equal(version->code_size, made.length);
        assert_int_equal(strlen(version->code_sha256), 44);
        /* "2018-11-27T15:10:45.123+0000" */
        assert_int_equal(strlen(version->created_date), 28);
        assert_int_equal(version->created_date[10], 'T');
        assert_string_equal(version->created_date + 23, "+0000");
        lambda_layer_version_free(version);
        if (round == 0) {
            fixture_reopen(&f, NULL);
            assert_ok(NULL, lambda_layer_get(f.packages, "My-layer_1", 1, &version));
        } else if (round == 1) {
            assert_ok(NULL, lambda_layer_get_by_arn(f.packages, arn("My-layer_1", 1), &version));
        }
    }
    fixture_close(&f);
    zip_free(&made);
}

/** A number is never used again, whatever is deleted, and whoever opens the store. */
static void test_numbers(void **state)
{
    (void)state;
    fixture f;
    lambda_layer_version *version = NULL;
    fixture_open(&f, NULL);
    assert_int_equal(publish(&f, "l", "a", "1"), 1);
    assert_int_equal(publish(&f, "l", "a", "2"), 2);
    assert_int_equal(publish(&f, "other", "a", "2"), 1);
    fixture_assert_packages(&f, 2);
    assert_ok(NULL, lambda_layer_delete(f.packages, "l", 2));
    assert_ok(NULL, lambda_layer_delete(f.packages, "l", 2));
    assert_ok(NULL, lambda_layer_delete(f.packages, "nobody", 7));
    fixture_assert_packages(&f, 2); /* `other` has the same package */
    assert_fails(NULL, lambda_layer_delete(f.packages, arn("l", 1), 1), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "layer_name");
    assert_ok(NULL, lambda_layer_delete(f.packages, "arn:aws:lambda:us-east-1:000000000000:layer:l", 1));
    fixture_assert_packages(&f, 1);
    assert_fails(NULL, lambda_layer_get(f.packages, "l", 1, &version), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "arn:aws:lambda:us-east-1:000000000000:layer:l:1 does not exist");
    assert_null(version);
    fixture_reopen(&f, NULL);
    fixture_assert_packages(&f, 1);
    assert_int_equal(publish(&f, "l", "a", "3"), 3);
    fixture_close(&f);
}

static void refuse(fixture *f, const lambda_layer_config *config, const char *text)
{
    lambda_layer_version *version = (lambda_layer_version *)f;
    assert_fails(NULL, lambda_layer_publish(f->packages, config, &version), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, text);
    assert_null(version);
}

static void test_refused(void **state)
{
    (void)state;
    fixture f;
    char name[142];
    char text[514];
    const char *many[16];
    const char *wrong = "sparc";
    const char *spaced = "node js";
    zip made = zip_one("a", "a");
    lambda_layer_version *version = NULL;
    lambda_layer_config good = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    fixture_open(&f, NULL);
    memset(name, 'n', sizeof(name));
    name[141] = '\0';
    memset(text, 't', sizeof(text));
    text[513] = '\0';
    for (int i = 0; i < 16; i++)
        many[i] = "nodejs20.x";
    lambda_layer_config config = good;
    config.layer_name = NULL;
    refuse(&f, &config, "layer_name");
    config.layer_name = "";
    refuse(&f, &config, "layer_name");
    config.layer_name = "a.b";
    refuse(&f, &config, "layer_name");
    config.layer_name = "..";
    refuse(&f, &config, "layer_name");
    config.layer_name = name;
    refuse(&f, &config, "layer_name");
    config.layer_name = "arn:aws:lambda:us-east-1:000000000000:function:l";
    refuse(&f, &config, "layer_name");
    config.layer_name = arn("l", 1);
    refuse(&f, &config, "layer_name");
    config = good;
    config.description = text + 513 - 257;
    refuse(&f, &config, "description");
    config = good;
    config.description = "\xff";
    refuse(&f, &config, "description: is not UTF-8");
    config = good;
    config.license_info = text;
    refuse(&f, &config, "license_info");
    config = good;
    config.compatible_runtimes = many;
    config.compatible_runtimes_count = 16;
    refuse(&f, &config, "compatible_runtimes");
    config.compatible_runtimes = &spaced;
    config.compatible_runtimes_count = 1;
    refuse(&f, &config, "compatible_runtimes");
    config = good;
    config.compatible_architectures = &wrong;
    config.compatible_architectures_count = 1;
    refuse(&f, &config, "compatible_architectures");
    config.compatible_architectures_count = 3;
    refuse(&f, &config, "compatible_architectures");
    config = good;
    config.data = NULL;
    refuse(&f, &config, "path");
    config = good;
    config.path = "/nowhere";
    refuse(&f, &config, "path");
    config = good;
    config.layer_name = "arn:aws:lambda:eu-west-1:000000000000:layer:l";
    assert_fails(NULL, lambda_layer_publish(f.packages, &config, &version), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "eu-west-1");
    config = good;
    config.data_length--;
    assert_fails(NULL, lambda_layer_publish(f.packages, &config, &version), LAMBDA_ERROR_INVALID_CODE, "data");
    assert_fails(NULL, lambda_layer_publish(NULL, &config, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "packages");
    assert_fails(NULL, lambda_layer_get(f.packages, "l", 0, &version), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "number");
    assert_fails(NULL, lambda_layer_get(f.packages, "l", 1, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "version");
    assert_fails(NULL, lambda_layer_delete(f.packages, "l", 0), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "number");
    assert_fails(NULL, lambda_layer_delete(NULL, "l", 0), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "packages");
    static const char *const arns[] = {"",
                                       "l",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:l",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:l:",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:l:0",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:l:01",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:l:1:2",
                                       "arn:aws:s3:us-east-1:000000000000:layer:l:1",
                                       "arn:aws:lambda:us-east-1:000000000000:layer::1"};
    for (size_t i = 0; i < sizeof(arns) / sizeof(arns[0]); i++)
        assert_fails(NULL, lambda_layer_get_by_arn(f.packages, arns[i], &version), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     "layer_version_arn");
    fixture_assert_packages(&f, 0);
    assert_int_equal(fixture_count(&f, "layers"), 0);
    fixture_close(&f);
    zip_free(&made);
}

/* ---- pages */

/** Publishes a version that says what it is compatible with. */
static void publish_for(const fixture *f, const char *layer, const char *runtime, const char *architecture)
{
    zip made = zip_one("a", "a");
    lambda_layer_config config = {.layer_name = layer,
                                  .compatible_runtimes = &runtime,
                                  .compatible_runtimes_count = runtime != NULL,
                                  .compatible_architectures = &architecture,
                                  .compatible_architectures_count = architecture != NULL,
                                  .data = made.bytes,
                                  .data_length = made.length};
    assert_ok(NULL, lambda_layer_publish(f->packages, &config, NULL));
    zip_free(&made);
}

/** All names and versions of all pages, "a:2 b:1 | c:1". */
static const char *pages(const fixture *f, const char *layer, lambda_layer_list_options options)
{
    static char text[512];
    char marker[160] = "";
    text[0] = '\0';
    for (;;) {
        lambda_layer_list *list = NULL;
        if (layer)
            assert_ok(NULL, lambda_layer_versions_page(f->packages, layer, &options, &list));
        else
            assert_ok(NULL, lambda_layer_list_page(f->packages, &options, &list));
        for (size_t i = 0; i < list->count; i++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%d", i > 0 ? " " : "",
                     list->items[i]->layer_name, (int)list->items[i]->version);
        bool more = list->next_marker != NULL;
        if (more) snprintf(marker, sizeof(marker), "%s", list->next_marker);
        lambda_layer_list_free(list);
        if (!more) return text;
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " | ");
        options.marker = marker;
    }
}

static void test_pages(void **state)
{
    (void)state;
    fixture f;
    lambda_layer_list *list = NULL;
    fixture_open(&f, NULL);
    assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){0}), "");
    assert_string_equal(pages(&f, "nobody", (lambda_layer_list_options){0}), "");
    publish_for(&f, "c", "nodejs20.x", "arm64");
    publish_for(&f, "a", "nodejs20.x", NULL);
    publish_for(&f, "a", "python3.12", "x86_64");
    publish_for(&f, "a", "nodejs20.x", "x86_64");
    publish_for(&f, "a", "python3.12", "arm64");
    publish_for(&f, "b", NULL, NULL);
    for (int round = 0; round < 2; round++) {
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){0}), "a:4 b:1 c:1");
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){.max_items = 1}), "a:4 | b:1 | c:1");
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){.max_items = 2}), "a:4 b:1 | c:1");
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){.max_items = 3}), "a:4 b:1 c:1");
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){.compatible_runtime = "nodejs20.x"}),
                            "a:3 c:1");
        assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){.compatible_architecture = "arm64"}),
                            "a:4 c:1");
        assert_string_equal(pages(&f, "a", (lambda_layer_list_options){0}), "a:4 a:3 a:2 a:1");
        assert_string_equal(pages(&f, "a", (lambda_layer_list_options){.max_items = 3}), "a:4 a:3 a:2 | a:1");
        assert_string_equal(
            pages(&f, "a", (lambda_layer_list_options){.compatible_runtime = "python3.12", .max_items = 1}),
            "a:4 | a:2");
        assert_string_equal(
            pages(&f, "a",
                  (lambda_layer_list_options){.compatible_runtime = "python3.12", .compatible_architecture = "x86_64"}),
            "a:2");
        fixture_reopen(&f, NULL);
    }
    assert_ok(NULL, lambda_layer_delete(f.packages, "b", 1));
    assert_string_equal(pages(&f, NULL, (lambda_layer_list_options){0}), "a:4 c:1");
    assert_fails(NULL, lambda_layer_list_page(f.packages, &(lambda_layer_list_options){.max_items = 10001}, &list),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "max_items");
    assert_fails(
        NULL, lambda_layer_list_page(f.packages, &(lambda_layer_list_options){.compatible_architecture = "x"}, &list),
        LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "compatible_architecture");
    assert_fails(NULL,
                 lambda_layer_list_page(f.packages, &(lambda_layer_list_options){.compatible_runtime = ""}, &list),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "compatible_runtime");
    assert_fails(NULL, lambda_layer_versions_page(f.packages, "a", &(lambda_layer_list_options){.marker = "x"}, &list),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "marker");
    assert_fails(NULL, lambda_layer_versions_page(f.packages, "", NULL, &list), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "layer_name");
    assert_fails(NULL, lambda_layer_list_page(f.packages, NULL, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "list");
    assert_ok(NULL, lambda_layer_list_page(f.packages, NULL, &list));
    assert_int_equal(list->count, 2);
    lambda_layer_list_free(list);
    lambda_layer_list_free(NULL);
    fixture_close(&f);
}

/* ---- trees */

static void test_merge(void **state)
{
    (void)state;
    fixture f;
    lambda_package *merged = NULL;
    lambda_package *again = NULL;
    fixture_open(&f, NULL);
    fixture_write(&f, "one/bin/tool", "one", 3, 0755);
    fixture_write(&f, "one/lib/only", "one", 3, 0644);
    fixture_write(&f, "one/becomes-directory", "one", 3, 0644);
    fixture_write(&f, "one/becomes-file/x", "one", 3, 0644);
    assert_int_equal(symlink("lib/only", fixture_path(&f, "one/link")), 0);
    fixture_write(&f, "two/bin/tool", "two!", 4, 0644);
    fixture_write(&f, "two/becomes-directory/y", "two", 3, 0644);
    fixture_write(&f, "two/becomes-file", "two", 3, 0644);
    lambda_layer_config config = {.layer_name = "one", .path = fixture_path(&f, "one")};
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    config = (lambda_layer_config){.layer_name = "two", .path = fixture_path(&f, "two")};
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    const char *arns[] = {arn("one", 1), arn("two", 1)};
    assert_ok(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &merged));
    const char *path = lambda_package_path(merged);
    assert_string_equal(fixture_read(path, "bin/tool"), "two!");
    assert_int_equal(fixture_mode(path, "bin/tool"), 0100644);
    assert_string_equal(fixture_read(path, "lib/only"), "one");
    assert_string_equal(fixture_read(path, "link"), "one");
    assert_string_equal(fixture_read(path, "becomes-directory/y"), "two");
    assert_string_equal(fixture_read(path, "becomes-file"), "two");
    assert_int_equal(lambda_package_unpacked_size(merged), 4 + 3 + 3 + 3);
    assert_ok(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &again));
    assert_ptr_equal(merged, again);
    lambda_package_release(again);
    /* The other way round it is another tree. */
    const char *reversed[] = {arns[1], arns[0]};
    assert_ok(NULL, lambda_layers_merge(f.packages, reversed, 2, NULL, &again));
    assert_string_equal(fixture_read(lambda_package_path(again), "bin/tool"), "one");
    assert_int_equal(fixture_mode(lambda_package_path(again), "bin/tool"), 0100755);
    assert_string_equal(fixture_read(lambda_package_path(again), "becomes-file/x"), "one");
    lambda_package_release(again);
    fixture_assert_packages(&f, 3);
    /* Who has it keeps it, and may merge it anew, when its versions are gone; nobody else. */
    assert_ok(NULL, lambda_layer_delete(f.packages, "one", 1));
    assert_ok(NULL, lambda_layer_delete(f.packages, "two", 1));
    fixture_assert_packages(&f, 1);
    assert_string_equal(fixture_read(path, "lib/only"), "one");
    assert_ok(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &again));
    assert_ptr_equal(merged, again);
    lambda_package_release(again);
    lambda_package_release(merged);
    assert_fails(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &merged), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "does not exist");
    assert_null(merged);
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
}

static void test_merge_refused(void **state)
{
    (void)state;
    fixture f;
    lambda_packages_options small = {.unpacked_size = 20};
    lambda_package *merged = NULL;
    lambda_package *code_of = NULL;
    fixture_open(&f, &small);
    zip made = zip_one("handler", "0123456789");
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &code_of));
    publish(&f, "a", "a", "123456");
    publish(&f, "a", "a", "1234567");
    publish(&f, "b", "b", "123456");
    publish(&f, "c", "c", "123456789012345");
    const char *arns[6] = {arn("a", 1), arn("b", 1), arn("c", 1), arn("a", 2), arn("a", 1), "arn"};
    assert_fails(NULL, lambda_layers_merge(f.packages, arns, 6, NULL, &merged), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "layers");
    assert_fails(NULL, lambda_layers_merge(f.packages, arns, 0, NULL, &merged), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "layers");
    assert_fails(NULL, lambda_layers_merge(f.packages, arns + 5, 1, NULL, &merged),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "layers");
    assert_fails(NULL, lambda_layers_merge(f.packages, arns + 3, 2, NULL, &merged),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "Two different versions of the same layer are not allowed to be referenced in the same function.");
    assert_fails(NULL, lambda_layers_merge(f.packages, arns + 1, 2, NULL, &merged),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "Layers consume more than the available size of 20 bytes");
    /* 12 bytes of layers, and 10 of code: whether they are merged already or not. */
    for (int round = 0; round < 2; round++) {
        lambda_package *held = NULL;
        if (round == 1) assert_ok(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &held));
        assert_fails(
            NULL, lambda_layers_merge(f.packages, arns, 2, code_of, &merged), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
            "Function code combined with layers exceeds the maximum allowed size of 20 bytes. The actual size is "
            "22 bytes.");
        assert_null(merged);
        lambda_package_release(held);
    }
    assert_ok(NULL, lambda_layers_merge(f.packages, arns, 1, code_of, &merged));
    lambda_package_release(merged);
    lambda_package_release(code_of);
    fixture_assert_packages(&f, 4);
    fixture_close(&f);
    zip_free(&made);
}

/** A link that stays inside of its layer, but not where another layer's link is on its way. */
static void test_merge_links(void **state)
{
    (void)state;
    fixture f;
    lambda_package *merged = NULL;
    fixture_open(&f, NULL);
    zip one = {0};
    zip two = {0};
    zip_text(&one, "d/e/x", "x");
    zip_add(&one, &(zip_entry){.name = "link", .data = "d/e/../../d/e/x", .length = 15, .mode = 0120777});
    zip_end(&one, NULL);
    zip_add(&two, &(zip_entry){.name = "d/e", .data = "..", .length = 2, .mode = 0120777});
    zip_end(&two, NULL);
    lambda_layer_config config = {.layer_name = "one", .data = one.bytes, .data_length = one.length};
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    config = (lambda_layer_config){.layer_name = "two", .data = two.bytes, .data_length = two.length};
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    const char *arns[] = {arn("one", 1), arn("two", 1)};
    assert_fails(NULL, lambda_layers_merge(f.packages, arns, 2, NULL, &merged), LAMBDA_ERROR_INVALID_CODE,
                 "\"link\": is a link that leads out");
    fixture_assert_packages(&f, 2);
    fixture_close(&f);
    zip_free(&one);
    zip_free(&two);
}

static void expect_policy(const fixture *f, int number, const char *text)
{
    char *policy = NULL;
    lambda_status status = lambda_layer_policy_get(f->packages, "a", (uint64_t)number, &policy);
    if (text) {
        assert_ok(NULL, status);
        assert_string_equal(policy, text);
    } else {
        assert_fails(NULL, status, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "");
        assert_null(policy);
    }
    lambda_layer_policy_free(policy);
}

static void test_policy(void **state)
{
    (void)state;
    fixture f;
    lambda_layer_version *version = NULL;
    static char large[LAMBDA_LAYER_POLICY_MAX + 2];
    fixture_open(&f, NULL);
    publish(&f, "a", "x", "1");
    publish(&f, "a", "x", "2");
    expect_policy(&f, 1, NULL);
    assert_ok(NULL, lambda_layer_policy_put(f.packages, "a", 1, "{\"\xce\xbb\"}"));
    assert_ok(NULL, lambda_layer_policy_put(f.packages, "a", 2, "two"));
    assert_ok(NULL, lambda_layer_policy_put(f.packages, "a", 2, NULL));
    for (int round = 0; round < 2; round++) {
        expect_policy(&f, 1, "{\"\xce\xbb\"}");
        expect_policy(&f, 2, NULL);
        fixture_reopen(&f, NULL);
    }
    assert_ok(NULL, lambda_layer_get(f.packages, "a", 1, &version));
    lambda_layer_version_free(version);
    /* All of it is escaped, and it is read again all the same. */
    memset(large, 1, LAMBDA_LAYER_POLICY_MAX);
    assert_ok(NULL, lambda_layer_policy_put(f.packages, "a", 1, large));
    fixture_reopen(&f, NULL);
    expect_policy(&f, 1, large);
    /* It goes with its version, whose number is never used again. */
    assert_ok(NULL, lambda_layer_delete(f.packages, "a", 1));
    expect_policy(&f, 1, NULL);
    fixture_close(&f);
}

static void test_policy_refused(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    fixture f;
    char *policy = NULL;
    static char large[LAMBDA_LAYER_POLICY_MAX + 2];
    memset(large, 'x', LAMBDA_LAYER_POLICY_MAX + 1);
    fixture_open(&f, NULL);
    publish(&f, "a", "x", "1");
    assert_fails(NULL, lambda_layer_policy_put(NULL, "a", 1, "p"), invalid, "packages");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "a", 0, "p"), invalid, "number");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "a b", 1, "p"), invalid, "layer_name");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "a", 1, large), invalid, "longer than 20480");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "a", 1, "\xff"), invalid, "UTF-8");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "a", 2, "p"), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "a:2");
    assert_fails(NULL, lambda_layer_policy_put(f.packages, "b", 1, NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "b:1");
    assert_fails(NULL, lambda_layer_policy_get(f.packages, "a", 1, NULL), invalid, "policy");
    assert_fails(NULL, lambda_layer_policy_get(NULL, "a", 1, &policy), invalid, "packages");
    assert_fails(NULL, lambda_layer_policy_get(f.packages, "a", 0, &policy), invalid, "number");
    assert_fails(NULL, lambda_layer_policy_get(f.packages, "a", 2, &policy), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "a:2");
    expect_policy(&f, 1, NULL);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_publish),     cmocka_unit_test(test_numbers), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pages),       cmocka_unit_test(test_merge),   cmocka_unit_test(test_merge_refused),
        cmocka_unit_test(test_merge_links), cmocka_unit_test(test_policy),  cmocka_unit_test(test_policy_refused),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
