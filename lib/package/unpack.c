/* What is in a zip's entries, by libarchive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "zip.h"

/** The zip that libarchive reads: a header of our own for an entry, and its data where it stands. One entry behind the other. */
typedef struct unpacker {
    lambda__package_zip zip;
    const lambda__package_tree *tree;
    struct archive *archive;
    const lambda__package_node *node; /* whose bytes are handed out */
    int handed;                       /* 0: its header is next; 1: its data; 2: nothing until the next one is begun */
    unsigned char header[64];
} unpacker;

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/** A local header: its name is a letter, as names are not libarchive's business. Bytes. */
static size_t make_header(unsigned char header[64], const lambda__package_node *node)
{
    enum { LOCAL = 30, NAME = 1, WIDE = 20 };
    memset(header, 0, 64);
    put(header, 0x04034b50u, 4);
    put(header + 4, 45, 2);
    put(header + 8, node->method, 2);
    put(header + 14, node->crc, 4);
    put(header + 18, 0xffffffffu, 4);
    put(header + 22, 0xffffffffu, 4);
    put(header + 26, NAME, 2);
    put(header + 28, WIDE, 2);
    header[LOCAL] = 'f';
    unsigned char *wide = header + LOCAL + NAME;
    put(wide, 1, 2);
    put(wide + 2, WIDE - 4, 2);
    put(wide + 4, node->size, 8);
    put(wide + 12, node->compressed, 8);
    return LOCAL + NAME + WIDE;
}

static la_ssize_t hand_out(struct archive *archive, void *user, const void **buffer)
{
    (void)archive;
    unpacker *self = user;
    if (self->handed == 0) {
        self->handed = 1;
        *buffer = self->header;
        return (la_ssize_t)make_header(self->header, self->node);
    }
    if (self->handed == 1 && self->node->compressed > 0) {
        self->handed = 2;
        *buffer = self->zip.bytes + self->node->offset;
        return (la_ssize_t)self->node->compressed;
    }
    *buffer = NULL;
    return 0;
}

static lambda_status broken(const unpacker *self, const char *why)
{
    return lambda__package_refuse(self->tree->what, self->node->path, strlen(self->node->path), why);
}

/** What libarchive says of an entry. */
static lambda_status archive_failed(const unpacker *self)
{
    char why[120];
    if (archive_errno(self->archive) == ENOMEM) return lambda__package_no_memory();
    const char *words = archive_error_string(self->archive);
    snprintf(why, sizeof(why), "cannot be unpacked: %.90s", words ? words : "its data is torn");
    return broken(self, why);
}

/** Called with each piece of an entry. */
typedef lambda_status take_piece(void *user, const void *data, size_t length);

/** Begins to read a node; ended by close_entry, whatever it answers. */
static lambda_status open_entry(unpacker *self, const lambda__package_node *node)
{
    struct archive_entry *entry;
    self->node = node;
    self->handed = 0;
    self->archive = archive_read_new();
    if (!self->archive) return lambda__package_no_memory();
    if (archive_read_support_format_zip_streamable(self->archive) != ARCHIVE_OK ||
        archive_read_open(self->archive, self, NULL, hand_out, NULL) != ARCHIVE_OK ||
        archive_read_next_header(self->archive, &entry) != ARCHIVE_OK)
        return archive_failed(self);
    return LAMBDA_OK;
}

static void close_entry(unpacker *self)
{
    archive_read_free(self->archive);
    self->archive = NULL;
}

/** Reads an entry from its beginning to its end, and says so unless it is what the list says. */
static lambda_status read_entry(unpacker *self, const lambda__package_node *node, take_piece *take, void *user)
{
    uint64_t total = 0;
    lambda_status status = open_entry(self, node);
    while (status == LAMBDA_OK) {
        const void *data;
        size_t length;
        la_int64_t offset;
        int result = archive_read_data_block(self->archive, &data, &length, &offset);
        if (result == ARCHIVE_EOF) break;
        if (result != ARCHIVE_OK)
            status = archive_failed(self);
        else if (length > node->size - total)
            status = broken(self, "is larger than it says");
        else
            status = take(user, data, length);
        total += length;
    }
    if (status == LAMBDA_OK && total != node->size) status = broken(self, "is smaller than it says");
    close_entry(self);
    return status;
}

/* ---- links */

typedef struct target {
    char text[LAMBDA__PACKAGE_PATH + 1];
    size_t length;
} target;

static lambda_status take_target(void *user, const void *data, size_t length)
{
    target *of = user;
    if (length > 0) memcpy(of->text + of->length, data, length);
    of->length += length;
    return LAMBDA_OK;
}

lambda_status lambda__package_zip_read_links(lambda__package_zip zip, lambda__package_tree *tree)
{
    unpacker self = {.zip = zip, .tree = tree};
    for (size_t i = 0; i < tree->count; i++) {
        lambda__package_node *node = &tree->nodes[i];
        target of = {.length = 0};
        if (node->kind != LAMBDA__PACKAGE_LINK) continue;
        self.node = node;
        lambda_status status = node->size > 0 ? read_entry(&self, node, take_target, &of) : LAMBDA_OK;
        if (status != LAMBDA_OK) return status;
        if (memchr(of.text, '\0', of.length)) return broken(&self, "is a link to a name with a NUL in it");
        if (!lambda__package_is_utf8(of.text, of.length)) return broken(&self, "is a link to a name that is not UTF-8");
        node->link = lambda__package_tree_text(tree, of.text, of.length);
        if (!node->link) return lambda__package_no_memory();
    }
    return LAMBDA_OK;
}

/* ---- files */

typedef struct file {
    lambda__package_writer *writer;
    const char *path;
    int fd;
} file;

static lambda_status write_piece(void *user, const void *data, size_t length)
{
    const file *to = user;
    if (lambda__package_write(to->fd, data, length)) return LAMBDA_OK;
    return lambda__package_writer_failed(to->writer, "write", to->path);
}

static lambda_status unpack_file(unpacker *self, const lambda__package_node *node, lambda__package_writer *writer)
{
    file to = {.writer = writer, .path = node->path};
    lambda_status status = lambda__package_writer_file(writer, node->path, node->executable, &to.fd);
    if (status != LAMBDA_OK) return status;
    status = read_entry(self, node, write_piece, &to);
    if (close(to.fd) != 0 && status == LAMBDA_OK) status = lambda__package_writer_failed(writer, "write", node->path);
    return status;
}

lambda_status lambda__package_zip_unpack(lambda__package_zip zip, const lambda__package_tree *tree,
                                         lambda__package_place root)
{
    unpacker self = {.zip = zip, .tree = tree};
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
            status = unpack_file(&self, node, &writer);
    }
    lambda__package_writer_close(&writer);
    return status;
}
