/* Packages of zips, of directories and of single files; what is in them, what they are called, and when they go. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

/** A zip with one of everything. */
static zip make_zip(void)
{
    zip made = {0};
    zip_add(&made, &(zip_entry){.name = "bootstrap", .data = "#!/bin/sh\n", .length = 10, .mode = 0100700});
    zip_add(&made, &(zip_entry){.name = "lib/", .mode = 040700});
    zip_text(&made, "lib/deep/er/a.txt", "a");
    zip_text(&made, "lib-b.txt", "b");
    zip_text(&made, "empty", "");
    zip_add(&made, &(zip_entry){.name = "hollow/", .mode = 040755});
    zip_add(&made, &(zip_entry){.name = "lib/deep/link", .data = "../../bootstrap", .length = 15, .mode = 0120777});
    zip_add(&made, &(zip_entry){.name = "windows.txt", .data = "w", .length = 1, .no_unix = true});
    zip_text(&made, "./dotted//name.txt", "d");
    zip_text(&made, "back\\slash.txt", "s");
    zip_text(&made, "\xc3\xa9\xe2\x82\xac.txt", "u");
    zip_end(&made, "a comment");
    return made;
}

static void test_zip_bytes(void **state)
{
    (void)state;
    fixture f;
    zip made = make_zip();
    lambda_package *package = NULL;
    lambda_code code = zip_code(&made);
    fixture_open(&f, NULL);
    mode_t former = umask(077); /* which must not show */
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    umask(former);
    const char *path = lambda_package_path(package);
    assert_int_equal(path[0], '/');
    assert_string_equal(fixture_read(path, "bootstrap"), "#!/bin/sh\n");
    assert_int_equal(fixture_mode(path, "bootstrap"), 0100755);
    assert_int_equal(fixture_mode(path, "."), 040755);
    assert_int_equal(fixture_mode(path, "lib"), 040755);
    assert_int_equal(fixture_mode(path, "lib/deep/er"), 040755);
    assert_int_equal(fixture_mode(path, "lib/deep/er/a.txt"), 0100644);
    assert_int_equal(fixture_mode(path, "hollow"), 040755);
    assert_int_equal(fixture_mode(path, "windows.txt"), 0100644);
    assert_int_equal(fixture_mode(path, "lib/deep/link") & S_IFMT, S_IFLNK);
    assert_string_equal(fixture_read(path, "lib/deep/link"), "#!/bin/sh\n");
    assert_string_equal(fixture_read(path, "lib-b.txt"), "b");
    assert_string_equal(fixture_read(path, "empty"), "");
    assert_string_equal(fixture_read(path, "dotted/name.txt"), "d");
    assert_string_equal(fixture_read(path, "back\\slash.txt"), "s");
    assert_string_equal(fixture_read(path, "\xc3\xa9\xe2\x82\xac.txt"), "u");
    assert_int_equal(lambda_package_size(package), made.length);
    assert_int_equal(lambda_package_unpacked_size(package), 10 + 1 + 1 + 1 + 1 + 1 + 1);
    fixture_assert_packages(&f, 1);
    lambda_package_release(package);
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
    zip_free(&made);
}

/* `printf hello | openssl dgst -sha256 -binary | base64` gives this; CodeSha256 is that of the zip's bytes, whatever they are, so a zip made elsewhere is compared with the tool. */
static void test_code_sha256(void **state)
{
    (void)state;
    fixture f;
    char command[400];
    char expected[64] = "";
    zip made = make_zip();
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    fixture_write(&f, "code.zip", made.bytes, made.length, 0600);
    snprintf(command, sizeof(command), "openssl dgst -sha256 -binary '%s' | base64", fixture_path(&f, "code.zip"));
    FILE *tool = popen(command, "r");
    assert_non_null(tool);
    if (!fgets(expected, sizeof(expected), tool)) fail();
    pclose(tool);
    expected[strcspn(expected, "\n")] = '\0';
    lambda_code code = lambda_code_package("provided.al2023", fixture_path(&f, "code.zip"));
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_int_equal(strlen(expected), 44);
    assert_string_equal(lambda_package_sha256(package), expected);
    lambda_package_release(package);
    fixture_close(&f);
    zip_free(&made);
}

/** The same bytes are the same package, from a file too; it goes with the last reference. */
static void test_same_again(void **state)
{
    (void)state;
    fixture f;
    zip made = make_zip();
    lambda_package *one = NULL;
    lambda_package *two = NULL;
    lambda_package *found = NULL;
    char reference[100];
    fixture_open(&f, NULL);
    fixture_write(&f, "other.zip", made.bytes, made.length, 0644);
    lambda_code bytes = zip_code(&made);
    lambda_code path = lambda_code_package("provided.al2023", fixture_path(&f, "other.zip"));
    assert_ok(NULL, lambda_package_add(f.packages, &bytes, &one));
    assert_ok(NULL, lambda_package_add(f.packages, &path, &two));
    assert_ptr_equal(one, two);
    snprintf(reference, sizeof(reference), "%s", lambda_package_reference(one));
    assert_ok(NULL, lambda_package_find(f.packages, reference, &found));
    assert_ptr_equal(one, found);
    lambda_package_release(one);
    lambda_package_release(two);
    fixture_assert_packages(&f, 1);
    lambda_package_release(found);
    fixture_assert_packages(&f, 0);
    assert_fails(NULL, lambda_package_find(f.packages, reference, &found), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "reference");
    assert_null(found);
    fixture_close(&f);
    zip_free(&made);
}

/** Makes what a directory test copies. */
static void write_directory(const fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/bootstrap", name);
    fixture_write(f, path, "#!/bin/sh\n", 10, 0711);
    snprintf(path, sizeof(path), "%s/data/a.txt", name);
    fixture_write(f, path, "a", 1, 0600);
    snprintf(path, sizeof(path), "%s/%s/data/link", f->directory, name);
    assert_int_equal(symlink("a.txt", path), 0);
    snprintf(path, sizeof(path), "%s/%s/hollow", f->directory, name);
    assert_int_equal(mkdir(path, 0500), 0);
}

static void test_directory(void **state)
{
    (void)state;
    fixture f;
    lambda_package *one = NULL;
    lambda_package *two = NULL;
    lambda_package *three = NULL;
    fixture_open(&f, NULL);
    write_directory(&f, "one");
    write_directory(&f, "two");
    lambda_code code = lambda_code_package("provided.al2023", fixture_path(&f, "one"));
    assert_ok(NULL, lambda_package_add(f.packages, &code, &one));
    const char *path = lambda_package_path(one);
    assert_string_equal(fixture_read(path, "data/link"), "a");
    assert_int_equal(fixture_mode(path, "bootstrap"), 0100755);
    assert_int_equal(fixture_mode(path, "data/a.txt"), 0100644);
    assert_int_equal(fixture_mode(path, "hollow"), 040755);
    assert_int_equal(lambda_package_size(one), 11);
    assert_int_equal(lambda_package_unpacked_size(one), 11);
    assert_int_equal(strlen(lambda_package_sha256(one)), 44);
    /* The same files elsewhere are the same package. */
    code.path = fixture_path(&f, "two");
    assert_ok(NULL, lambda_package_add(f.packages, &code, &two));
    assert_ptr_equal(one, two);
    /* What is done to the directory later changes nothing but the next package. */
    fixture_write(&f, "one/data/a.txt", "b", 1, 0644);
    assert_string_equal(fixture_read(path, "data/a.txt"), "a");
    code.path = fixture_path(&f, "one");
    assert_ok(NULL, lambda_package_add(f.packages, &code, &three));
    assert_ptr_not_equal(one, three);
    assert_string_not_equal(lambda_package_sha256(one), lambda_package_sha256(three));
    lambda_package_release(one);
    lambda_package_release(two);
    lambda_package_release(three);
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
}

/** Names, kinds, bits, targets and contents each make another digest. */
static void test_directory_digest(void **state)
{
    (void)state;
    fixture f;
    char seen[6][64];
    fixture_open(&f, NULL);
    for (int round = 0; round < 6; round++) {
        lambda_package *package = NULL;
        fixture_write(&f, "d/file", round == 1 ? "B" : "A", 1, round == 2 ? 0755 : 0644);
        fixture_write(&f, round == 3 ? "d/other" : "d/second", "A", 1, 0644);
        if (round == 4) fixture_write(&f, "d/sub/x", "", 0, 0644);
        if (round == 5) assert_int_equal(symlink("file", fixture_path(&f, "d/sub")), 0);
        lambda_code code = lambda_code_package("provided.al2023", fixture_path(&f, "d/"));
        assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
        snprintf(seen[round], sizeof(seen[0]), "%s", lambda_package_sha256(package));
        lambda_package_release(package);
        fixture_remove(fixture_path(&f, "d"));
        for (int k = 0; k < round; k++)
            assert_string_not_equal(seen[k], seen[round]);
    }
    fixture_close(&f);
}

static void test_single_file(void **state)
{
    (void)state;
    fixture f;
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    fixture_write(&f, "program", "\177ELF and more", 13, 0755);
    lambda_code code = lambda_code_package("provided.al2023", fixture_path(&f, "program"));
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_int_equal(fixture_mode(lambda_package_path(package), "program"), 0100755);
    assert_string_equal(fixture_read(lambda_package_path(package), "program"), "\177ELF and more");
    assert_int_equal(lambda_package_size(package), 13);
    lambda_package_release(package);
    /* What is called a zip must be one. */
    fixture_write(&f, "program.zip", "\177ELF and more", 13, 0755);
    code.path = fixture_path(&f, "program.zip");
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_CODE, "code.path");
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    fixture f;
    zip made = zip_one("a", "a");
    lambda_package *package = NULL;
    lambda_code code = zip_code(&made);
    fixture_open(&f, NULL);
    assert_fails(NULL, lambda_package_add(NULL, &code, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "packages");
    assert_fails(NULL, lambda_package_add(f.packages, NULL, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "code");
    assert_fails(NULL, lambda_package_add(f.packages, &code, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "package");
    code.path = "x";
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "code.data");
    code = lambda_code_package("provided.al2023", NULL);
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "code.path");
    code.path = fixture_path(&f, "nothing.zip");
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "nothing.zip");
    assert_int_equal(mkfifo(fixture_path(&f, "pipe"), 0600), 0);
    code.path = fixture_path(&f, "pipe");
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "neither a file nor a directory");
    assert_int_equal(mkdir(fixture_path(&f, "hollow"), 0700), 0);
    code.path = fixture_path(&f, "hollow");
    assert_fails(NULL, lambda_package_add(f.packages, &code, &package), LAMBDA_ERROR_INVALID_CODE, "nothing in it");
    assert_fails(NULL, lambda_package_find(f.packages, NULL, &package), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "reference");
    assert_fails(NULL, lambda_package_find(f.packages, "../x", &package), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "../x");
    assert_fails(NULL, lambda_package_keep(NULL, true), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "package");
    assert_fails(NULL, lambda_packages_collect(NULL, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "packages");
    lambda_package_release(NULL);
    lambda_packages_close(NULL);
    assert_string_equal(lambda_package_path(NULL), "");
    assert_string_equal(lambda_package_sha256(NULL), "");
    assert_string_equal(lambda_package_reference(NULL), "");
    assert_int_equal(lambda_package_size(NULL) + lambda_package_unpacked_size(NULL), 0);
    fixture_assert_packages(&f, 0);
    fixture_close(&f);
    zip_free(&made);
}

/* ---- threads */

enum { THREADS = 8, ROUNDS = 40, DIFFERENT = 3 };

typedef struct crowd {
    fixture *f;
    zip zips[DIFFERENT];
    pthread_barrier_t barrier;
} crowd;

static void *add_and_release(void *user)
{
    crowd *self = user;
    for (int round = 0; round < ROUNDS; round++) {
        lambda_package *package = NULL;
        pthread_barrier_wait(&self->barrier);
        lambda_code code = zip_code(&self->zips[round % DIFFERENT]);
        if (lambda_package_add(self->f->packages, &code, &package) != LAMBDA_OK) return "could not be added";
        if (!fixture_exists(lambda_package_path(package), "a")) return "is not whole";
        if (round % 4 == 0 && lambda_package_keep(package, round % 8 == 0) != LAMBDA_OK) return "could not be kept";
        if (round % 5 == 0 && lambda_packages_collect(self->f->packages, NULL) != LAMBDA_OK)
            return "were not collected";
        if (!fixture_exists(lambda_package_path(package), "z")) return "went while it was held";
        lambda_package_release(package);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    fixture f;
    crowd self = {.f = &f};
    pthread_t threads[THREADS];
    fixture_open(&f, NULL);
    for (int i = 0; i < DIFFERENT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        zip_text(&self.zips[i], "a", "first");
        zip_text(&self.zips[i], name, "differs");
        zip_text(&self.zips[i], "z", "last");
        zip_end(&self.zips[i], NULL);
    }
    pthread_barrier_init(&self.barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, add_and_release, &self);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        if (wrong) fail_msg("a package %s", (const char *)wrong);
    }
    pthread_barrier_destroy(&self.barrier);
    assert_ok(NULL, lambda_packages_collect(f.packages, NULL));
    fixture_assert_packages(&f, 0);
    for (int i = 0; i < DIFFERENT; i++)
        zip_free(&self.zips[i]);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_zip_bytes),        cmocka_unit_test(test_code_sha256),
        cmocka_unit_test(test_same_again),       cmocka_unit_test(test_directory),
        cmocka_unit_test(test_directory_digest), cmocka_unit_test(test_single_file),
        cmocka_unit_test(test_bad_arguments),    cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
