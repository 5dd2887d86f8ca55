/* Each allocation of the library's own fails once, in turn, at each of its calls: there is an error, and the store is as it was. */
#include <stdlib.h>
#include <string.h>

#include "failing_memory.h"
#include "fixture.h"

typedef struct world {
    fixture f;
    zip one, two;
    char directory[300], file[300];
    lambda_package *package;
} world;

typedef lambda_status call(world *self);

/** Tries it until no allocation of it fails, looking each time whether `packages` stand in the store as before. */
static void try_all(world *self, call *made, size_t packages, long least)
{
    for (long at = 1;; at++) {
        fail_at = at;
        lambda_status status = made(self);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_ok(NULL, status);
            assert_true(at > least);
            return;
        }
        assert_fails(NULL, status, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
        assert_null(self->package);
        fixture_assert_packages(&self->f, packages);
    }
}

static lambda_status add_zip(world *self)
{
    lambda_code code = zip_code(&self->one);
    return lambda_package_add(self->f.packages, &code, &self->package);
}

static lambda_status add_file(world *self)
{
    lambda_code code = lambda_code_package("provided.al2023", self->file);
    return lambda_package_add(self->f.packages, &code, &self->package);
}

static lambda_status add_directory(world *self)
{
    lambda_code code = lambda_code_package("provided.al2023", self->directory);
    return lambda_package_add(self->f.packages, &code, &self->package);
}

static void test_add(void **state)
{
    (void)state;
    static call *const calls[] = {add_zip, add_file, add_directory};
    world self = {.package = NULL};
    fixture_open(&self.f, NULL);
    zip_text(&self.one, "a/b", "x");
    zip_add(&self.one, &(zip_entry){.name = "l", .data = "a/b", .length = 3, .mode = 0120777});
    zip_end(&self.one, NULL);
    fixture_write(&self.f, "file.zip", self.one.bytes, self.one.length, 0644);
    fixture_write(&self.f, "d/a/b", "x", 1, 0644);
    strcpy(self.file, fixture_path(&self.f, "file.zip"));
    strcpy(self.directory, fixture_path(&self.f, "d"));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        try_all(&self, calls[i], 0, 4);
        lambda_package_release(self.package);
        self.package = NULL;
    }
    zip_free(&self.one);
    fixture_close(&self.f);
}

static lambda_status publish(world *self)
{
    static const char *const runtimes[] = {"nodejs20.x"};
    lambda_layer_version *version = NULL;
    lambda_layer_config config = {.layer_name = "one",
                                  .compatible_runtimes = runtimes,
                                  .compatible_runtimes_count = 1,
                                  .data = self->one.bytes,
                                  .data_length = self->one.length};
    lambda_status status = lambda_layer_publish(self->f.packages, &config, &version);
    assert_int_equal(status == LAMBDA_OK, version != NULL);
    if (version) assert_int_equal(version->version, 1);
    lambda_layer_version_free(version);
    return status;
}

static lambda_status get(world *self)
{
    lambda_layer_version *version = NULL;
    lambda_status status = lambda_layer_get(self->f.packages, "one", 1, &version);
    lambda_layer_version_free(version);
    return status;
}

static lambda_status list(world *self)
{
    lambda_layer_list *page = NULL;
    lambda_status status =
        lambda_layer_list_page(self->f.packages, &(lambda_layer_list_options){.max_items = 1}, &page);
    lambda_layer_list_free(page);
    return status;
}

static lambda_status merge(world *self)
{
    static const char *const arns[] = {"arn:aws:lambda:us-east-1:000000000000:layer:one:1",
                                       "arn:aws:lambda:us-east-1:000000000000:layer:two:1"};
    return lambda_layers_merge(self->f.packages, arns, 2, NULL, &self->package);
}

static lambda_status reopen(world *self)
{
    lambda_packages *packages = NULL;
    lambda_packages_options options = {.directory = self->f.store};
    lambda_packages_close(self->f.packages);
    self->f.packages = NULL;
    lambda_status status = lambda_packages_open(&options, &packages);
    self->f.packages = packages;
    return status;
}

static lambda_status put_policy(world *self)
{
    return lambda_layer_policy_put(self->f.packages, "two", 1, "policy");
}

static lambda_status get_policy(world *self)
{
    char *policy = NULL;
    lambda_status status = lambda_layer_policy_get(self->f.packages, "two", 1, &policy);
    assert_int_equal(policy != NULL, status == LAMBDA_OK);
    lambda_layer_policy_free(policy);
    return status;
}

static void test_layers(void **state)
{
    (void)state;
    world self = {.package = NULL};
    fixture_open(&self.f, NULL);
    self.one = zip_one("a", "one");
    self.two = zip_one("a", "two");
    try_all(&self, publish, 0, 6);
    lambda_layer_config config = {.layer_name = "two", .data = self.two.bytes, .data_length = self.two.length};
    assert_ok(NULL, lambda_layer_publish(self.f.packages, &config, NULL));
    try_all(&self, put_policy, 2, 1);
    try_all(&self, get_policy, 2, 1);
    try_all(&self, get, 2, 1);
    try_all(&self, list, 2, 3);
    try_all(&self, merge, 2, 3);
    lambda_package_release(self.package);
    self.package = NULL;
    try_all(&self, reopen, 2, 8);
    zip_free(&self.one);
    zip_free(&self.two);
    fixture_close(&self.f);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_add), cmocka_unit_test(test_layers)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
