/* Publishing, reading and deleting versions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layers.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- in memory */

lambda__layer *lambda__layer_find(const lambda_packages *packages, const char *name)
{
    lambda__layer *layer = packages->list;
    while (layer && strcmp(layer->name, name) < 0)
        layer = layer->next;
    return layer && strcmp(layer->name, name) == 0 ? layer : NULL;
}

lambda__layer *lambda__layer_obtain(lambda_packages *packages, const char *name)
{
    lambda__layer **at = &packages->list;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at && strcmp((*at)->name, name) == 0) return *at;
    lambda__layer *layer = calloc(1, sizeof(*layer));
    if (!layer) return NULL;
    snprintf(layer->name, sizeof(layer->name), "%s", name);
    layer->number = 1;
    layer->next = *at;
    *at = layer;
    return layer;
}

lambda__layer_record *lambda__layer_find_version(const lambda__layer *layer, uint64_t number)
{
    lambda__layer_record *record = layer ? layer->newest : NULL;
    while (record && record->about->version > number)
        record = record->next;
    return record && record->about->version == number ? record : NULL;
}

void lambda__layer_insert(lambda__layer *layer, lambda__layer_record *record)
{
    lambda__layer_record **at = &layer->newest;
    while (*at && (*at)->about->version > record->about->version)
        at = &(*at)->next;
    record->next = *at;
    *at = record;
    if (layer->number <= record->about->version) layer->number = record->about->version + 1;
}

void lambda__layer_record_free(lambda__layer_record *record)
{
    if (!record) return;
    lambda_layer_version_free(record->about);
    free(record->policy);
    free(record);
}

void lambda__layer_free_all(lambda_packages *packages)
{
    while (packages->list) {
        lambda__layer *layer = packages->list;
        packages->list = layer->next;
        while (layer->newest) {
            lambda__layer_record *record = layer->newest;
            layer->newest = record->next;
            lambda__layer_record_free(record);
        }
        free(layer);
    }
}

/* ---- what is asked for */

/** Characters of UTF-8; SIZE_MAX if it is none. */
static size_t characters(const char *text)
{
    size_t count = 0;
    if (!lambda__package_is_utf8(text, strlen(text))) return SIZE_MAX;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static lambda_status check_text(const char *what, const char *text, size_t most)
{
    size_t count = characters(text);
    if (count <= most) return LAMBDA_OK;
    return lambda_runtime_fail(
        NULL, INVALID, count == SIZE_MAX ? "%s: is not UTF-8" : "%s: is longer than %zu characters", what, most);
}

static lambda_status check_runtime(const char *what, const char *runtime)
{
    size_t length = runtime ? strlen(runtime) : 0;
    if (length >= 1 && length <= 64 &&
        strspn(runtime, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length)
        return LAMBDA_OK;
    return lambda_runtime_fail(NULL, INVALID, "%s: \"%.80s\" is not the name of a runtime", what,
                               runtime ? runtime : "");
}

static lambda_status check_architecture(const char *what, const char *architecture)
{
    if (architecture && (strcmp(architecture, "x86_64") == 0 || strcmp(architecture, "arm64") == 0)) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, INVALID, "%s: \"%.80s\" is neither \"x86_64\" nor \"arm64\"", what,
                               architecture ? architecture : "");
}

static lambda_status check_config(const lambda_layer_config *config)
{
    const char *runtimes = "compatible_runtimes";
    const char *architectures = "compatible_architectures";
    if (config->compatible_runtimes_count > LAMBDA__LAYER_RUNTIMES ||
        (config->compatible_runtimes_count > 0 && !config->compatible_runtimes))
        return lambda_runtime_fail(NULL, INVALID, "%s: are not at most %d", runtimes, LAMBDA__LAYER_RUNTIMES);
    if (config->compatible_architectures_count > LAMBDA__LAYER_ARCHITECTURES ||
        (config->compatible_architectures_count > 0 && !config->compatible_architectures))
        return lambda_runtime_fail(NULL, INVALID, "%s: are not at most %d", architectures, LAMBDA__LAYER_ARCHITECTURES);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < config->compatible_runtimes_count && status == LAMBDA_OK; i++)
        status = check_runtime(runtimes, config->compatible_runtimes[i]);
    for (size_t i = 0; i < config->compatible_architectures_count && status == LAMBDA_OK; i++)
        status = check_architecture(architectures, config->compatible_architectures[i]);
    if (status == LAMBDA_OK) status = check_text("description", config->description ? config->description : "", 256);
    if (status == LAMBDA_OK) status = check_text("license_info", config->license_info ? config->license_info : "", 512);
    return status;
}

/* ---- publishing */

static void write_now(char text[40])
{
    struct timespec now;
    struct tm parts;
    char seconds[24] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 40, "%s.%03d+0000", seconds, (int)(now.tv_nsec / 1000000));
}

/** With `changing` held: the next version, on disk and in memory. `*version` is a copy. */
static lambda_status publish(lambda_packages *packages, lambda_layer_version *about, lambda_package *package,
                             lambda_layer_version **version)
{
    pthread_mutex_lock(&packages->mutex);
    lambda__layer *layer = lambda__layer_obtain(packages, about->layer_name);
    pthread_mutex_unlock(&packages->mutex);
    lambda__layer_record *record = calloc(1, sizeof(*record));
    lambda_status status = layer && record ? LAMBDA_OK : lambda__package_no_memory();
    if (status == LAMBDA_OK) {
        about->version = layer->number;
        record->package = package;
        record->about = lambda__layer_copy(packages, about, package);
        *version = lambda__layer_copy(packages, about, package);
        if (!record->about || !*version) status = lambda__package_no_memory();
    }
    if (status == LAMBDA_OK) status = lambda__package_synchronise(package);
    if (status == LAMBDA_OK) status = lambda__layer_write(packages, about, package);
    if (status == LAMBDA_OK) {
        pthread_mutex_lock(&packages->mutex);
        lambda__layer_insert(layer, record);
        package->held++;
        pthread_mutex_unlock(&packages->mutex);
        return LAMBDA_OK;
    }
    lambda__layer_record_free(record);
    lambda_layer_version_free(*version);
    *version = NULL;
    return status;
}

lambda_status lambda_layer_publish_sized(lambda_packages *packages, const lambda_layer_config *config, size_t size,
                                         lambda_layer_version **version)
{
    lambda_layer_config own = {0};
    lambda__layer_name name;
    char now[40];
    lambda_package *package = NULL;
    lambda_layer_version *published = NULL;
    if (version) *version = NULL;
    if (!packages || !config)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "config" : "packages");
    memcpy(&own, config, size < sizeof(own) ? size : sizeof(own));
    lambda_status status = lambda__layer_parse(packages, "layer_name", own.layer_name, &name);
    if (status == LAMBDA_OK) status = check_config(&own);
    if (status != LAMBDA_OK) return status;
    lambda__package_source source = {
        .path = own.path, .path_name = "path", .data = own.data, .length = own.data_length, .data_name = "data"};
    status = lambda__package_add(packages, &source, &package);
    if (status != LAMBDA_OK) return status;
    write_now(now);
    lambda_layer_version about = {.layer_name = name.name,
                                  .description = own.description ? own.description : "",
                                  .license_info = own.license_info ? own.license_info : "",
                                  .created_date = now,
                                  .compatible_runtimes = own.compatible_runtimes,
                                  .compatible_runtimes_count = own.compatible_runtimes_count,
                                  .compatible_architectures = own.compatible_architectures,
                                  .compatible_architectures_count = own.compatible_architectures_count};
    pthread_mutex_lock(&packages->changing);
    status = publish(packages, &about, package, &published);
    pthread_mutex_unlock(&packages->changing);
    lambda_package_release(package);
    if (version)
        *version = published;
    else
        lambda_layer_version_free(published);
    return status;
}

/* ---- reading and deleting */

static lambda_status get(lambda_packages *packages, const lambda__layer_name *name, lambda_layer_version **version)
{
    pthread_mutex_lock(&packages->mutex);
    const lambda__layer_record *record =
        lambda__layer_find_version(lambda__layer_find(packages, name->name), name->number);
    if (record) *version = lambda__layer_copy(packages, record->about, record->package);
    pthread_mutex_unlock(&packages->mutex);
    if (!record) return lambda__layer_missing(packages, name);
    return *version ? LAMBDA_OK : lambda__package_no_memory();
}

static lambda_status no_number(void)
{
    return lambda_runtime_fail(NULL, INVALID, "number: versions are counted from 1");
}

lambda_status lambda_layer_get(lambda_packages *packages, const char *layer_name, uint64_t number,
                               lambda_layer_version **version)
{
    lambda__layer_name name;
    if (version) *version = NULL;
    if (!packages || !version)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "version" : "packages");
    lambda_status status = lambda__layer_parse(packages, "layer_name", layer_name, &name);
    if (status != LAMBDA_OK) return status;
    if (number == 0) return no_number();
    name.number = number;
    return get(packages, &name, version);
}

lambda_status lambda_layer_get_by_arn(lambda_packages *packages, const char *layer_version_arn,
                                      lambda_layer_version **version)
{
    lambda__layer_name name;
    if (version) *version = NULL;
    if (!packages || !version)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "version" : "packages");
    lambda_status status = lambda__layer_parse_version(packages, "layer_version_arn", layer_version_arn, &name);
    return status == LAMBDA_OK ? get(packages, &name, version) : status;
}

void lambda_layer_version_free(lambda_layer_version *version)
{
    free(version);
}

/** With `mutex` held: takes a record out of its layer. */
static void unlink_record(lambda__layer *layer, const lambda__layer_record *record)
{
    lambda__layer_record **at = &layer->newest;
    while (*at != record)
        at = &(*at)->next;
    *at = record->next;
}

/** With `changing` held. What it had is the caller's to discard where `*discard` is not NULL then. */
static lambda_status delete_version(lambda_packages *packages, const lambda__layer_name *name, lambda_package **discard,
                                    char spare[LAMBDA__PACKAGE_SPARE])
{
    lambda__layer *layer = lambda__layer_find(packages, name->name);
    lambda__layer_record *record = lambda__layer_find_version(layer, name->number);
    if (!record) return LAMBDA_OK;
    lambda_status status = lambda__layer_unlink(packages, name->name, name->number);
    if (status != LAMBDA_OK) return status;
    pthread_mutex_lock(&packages->mutex);
    unlink_record(layer, record);
    record->package->held--;
    if (lambda__package_detach(record->package, spare)) *discard = record->package;
    pthread_mutex_unlock(&packages->mutex);
    lambda__layer_record_free(record);
    return LAMBDA_OK;
}

lambda_status lambda_layer_delete(lambda_packages *packages, const char *layer_name, uint64_t number)
{
    lambda__layer_name name;
    lambda_package *discard = NULL;
    char spare[LAMBDA__PACKAGE_SPARE];
    if (!packages) return lambda_runtime_fail(NULL, INVALID, "packages: is NULL");
    lambda_status status = lambda__layer_parse(packages, "layer_name", layer_name, &name);
    if (status != LAMBDA_OK) return status;
    if (number == 0) return no_number();
    name.number = number;
    pthread_mutex_lock(&packages->changing);
    status = delete_version(packages, &name, &discard, spare);
    pthread_mutex_unlock(&packages->changing);
    if (discard) lambda__package_discard(packages, discard, spare);
    return status;
}
