/* Layers as a function sees them: one tree of hard links, named by the list of versions, as a version never changes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static const char what[] = "layers";

typedef struct merge {
    lambda_packages *packages;
    lambda__layer_name names[LAMBDA_LAYERS_MAX];
    size_t count;
    const lambda_package *with;
    lambda_package *sources[LAMBDA_LAYERS_MAX]; /* references, while it is being made */
    int fds[LAMBDA_LAYERS_MAX];                 /* their trees */
} merge;

/** Where layers are too large, with what they go with: Lambda's words. */
static lambda_status check_size(const merge *self, uint64_t bytes)
{
    uint64_t most = self->packages->unpacked_size;
    if (bytes > most)
        return lambda_runtime_fail(NULL, INVALID,
                                   "%s: Layers consume more than the available size of %" PRIu64 " bytes", what, most);
    if (self->with && self->with->unpacked_size > most - bytes)
        return lambda_runtime_fail(NULL, INVALID,
                                   "%s: Function code combined with layers exceeds the maximum allowed size of %" PRIu64
                                   " bytes. The actual size is %" PRIu64 " bytes.",
                                   what, most, bytes + self->with->unpacked_size);
    return LAMBDA_OK;
}

/** Copies a file's bytes, where the file system has no (more) hard links. */
static lambda_status copy_file(lambda__package_writer *writer, const lambda__package_node *node, int from)
{
    int to;
    char *piece = malloc(1 << 17);
    if (!piece) return lambda__package_no_memory();
    lambda_status status = lambda__package_writer_file(writer, node->path, node->executable, &to);
    while (status == LAMBDA_OK) {
        long long got = lambda__package_read(from, piece, 1 << 17);
        if (got < 0) status = lambda__package_writer_failed(writer, "read", node->path);
        if (got <= 0) break;
        if (!lambda__package_write(to, piece, (size_t)got))
            status = lambda__package_writer_failed(writer, "write", node->path);
    }
    free(piece);
    if (to >= 0 && close(to) != 0 && status == LAMBDA_OK)
        status = lambda__package_writer_failed(writer, "write", node->path);
    return status;
}

static lambda_status link_file(const merge *self, lambda__package_writer *writer, const lambda__package_node *node)
{
    const char *name;
    int tree = self->fds[node->origin];
    int parent = lambda__package_writer_parent(writer, node->path, &name);
    if (parent < 0) return lambda__package_writer_failed(writer, "make the directory of", node->path);
    if (linkat(tree, node->path, parent, name, 0) == 0) return LAMBDA_OK;
    if (errno != EMLINK && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return lambda__package_writer_failed(writer, "link", node->path);
    int from = openat(tree, node->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0) return lambda__package_writer_failed(writer, "open", node->path);
    lambda_status status = copy_file(writer, node, from);
    close(from);
    return status;
}

static lambda_status write_tree(const merge *self, const lambda__package_tree *tree, lambda__package_place root)
{
    lambda__package_writer writer;
    lambda_status status = LAMBDA_OK;
    lambda__package_writer_open(&writer, root);
    for (size_t i = 0; i < tree->count && status == LAMBDA_OK; i++) {
        const lambda__package_node *node = &tree->nodes[i];
        if (node->kind == LAMBDA__PACKAGE_FOLDER)
            status = lambda__package_writer_directory(&writer, node->path);
        else if (node->kind == LAMBDA__PACKAGE_LINK)
            status = lambda__package_writer_link(&writer, node->path, node->link);
        else
            status = link_file(self, &writer, node);
    }
    lambda__package_writer_close(&writer);
    return status;
}

/** Finds the versions, takes references to their packages and opens their trees. */
static lambda_status open_sources(merge *self)
{
    for (size_t i = 0; i < self->count; i++) {
        lambda_packages *packages = self->packages;
        const lambda__layer_name *name = &self->names[i];
        pthread_mutex_lock(&packages->mutex);
        const lambda__layer_record *record =
            lambda__layer_find_version(lambda__layer_find(packages, name->name), name->number);
        if (record) self->sources[i] = record->package;
        if (record) record->package->references++;
        pthread_mutex_unlock(&packages->mutex);
        if (!record) return lambda__layer_missing(packages, name);
        self->fds[i] = open(self->sources[i]->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (self->fds[i] < 0)
            return lambda__package_disk_failed("open", &packages->unpacked, self->sources[i]->sum.hex);
    }
    return LAMBDA_OK;
}

static void close_sources(merge *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->fds[i] >= 0) close(self->fds[i]);
        lambda_package_release(self->sources[i]);
    }
}

static lambda_status fill_from_layers(void *user, lambda__package_place root, lambda_package *package)
{
    merge *self = user;
    lambda__package_tree tree = lambda__package_tree_for(self->packages, what);
    /* Each was within the limit; together they need not be, until what is there twice is gone. */
    uint64_t most = (uint64_t)tree.most * LAMBDA_LAYERS_MAX;
    tree.most = most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
    tree.unpacked_size = UINT64_MAX;
    lambda_status status = open_sources(self);
    for (size_t i = 0; i < self->count && status == LAMBDA_OK; i++)
        status = lambda__package_list_directory(&tree, self->fds[i], (uint16_t)i);
    if (status == LAMBDA_OK) {
        lambda__package_tree_overlay(&tree);
        tree.most = self->packages->entries;
        status = lambda__package_tree_settle(&tree);
    }
    if (status == LAMBDA_OK) status = check_size(self, tree.bytes);
    /* What one layer's link went through may be another's by now. */
    if (status == LAMBDA_OK) status = lambda__package_tree_check_links(&tree);
    if (status == LAMBDA_OK) status = write_tree(self, &tree, root);
    package->size = package->unpacked_size = tree.bytes;
    lambda__package_tree_clear(&tree);
    close_sources(self);
    return status;
}

/** Reads the ARNs. */
static lambda_status parse(merge *self, const char *const *arns)
{
    for (size_t i = 0; i < self->count; i++) {
        lambda_status status = lambda__layer_parse_version(self->packages, what, arns[i], &self->names[i]);
        if (status != LAMBDA_OK) return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(self->names[k].name, self->names[i].name) == 0)
                return lambda_runtime_fail(NULL, INVALID,
                                           "%s: Two different versions of the same layer are not allowed to be "
                                           "referenced in the same function. %.150s and %.150s are versions of the "
                                           "same layer.",
                                           what, arns[k], arns[i]);
    }
    return LAMBDA_OK;
}

/** The digest of the list, by which it is found again even after its versions are deleted. */
static lambda_status name_list(const merge *self, lambda__package_sum *sum)
{
    static const char head[] = "lambda layers 1";
    lambda__package_digest digest;
    lambda_status status = lambda__package_digest_begin(&digest);
    if (status != LAMBDA_OK) return status;
    status = lambda__package_digest_add(&digest, head, sizeof(head));
    for (size_t i = 0; i < self->count && status == LAMBDA_OK; i++) {
        char text[LAMBDA__LAYER_NAME + 32];
        int length = snprintf(text, sizeof(text), "%s:%" PRIu64, self->names[i].name, self->names[i].number);
        status = lambda__package_digest_add(&digest, text, (size_t)length + 1);
    }
    if (status == LAMBDA_OK) status = lambda__package_digest_sum(&digest, sum);
    lambda__package_digest_drop(&digest);
    return status;
}

lambda_status lambda_layers_merge(lambda_packages *packages, const char *const *layer_version_arns, size_t count,
                                  const lambda_package *with, lambda_package **merged)
{
    merge self = {.packages = packages, .count = count, .with = with, .fds = {-1, -1, -1, -1, -1}};
    lambda__package_sum sum;
    if (merged) *merged = NULL;
    if (!packages || !merged)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "merged" : "packages");
    if (count == 0 || count > LAMBDA_LAYERS_MAX || !layer_version_arns)
        return lambda_runtime_fail(NULL, INVALID, "%s: are not 1 to %d", what, LAMBDA_LAYERS_MAX);
    lambda_status status = parse(&self, layer_version_arns);
    if (status == LAMBDA_OK) status = name_list(&self, &sum);
    if (status == LAMBDA_OK) status = lambda__package_make(packages, &sum, fill_from_layers, &self, merged);
    if (status != LAMBDA_OK) return status;
    status = check_size(&self, (*merged)->unpacked_size);
    if (status == LAMBDA_OK) return status;
    lambda_package_release(*merged);
    *merged = NULL;
    return status;
}
