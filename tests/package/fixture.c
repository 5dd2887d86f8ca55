#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fixture_open(fixture *f, const lambda_packages_options *options)
{
    const char *where = getenv("TMPDIR");
    memset(f, 0, sizeof(*f));
    snprintf(f->directory, sizeof(f->directory), "%.90s/lambda-package-XXXXXX", where ? where : "/tmp");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->store, sizeof(f->store), "%s/store", f->directory);
    fixture_reopen(f, options);
}

void fixture_reopen(fixture *f, const lambda_packages_options *options)
{
    lambda_packages_options own = options ? *options : (lambda_packages_options){0};
    own.directory = f->store;
    lambda_packages_close(f->packages);
    assert_ok(NULL, lambda_packages_open(&own, &f->packages));
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *ftw)
{
    (void)about;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fixture_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_close(fixture *f)
{
    lambda_packages_close(f->packages);
    fixture_remove(f->directory);
}

const char *fixture_path(const fixture *f, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", f->directory, name);
    return path;
}

void fixture_write(const fixture *f, const char *name, const void *data, size_t length, unsigned mode)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", f->directory, name);
    for (char *at = path + strlen(f->directory) + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

const char *fixture_read(const char *directory, const char *name)
{
    static char text[65536];
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail_msg("%s is not there", path);
    ssize_t length = read(fd, text, sizeof(text) - 1);
    assert_true(length >= 0);
    text[length] = '\0';
    close(fd);
    return text;
}

bool fixture_exists(const char *directory, const char *name)
{
    char path[1024];
    struct stat about;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return lstat(path, &about) == 0;
}

unsigned fixture_mode(const char *directory, const char *name)
{
    char path[1024];
    struct stat about;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(lstat(path, &about), 0);
    return about.st_mode;
}

size_t fixture_count(const fixture *f, const char *name)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/%s", f->store, name);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

void fixture_assert_packages(const fixture *f, size_t count)
{
    assert_int_equal(fixture_count(f, "incoming"), 0);
    assert_int_equal(fixture_count(f, "packages"), count);
}

void zip_refused(const fixture *f, zip *of, lambda_status status, const char *text)
{
    lambda_package *package = NULL;
    lambda_code code = zip_code(of);
    assert_fails(NULL, lambda_package_add(f->packages, &code, &package), status, text);
    assert_null(package);
    fixture_assert_packages(f, 0);
    fixture_write(f, "hostile.zip", of->bytes, of->length, 0644);
    code = lambda_code_package("provided.al2023", fixture_path(f, "hostile.zip"));
    assert_fails(NULL, lambda_package_add(f->packages, &code, &package), status, text);
    fixture_assert_packages(f, 0);
    zip_free(of);
}
