/* Layers and their policies through the API. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "api_world.h"

#define INVALID  "InvalidParameterValueException"
#define MISSING  "ResourceNotFoundException"
#define CONFLICT "ResourceConflictException"
#define STALE    "PreconditionFailedException"
#define ARN      "arn:aws:lambda:us-east-1:000000000000:layer:"

/** Publishes a version of a zip with one file; `more` goes into the input. */
static json_t *publish(const api_world *w, const char *name, const char *text, const char *more)
{
    zip made = zip_one("x", text);
    char *base64 = calloc(1, made.length * 2 + 8);
    char *input = malloc(made.length * 2 + 1024);
    assert_non_null(base64);
    assert_non_null(input);
    EVP_EncodeBlock((unsigned char *)base64, made.bytes, (int)made.length);
    sprintf(input, "{'LayerName':'%s','Content':{'ZipFile':'%s'}%s}", name, base64, more);
    json_t *output = api_output(w, "PublishLayerVersion", 201, input);
    free(input);
    free(base64);
    zip_free(&made);
    return output;
}

static void test_too_large(void **state)
{
    enum { BYTES = 66000 };
    static char base64[BYTES / 3 * 4 + 64];
    static char input[sizeof base64 + 200];
    static unsigned char bytes[BYTES];
    (void)state;
    api_world w;
    api_world_open(&w);
    EVP_EncodeBlock((unsigned char *)base64, bytes, BYTES);
    snprintf(input, sizeof input, "{'LayerName':'a','Content':{'ZipFile':'%s'}}", base64);
    api_refused(&w, "PublishLayerVersion", input, 413, "RequestEntityTooLargeException",
                "Zipped size must be smaller than 65536 bytes");
    api_world_close(&w);
}

static void test_publish(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_t *made = publish(&w, "tools", "1",
                           ",'Description':'d','LicenseInfo':'MIT','CompatibleRuntimes':['provided.al2023'],"
                           "'CompatibleArchitectures':['x86_64','arm64']");
    assert_string_equal(api_text(made, "LayerArn"), ARN "tools");
    assert_string_equal(api_text(made, "LayerVersionArn"), ARN "tools:1");
    assert_int_equal(json_integer_value(json_object_get(made, "Version")), 1);
    assert_string_equal(api_text(made, "Description"), "d");
    assert_string_equal(api_text(made, "LicenseInfo"), "MIT");
    assert_string_equal(api_text(made, "CreatedDate") + 23, "+0000");
    assert_true(api_equal(json_object_get(made, "CompatibleRuntimes"), "['provided.al2023']"));
    assert_true(api_equal(json_object_get(made, "CompatibleArchitectures"), "['x86_64','arm64']"));
    assert_int_equal(strlen(api_text(json_object_get(made, "Content"), "CodeSha256")), 44);
    assert_true(json_integer_value(json_object_get(json_object_get(made, "Content"), "CodeSize")) > 0);
    json_t *same = api_output(&w, "GetLayerVersion", 200, "{'LayerName':'tools','VersionNumber':1}");
    assert_true(json_equal(made, same));
    json_decref(same);
    same = api_output(&w, "GetLayerVersionByArn", 200, "{'Arn':'" ARN "tools:1'}");
    assert_true(json_equal(made, same));
    json_decref(same);
    json_decref(made);
    made = publish(&w, ARN "tools", "2", "");
    assert_string_equal(api_text(made, "LayerVersionArn"), ARN "tools:2");
    assert_null(json_object_get(made, "LicenseInfo"));
    assert_null(json_object_get(made, "CompatibleRuntimes"));
    json_decref(made);
    api_expect(&w, "DeleteLayerVersion", "{'LayerName':'tools','VersionNumber':2}", 204, "");
    api_expect(&w, "DeleteLayerVersion", "{'LayerName':'tools','VersionNumber':2}", 204, "");
    api_refused(&w, "GetLayerVersion", "{'LayerName':'tools','VersionNumber':2}", 404, MISSING, "tools:2");
    api_refused(&w, "GetLayerVersionByArn", "{'Arn':'" ARN "none:1'}", 404, MISSING, "none:1");
    api_refused(&w, "GetLayerVersion", "{'LayerName':'tools','VersionNumber':0}", 400, INVALID, "less than 1");
    api_refused(&w, "PublishLayerVersion", "{'LayerName':'a','Content':{'ZipFile':'AAAA'}}", 400, INVALID, "unzip");
    api_refused(&w, "PublishLayerVersion", "{'LayerName':'a','Content':{'S3Bucket':'abc','S3Key':'k'}}", 400, INVALID,
                "no S3");
    api_refused(&w, "PublishLayerVersion", "{'LayerName':'a','Content':{}}", 400, INVALID, "ZipFile");
    api_world_close(&w);
}

static void test_pages(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_decref(publish(&w, "a", "1", ",'CompatibleRuntimes':['python3.11']"));
    json_decref(publish(&w, "b", "2", ""));
    json_decref(publish(&w, "a", "3", ""));
    json_t *page = api_output(&w, "ListLayers", 200, "{'MaxItems':1}");
    json_t *item = json_array_get(json_object_get(page, "Layers"), 0);
    assert_string_equal(api_text(item, "LayerName"), "a");
    assert_string_equal(api_text(item, "LayerArn"), ARN "a");
    assert_string_equal(api_text(json_object_get(item, "LatestMatchingVersion"), "LayerVersionArn"), ARN "a:2");
    char input[256];
    snprintf(input, sizeof(input), "{'Marker':'%s'}", api_text(page, "NextMarker"));
    json_decref(page);
    page = api_output(&w, "ListLayers", 200, input);
    assert_int_equal(json_array_size(json_object_get(page, "Layers")), 1);
    assert_string_equal(api_text(json_array_get(json_object_get(page, "Layers"), 0), "LayerName"), "b");
    assert_null(json_object_get(page, "NextMarker"));
    json_decref(page);
    page = api_output(&w, "ListLayers", 200, "{'CompatibleRuntime':'python3.11'}");
    item = json_array_get(json_object_get(page, "Layers"), 0);
    assert_string_equal(api_text(json_object_get(item, "LatestMatchingVersion"), "LayerVersionArn"), ARN "a:1");
    json_decref(page);
    page = api_output(&w, "ListLayerVersions", 200, "{'LayerName':'a'}");
    assert_int_equal(json_array_size(json_object_get(page, "LayerVersions")), 2);
    item = json_array_get(json_object_get(page, "LayerVersions"), 0);
    assert_string_equal(api_text(item, "LayerVersionArn"), ARN "a:2");
    assert_null(json_object_get(item, "LayerArn"));
    json_decref(page);
    api_expect(&w, "ListLayerVersions", "{'LayerName':'none'}", 200, "{'LayerVersions':[]}");
    api_world_close(&w);
}

static void test_policy(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_decref(publish(&w, "a", "1", ""));
    api_refused(&w, "GetLayerVersionPolicy", "{'LayerName':'a','VersionNumber':1}", 404, MISSING, "No policy");
    json_t *added = api_output(&w, "AddLayerVersionPermission", 201,
                               "{'LayerName':'a','VersionNumber':1,'StatementId':'one',"
                               "'Action':'lambda:GetLayerVersion','Principal':'123456789012'}");
    json_t *statement = api_inner(added, "Statement");
    assert_true(api_equal(statement, "{'Sid':'one','Effect':'Allow','Principal':"
                                     "{'AWS':'arn:aws:iam::123456789012:root'},'Action':'lambda:GetLayerVersion',"
                                     "'Resource':'" ARN "a:1'}"));
    json_decref(statement);
    api_refused(&w, "AddLayerVersionPermission",
                "{'LayerName':'a','VersionNumber':1,'StatementId':'one','Action':'lambda:GetLayerVersion',"
                "'Principal':'*'}",
                409, CONFLICT, "already exists");
    api_refused(&w, "AddLayerVersionPermission",
                "{'LayerName':'a','VersionNumber':1,'StatementId':'two','Action':'lambda:GetLayerVersion',"
                "'Principal':'*','RevisionId':'other'}",
                412, STALE, "GetLayerPolicy");
    api_refused(&w, "AddLayerVersionPermission",
                "{'LayerName':'a','VersionNumber':1,'StatementId':'two','Action':'lambda:GetLayerVersion',"
                "'Principal':'123456789012','OrganizationId':'o-a1b2c3d4e5'}",
                400, INVALID, "OrganizationId");
    char input[512];
    snprintf(input, sizeof(input),
             "{'LayerName':'a','VersionNumber':1,'StatementId':'two','Action':'lambda:GetLayerVersion',"
             "'Principal':'*','OrganizationId':'o-a1b2c3d4e5','RevisionId':'%s'}",
             api_text(added, "RevisionId"));
    json_decref(added);
    added = api_output(&w, "AddLayerVersionPermission", 201, input);
    json_t *got = api_output(&w, "GetLayerVersionPolicy", 200, "{'LayerName':'a','VersionNumber':1}");
    assert_string_equal(api_text(added, "RevisionId"), api_text(got, "RevisionId"));
    json_t *policy = api_inner(got, "Policy");
    assert_string_equal(api_text(policy, "Version"), "2012-10-17");
    assert_string_equal(api_text(policy, "Id"), "default");
    assert_true(
        api_equal(json_array_get(json_object_get(policy, "Statement"), 1),
                  "{'Sid':'two','Effect':'Allow','Principal':'*','Action':'lambda:GetLayerVersion','Resource':'" ARN
                  "a:1','Condition':{'StringEquals':{'aws:PrincipalOrgID':'o-a1b2c3d4e5'}}}"));
    json_decref(policy);
    json_decref(got);
    json_decref(added);
    api_refused(&w, "RemoveLayerVersionPermission", "{'LayerName':'a','VersionNumber':1,'StatementId':'three'}", 404,
                MISSING, "three");
    api_refused(&w, "RemoveLayerVersionPermission",
                "{'LayerName':'a','VersionNumber':1,'StatementId':'one','RevisionId':'other'}", 412, STALE,
                "GetLayerPolicy");
    api_expect(&w, "RemoveLayerVersionPermission", "{'LayerName':'a','VersionNumber':1,'StatementId':'one'}", 204, "");
    api_expect(&w, "RemoveLayerVersionPermission", "{'LayerName':'a','VersionNumber':1,'StatementId':'two'}", 204, "");
    api_refused(&w, "GetLayerVersionPolicy", "{'LayerName':'a','VersionNumber':1}", 404, MISSING, "No policy");
    api_refused(&w, "GetLayerVersionPolicy", "{'LayerName':'a','VersionNumber':2}", 404, MISSING, "a:2");
    api_world_close(&w);
}

static void test_without_a_store(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    lambda_api *with = w.api;
    lambda_api_options options = {.lambda = w.lambda};
    assert_ok(NULL, lambda_api_open(&options, &w.api));
    api_refused(&w, "ListLayers", "{}", 400, INVALID, "ListLayers: this service was opened without a store");
    api_refused(&w, "PublishLayerVersion", "{'LayerName':'a','Content':{'ZipFile':'AAAA'}}", 400, INVALID,
                "without a store");
    api_refused(&w, "GetLayerVersionPolicy", "{'LayerName':'a','VersionNumber':1}", 400, INVALID, "without a store");
    lambda_api_close(w.api);
    w.api = with;
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_too_large), cmocka_unit_test(test_publish),
                                     cmocka_unit_test(test_pages), cmocka_unit_test(test_policy),
                                     cmocka_unit_test(test_without_a_store)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
