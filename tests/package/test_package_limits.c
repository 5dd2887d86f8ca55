/* What is larger than it may be, bombs among it, and directories that are refused: nothing of them is left in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "fixture.h"

#define INVALID LAMBDA_ERROR_INVALID_CODE

static void number(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/** A zip of so many zeros, deflated well. */
static zip make_bomb(size_t size, int files)
{
    zip made = {.capacity = 1 << 20};
    static char zeros[65536];
    made.bytes = malloc(made.capacity);
    assert_non_null(made.bytes);
    struct archive *archive = archive_write_new();
    archive_write_set_format_zip(archive);
    assert_int_equal(archive_write_open_memory(archive, made.bytes, made.capacity, &made.length), ARCHIVE_OK);
    for (int i = 0; i < files; i++) {
        char name[16];
        struct archive_entry *entry = archive_entry_new();
        snprintf(name, sizeof(name), "f%d", i);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)size);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        for (size_t left = size; left > 0;) {
            size_t piece = left < sizeof(zeros) ? left : sizeof(zeros);
            assert_int_equal(archive_write_data(archive, zeros, piece), piece);
            left -= piece;
        }
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
    return made;
}

static void test_limits(void **state)
{
    (void)state;
    fixture f;
    lambda_packages_options small = {.unpacked_size = 1000000, .entries = 10, .zipped_size = 5000};
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_package *package = NULL;
    fixture_open(&f, &small);
    zip made = make_bomb(1000000, 1);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    lambda_package_release(package);
    zip_free(&made);
    made = make_bomb(1000001, 1);
    zip_refused(&f, &made, invalid, "Unzipped size must be smaller than 1000000 bytes");
    made = make_bomb(300000, 4);
    zip_refused(&f, &made, invalid, "Unzipped size must be smaller than 1000000 bytes");
    /* A bomb that says that it is none is cut where it says it ends. */
    zip_free(&made);
    made = make_bomb(4000000, 1);
    static const unsigned char mark[] = {0x00, 0x09, 0x3d, 0x00}; /* 4,000,000 */
    size_t changed = 0;
    for (size_t i = 0; i + 4 <= made.length; i++)
        if (memcmp(made.bytes + i, mark, 4) == 0) {
            number(made.bytes + i, 1000, 4);
            changed++;
        }
    assert_true(changed >= 2);
    zip_refused(&f, &made, INVALID, "\"f0\": ");
    /* Directories that are only implied count too. */
    for (int i = 0; i < 11; i++) {
        char name[8];
        snprintf(name, sizeof(name), "%c", 'a' + i);
        zip_text(&made, name, "");
    }
    zip_end(&made, NULL);
    zip_refused(&f, &made, invalid, "more than 10 entries");
    zip_text(&made, "a/b/c/d/e/f", "");
    zip_text(&made, "a/b/x/d/e", "");
    zip_end(&made, NULL);
    code = zip_code(&made); /* a a/b a/b/c a/b/c/d a/b/c/d/e f a/b/x a/b/x/d e: 9 */
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    lambda_package_release(package);
    zip_free(&made);
    zip_text(&made, "a/b/c/d/e/f", "");
    zip_text(&made, "a/b/x/d/e/f/g", "");
    zip_end(&made, NULL);
    zip_refused(&f, &made, invalid, "more than 10 entries");
    static char long_text[5000];
    memset(long_text, 't', sizeof(long_text) - 1);
    zip_text(&made, "a", long_text);
    zip_end(&made, NULL);
    zip_refused(&f, &made, LAMBDA_ERROR_REQUEST_TOO_LARGE, "must be smaller than 5000 bytes");
    fixture_close(&f);
}

/* ---- directories */

static void refuse_directory(const fixture *f, lambda_status status, const char *text)
{
    lambda_package *package = NULL;
    lambda_code code = lambda_code_package("provided.al2023", fixture_path(f, "d"));
    assert_fails(NULL, lambda_package_add(f->packages, &code, &package), status, text);
    assert_null(package);
    fixture_assert_packages(f, 0);
    fixture_remove(fixture_path(f, "d"));
}

static void test_directories(void **state)
{
    (void)state;
    fixture f;
    lambda_packages_options small = {.unpacked_size = 1000, .entries = 10};
    fixture_open(&f, &small);
    fixture_write(&f, "d/a/b", "x", 1, 0644);
    assert_int_equal(symlink("../../outside", fixture_path(&f, "d/a/l")), 0);
    refuse_directory(&f, INVALID, "\"a/l\": is a link that leads out");
    fixture_write(&f, "d/b", "x", 1, 0644);
    assert_int_equal(symlink("/etc", fixture_path(&f, "d/l")), 0);
    refuse_directory(&f, INVALID, "\"l\": is a link that leads out");
    fixture_write(&f, "d/b", "x", 1, 0644);
    assert_int_equal(mkfifo(fixture_path(&f, "d/pipe"), 0600), 0);
    refuse_directory(&f, INVALID, "\"pipe\": is neither a file, a directory nor a link");
    fixture_write(&f, "d/b", "x", 1, 0644);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/d/socket", f.directory);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    refuse_directory(&f, INVALID, "\"socket\": is neither");
    fixture_write(&f, "d/bad\xff", "x", 1, 0644);
    refuse_directory(&f, INVALID, "not UTF-8");
    for (int i = 0; i < 11; i++) {
        char name[16];
        snprintf(name, sizeof(name), "d/%c", 'a' + i);
        fixture_write(&f, name, "", 0, 0644);
    }
    refuse_directory(&f, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "more than 10 entries");
    static char text[1001];
    fixture_write(&f, "d/a", text, sizeof(text), 0644);
    refuse_directory(&f, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "Unzipped size must be smaller than 1000 bytes");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_limits), cmocka_unit_test(test_directories)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
