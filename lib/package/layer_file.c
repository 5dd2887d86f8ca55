/* Layers on disk. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "layers.h"

#define NEXT "next"

/* A policy may be twelve times as long in JSON as it is, if all of it is escaped. */
enum { FILE_MAX = 65536 + 12 * LAMBDA_LAYER_POLICY_MAX };

static lambda_status damaged(const char *layer, const char *name)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "layers/%.140s/%.80s: is damaged", layer, name);
}

/* ---- writing */

static json_t *list_of(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(texts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static char *document_of(const lambda_layer_version *about, const lambda_package *package, const char *policy)
{
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:s*}", "package", package->sum.hex, "description", about->description,
        "license_info", about->license_info, "created_date", about->created_date, "compatible_runtimes",
        list_of(about->compatible_runtimes, about->compatible_runtimes_count), "compatible_architectures",
        list_of(about->compatible_architectures, about->compatible_architectures_count), "policy", policy);
    char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    json_decref(document);
    return text;
}

/** Puts a file into a layer's directory. */
static lambda_status put(lambda_packages *packages, const lambda__package_place *layer, const char *name,
                         const char *text)
{
    char spare[LAMBDA__PACKAGE_SPARE];
    lambda__package_spare(packages, spare);
    return lambda__package_put(&packages->incoming, spare, layer, name, text, strlen(text));
}

lambda_status lambda__layer_write(lambda_packages *packages, const lambda_layer_version *about,
                                  const lambda_package *package)
{
    char name[32];
    char next[24];
    lambda__package_place layer = {.path = about->layer_name, .fd = -1};
    char *text = document_of(about, package, NULL);
    if (!text) return lambda__package_no_memory();
    snprintf(name, sizeof(name), "%" PRIu64 ".json", about->version);
    snprintf(next, sizeof(next), "%" PRIu64 "\n", about->version + 1);
    lambda_status status = lambda__package_directory(&packages->layers, about->layer_name, &layer.fd);
    if (status == LAMBDA_OK && fsync(packages->layers.fd) != 0)
        status = lambda__package_disk_failed("write", &packages->layers, about->layer_name);
    if (status == LAMBDA_OK) status = put(packages, &layer, NEXT, next);
    if (status == LAMBDA_OK) status = put(packages, &layer, name, text);
    if (layer.fd >= 0) close(layer.fd);
    free(text);
    return status;
}

static int open_layer(const lambda_packages *packages, const char *name)
{
    return openat(packages->layers.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

lambda_status lambda__layer_rewrite(lambda_packages *packages, const lambda_layer_version *about,
                                    const lambda_package *package, const char *policy)
{
    char name[32];
    lambda__package_place layer = {.path = about->layer_name, .fd = open_layer(packages, about->layer_name)};
    if (layer.fd < 0) return lambda__package_disk_failed("open", &packages->layers, about->layer_name);
    char *text = document_of(about, package, policy);
    snprintf(name, sizeof(name), "%" PRIu64 ".json", about->version);
    lambda_status status = text ? put(packages, &layer, name, text) : lambda__package_no_memory();
    close(layer.fd);
    free(text);
    return status;
}

lambda_status lambda__layer_unlink(lambda_packages *packages, const char *name, uint64_t number)
{
    char file[32];
    lambda__package_place layer = {.path = name, .fd = open_layer(packages, name)};
    if (layer.fd < 0) return lambda__package_disk_failed("open", &packages->layers, name);
    snprintf(file, sizeof(file), "%" PRIu64 ".json", number);
    lambda_status status = LAMBDA_OK;
    if ((unlinkat(layer.fd, file, 0) != 0 && errno != ENOENT) || fsync(layer.fd) != 0)
        status = lambda__package_disk_failed("remove", &layer, file);
    close(layer.fd);
    return status;
}

/* ---- reading */

typedef struct reader {
    lambda_packages *packages;
    lambda__package_place place;
    lambda__layer *layer;
} reader;

/** Takes a list of texts; false if it is none, or too long. Borrowed from the document. */
static bool read_list(const json_t *list, const char *texts[], size_t most, size_t *count)
{
    *count = json_array_size(list);
    if (!json_is_array(list) || *count > most) return false;
    for (size_t i = 0; i < *count; i++) {
        texts[i] = json_string_value(json_array_get(list, i));
        if (!texts[i]) return false;
    }
    return true;
}

/** Makes a record of a document. */
static lambda_status read_document(reader *self, json_t *document, uint64_t number, const char *name)
{
    const char *runtimes[LAMBDA__LAYER_RUNTIMES];
    const char *architectures[LAMBDA__LAYER_ARCHITECTURES];
    const char *package = NULL;
    const char *policy = NULL;
    const json_t *first = NULL;
    const json_t *second = NULL;
    lambda_layer_version about = {.layer_name = self->layer->name, .version = number};
    bool good =
        json_unpack(document, "{s:s, s:s, s:s, s:s, s:o, s:o, s?s}", "package", &package, "description",
                    &about.description, "license_info", &about.license_info, "created_date", &about.created_date,
                    "compatible_runtimes", &first, "compatible_architectures", &second, "policy", &policy) == 0 &&
        read_list(first, runtimes, LAMBDA__LAYER_RUNTIMES, &about.compatible_runtimes_count) &&
        read_list(second, architectures, LAMBDA__LAYER_ARCHITECTURES, &about.compatible_architectures_count);
    if (!good) return damaged(self->layer->name, name);
    about.compatible_runtimes = runtimes;
    about.compatible_architectures = architectures;
    lambda__layer_record *record = calloc(1, sizeof(*record));
    if (!record) return lambda__package_no_memory();
    lambda_status status = lambda__package_hold_found(self->packages, package, &record->package);
    if (status == LAMBDA_OK) {
        record->about = lambda__layer_copy(self->packages, &about, record->package);
        record->policy = policy ? strdup(policy) : NULL;
        if (!record->about || (policy && !record->policy)) status = lambda__package_no_memory();
    }
    if (status == LAMBDA_OK)
        lambda__layer_insert(self->layer, record);
    else
        lambda__layer_record_free(record);
    return status;
}

/** The number that a text begins with, up to `end`; 0 if there is none. */
static uint64_t number_of(const char *text, const char *end)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 19 && text[0] != '0' && strcmp(text + digits, end) == 0 ? strtoull(text, NULL, 10)
                                                                                          : 0;
}

static lambda_status read_file(void *user, const char *name)
{
    reader *self = user;
    char *text = NULL;
    size_t length = 0;
    bool is_next = strcmp(name, NEXT) == 0;
    uint64_t number = is_next ? 0 : number_of(name, ".json");
    if (!is_next && number == 0) return damaged(self->layer->name, name);
    lambda_status status = lambda__package_get(&self->place, name, FILE_MAX, &text, &length);
    if (status != LAMBDA_OK) return status;
    if (is_next) {
        number = number_of(text, "\n");
        if (number == 0) status = damaged(self->layer->name, name);
        if (number > self->layer->number) self->layer->number = number;
    } else {
        json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
        status = document ? read_document(self, document, number, name) : damaged(self->layer->name, name);
        json_decref(document);
    }
    free(text);
    return status;
}

static lambda_status read_layer(void *user, const char *name)
{
    lambda_packages *packages = user;
    lambda__layer_name parsed;
    reader self = {.packages = packages, .place = {.path = name}};
    if (lambda__layer_parse(packages, "layers", name, &parsed) != LAMBDA_OK) return damaged(name, ".");
    self.layer = lambda__layer_obtain(packages, name);
    if (!self.layer) return lambda__package_no_memory();
    self.place.fd = open_layer(packages, name);
    if (self.place.fd < 0) return lambda__package_disk_failed("open", &packages->layers, name);
    lambda_status status = lambda__package_each(&self.place, read_file, &self);
    close(self.place.fd);
    return status;
}

lambda_status lambda__layer_load_all(lambda_packages *packages)
{
    return lambda__package_each(&packages->layers, read_layer, packages);
}
