/* A directory for a sink to files, and what a test does and sees there. */
#ifndef LAMBDA_TESTS_LOG_FILE_WORLD_H
#define LAMBDA_TESTS_LOG_FILE_WORLD_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/log_file.h>

#include "base/platform.h"

#define DAY UINT64_C(86400000000000)

/** 2026-11-27T00:00:00Z, by `date -u -d 2026-11-27 +%s`. */
#define TODAY (UINT64_C(1795737600) * 1000000000)

static char directory[64];
static lambda_log_sink sink;

static inline int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/lambda-test-XXXXXX");
    return mkdtemp(directory) ? 0 : 1;
}

static inline int remove_directory(void **state)
{
    (void)state;
    return lambda__platform_directory_remove(directory);
}

static inline void open_sink(uint64_t max_file_bytes, uint32_t retention_days)
{
    const lambda_log_file_options options = {
        .directory = directory, .max_file_bytes = max_file_bytes, .retention_days = retention_days};
    assert_ok(NULL, lambda_log_sink_file(&options, &sink));
    assert_false(sink.direct);
}

static inline void close_sink(void)
{
    sink.close(sink.user);
}

static inline lambda_status put(const char *group, uint64_t time_ns, const char *line)
{
    const lambda_log_record record = {.time_ns = time_ns,
                                      .level = LAMBDA_LOG_INFO,
                                      .type = "",
                                      .log_group_name = group,
                                      .log_stream_name = "",
                                      .request_id = "",
                                      .message = line,
                                      .message_length = strlen(line),
                                      .fields = "",
                                      .line = line,
                                      .line_length = strlen(line)};
    return sink.write(sink.user, &record);
}

/** The path of something in the directory; of the last call. */
static inline const char *in(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static inline bool there(const char *name)
{
    struct stat info;
    return lstat(in(name), &info) == 0;
}

static inline void make_file(const char *name, const char *text)
{
    FILE *file = fopen(in(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void make_folder(const char *name)
{
    assert_int_equal(mkdir(in(name), 0700), 0);
}

static inline void assert_file(const char *name, const char *expected)
{
    static char text[8192];
    FILE *file = fopen(in(name), "r");
    if (!file) fail_msg("%s is not there", in(name));
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, expected);
}

#endif
