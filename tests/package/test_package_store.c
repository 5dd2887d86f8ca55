/* The store on disk: what is there when it is opened again, after it was closed, or its process killed; who may have it; and disks that fail. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** A zip of some files that say which one it is. */
static zip numbered(int number)
{
    zip made = {0};
    char text[32];
    snprintf(text, sizeof(text), "%d", number);
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d%d/f%d", i % 3, i);
        zip_text(&made, name, text);
    }
    zip_end(&made, NULL);
    return made;
}

/** Adds it. */
static lambda_package *add(lambda_packages *packages, int number)
{
    zip made = numbered(number);
    lambda_package *package = NULL;
    lambda_code code = zip_code(&made);
    lambda_status status = lambda_package_add(packages, &code, &package);
    zip_free(&made);
    return status == LAMBDA_OK ? package : NULL;
}

/** It is all there. */
static void assert_whole(const lambda_package *package, int number)
{
    char text[32];
    snprintf(text, sizeof(text), "%d", number);
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d%d/f%d", i % 3, i);
        assert_string_equal(fixture_read(lambda_package_path(package), name), text);
    }
}

static void test_keep(void **state)
{
    (void)state;
    fixture f;
    char references[3][100];
    uint64_t sizes[2];
    char sha256[64];
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    for (int i = 0; i < 3; i++) {
        lambda_package *each = add(f.packages, i);
        snprintf(references[i], sizeof(references[0]), "%s", lambda_package_reference(each));
        if (i < 2) assert_ok(NULL, lambda_package_keep(each, true));
        if (i < 2) assert_ok(NULL, lambda_package_keep(each, true));
        sizes[0] = lambda_package_size(each);
        sizes[1] = lambda_package_unpacked_size(each);
        if (i == 0) snprintf(sha256, sizeof(sha256), "%s", lambda_package_sha256(each));
        lambda_package_release(each);
    }
    fixture_assert_packages(&f, 2);
    fixture_reopen(&f, NULL);
    fixture_assert_packages(&f, 2);
    assert_ok(NULL, lambda_package_find(f.packages, references[0], &package));
    assert_whole(package, 0);
    assert_string_equal(lambda_package_sha256(package), sha256);
    assert_int_equal(lambda_package_size(package), sizes[0]);
    assert_int_equal(lambda_package_unpacked_size(package), sizes[1]);
    assert_fails(NULL, lambda_package_find(f.packages, references[2], &package), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 references[2]);
    /* What nobody came for goes; what somebody has stays, and stays kept. */
    lambda_package *again = add(f.packages, 0);
    size_t removed = 99;
    assert_ok(NULL, lambda_packages_collect(f.packages, &removed));
    assert_int_equal(removed, 1);
    fixture_assert_packages(&f, 1);
    lambda_package_release(again);
    fixture_reopen(&f, NULL);
    assert_ok(NULL, lambda_package_find(f.packages, references[0], &package));
    assert_ok(NULL, lambda_package_keep(package, false));
    fixture_assert_packages(&f, 1);
    lambda_package_release(package);
    fixture_assert_packages(&f, 0);
    assert_ok(NULL, lambda_packages_collect(f.packages, &removed));
    assert_int_equal(removed, 0);
    fixture_close(&f);
}

/** A package that a layer has too outlives its mark. */
static void test_keep_beside_layer(void **state)
{
    (void)state;
    fixture f;
    zip made = numbered(1);
    lambda_package *package = NULL;
    lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    size_t removed = 99;
    fixture_open(&f, NULL);
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    package = add(f.packages, 1);
    assert_ok(NULL, lambda_package_keep(package, true));
    lambda_package_release(package);
    assert_ok(NULL, lambda_packages_collect(f.packages, &removed));
    assert_int_equal(removed, 0);
    fixture_assert_packages(&f, 1);
    assert_int_equal(fixture_count(&f, "kept"), 0);
    fixture_reopen(&f, NULL);
    fixture_assert_packages(&f, 1);
    assert_ok(NULL, lambda_layer_delete(f.packages, "l", 1));
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
    zip_free(&made);
}

/* ---- who may have it */

static void test_one_at_a_time(void **state)
{
    (void)state;
    fixture f;
    lambda_packages *second = NULL;
    int ended = -1;
    fixture_open(&f, NULL);
    lambda_packages_options options = {.directory = f.store};
    assert_fails(NULL, lambda_packages_open(&options, &second), LAMBDA_ERROR_RESOURCE_CONFLICT, f.store);
    assert_null(second);
    pid_t child = fork();
    if (child == 0) {
        lambda_status status = lambda_packages_open(&options, &second);
        _exit(status == LAMBDA_ERROR_RESOURCE_CONFLICT ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    fixture_reopen(&f, NULL);
    fixture_close(&f);
}

static void test_options(void **state)
{
    (void)state;
    fixture f;
    lambda_packages *packages = NULL;
    static char long_name[1100];
    fixture_open(&f, NULL);
    memset(long_name, '/', sizeof(long_name) - 1);
    assert_fails(NULL, lambda_packages_open(NULL, &packages), INVALID, "options");
    assert_fails(NULL, lambda_packages_open(&(lambda_packages_options){0}, NULL), INVALID, "packages");
    assert_fails(NULL, lambda_packages_open(&(lambda_packages_options){0}, &packages), INVALID, "directory");
    assert_fails(NULL, lambda_packages_open(&(lambda_packages_options){.directory = long_name}, &packages), INVALID,
                 "directory");
    lambda_packages_options options = {.directory = fixture_path(&f, "b"), .region = "Mars!"};
    assert_fails(NULL, lambda_packages_open(&options, &packages), INVALID, "region");
    options = (lambda_packages_options){.directory = fixture_path(&f, "b"), .account_id = "1"};
    assert_fails(NULL, lambda_packages_open(&options, &packages), INVALID, "account_id");
    fixture_write(&f, "file", "x", 1, 0644);
    options = (lambda_packages_options){.directory = fixture_path(&f, "file")};
    assert_fails(NULL, lambda_packages_open(&options, &packages), LAMBDA_ERROR_SERVICE, "file");
    options = (lambda_packages_options){.directory = fixture_path(&f, "file/below")};
    assert_fails(NULL, lambda_packages_open(&options, &packages), LAMBDA_ERROR_SERVICE, "below");
    /* Somebody's own files are not taken for a store's. */
    fixture_write(&f, "mine/incoming/precious", "x", 1, 0644);
    options = (lambda_packages_options){.directory = fixture_path(&f, "mine")};
    assert_fails(NULL, lambda_packages_open(&options, &packages), INVALID, "\"incoming\" is in it");
    assert_true(fixture_exists(f.directory, "mine/incoming/precious"));
    /* Its parents are made. */
    options = (lambda_packages_options){
        .directory = fixture_path(&f, "new/deep/store/"), .region = "eu-west-1", .account_id = "123456789012"};
    assert_ok(NULL, lambda_packages_open(&options, &packages));
    zip made = numbered(1);
    lambda_layer_version *version = NULL;
    lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    assert_ok(NULL, lambda_layer_publish(packages, &config, &version));
    assert_string_equal(version->layer_version_arn, "arn:aws:lambda:eu-west-1:123456789012:layer:l:1");
    lambda_layer_version_free(version);
    lambda_packages_close(packages);
    zip_free(&made);
    fixture_close(&f);
}

/* ---- what is found */

/** Opens the store anew where that must fail. */
static void assert_damaged(fixture *f, const char *text)
{
    lambda_packages_options options = {.directory = f->store};
    lambda_packages_close(f->packages);
    assert_fails(NULL, lambda_packages_open(&options, &f->packages), LAMBDA_ERROR_SERVICE, text);
    assert_null(f->packages);
}

static void test_damaged(void **state)
{
    (void)state;
    fixture f;
    char name[200];
    fixture_open(&f, NULL);
    lambda_package *package = add(f.packages, 1);
    assert_ok(NULL, lambda_package_keep(package, true));
    snprintf(name, sizeof(name), "store/packages/%s/package.json", lambda_package_reference(package));
    lambda_package_release(package);
    zip made = numbered(2);
    lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    assert_ok(NULL, lambda_layer_publish(f.packages, &config, NULL));
    static const struct {
        const char *name, *bad, *good, *text;
    } files[] = {
        {NULL, "{\"size\": ", "{\"size\": 1, \"unpacked_size\": 2}", "is damaged"},
        {NULL, "{\"size\": -1, \"unpacked_size\": 2}", "{\"size\": 1, \"unpacked_size\": 2}", "is damaged"},
        {"store/layers/l/next", "x", "2\n", "layers/l/next: is damaged"},
        {"store/lambda-packages", "2\n", "1\n", "newer version"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const char *file = files[i].name ? files[i].name : name;
        fixture_write(&f, file, files[i].bad, strlen(files[i].bad), 0644);
        assert_damaged(&f, files[i].text);
        fixture_write(&f, file, files[i].good, strlen(files[i].good), 0644);
        fixture_reopen(&f, NULL);
    }
    fixture_write(&f, "store/layers/l/1x.json", "{}", 2, 0644);
    assert_damaged(&f, "layers/l/1x.json: is damaged");
    unlink(fixture_path(&f, "store/layers/l/1x.json"));
    fixture_write(&f, "store/layers/l/7.json", "{}", 2, 0644);
    assert_damaged(&f, "layers/l/7.json: is damaged");
    fixture_close(&f);
    zip_free(&made);
}

/** What a killed process, or one that could not remove something, left behind: trees that nobody may write to, too. */
static void test_left_behind(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, NULL);
    lambda_packages_close(f.packages);
    f.packages = NULL;
    fixture_write(&f, "store/incoming/7/tree/a/b/c", "x", 1, 0400);
    assert_int_equal(chmod(fixture_path(&f, "store/incoming/7/tree/a/b"), 0500), 0);
    assert_int_equal(chmod(fixture_path(&f, "store/incoming/7/tree/a"), 0), 0);
    assert_int_equal(symlink("/etc", fixture_path(&f, "store/incoming/7/tree/link")), 0);
    fixture_write(&f, "store/incoming/8", "half", 4, 0644);
    fixture_write(&f, "store/packages/0123/tree/x", "x", 1, 0644);
    fixture_write(&f,
                  "store/kept/"
                  "0000000000000000000000000000000000000000000000000000000000000000",
                  "", 0, 0644);
    fixture_reopen(&f, NULL);
    fixture_assert_packages(&f, 0);
    assert_int_equal(fixture_count(&f, "kept"), 0);
    /* What stands where a package is moved to, and is in no table, makes way. */
    lambda_package *package = add(f.packages, 1);
    char name[200];
    snprintf(name, sizeof(name), "store/packages/%s/tree/foreign", lambda_package_reference(package));
    lambda_package_release(package);
    fixture_write(&f, name, "x", 1, 0644);
    package = add(f.packages, 1);
    assert_non_null(package);
    assert_whole(package, 1);
    assert_false(fixture_exists(lambda_package_path(package), "foreign"));
    lambda_package_release(package);
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
}

/* ---- kill -9 */

typedef struct record {
    char
        kind; /* K: is kept; D: is about to be no longer; P: a layer's version is published; B: what must not fail has */
    int number;
    char reference[72];
} record;

/** Adds, keeps, forgets and publishes, and says so, until it is killed. */
static void work(const char *store, int first, int pipe)
{
    lambda_packages *packages = NULL;
    lambda_packages_options options = {.directory = store};
    if (lambda_packages_open(&options, &packages) != LAMBDA_OK) _exit(1);
    for (int i = first;; i++) {
        record said = {.kind = 'K', .number = i};
        lambda_package *package = add(packages, i);
        if (!package || lambda_package_keep(package, true) != LAMBDA_OK) said.kind = 'B';
        snprintf(said.reference, sizeof(said.reference), "%s", lambda_package_reference(package));
        if (write(pipe, &said, sizeof(said)) < 0) _exit(1);
        if (i % 3 == 0) {
            zip made = numbered(i);
            lambda_layer_version *version = NULL;
            lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
            said.kind = lambda_layer_publish(packages, &config, &version) == LAMBDA_OK ? 'P' : 'B';
            said.number = version ? (int)version->version : 0;
            lambda_layer_version_free(version);
            zip_free(&made);
            if (write(pipe, &said, sizeof(said)) < 0) _exit(1);
        }
        if (i % 4 == 0) {
            said.kind = 'D';
            if (write(pipe, &said, sizeof(said)) < 0) _exit(1);
            lambda_package_keep(package, false);
        }
        lambda_package_release(package);
    }
}

/** Compares what was said with what is there. */
static void check_said(const fixture *f, const record *said, size_t count, int *last_version)
{
    for (size_t i = 0; i < count; i++) {
        lambda_package *package = NULL;
        lambda_layer_version *version = NULL;
        bool dropped =
            i + 1 < count && said[i + 1].kind == 'D' && strcmp(said[i + 1].reference, said[i].reference) == 0;
        dropped = dropped ||
                  (i + 2 < count && said[i + 2].kind == 'D' && strcmp(said[i + 2].reference, said[i].reference) == 0);
        assert_int_not_equal(said[i].kind, 'B');
        if (said[i].kind == 'P') {
            assert_true(said[i].number > *last_version);
            *last_version = said[i].number;
            assert_ok(NULL, lambda_layer_get(f->packages, "l", (uint64_t)said[i].number, &version));
            lambda_layer_version_free(version);
        } else if (said[i].kind == 'K' && !dropped) {
            assert_ok(NULL, lambda_package_find(f->packages, said[i].reference, &package));
            assert_whole(package, said[i].number);
            lambda_package_release(package);
        }
    }
}

static void test_killed(void **state)
{
    (void)state;
    fixture f;
    enum { ROUNDS = 40, RECORDS = 64 };
    int last_version = 0;
    unsigned chance = 7;
    fixture_open(&f, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        record said[RECORDS];
        size_t count = 0;
        lambda_packages_close(f.packages);
        f.packages = NULL;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            work(f.store, round * 1000, ends[1]);
        }
        close(ends[1]);
        chance = chance * 1103515245u + 12345u;
        size_t most = chance >> 16 & 7;
        while (count < most && read(ends[0], &said[count], sizeof(said[0])) == (ssize_t)sizeof(said[0]))
            count++;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (count < RECORDS && read(ends[0], &said[count], sizeof(said[0])) == (ssize_t)sizeof(said[0]))
            count++;
        close(ends[0]);
        fixture_reopen(&f, NULL);
        assert_int_equal(fixture_count(&f, "incoming"), 0);
        check_said(&f, said, count, &last_version);
    }
    assert_true(last_version > 0);
    fixture_close(&f);
}

/* ---- disks that fail */

/** Descriptors run out at each point: there is an error, and the store is as it was. */
static void test_no_descriptors(void **state)
{
    (void)state;
    fixture f;
    struct rlimit former;
    int failures = 0;
    fixture_open(&f, NULL);
    zip made = numbered(1);
    lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
    int lowest = dup(0);
    close(lowest);
    for (rlim_t more = 0;; more++) {
        struct rlimit limit = {.rlim_cur = (rlim_t)lowest + more, .rlim_max = former.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        lambda_status status = lambda_layer_publish(f.packages, &config, NULL);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
        if (status == LAMBDA_OK) break;
        assert_int_equal(status, LAMBDA_ERROR_SERVICE);
        assert_non_null(strstr(lambda_error_message(NULL), strerror(EMFILE)));
        fixture_assert_packages(&f, 0);
        failures++;
    }
    assert_true(failures >= 3);
    assert_int_equal(failures < 30, 1);
    lambda_layer_version *version = NULL;
    assert_ok(NULL, lambda_layer_get(f.packages, "l", 1, &version));
    lambda_layer_version_free(version);
    fixture_close(&f);
    zip_free(&made);
}

static void test_full_disk(void **state)
{
    (void)state;
    fixture f;
    lambda_package *package = NULL;
    static char text[600000];
    fixture_open(&f, NULL);
    lambda_packages_close(f.packages);
    f.packages = NULL;
    assert_int_equal(mkdir(fixture_path(&f, "disk"), 0755), 0);
    if (mount("tmpfs", fixture_path(&f, "disk"), "tmpfs", 0, "size=512k") != 0) {
        print_message("no file system can be mounted here (%s): not tested\n", strerror(errno));
        fixture_close(&f);
        skip();
    }
    lambda_packages_options options = {.directory = fixture_path(&f, "disk")};
    assert_ok(NULL, lambda_packages_open(&options, &f.packages));
    memset(text, 't', sizeof(text) - 1);
    zip made = zip_one("large", text);
    lambda_code code = zip_code(&made);
    snprintf(f.store, sizeof(f.store), "%s/disk", f.directory);
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_SERVICE, strerror(ENOSPC));
    fixture_assert_packages(&f, 0);
    zip_free(&made);
    package = add(f.packages, 1);
    assert_non_null(package);
    assert_whole(package, 1);
    assert_ok(NULL, lambda_package_keep(package, true));
    lambda_package_release(package);
    /* And one that is no longer written to. */
    assert_int_equal(mount(NULL, f.store, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    made = numbered(2);
    code = zip_code(&made);
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_SERVICE, strerror(EROFS));
    lambda_layer_config config = {.layer_name = "l", .data = made.bytes, .data_length = made.length};
    assert_fails(NULL, lambda_layer_publish(f.packages, &config, NULL), LAMBDA_ERROR_SERVICE, strerror(EROFS));
    package = add(f.packages, 1); /* it is there */
    assert_fails(NULL, lambda_package_keep(package, false), LAMBDA_ERROR_SERVICE, strerror(EROFS));
    lambda_package_release(package);
    assert_fails(NULL, lambda_packages_collect(f.packages, NULL), LAMBDA_ERROR_SERVICE, strerror(EROFS));
    lambda_packages_close(f.packages);
    f.packages = NULL;
    /* Opening writes nothing where nothing is to be removed: what is kept can be used. */
    assert_ok(NULL, lambda_packages_open(&options, &f.packages));
    package = add(f.packages, 1);
    assert_non_null(package);
    assert_whole(package, 1);
    lambda_package_release(package);
    lambda_packages_close(f.packages);
    f.packages = NULL;
    assert_int_equal(mount(NULL, f.store, NULL, MS_REMOUNT, NULL), 0);
    assert_ok(NULL, lambda_packages_open(&options, &f.packages));
    fixture_assert_packages(&f, 1);
    package = add(f.packages, 1);
    assert_ok(NULL, lambda_package_keep(package, false));
    lambda_package_release(package);
    fixture_assert_packages(&f, 0);
    lambda_packages_close(f.packages);
    f.packages = NULL;
    assert_int_equal(umount(f.store), 0);
    zip_free(&made);
    fixture_close(&f);
}

/** The zip of a package; its length, or 0 where it is not had. */
static size_t archive_of(lambda_packages *packages, const char *sha256, unsigned char bytes[8192])
{
    int file = 0;
    lambda_status status = lambda_packages_archive(packages, sha256, &file);
    assert_int_equal(status == LAMBDA_OK, file >= 0);
    if (status != LAMBDA_OK) {
        assert_int_equal(status, LAMBDA_ERROR_RESOURCE_NOT_FOUND);
        return 0;
    }
    ssize_t length = read(file, bytes, 8192);
    close(file);
    return length > 0 ? (size_t)length : 0;
}

static void test_archives(void **state)
{
    (void)state;
    fixture f;
    unsigned char bytes[8192];
    char sha256[45];
    int file;
    const lambda_packages_options archives = {.archives = true};
    zip made = numbered(1);
    fixture_open(&f, NULL);
    lambda_package *package = add(f.packages, 1);
    assert_ok(NULL, lambda_package_keep(package, true));
    snprintf(sha256, sizeof(sha256), "%s", lambda_package_sha256(package));
    /* It was not asked for. */
    assert_int_equal(archive_of(f.packages, sha256, bytes), 0);
    lambda_package_release(package);
    fixture_reopen(&f, &archives);
    assert_int_equal(archive_of(f.packages, sha256, bytes), 0);
    /* The same zip again, and it is there, as it came, once. */
    for (int i = 0; i < 2; i++) {
        package = add(f.packages, 1);
        assert_int_equal(archive_of(f.packages, sha256, bytes), made.length);
        assert_memory_equal(bytes, made.bytes, made.length);
        assert_whole(package, 1);
        lambda_package_release(package);
    }
    fixture_reopen(&f, &archives);
    fixture_assert_packages(&f, 1);
    assert_int_equal(archive_of(f.packages, sha256, bytes), made.length);
    /* A directory has none. */
    fixture_write(&f, "dir/x", "x", 1, 0644);
    lambda_code code = lambda_code_package("provided", fixture_path(&f, "dir"));
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_int_equal(archive_of(f.packages, lambda_package_sha256(package), bytes), 0);
    lambda_package_release(package);
    /* It goes with its package; who has it open reads on. */
    assert_ok(NULL, lambda_packages_archive(f.packages, sha256, &file));
    assert_ok(NULL, lambda_packages_collect(f.packages, NULL));
    fixture_assert_packages(&f, 0);
    assert_int_equal(read(file, bytes, sizeof(bytes)), made.length);
    close(file);
    assert_int_equal(archive_of(f.packages, sha256, bytes), 0);
    static const char *const bad[] = {"", "x", "0123456789012345678901234567890123456789012!",
                                      "../../../../../../../../../../../../etc/passwd00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(NULL, lambda_packages_archive(f.packages, bad[i], &file), INVALID, "code_sha256");
    assert_fails(NULL, lambda_packages_archive(f.packages, NULL, &file), INVALID, "code_sha256");
    assert_fails(NULL, lambda_packages_archive(NULL, sha256, &file), INVALID, "packages");
    assert_fails(NULL, lambda_packages_archive(f.packages, sha256, NULL), INVALID, "file");
    zip_free(&made);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_keep),           cmocka_unit_test(test_keep_beside_layer),
        cmocka_unit_test(test_one_at_a_time),  cmocka_unit_test(test_options),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_archives),       cmocka_unit_test(test_killed),
        cmocka_unit_test(test_no_descriptors), cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
