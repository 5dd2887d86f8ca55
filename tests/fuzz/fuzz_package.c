/*
 * Deployment packages: any bytes as a zip. It is refused with an error that has a text, or unpacked; then there is nothing in its tree but files, directories and links that stay
 * inside, no more of them than the limit, and as many bytes as was said. Afterwards the store is empty again. The first byte says whether the end record is mended, so that
 * what lies before it is reached more often.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/package.h>

#include "fuzz.h"

enum { UNPACKED = 1 << 20, ENTRIES = 200 };

static char directory[64];
static lambda_packages *packages;

static void require(bool holds)
{
    if (!holds) abort();
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *ftw)
{
    (void)about;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void close_store(void)
{
    lambda_packages_close(packages);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_store(void)
{
    snprintf(directory, sizeof(directory), "%s/fuzz-package-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(directory) != NULL);
    lambda_packages_options options = {.directory = directory, .unpacked_size = UNPACKED, .entries = ENTRIES};
    require(lambda_packages_open(&options, &packages) == LAMBDA_OK);
    atexit(close_store);
}

static size_t tree_length;
static size_t entries;
static uint64_t bytes;
static const char *tree;

static int look_at(const char *path, const struct stat *about, int type, struct FTW *ftw)
{
    (void)type;
    char resolved[4096];
    if (ftw->level == 0) return 0;
    entries++;
    if (S_ISREG(about->st_mode)) {
        bytes += (uint64_t)about->st_size;
        require((about->st_mode & 07777) == 0644 || (about->st_mode & 07777) == 0755);
    } else if (S_ISLNK(about->st_mode)) {
        if (!realpath(path, resolved)) return 0;
        require(strncmp(resolved, tree, tree_length) == 0);
        require(resolved[tree_length] == '\0' || resolved[tree_length] == '/');
    } else {
        require(S_ISDIR(about->st_mode) && (about->st_mode & 07777) == 0755);
    }
    return 0;
}

static bool is_empty(const char *name)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    DIR *opened = opendir(path);
    require(opened != NULL);
    while (readdir(opened))
        count++;
    closedir(opened);
    return count == 2;
}

/** Has the end record at the very end say where the first record of a directory stands. */
static void mend(unsigned char *zip, size_t size)
{
    if (size < 22) return;
    unsigned char *end = zip + size - 22;
    memcpy(end, "PK\005\006\0\0\0\0", 8);
    memset(end + 20, 0, 2);
    for (size_t at = 0; at + 4 < size - 22; at++) {
        if (memcmp(zip + at, "PK\001\002", 4) != 0) continue;
        size_t length = size - 22 - at;
        memcpy(end + 8, end + 10, 2);
        for (int i = 0; i < 4; i++) {
            end[12 + i] = (unsigned char)(length >> (8 * i));
            end[16 + i] = (unsigned char)(at >> (8 * i));
        }
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lambda_package *package = NULL;
    if (!packages) open_store();
    if (size == 0) return 0;
    unsigned char *zip = malloc(size);
    require(zip != NULL);
    memcpy(zip, data + 1, size - 1);
    if (data[0] & 1) mend(zip, size - 1);
    lambda_code code = lambda_code_package_bytes("provided.al2023", zip, size - 1);
    lambda_status status = lambda_package_add(packages, &code, &package);
    require((status == LAMBDA_OK) == (package != NULL));
    if (status == LAMBDA_OK) {
        tree = lambda_package_path(package);
        tree_length = strlen(tree);
        entries = 0;
        bytes = 0;
        require(nftw(tree, look_at, 16, FTW_PHYS) == 0);
        require(entries <= ENTRIES && bytes <= UNPACKED && bytes == lambda_package_unpacked_size(package));
        lambda_package_release(package);
    } else {
        require(status == LAMBDA_ERROR_INVALID_CODE || status == LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
        require(lambda_error_message(NULL)[0] != '\0');
    }
    require(is_empty("incoming") && is_empty("packages"));
    free(zip);
    return 0;
}
