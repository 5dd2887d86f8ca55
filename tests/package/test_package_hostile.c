/* Zips that are refused: each with an error that names the entry, and nothing of them is left in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define INVALID LAMBDA_ERROR_INVALID_CODE

/** A zip of a good entry and this one. */
static zip with(const zip_entry *entry)
{
    zip made = {0};
    zip_text(&made, "good", "good");
    zip_add(&made, entry);
    zip_end(&made, NULL);
    return made;
}

static void refuse_entry(const fixture *f, const zip_entry *entry, const char *text)
{
    zip made = with(entry);
    zip_refused(f, &made, INVALID, text);
}

static void test_names(void **state)
{
    (void)state;
    fixture f;
    char name[4000];
    static const struct {
        const char *name, *text;
        size_t length;
    } names[] = {
        {"../evil", "\"../evil\": leads out", 0},
        {"a/../../evil", "leads out", 0},
        {"a/..", "leads out", 0},
        {"..", "leads out", 0},
        {"/etc/passwd", "\"/etc/passwd\": its name is absolute", 0},
        {"//x", "absolute", 0},
        {"bad\xff", "\"bad\\xff\": its name is not UTF-8", 0},
        {"\xc0\xae\xc0\xae/x", "not UTF-8", 0},
        {"\xed\xa0\x80", "not UTF-8", 0},
        {"nul\0here", "\"nul\\x00here\": its name has a NUL", 8},
        {".", "is the package's own directory", 0},
        {"./.", "is the package's own directory", 0},
    };
    fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        refuse_entry(&f, &(zip_entry){.name = names[i].name, .name_length = names[i].length, .data = "x", .length = 1},
                     names[i].text);
    refuse_entry(&f, &(zip_entry){.name = "", .data = "x", .length = 1}, "no name");
    memset(name, 'n', sizeof(name));
    for (size_t i = 200; i < sizeof(name); i += 200)
        name[i] = '/';
    name[2049] = '\0';
    refuse_entry(&f, &(zip_entry){.name = name}, "longer than 2048");
    memset(name, 'n', 256);
    name[256] = '\0';
    refuse_entry(&f, &(zip_entry){.name = name}, "longer than 255");
    for (size_t i = 0; i < 101; i++)
        memcpy(name + 2 * i, "d/", 3);
    refuse_entry(&f, &(zip_entry){.name = name, .no_unix = true}, "deeper than 100");
    fixture_close(&f);
}

static void test_kinds(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, NULL);
    refuse_entry(&f, &(zip_entry){.name = "dev", .mode = 0020666}, "\"dev\": is a device");
    refuse_entry(&f, &(zip_entry){.name = "dev", .mode = 0060666}, "is a device");
    refuse_entry(&f, &(zip_entry){.name = "fifo", .mode = 0010666}, "is a named pipe");
    refuse_entry(&f, &(zip_entry){.name = "sock", .mode = 0140666}, "is a socket");
    refuse_entry(&f, &(zip_entry){.name = "odd", .mode = 0170666}, "neither a file");
    refuse_entry(&f, &(zip_entry){.name = "dir/", .mode = 040755, .data = "x", .length = 1}, "contents of its own");
    refuse_entry(&f, &(zip_entry){.name = "dir/", .mode = 0100644}, "a directory by its name");
    refuse_entry(&f, &(zip_entry){.name = "dir/", .mode = 0120777, .data = "x", .length = 1},
                 "a directory by its name");
    fixture_close(&f);
}

static void test_duplicates(void **state)
{
    (void)state;
    fixture f;
    static const struct {
        const char *one, *two, *text;
    } pairs[] = {
        {"a", "a", "\"a\": is there twice"},
        {"a/b", "./a//b", "\"a/b\": is there twice"},
        {"a/", "a/", "is there twice"},
        {"a", "a/", "is there twice"},
        {"a", "a/b", "\"a/b\": stands below what is not a directory"},
        {"a", "a/b/", "stands below"},
        {"a/b/c/d", "a/b", "stands below"},
    };
    fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        for (int turn = 0; turn < 2; turn++) {
            zip made = {0};
            const char *first = turn ? pairs[i].two : pairs[i].one;
            const char *second = turn ? pairs[i].one : pairs[i].two;
            zip_add(&made, &(zip_entry){.name = first, .no_unix = true});
            zip_text(&made, "a-b", "between in the order of bytes");
            zip_add(&made, &(zip_entry){.name = second, .no_unix = true});
            zip_end(&made, NULL);
            zip_refused(&f, &made, INVALID, pairs[i].text);
        }
    /* Case makes a difference, here as in Lambda. */
    zip made = {0};
    lambda_package *package = NULL;
    zip_text(&made, "a", "lower");
    zip_text(&made, "A", "upper");
    zip_end(&made, NULL);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_string_equal(fixture_read(lambda_package_path(package), "A"), "upper");
    lambda_package_release(package);
    zip_free(&made);
    fixture_close(&f);
}

static zip_entry link_to(const char *name, const char *target)
{
    return (zip_entry){.name = name, .data = target, .length = strlen(target), .mode = 0120777};
}

static void test_links(void **state)
{
    (void)state;
    fixture f;
    /* Links, then what is said of one of them. */
    static const struct {
        const char *links[6];
        const char *text;
    } cases[] = {
        {{"l", "/etc/passwd"}, "\"l\": is a link that leads out"},
        {{"l", ".."}, "leads out"},
        {{"l", "../x"}, "leads out"},
        {{"d/l", "../../x"}, "\"d/l\": is a link that leads out"},
        {{"l", "a/b/../../../x"}, "leads out"},
        {{"l", "a/.././../x"}, "leads out"},
        {{"a/up", "..", "l", "a/up/../x"}, "\"l\": is a link that leads out"},
        {{"one", "d/e", "d/e/two", "../..", "l", "one/two/../x"}, "\"l\": is a link that leads out"},
        {{"l", "l"}, "to itself"},
        {{"a", "b", "b", "a"}, "to itself"},
        {{"l", ""}, "a link to nothing"},
        {{"l", "bad\xff"}, "not UTF-8"},
    };
    fixture_open(&f, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        zip made = {0};
        for (size_t k = 0; k < 6 && cases[i].links[k]; k += 2) {
            zip_entry entry = link_to(cases[i].links[k], cases[i].links[k + 1]);
            zip_add(&made, &entry);
        }
        zip_end(&made, NULL);
        zip_refused(&f, &made, INVALID, cases[i].text);
    }
    /* A file below a link, which writing would follow. */
    zip made = {0};
    zip_entry entry = link_to("a", "b");
    zip_add(&made, &entry);
    zip_text(&made, "b/x", "x");
    zip_text(&made, "a/y", "y");
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "\"a/y\": stands below what is not a directory");
    zip_add(&made, &(zip_entry){.name = "l", .data = "a\0b", .length = 3, .mode = 0120777});
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "a NUL in it");
    char target[3000];
    memset(target, 't', sizeof(target));
    zip_add(&made, &(zip_entry){.name = "l", .data = target, .length = sizeof(target), .mode = 0120777});
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "too long");
    /* What stays inside is taken, and need not be there. */
    lambda_package *package = NULL;
    zip_text(&made, "d/e/x", "x");
    entry = link_to("d/up", "..");
    zip_add(&made, &entry);
    entry = link_to("l", "d/up/d/e/../e/x");
    zip_add(&made, &entry);
    entry = link_to("dangling", "d/nothing/../there");
    zip_add(&made, &entry);
    zip_end(&made, NULL);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_string_equal(fixture_read(lambda_package_path(package), "l"), "x");
    lambda_package_release(package);
    zip_free(&made);
    fixture_close(&f);
}

/** Many long links through each other: refused, and soon. */
static void test_links_without_end(void **state)
{
    (void)state;
    fixture f;
    enum { LINKS = 3000 };
    char target[1900];
    zip made = {0};
    fixture_open(&f, NULL);
    for (size_t i = 0; i + 2 < sizeof(target); i += 2)
        memcpy(target + i, "x/", 3);
    for (int i = 0; i < LINKS; i++) {
        char name[16];
        char text[2048];
        snprintf(name, sizeof(name), "l%04d", i);
        if (i % 40 == 39)
            snprintf(text, sizeof(text), "x");
        else
            snprintf(text, sizeof(text), "l%04d/%.1800s", i + 1, target);
        zip_entry entry = link_to(name, text);
        zip_add(&made, &entry);
    }
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "link");
    fixture_close(&f);
}

static void test_storage(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, NULL);
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .flags = 1}, "\"e\": is encrypted");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .flags = 1 << 6 | 1}, "is encrypted");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .flags = 1 << 13}, "is encrypted");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .method = 99}, "is encrypted");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .flags = 1 << 5}, "is a patch");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .method = 12}, "neither stored nor deflated");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .crc = 1}, "\"e\": cannot be unpacked");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "junk", .length = 4, .method = 8, .size = 100, .crc = 1},
                 "\"e\": cannot be unpacked");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .central_size = 2}, "two sizes differ");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .local_size = 2}, "size or checksum");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .local_crc = 2}, "size or checksum");
    refuse_entry(&f, &(zip_entry){.name = "e", .data = "x", .length = 1, .local_flags = 1}, "directory differ");
    refuse_entry(&f, &(zip_entry){.name = "safe", .local_name = "evil", .data = "x", .length = 1},
                 "\"safe\": its header and the directory differ in its name");
    refuse_entry(&f, &(zip_entry){.name = "safe", .local_name = "../evil", .data = "x", .length = 1}, "in its name");
    refuse_entry(&f, &(zip_entry){.name = "good", .data = "x", .length = 1, .again = true}, "differ");
    /* A second entry of the very same bytes. */
    zip made = {0};
    zip_text(&made, "good", "good");
    zip_add(&made, &(zip_entry){.name = "good", .data = "good", .length = 4, .again = true});
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "share bytes");
    fixture_close(&f);
}

/** A stored block of deflate: the same bytes, and five before them. */
static size_t deflate_stored(unsigned char *out, const void *data, size_t length)
{
    out[0] = 1;
    out[1] = (unsigned char)length;
    out[2] = (unsigned char)(length >> 8);
    out[3] = (unsigned char)~out[1];
    out[4] = (unsigned char)~out[2];
    memcpy(out + 5, data, length);
    return length + 5;
}

/** What is unpacked is more, or less, than the directory says; or less is left of its data. */
static void test_sizes_that_lie(void **state)
{
    (void)state;
    fixture f;
    unsigned char data[64];
    size_t length = deflate_stored(data, "0123456789", 10);
    uint32_t crc = zip_crc("0123456789", 10);
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    zip_entry entry = {.name = "e", .data = data, .length = length, .method = 8, .size = 10, .crc = crc};
    zip made = with(&entry);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_string_equal(fixture_read(lambda_package_path(package), "e"), "0123456789");
    lambda_package_release(package);
    zip_free(&made);
    entry.size = 9;
    refuse_entry(&f, &entry, "\"e\": ");
    entry.size = 11;
    refuse_entry(&f, &entry, "\"e\": ");
    entry.size = 10;
    entry.length -= 3;
    refuse_entry(&f, &entry, "\"e\": cannot be unpacked");
    entry.length += 5; /* bytes behind the end of the data */
    refuse_entry(&f, &entry, "\"e\": cannot be unpacked");
    fixture_close(&f);
}

/* ---- the end of a zip, and what is around it */

static void test_torn(void **state)
{
    (void)state;
    fixture f;
    zip whole = {0};
    fixture_open(&f, NULL);
    zip_text(&whole, "a", "aaaa");
    zip_text(&whole, "b/c", "cccc");
    zip_end(&whole, "comment");
    for (size_t length = 0; length < whole.length; length++) {
        lambda_package *package = NULL;
        lambda_code code = lambda_code_package_bytes("provided.al2023", whole.bytes, length);
        assert_fails(NULL, lambda_package_add(f.packages, &code, &package), INVALID, "Could not unzip uploaded file");
        fixture_assert_packages(&f, 0);
    }
    zip_raw(&whole, "x", 1);
    zip_refused(&f, &whole, INVALID, "Could not unzip uploaded file");
    fixture_close(&f);
}

/** Each bit of a zip turned: it is refused, or what comes of it is what the zip says. Never more than that. */
static void test_bits(void **state)
{
    (void)state;
    fixture f;
    zip whole = {0};
    fixture_open(&f, NULL);
    zip_text(&whole, "a", "aaaa");
    zip_text(&whole, "b/c", "cccc");
    zip_end(&whole, NULL);
    for (size_t bit = 0; bit < whole.length * 8; bit++) {
        lambda_package *package = NULL;
        whole.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        lambda_code code = zip_code(&whole);
        if (lambda_package_add(f.packages, &code, &package) == LAMBDA_OK) {
            /* A bit of a mode makes a link of a file. */
            uint64_t size = lambda_package_unpacked_size(package);
            if (size != 8 && size != 4) fail_msg("bit %zu: %d bytes", bit, (int)size);
            lambda_package_release(package);
        } else if (!strstr(lambda_error_message(NULL), "code.data: ")) {
            fail_msg("bit %zu: %s", bit, lambda_error_message(NULL));
        }
        fixture_assert_packages(&f, 0);
        whole.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    zip_free(&whole);
    fixture_close(&f);
}

static void test_around(void **state)
{
    (void)state;
    fixture f;
    static char comment[65536];
    zip made = {0};
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    /* Nothing in it: Lambda's words. */
    zip_end(&made, NULL);
    zip_refused(&f, &made, INVALID, "Uploaded file must be a non-empty zip");
    /* As long a comment as there can be, with an end record in it that is none. */
    memset(comment, 'c', 65535);
    memcpy(comment + 100, "PK\005\006", 4);
    zip_text(&made, "a", "a");
    zip_end(&made, comment);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    lambda_package_release(package);
    /* Several megabytes behind the end are no comment. */
    for (int i = 0; i < 50; i++)
        zip_raw(&made, comment, 65535);
    zip_refused(&f, &made, INVALID, "it has no end record");
    /* Something before it, which its offsets do not know of. */
    zip bare = zip_one("a", "a");
    zip_raw(&made, "#!/bin/sh\n", 10);
    zip_raw(&made, bare.bytes, bare.length);
    zip_refused(&f, &made, INVALID, "its directory is not where its end record says");
    /* And which they do know of: so does everybody who reads it. */
    zip_raw(&made, "PK\003\004", 4);
    zip_text(&made, "a", "a");
    zip_end(&made, NULL);
    code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    lambda_package_release(package);
    zip_free(&made);
    /* One of several volumes. */
    bare.bytes[bare.length - 22 + 4] = 1;
    zip_refused(&f, &bare, INVALID, "volumes");
    /* More entries than it has, and fewer. */
    for (int step = -1; step <= 1; step += 2) {
        zip_text(&made, "a", "a");
        zip_text(&made, "b", "b");
        made.count = (unsigned)(2 + step);
        zip_end(&made, NULL);
        zip_refused(&f, &made, INVALID, "its directory");
    }
    fixture_close(&f);
}

static void number(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/** The wider records of large zips, of a small one: as `zip -fz` writes them. */
static zip make_zip64(uint64_t entries, uint64_t shift)
{
    unsigned char extra[28] = {1, 0, 24, 0};
    unsigned char record[56] = {'P', 'K', 6, 6, 44};
    unsigned char locator[20] = {'P', 'K', 6, 7};
    unsigned char end[22] = {'P', 'K', 5, 6};
    zip made = {0};
    number(extra + 4, 1, 8);
    number(extra + 12, 1, 8);
    zip_add(&made, &(zip_entry){.name = "a", .data = "a", .length = 1, .extra = extra, .extra_length = 28});
    memset(made.central + 20, 0xff, 8);
    memset(made.central + 42, 0xff, 4);
    number(record + 24, entries, 8);
    number(record + 32, entries, 8);
    number(record + 40, made.central_length, 8);
    number(record + 48, made.length, 8);
    number(locator + 8, made.length + made.central_length + shift, 8);
    number(locator + 16, 1, 4);
    memset(end + 8, 0xff, 12);
    zip_raw(&made, made.central, made.central_length);
    zip_raw(&made, record, sizeof(record));
    zip_raw(&made, locator, sizeof(locator));
    zip_raw(&made, end, sizeof(end));
    return made;
}

static void test_zip64(void **state)
{
    (void)state;
    fixture f;
    lambda_package *package = NULL;
    fixture_open(&f, NULL);
    zip made = make_zip64(1, 0);
    lambda_code code = zip_code(&made);
    assert_ok(NULL, lambda_package_add(f.packages, &code, &package));
    assert_string_equal(fixture_read(lambda_package_path(package), "a"), "a");
    lambda_package_release(package);
    zip_free(&made);
    made = make_zip64(1, 1);
    zip_refused(&f, &made, INVALID, "its end record is not where it says");
    made = make_zip64(1, UINT64_MAX - 100);
    zip_refused(&f, &made, INVALID, "its end record is not where it says");
    made = make_zip64(UINT64_MAX, 0);
    zip_refused(&f, &made, INVALID, "its directory is torn");
    made = make_zip64(1, 0);
    made.bytes[made.length - 22 + 10] = 2; /* the narrow record says another number than the wide one */
    made.bytes[made.length - 22 + 11] = 0;
    made.bytes[made.length - 22 + 8] = 2;
    made.bytes[made.length - 22 + 9] = 0;
    zip_refused(&f, &made, INVALID, "its two end records differ");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_links_without_end),
        cmocka_unit_test(test_storage),
        cmocka_unit_test(test_sizes_that_lie),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_around),
        cmocka_unit_test(test_zip64),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
