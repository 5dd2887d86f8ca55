/* Code as a zip, by libarchive. */
#include "zip.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "output.h"

/** Directories in one another. */
#define DEPTH_MOST 64

int tool_read(const char *path, char **data, size_t *length)
{
    char part[65536];
    size_t got;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    *data = NULL;
    *length = 0;
    if (!file) return tool_usage("%s cannot be read: %s", path, strerror(errno));
    FILE *out = open_memstream(data, length);
    while (out && (got = fread(part, 1, sizeof part, file)) > 0)
        fwrite(part, 1, got, out);
    bool torn = ferror(file) != 0;
    int error = errno;
    if (file != stdin) fclose(file);
    if (!out || fclose(out) != 0 || !*data) {
        free(*data);
        *data = NULL;
        return tool_no_memory();
    }
    if (!torn) return TOOL_OK;
    free(*data);
    *data = NULL;
    return tool_usage("%s cannot be read: %s", path, strerror(error));
}

static la_ssize_t take(struct archive *archive, void *user, const void *data, size_t length)
{
    (void)archive;
    return (la_ssize_t)fwrite(data, 1, length, user);
}

static int failed(struct archive *zip)
{
    return tool_refused("InvalidZipFileException", archive_error_string(zip));
}

static int add_entry(struct archive *zip, const char *name, mode_t type, bool executable, const char *data,
                     size_t length)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry) return tool_no_memory();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, executable ? 0755 : 0644);
    archive_entry_set_mtime(entry, 315532800, 0); /* 1980, where zips begin */
    archive_entry_set_size(entry, (la_int64_t)length);
    if (type == AE_IFLNK) archive_entry_set_symlink(entry, data);
    bool good = archive_write_header(zip, entry) == ARCHIVE_OK;
    if (good && type == AE_IFREG && length > 0) good = archive_write_data(zip, data, length) == (la_ssize_t)length;
    archive_entry_free(entry);
    return good ? TOOL_OK : failed(zip);
}

static int add_path(struct archive *zip, const char *path, const char *name, int depth);

static int no_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int add_directory(struct archive *zip, const char *path, const char *name, int depth)
{
    struct dirent **entries = NULL;
    if (depth > DEPTH_MOST) return tool_usage("%s: more than %d directories in one another", path, DEPTH_MOST);
    int count = scandir(path, &entries, no_dots, by_bytes);
    if (count < 0) return tool_usage("%s cannot be read: %s", path, strerror(errno));
    int code = TOOL_OK;
    for (int i = 0; i < count; i++) {
        char *below = NULL;
        char *inside = NULL;
        if (code == TOOL_OK && (asprintf(&below, "%s/%s", path, entries[i]->d_name) < 0 ||
                                asprintf(&inside, "%s%s%s", name, *name ? "/" : "", entries[i]->d_name) < 0)) {
            code = tool_no_memory();
            below = inside = NULL;
        }
        if (code == TOOL_OK) code = add_path(zip, below, inside, depth + 1);
        free(below);
        free(inside);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int add_path(struct archive *zip, const char *path, const char *name, int depth)
{
    struct stat about;
    char link[4096];
    char *data;
    size_t length;
    if (lstat(path, &about) != 0) return tool_usage("%s cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode)) return add_directory(zip, path, name, depth);
    if (S_ISLNK(about.st_mode)) {
        ssize_t size = readlink(path, link, sizeof link - 1);
        if (size < 0) return tool_usage("%s cannot be read: %s", path, strerror(errno));
        link[size] = '\0';
        return add_entry(zip, name, AE_IFLNK, true, link, 0);
    }
    if (!S_ISREG(about.st_mode)) return tool_usage("%s is neither a file, a directory nor a link", path);
    int code = tool_read(path, &data, &length);
    if (code == TOOL_OK) code = add_entry(zip, name, AE_IFREG, (about.st_mode & 0111) != 0, data, length);
    free(data);
    return code;
}

static int make_zip(const char *path, const char *name, char **data, size_t *length)
{
    FILE *out = open_memstream(data, length);
    struct archive *zip = archive_write_new();
    int code = TOOL_OK;
    if (!out || !zip)
        code = tool_no_memory();
    else if (archive_write_set_format_zip(zip) != ARCHIVE_OK ||
             archive_write_open(zip, out, NULL, take, NULL) != ARCHIVE_OK)
        code = failed(zip);
    /* Nothing follows the end: no block is filled up. */
    if (code == TOOL_OK) archive_write_set_bytes_in_last_block(zip, 1);
    if (code == TOOL_OK) code = *name ? add_path(zip, path, name, 0) : add_directory(zip, path, "", 0);
    if (code == TOOL_OK && archive_write_close(zip) != ARCHIVE_OK) code = failed(zip);
    archive_write_free(zip);
    if (out && fclose(out) != 0 && code == TOOL_OK) code = tool_no_memory();
    if (code == TOOL_OK) return code;
    free(*data);
    *data = NULL;
    return code;
}

int tool_zip(const char *path, char **data, size_t *length)
{
    struct stat about;
    *data = NULL;
    if (stat(path, &about) != 0) return tool_usage("--zip %s cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode)) return make_zip(path, "", data, length);
    int code = tool_read(path, data, length);
    if (code != TOOL_OK || (*length >= 4 && memcmp(*data, "PK", 2) == 0)) return code;
    const char *name = strrchr(path, '/');
    free(*data);
    return make_zip(path, name ? name + 1 : path, data, length);
}
