/* The exporter to a file: X-Ray's documents, one a line. A segment's are appended together, all or none. */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/platform.h"
#include "observe/trace/xray.h"

typedef struct file_exporter {
    lambda__base *base;
    char *path; /* as it was given, for messages */
    lambda__line_file file;
    lambda__buffer lines; /* of the segment that is being written */
} file_exporter;

static lambda_status add_line(void *user, const char *text, size_t length)
{
    file_exporter *exporter = user;
    bool done = lambda__buffer_append(exporter->base, &exporter->lines, text, length) &&
                lambda__buffer_append(exporter->base, &exporter->lines, "\n", 1);
    return done ? LAMBDA_OK : lambda__out_of_memory(NULL);
}

static lambda_status file_write(void *user, const lambda_trace_segment *segment)
{
    file_exporter *exporter = user;
    exporter->lines.length = 0;
    lambda_status status = lambda__xray_write(exporter->base, segment, 0, add_line, exporter);
    if (status != LAMBDA_OK) return status;
    int error = lambda__platform_lines_add(&exporter->file, exporter->lines.data, exporter->lines.length);
    if (!error) return LAMBDA_OK;
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "path: \"%.200s\" cannot be appended to: %s", exporter->path,
                        strerror(error));
}

/** Frees it; its file is closed, or was never opened. */
static void free_exporter(file_exporter *exporter)
{
    lambda__buffer_clear(exporter->base, &exporter->lines);
    lambda__release(exporter->base, exporter->path);
    lambda__release(exporter->base, exporter);
}

static void file_close(void *user)
{
    file_exporter *exporter = user;
    lambda__platform_lines_close(&exporter->file);
    free_exporter(exporter);
}

lambda_status lambda__xray_exporter_file(lambda__base *base, const char *path, lambda_trace_exporter *exporter)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!exporter) return lambda__fail(NULL, invalid, "exporter: is NULL");
    *exporter = (lambda_trace_exporter){0};
    if (!path || !path[0]) return lambda__fail(NULL, invalid, "path: is %s", path ? "empty" : "NULL");
    file_exporter *file = lambda__allocate_zeroed(base, sizeof(*file));
    if (!file) return lambda__out_of_memory(NULL);
    file->base = base;
    file->path = lambda__duplicate(base, path);
    if (!file->path) {
        free_exporter(file);
        return lambda__out_of_memory(NULL);
    }
    int error = lambda__platform_lines_open(path, &file->file);
    if (error) {
        free_exporter(file);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "path: \"%.200s\" cannot be opened: %s", path,
                            error == EBUSY ? "it is written to already, by this process or by another"
                                           : strerror(error));
    }
    *exporter = (lambda_trace_exporter){.write = file_write, .close = file_close, .user = file};
    return LAMBDA_OK;
}

lambda_status lambda_trace_exporter_file(const char *path, lambda_trace_exporter *exporter)
{
    return lambda__xray_exporter_file(lambda__base_without_service(), path, exporter);
}

/* ---- reading */

typedef struct file_reading {
    const char *trace_id; /* NULL: any */
    const char *name;     /* likewise */
    lambda_trace_document_taker *take;
    void *user;
} file_reading;

static bool is(const json_t *document, const char *member, const char *wanted)
{
    const char *text = json_string_value(json_object_get(document, member));
    return !wanted || (text && strcmp(text, wanted) == 0);
}

static bool show(void *user, const char *line, size_t length)
{
    const file_reading *reading = user;
    json_t *document = json_loadb(line, length, 0, NULL);
    bool wanted = document && is(document, "trace_id", reading->trace_id) && is(document, "name", reading->name);
    json_decref(document);
    return !wanted || reading->take(reading->user, line, length);
}

lambda_status lambda_trace_file_read(const char *path, const char *trace_id, const char *name,
                                     lambda_trace_document_taker *take, void *user)
{
    file_reading reading = {.trace_id = trace_id, .name = name, .take = take, .user = user};
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    uint64_t offset = 0;
    int descriptor;
    bool ended;
    if (!path || !path[0]) return lambda__fail(NULL, invalid, "path: is %s", path ? "empty" : "NULL");
    if (!take) return lambda__fail(NULL, invalid, "take: is NULL");
    int error = lambda__platform_file_read(path, &descriptor);
    if (!error) {
        error = lambda__lines_show(lambda__base_without_service(), descriptor, &offset, show, &reading, &ended);
        lambda__platform_descriptor_close(descriptor);
    }
    if (!error) return LAMBDA_OK;
    if (error == ENOMEM) return lambda__out_of_memory(NULL);
    const lambda_status status = error == ENOENT ? LAMBDA_ERROR_RESOURCE_NOT_FOUND : LAMBDA_ERROR_SERVICE;
    return lambda__fail(NULL, status, "path: \"%.200s\" cannot be read: %s", path, strerror(error));
}
