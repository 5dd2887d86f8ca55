/* Files of credentials and identities: what is read of them, when they change, and how a first key is made. */
#include "identities.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/http.h>

#include "identity_world.h"

static int setup(void **state)
{
    identity_world *world = malloc(sizeof(*world));
    identity_world_open(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    identity_world_close(*state);
    free(*state);
    return 0;
}

#define SECTION(name, id, secret) "[" name "]\naws_access_key_id = " id "\naws_secret_access_key = " secret "\n"

static void assert_key(identity_world *world, const char *id, const char *secret)
{
    lambda__key key;
    bool found = lambda__identities_find(world->all, id, &key);
    assert_int_equal(found, secret != NULL);
    if (found) assert_string_equal(key.secret, secret);
    if (!found) assert_null(key.held);
    lambda__key_release(&key);
}

static void test_format(void **state)
{
    identity_world *world = *state;
    lambda__key key;
    assert_ok(NULL, identity_load(world,
                                  "\xef\xbb\xbf# a comment\r\n; another\r\n\r\n[ alice ] # here too\r\n"
                                  "AWS_ACCESS_KEY_ID=AKIA1\r\n  aws_secret_access_key =  a=b/c+d  # not of it\r\n"
                                  "region = us-east-1\r\ns3 =\r\n  aws_session_token = nested\r\n"
                                  "[role only]\nrole_arn = arn\nsource_profile = alice\n"
                                  "[bob]\naws_secret_access_key = s#;x\naws_session_token = t==\naws_access_key_id = "
                                  "AKIA2",
                                  NULL));
    assert_true(lambda__identities_find(world->all, "AKIA1", &key));
    assert_string_equal(key.secret, "a=b/c+d");
    assert_string_equal(key.token, "");
    assert_string_equal(key.arn, "arn:aws:iam::000000000000:user/alice");
    assert_string_equal(key.account_id, ACCOUNT);
    assert_null(key.identity);
    lambda__key_release(&key);
    assert_true(lambda__identities_find(world->all, "AKIA2", &key));
    assert_string_equal(key.secret, "s#;x");
    assert_string_equal(key.token, "t==");
    lambda__key_release(&key);
    assert_key(world, "AKIA", NULL);
    assert_key(world, "AKIA11", NULL);
    assert_key(world, "", NULL);
    char longest[300];
    memset(longest, 'A', sizeof(longest));
    longest[299] = '\0';
    assert_key(world, longest, NULL);
}

static void test_wrong_credentials(void **state)
{
    identity_world *world = *state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"aws_access_key_id = A", "credentials: line 1: stands in no section"},
        {"[a\n", "credentials: line 1: a section's name has no ]"},
        {"[a]\nnonsense\n", "credentials: line 2: is neither [SECTION] nor NAME = VALUE"},
        {"[a]\n[b]\n[a]\n", "credentials: line 3: there is a section of that name above"},
        {"[a]\naws_access_key_id = \n", "credentials: line 2: has no value"},
        {"[a]\naws_access_key_id = A\naws_access_key_id = B\n", "credentials: line 3: its section has that already"},
        {"[a]\naws_access_key_id = A\n", "credentials: line 1: section [a]: has no aws_secret_access_key"},
        {"\n[a]\naws_secret_access_key = A\n", "credentials: line 2: section [a]: has no aws_access_key_id"},
        {SECTION("a b", "A", "B"), "credentials: line 1: section [a b]: is no name of an identity"},
        {SECTION("a", "A/B", "C"), "holds what none holds"},
        {SECTION("a", "A", "B") SECTION("b", "A", "C"),
         "line 4: section [b]: another section has its aws_access_key_id"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_fails(NULL, identity_load(world, CASES[i].text, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     CASES[i].message);
        assert_null(world->all);
    }
    unlink(world->credentials);
    assert_fails(NULL, lambda__identities_open(world->credentials, NULL, ACCOUNT, &world->all),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "credentials: cannot be read: No such file or directory");
    assert_fails(NULL, lambda__identities_open(world->directory, NULL, ACCOUNT, &world->all),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "is no file");
    char text[400] = "[a]\naws_access_key_id = A\naws_secret_access_key = ";
    memset(text + strlen(text), 's', 256);
    assert_fails(NULL, identity_load(world, text, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "its aws_secret_access_key is too long");
    FILE *file = fopen(world->credentials, "w");
    assert_non_null(file);
    assert_int_equal(fwrite("[a]\n\0b", 1, 6, file), 6);
    fclose(file);
    assert_fails(NULL, lambda__identities_open(world->credentials, NULL, ACCOUNT, &world->all),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "holds a NUL byte");
}

#define ALLOW "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"

static void test_identities(void **state)
{
    identity_world *world = *state;
    lambda__key key;
    assert_ok(NULL, identity_load(world, SECTION("a", "A", "1") SECTION("b", "B", "2") SECTION("c", "C", "3"),
                                  "{\"a\": {\"policies\": [" ALLOW "]}, \"b\": {\"arn\": "
                                  "\"arn:aws:iam::123456789012:role/team/r\", \"policies\": []}, \"unused\": "
                                  "{\"policies\": []}}"));
    assert_true(lambda__identities_find(world->all, "A", &key));
    assert_non_null(key.identity);
    assert_int_equal(json_array_size(key.identity->policies), 1);
    lambda__key_release(&key);
    assert_true(lambda__identities_find(world->all, "B", &key));
    assert_string_equal(key.arn, "arn:aws:iam::123456789012:role/team/r");
    assert_string_equal(key.account_id, "123456789012");
    assert_int_equal(json_array_size(key.identity->policies), 0);
    lambda__key_release(&key);
    /* Of one that is not named it is known that it may do nothing. */
    assert_true(lambda__identities_find(world->all, "C", &key));
    lambda__caller caller = {.arn = key.arn, .account_id = key.account_id, .identity = key.identity, .source_ip = ""};
    lambda__wish wish = {.action = "lambda:ListFunctions", .resource = "*", .caller = &caller};
    char why[512];
    assert_false(lambda__caller_may(&wish, NULL, why));
    assert_string_equal(why,
                        "User: arn:aws:iam::000000000000:user/c is not authorized to perform: lambda:ListFunctions "
                        "on resource: * because no identity-based policy allows the lambda:ListFunctions action");
    lambda__key_release(&key);
}

static void test_wrong_identities(void **state)
{
    identity_world *world = *state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"{", "identities: line 1: "},
        {"[]", "identities: is no JSON object"},
        {"{\"a b\": {\"policies\": []}}", "\"a b\": is no name of an identity"},
        {"{\"a\": []}", "\"a\": is no object with \"policies\""},
        {"{\"a\": {}}", "\"a\": needs \"policies\", an array"},
        {"{\"a\": {\"policies\": {}}}", "\"a\": needs \"policies\", an array"},
        {"{\"a\": {\"policies\": [], \"policy\": 1}}", "\"a\": unknown \"policy\""},
        {"{\"a\": {\"policies\": [], \"arn\": \"arn:aws:iam::1:user/a\"}}", "\"a\": \"arn\" is no ARN"},
        {"{\"a\": {\"policies\": [], \"arn\": \"arn:aws:iam::123456789012:\"}}", "\"a\": \"arn\" is no ARN"},
        {"{\"a\": {\"policies\": [" ALLOW ", {}]}}", "\"a\": policies[1]: Statement is neither"},
        {"{\"a\": {\"policies\": []}, \"a\": {\"policies\": []}}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_fails(NULL, identity_load(world, SECTION("a", "A", "B"), CASES[i].text),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, CASES[i].message);
        /* Nor is it passed over where there are no credentials at all. */
        assert_fails(NULL, identity_load(world, NULL, CASES[i].text), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     CASES[i].message);
    }
}

static void test_nobody(void **state)
{
    identity_world *world = *state;
    assert_ok(NULL, identity_load(world, NULL, NULL));
    assert_key(world, "A", NULL);
}

/** Changes that follow each other at once, of the same length, in the same file: each is seen. */
static void test_changes(void **state)
{
    identity_world *world = *state;
    char why[512];
    char text[128];
    lambda__key held;
    assert_ok(NULL, identity_load(world, SECTION("a", "A", "first"), NULL));
    assert_true(lambda__identities_find(world->all, "A", &held));
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), SECTION("a", "A", "s%04d"), i);
        identity_write(world->credentials, text);
        snprintf(text, sizeof(text), "s%04d", i);
        assert_key(world, "A", text);
    }
    assert_string_equal(held.secret, "first"); /* it stays what it was */
    lambda__key_release(&held);
    identity_write(world->credentials, SECTION("a", "A", "B") "nonsense\n");
    assert_key(world, "A", NULL);
    assert_false(lambda__identities_sound(world->all, why));
    assert_non_null(strstr(why, "line 4: is neither"));
    identity_write(world->credentials, SECTION("a", "A", "B"));
    assert_key(world, "A", "B");
    assert_true(lambda__identities_sound(world->all, why));
    unlink(world->credentials);
    assert_key(world, "A", NULL);
    assert_false(lambda__identities_sound(world->all, why));
    assert_non_null(strstr(why, "No such file"));
    identity_write(world->credentials, SECTION("a", "A", "C"));
    assert_key(world, "A", "C");
}

static void test_identities_change(void **state)
{
    identity_world *world = *state;
    lambda__key key;
    assert_ok(NULL, identity_load(world, SECTION("a", "A", "B"), "{\"a\": {\"policies\": [" ALLOW "]}}"));
    assert_true(lambda__identities_find(world->all, "A", &key));
    identity_write(world->identities, "{}");
    lambda__key now;
    assert_true(lambda__identities_find(world->all, "A", &now));
    assert_null(now.identity->policies);
    lambda__key_release(&now);
    assert_int_equal(json_array_size(key.identity->policies), 1);
    identity_write(world->identities, "{,}");
    assert_key(world, "A", NULL);
    /* The key outlives all. */
    lambda__identities_close(world->all);
    world->all = NULL;
    assert_int_equal(json_array_size(key.identity->policies), 1);
    lambda__key_release(&key);
}

/* ---- threads */

static void *find_often(void *argument)
{
    lambda__identities *all = argument;
    size_t wrong = 0;
    for (int i = 0; i < 500; i++) {
        lambda__key key;
        if (lambda__identities_find(all, "A", &key) && strcmp(key.secret, "one") != 0 && strcmp(key.secret, "two") != 0)
            wrong++;
        lambda__key_release(&key);
    }
    return wrong > 0 ? all : NULL;
}

static void test_threads(void **state)
{
    identity_world *world = *state;
    pthread_t threads[4];
    assert_ok(NULL, identity_load(world, SECTION("a", "A", "one"), NULL));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_often, world->all), 0);
    for (int i = 0; i < 200; i++)
        identity_write(world->credentials, i % 2 ? SECTION("a", "A", "one") : SECTION("a", "A", "two"));
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_key(world, "A", "one");
}

/* ---- new keys */

static void test_create_key(void **state)
{
    identity_world *world = *state;
    char id[21], secret[41], second[21], other[41];
    struct stat about;
    assert_ok(NULL, lambda_credentials_create(world->credentials, "admin", id, secret));
    assert_int_equal(strlen(id), 20);
    assert_int_equal(strlen(secret), 40);
    assert_int_equal(strncmp(id, "AKIA", 4), 0);
    assert_int_equal(stat(world->credentials, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_ok(NULL, lambda__identities_open(world->credentials, NULL, ACCOUNT, &world->all));
    assert_key(world, id, secret);
    assert_fails(NULL, lambda_credentials_create(world->credentials, "admin", second, other),
                 LAMBDA_ERROR_RESOURCE_CONFLICT, "line 1: there is a section [admin] already");
    assert_string_equal(second, "");
    assert_string_equal(other, "");
    /* Beside what others wrote, which stays; and the mode becomes what it must be. */
    identity_write(world->credentials, "# mine\n" SECTION("a", "A", "B") "[empty]");
    assert_int_equal(chmod(world->credentials, 0644), 0);
    assert_fails(NULL, lambda_credentials_create(world->credentials, "empty", second, other),
                 LAMBDA_ERROR_RESOURCE_CONFLICT, "line 5");
    assert_ok(NULL, lambda_credentials_create(world->credentials, "admin", second, other));
    assert_int_equal(stat(world->credentials, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_key(world, "A", "B");
    assert_key(world, second, other);
    assert_key(world, id, NULL);
    assert_string_not_equal(id, second);
}

static void test_create_refused(void **state)
{
    identity_world *world = *state;
    char id[21] = "x", secret[41] = "x", path[256];
    assert_fails(NULL, lambda_credentials_create(world->credentials, "a b", id, secret),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "name: \"a b\" is not");
    assert_string_equal(id, "");
    assert_fails(NULL, lambda_credentials_create(NULL, "a", id, secret), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "path");
    assert_fails(NULL, lambda_credentials_create("p", NULL, id, secret), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "name");
    assert_fails(NULL, lambda_credentials_create("p", "a", NULL, secret), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "access_key_id");
    assert_fails(NULL, lambda_credentials_create("p", "a", id, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "secret_access_key");
    snprintf(path, sizeof(path), "%s/none/credentials", world->directory);
    assert_fails(NULL, lambda_credentials_create(path, "a", id, secret), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "none/credentials: cannot be written: No such file or directory");
    identity_write(world->credentials, "nonsense");
    assert_fails(NULL, lambda_credentials_create(world->credentials, "a", id, secret),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "line 1: is neither");
}

static void *create_some(void *argument)
{
    char name[32], id[21], secret[41];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "t%lu-%d", (unsigned long)pthread_self(), i);
        if (lambda_credentials_create(argument, name, id, secret) != LAMBDA_OK) return argument;
    }
    return NULL;
}

static void test_create_at_once(void **state)
{
    identity_world *world = *state;
    pthread_t threads[4];
    char *text;
    size_t length, count;
    struct stat about;
    lambda__section *sections;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, create_some, world->credentials), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_ok(NULL, lambda__file_read(world->credentials, &text, &length, &about));
    assert_ok(NULL, lambda__credentials_parse(text, "it", &sections, &count));
    assert_int_equal(count, 40);
    free(sections);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identities_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
