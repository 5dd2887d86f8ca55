#include "zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INVALID LAMBDA_ERROR_INVALID_CODE

/* Sizes of the format's records without what varies, and its marks. */
enum { END = 22, END64 = 56, LOCATOR = 20, CENTRAL = 46, LOCAL = 30, COMMENT_MAX = 65535 };
enum { STORED = 0, DEFLATED = 8, UNIX = 3, DARWIN = 19, DESCRIPTOR = 8 };
#define MARK_END     0x06054b50u
#define MARK_END64   0x06064b50u
#define MARK_LOCATOR 0x07064b50u
#define MARK_CENTRAL 0x02014b50u
#define MARK_LOCAL   0x04034b50u
#define NONE32       0xffffffffu

static uint32_t two(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t four(const unsigned char *at)
{
    return two(at) | two(at + 2) << 16;
}

static uint64_t eight(const unsigned char *at)
{
    return four(at) | (uint64_t)four(at + 4) << 32;
}

bool lambda__package_is_zip(const void *bytes, size_t length)
{
    return length >= 4 && (four(bytes) == MARK_LOCAL || four(bytes) == MARK_END);
}

static lambda_status torn(const lambda__package_tree *tree, const char *why)
{
    return lambda_runtime_fail(
        NULL, INVALID, "%s: Could not unzip uploaded file. Please check your file, then try to upload again: %s",
        tree->what, why);
}

/* ---- the end */

typedef struct directory {
    size_t begin, end; /* of the central directory */
    uint64_t count;
} directory;

/** Where the record at the end is: what follows it is its comment, all of it. Its length if there is none. */
static size_t find_end(lambda__package_zip zip)
{
    if (zip.length < END) return zip.length;
    for (size_t comment = 0; comment <= zip.length - END && comment <= COMMENT_MAX; comment++) {
        size_t at = zip.length - END - comment;
        if (four(zip.bytes + at) == MARK_END && two(zip.bytes + at + 20) == comment) return at;
    }
    return zip.length;
}

/** The wider record of an end at `at`, whose fields say that they are too narrow. What is wrong, or NULL. */
static const char *read_end64(lambda__package_zip zip, size_t at, uint64_t wide[3], size_t *begin)
{
    const unsigned char *locator = zip.bytes + at - LOCATOR;
    uint64_t where = eight(locator + 8);
    if (four(locator + 4) != 0 || four(locator + 16) > 1) return "it is one of several volumes";
    if (where > at - LOCATOR || at - LOCATOR - where < END64) return "its end record is not where it says";
    const unsigned char *record = zip.bytes + where;
    uint64_t size = eight(record + 4);
    if (four(record) != MARK_END64 || size != at - LOCATOR - where - 12) return "its end record is not where it says";
    if (four(record + 16) != 0 || four(record + 20) != 0 || eight(record + 24) != eight(record + 32))
        return "it is one of several volumes";
    wide[0] = eight(record + 32);
    wide[1] = eight(record + 40);
    wide[2] = eight(record + 48);
    *begin = (size_t)where;
    return NULL;
}

static lambda_status read_end(lambda__package_zip zip, const lambda__package_tree *tree, directory *out)
{
    size_t at = find_end(zip);
    if (at == zip.length) return torn(tree, "it has no end record: it is torn, or no zip, or bytes follow it");
    const unsigned char *end = zip.bytes + at;
    const char *wrong = NULL;
    uint64_t narrow[3] = {two(end + 10), four(end + 12), four(end + 16)};
    uint64_t wide[3];
    size_t stop = at;
    memcpy(wide, narrow, sizeof(wide));
    bool is_wide = at >= LOCATOR && four(end - LOCATOR) == MARK_LOCATOR;
    if (is_wide) wrong = read_end64(zip, at, wide, &stop);
    if (wrong) return torn(tree, wrong);
    if (narrow[0] != wide[0] && narrow[0] != 0xffff) wrong = "its two end records differ";
    for (int i = 1; i < 3; i++)
        if (narrow[i] != wide[i] && narrow[i] != NONE32) wrong = "its two end records differ";
    bool parts = two(end + 4) != two(end + 6) || two(end + 8) != two(end + 10);
    if (parts || (two(end + 4) != 0 && two(end + 4) != 0xffff)) wrong = "it is one of several volumes";
    if (wrong) return torn(tree, wrong);
    if (wide[2] > stop || wide[1] != stop - wide[2])
        return torn(tree, "its directory is not where its end record says: it is torn, or bytes were put before it");
    *out = (directory){.begin = (size_t)wide[2], .end = stop, .count = wide[0]};
    if (out->count == 0)
        return lambda_runtime_fail(NULL, INVALID, "%s: Uploaded file must be a non-empty zip", tree->what);
    return LAMBDA_OK;
}

/* ---- entries */

typedef struct entry {
    const char *name;
    size_t name_length;
    uint32_t made_by, flags, method, crc, attributes;
    uint64_t compressed, size, offset;
} entry;

/** Takes the next number of a record of wider fields, where the narrow one says so. False if it is not there. */
static bool widen(uint64_t *value, const unsigned char **at, const unsigned char *end)
{
    if (*value != NONE32) return true;
    if (end - *at < 8) return false;
    *value = eight(*at);
    *at += 8;
    return true;
}

/** Finds an extra field of that kind; NULL if there is none. False where the extra fields are torn. */
static bool find_extra(const unsigned char *extra, size_t length, uint32_t kind, const unsigned char **at, size_t *size)
{
    *at = NULL;
    *size = 0;
    while (length >= 4) {
        size_t own = two(extra + 2);
        if (own > length - 4) return false;
        if (two(extra) == kind && !*at) {
            *at = extra + 4;
            *size = own;
        }
        extra += 4 + own;
        length -= 4 + own;
    }
    return true; /* up to three bytes of padding are common */
}

/** Widens sizes, and the offset if there is one. False if the field that should is not there. */
static bool widen_all(const unsigned char *extra, size_t length, uint64_t *size, uint64_t *compressed, uint64_t *offset)
{
    const unsigned char *at;
    size_t own;
    if (!find_extra(extra, length, 1, &at, &own)) return false;
    const unsigned char *end = at ? at + own : NULL;
    return widen(size, &at, end) && widen(compressed, &at, end) && (!offset || widen(offset, &at, end));
}

/** Reads an entry of the central directory, and where the next begins. */
static bool read_central(lambda__package_zip zip, const directory *in, size_t *at, entry *out)
{
    const unsigned char *record = zip.bytes + *at;
    if (in->end - *at < CENTRAL || four(record) != MARK_CENTRAL) return false;
    size_t name = two(record + 28);
    size_t extra = two(record + 30);
    size_t comment = two(record + 32);
    if (in->end - *at - CENTRAL < name + extra + comment) return false;
    *out = (entry){.name = (const char *)record + CENTRAL,
                   .name_length = name,
                   .made_by = record[5],
                   .flags = two(record + 8),
                   .method = two(record + 10),
                   .crc = four(record + 16),
                   .compressed = four(record + 20),
                   .size = four(record + 24),
                   .attributes = four(record + 38),
                   .offset = four(record + 42)};
    *at += CENTRAL + name + extra + comment;
    return widen_all(record + CENTRAL + name, extra, &out->size, &out->compressed, &out->offset);
}

/** True if a number of the header before the data is the directory's, or says nothing where that may be. */
static bool agree(uint64_t local, uint64_t central, bool silent)
{
    return local == central || (silent && (local == 0 || local == NONE32));
}

/** Compares with the header before the data, and finds the data. What is wrong, or NULL. */
static const char *read_local(lambda__package_zip zip, const directory *in, const entry *of, size_t *data)
{
    if (of->offset > in->begin || in->begin - of->offset < LOCAL) return "its header is not in the zip";
    const unsigned char *record = zip.bytes + of->offset;
    if (four(record) != MARK_LOCAL) return "its header is not where the directory says";
    size_t name = two(record + 26);
    size_t extra = two(record + 28);
    size_t room = in->begin - (size_t)of->offset - LOCAL;
    if (room < name + extra || room - name - extra < of->compressed) return "its data is not in the zip";
    if (name != of->name_length || memcmp(record + LOCAL, of->name, name) != 0)
        return "its header and the directory differ in its name";
    uint32_t flags = two(record + 6);
    if ((flags ^ of->flags) & (1u | DESCRIPTOR) || two(record + 8) != of->method)
        return "its header and the directory differ";
    uint64_t size = four(record + 22);
    uint64_t compressed = four(record + 18);
    if (!widen_all(record + LOCAL + name, extra, &size, &compressed, NULL) && !(flags & DESCRIPTOR))
        return "its header is torn";
    /* With a descriptor behind the data, the header before it may be silent. */
    bool silent = (flags & DESCRIPTOR) != 0;
    if (!agree(size, of->size, silent) || !agree(compressed, of->compressed, silent) ||
        !agree(four(record + 14), of->crc, silent))
        return "its header and the directory differ in its size or checksum";
    *data = (size_t)of->offset + LOCAL + name + extra;
    return NULL;
}

/** What kind of file it is. What is wrong, or NULL. */
static const char *judge_kind(const entry *of, lambda__package_kind *kind, bool *executable)
{
    bool slash = of->name_length > 0 && of->name[of->name_length - 1] == '/';
    bool has_mode = of->made_by == UNIX || of->made_by == DARWIN;
    uint32_t mode = has_mode ? of->attributes >> 16 : 0;
    *kind = slash ? LAMBDA__PACKAGE_FOLDER : LAMBDA__PACKAGE_FILE;
    *executable = (mode & 0111) != 0;
    switch (mode & S_IFMT) {
    case 0:
        break;
    case S_IFREG:
        if (slash) return "is a file by its mode and a directory by its name";
        break;
    case S_IFDIR:
        *kind = LAMBDA__PACKAGE_FOLDER;
        break;
    case S_IFLNK:
        if (slash) return "is a link by its mode and a directory by its name";
        *kind = LAMBDA__PACKAGE_LINK;
        if (of->size > LAMBDA__PACKAGE_PATH) return "is a link to a name that is too long";
        break;
    case S_IFCHR:
    case S_IFBLK:
        return "is a device";
    case S_IFIFO:
        return "is a named pipe";
    case S_IFSOCK:
        return "is a socket";
    default:
        return "is neither a file, a directory nor a link";
    }
    if (*kind == LAMBDA__PACKAGE_FOLDER && of->size > 0) return "is a directory with contents of its own";
    return NULL;
}

/** What is wrong with how it is stored, or NULL. */
static const char *judge_data(const entry *of)
{
    enum { ENCRYPTED = 1 | 1 << 6 | 1 << 13, PATCH = 1 << 5 };
    if (of->flags & ENCRYPTED || of->method == 99) return "is encrypted";
    if (of->flags & PATCH) return "is a patch";
    if (of->method != STORED && of->method != DEFLATED) return "is neither stored nor deflated";
    if (of->method == STORED && of->size != of->compressed) return "is stored, and its two sizes differ";
    /* Deflate makes at most 1,032 bytes of one. */
    if (of->size / 1040 > of->compressed) return "says that it is larger than its data can be";
    return NULL;
}

/* ---- no two entries share bytes */

typedef struct range {
    uint64_t begin, end;
    size_t node; /* SIZE_MAX: of no node */
} range;

static int compare_ranges(const void *one, const void *two)
{
    const range *a = one;
    const range *b = two;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

static lambda_status check_ranges(const lambda__package_tree *tree, range *ranges, size_t count)
{
    qsort(ranges, count, sizeof(ranges[0]), compare_ranges);
    for (size_t i = 1; i < count; i++)
        if (ranges[i].begin < ranges[i - 1].end) return torn(tree, "two of its entries share bytes");
    return LAMBDA_OK;
}

/** Adds one entry to the list. */
static lambda_status list_one(lambda__package_zip zip, const directory *in, const entry *of, lambda__package_tree *tree,
                              range *bytes)
{
    lambda__package_kind kind = LAMBDA__PACKAGE_FILE;
    bool executable = false;
    size_t data = 0;
    lambda__package_node *node;
    const char *wrong = judge_kind(of, &kind, &executable);
    if (!wrong) wrong = judge_data(of);
    if (!wrong) wrong = read_local(zip, in, of, &data);
    if (wrong) return lambda__package_refuse(tree->what, of->name, of->name_length, wrong);
    *bytes = (range){.begin = of->offset, .end = data + of->compressed};
    lambda_status status = lambda__package_tree_add(tree, of->name, of->name_length, kind, &node);
    if (status != LAMBDA_OK || !node) return status;
    node->executable = executable;
    node->size = of->size;
    node->offset = data;
    node->compressed = of->compressed;
    node->crc = of->crc;
    node->method = (uint16_t)of->method;
    return LAMBDA_OK;
}

static lambda_status list_all(lambda__package_zip zip, const directory *in, lambda__package_tree *tree, range *ranges)
{
    size_t at = in->begin;
    for (uint64_t i = 0; i < in->count; i++) {
        entry of;
        if (!read_central(zip, in, &at, &of)) return torn(tree, "its directory is torn");
        lambda_status status = list_one(zip, in, &of, tree, &ranges[i]);
        if (status != LAMBDA_OK) return status;
    }
    if (at != in->end) return torn(tree, "its directory has more entries than it says");
    return check_ranges(tree, ranges, (size_t)in->count);
}

lambda_status lambda__package_zip_list(lambda__package_zip zip, lambda__package_tree *tree)
{
    directory in = {.count = 0};
    lambda_status status = read_end(zip, tree, &in);
    if (status != LAMBDA_OK) return status;
    if (in.count > (in.end - in.begin) / CENTRAL) return torn(tree, "its directory is torn");
    range *ranges = malloc(((size_t)in.count + 1) * sizeof(*ranges));
    status = ranges ? list_all(zip, &in, tree, ranges) : lambda__package_no_memory();
    free(ranges);
    if (status == LAMBDA_OK) status = lambda__package_tree_settle(tree);
    if (status == LAMBDA_OK) status = lambda__package_zip_read_links(zip, tree);
    if (status == LAMBDA_OK) status = lambda__package_tree_check_links(tree);
    return status;
}
