/* Deployment packages: a zip as large as Lambda takes, unpacked into the store, beside the tools that do the two halves of it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include <lambda/package.h>

#include "bench.h"

extern char **environ;

/* 1,000 files of 98 KB that deflate to about half: just under 50 MB. */
enum { FILES = 1000, SIZE = 98000, FOLDERS = 20 };

static lambda_packages *packages;
static char directory[64];
static char zip[96];
static char store[96];
static char unpacked[96];

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *ftw)
{
    (void)about;
    (void)type;
    (void)ftw;
    return remove(path);
}

/** Text of some words that are more frequent than others, and numbers: as compressible as code and data together. */
static void fill(char *text, uint64_t *state)
{
    static const char *const words[] = {"return ", "const ", "value", "\n    ", "function",
                                        "(",       ");\n",   " = ",   "this.",  "index"};
    size_t length = 0;
    while (length < SIZE) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        unsigned chance = (unsigned)(*state >> 59);
        char piece[32];
        if (chance < 10)
            snprintf(piece, sizeof(piece), "%s", words[chance]);
        else
            snprintf(piece, sizeof(piece), "%llx", (unsigned long long)(*state >> 24) & 0xffffffu);
        size_t room = SIZE - length;
        size_t size = strlen(piece) < room ? strlen(piece) : room;
        memcpy(text + length, piece, size);
        length += size;
    }
}

static void need(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "package_unpack: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_zip(void)
{
    static char text[SIZE];
    uint64_t state = 42;
    struct archive *archive = archive_write_new();
    need(archive && archive_write_set_format_zip(archive) == ARCHIVE_OK, "libarchive");
    need(archive_write_open_filename(archive, zip) == ARCHIVE_OK, zip);
    for (int i = 0; i < FILES; i++) {
        char name[64];
        struct archive_entry *entry = archive_entry_new();
        snprintf(name, sizeof(name), "node_modules/package%d/file%d.js", i % FOLDERS, i);
        fill(text, &state);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_size(entry, SIZE);
        archive_entry_set_filetype(entry, S_IFREG);
        archive_entry_set_perm(entry, 0644);
        need(archive_write_header(archive, entry) == ARCHIVE_OK, name);
        need(archive_write_data(archive, text, SIZE) == SIZE, name);
        archive_entry_free(entry);
    }
    need(archive_write_free(archive) == ARCHIVE_OK, zip);
}

static void open_store(void)
{
    struct stat about;
    snprintf(directory, sizeof(directory), "%.40s/lambda-bench-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    need(mkdtemp(directory) != NULL, directory);
    snprintf(zip, sizeof(zip), "%s/code.zip", directory);
    snprintf(store, sizeof(store), "%s/store", directory);
    snprintf(unpacked, sizeof(unpacked), "%s/unpacked", directory);
    write_zip();
    need(stat(zip, &about) == 0 && about.st_size < 52428800 && about.st_size > 45000000, "the zip's size");
    bench_check(NULL, lambda_packages_open(&(lambda_packages_options){.directory = store}, &packages));
}

static void close_store(void)
{
    lambda_packages_close(packages);
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** The package is removed again, which is not what is measured. */
static void add(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        lambda_package *package;
        lambda_code code = lambda_code_package("provided.al2023", zip);
        bench_check(NULL, lambda_package_add(packages, &code, &package));
        uint64_t start = bench_clock();
        lambda_package_release(package);
        bench_exclude(bench_clock() - start);
    }
}

static void run_tool(char *const arguments[])
{
    pid_t child;
    int ended = -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    errno = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    need(errno == 0 && waitpid(child, &ended, 0) == child, arguments[0]);
    need(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, arguments[0]);
}

static void run_tools(uint64_t operations)
{
    char *const unpack[] = {"bsdtar", "-xf", zip, "-C", unpacked, NULL};
    char *const sum[] = {"sha256sum", zip, NULL};
    for (uint64_t i = 0; i < operations; i++) {
        need(mkdir(unpacked, 0755) == 0, unpacked);
        run_tool(unpack);
        run_tool(sum);
        uint64_t start = bench_clock();
        nftw(unpacked, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        bench_exclude(bench_clock() - start);
    }
}

const bench bench_package_unpack = {.name = "package_unpack",
                                    .what = "a zip of 1,000 files, some 50 MB, added to the store",
                                    .yardstick = "bsdtar unpacks it, then sha256sum reads it: two child processes",
                                    .target = 1.1,
                                    .threads = true, /* of processes the instructions are not counted */
                                    .open = open_store,
                                    .product = add,
                                    .compare = run_tools,
                                    .close = close_store};
