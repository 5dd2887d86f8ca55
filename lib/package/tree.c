#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_CODE

/* ---- texts, in blocks */

typedef struct lambda__package_text {
    struct lambda__package_text *next;
    size_t length, capacity;
    char bytes[];
} text_block;

char *lambda__package_tree_text(lambda__package_tree *tree, const char *text, size_t length)
{
    text_block *block = tree->texts;
    if (!block || block->capacity - block->length < length + 1) {
        size_t capacity = length + 1 > 16384 ? length + 1 : 16384;
        block = malloc(sizeof(*block) + capacity);
        if (!block) return NULL;
        *block = (text_block){.next = tree->texts, .capacity = capacity};
        tree->texts = block;
    }
    char *copy = block->bytes + block->length;
    if (length > 0) memcpy(copy, text, length);
    copy[length] = '\0';
    block->length += length + 1;
    return copy;
}

void lambda__package_tree_clear(lambda__package_tree *tree)
{
    for (text_block *block = tree->texts; block;) {
        text_block *next = block->next;
        free(block);
        block = next;
    }
    free(tree->nodes);
    tree->nodes = NULL;
    tree->texts = NULL;
    tree->count = tree->capacity = 0;
    tree->bytes = 0;
}

/* ---- names */

/** Bytes of the character that begins there; 0 if none does. */
static size_t character(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80) return 1;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    bool longer = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool none = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
    return longer || none ? 0 : length;
}

bool lambda__package_is_utf8(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = character((const unsigned char *)text + i, length - i);
        if (step == 0) return false;
        i += step;
    }
    return true;
}

const char *lambda__package_show(lambda__package_shown *shown, const char *name, size_t length)
{
    char *out = shown->text;
    const char *end = shown->text + sizeof(shown->text) - 8;
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)name + i;
        size_t step = character(at, length - i);
        bool plain = step > 0 && *at >= 0x20 && *at != 0x7f;
        if (end - out < 8) {
            memcpy(out, "...", 4);
            return shown->text;
        }
        if (plain) {
            memcpy(out, at, step);
            out += step;
        } else {
            out += snprintf(out, 5, "\\x%02x", *at);
        }
        i += step > 0 ? step : 1;
    }
    *out = '\0';
    return shown->text;
}

lambda_status lambda__package_refuse(const char *what, const char *name, size_t length, const char *why)
{
    lambda__package_shown shown = {.text = ""};
    return lambda_runtime_fail(NULL, INVALID, "%s: \"%s\": %s", what, lambda__package_show(&shown, name, length), why);
}

/** Writes a name's path, which is no longer. Says what is wrong with it, or NULL. */
static const char *normalise(const char *name, size_t length, char *path)
{
    size_t written = 0;
    int depth = 0;
    for (size_t i = 0; i < length;) {
        const char *slash = memchr(name + i, '/', length - i);
        size_t part = slash ? (size_t)(slash - name) - i : length - i;
        if (part == 2 && memcmp(name + i, "..", 2) == 0) return "leads out of the package";
        if (part > 255) return "a part of its name is longer than 255 bytes";
        if (part > 0 && !(part == 1 && name[i] == '.')) {
            if (++depth > LAMBDA__PACKAGE_DEPTH) return "stands deeper than 100 directories";
            if (written > 0) path[written++] = '/';
            memcpy(path + written, name + i, part);
            written += part;
        }
        i += part + 1;
    }
    path[written] = '\0';
    return NULL;
}

/** What is wrong with a name as a whole, or NULL. */
static const char *judge_name(const char *name, size_t length)
{
    if (length == 0) return "an entry has no name";
    if (memchr(name, '\0', length)) return "its name has a NUL in it";
    if (!lambda__package_is_utf8(name, length)) return "its name is not UTF-8";
    if (name[0] == '/') return "its name is absolute";
    if (length > LAMBDA__PACKAGE_PATH) return "its name is longer than 2048 bytes";
    return NULL;
}

static lambda_status grow(lambda__package_tree *tree)
{
    if (tree->count < tree->capacity) return LAMBDA_OK;
    size_t capacity = tree->capacity > 0 ? tree->capacity * 2 : 64;
    lambda__package_node *grown = realloc(tree->nodes, capacity * sizeof(*grown));
    if (!grown) return lambda__package_no_memory();
    tree->nodes = grown;
    tree->capacity = capacity;
    return LAMBDA_OK;
}

static lambda_status too_many(const lambda__package_tree *tree)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: has more than %u entries", tree->what,
                               tree->most);
}

lambda_status lambda__package_tree_add(lambda__package_tree *tree, const char *name, size_t length,
                                       lambda__package_kind kind, lambda__package_node **node)
{
    char path[LAMBDA__PACKAGE_PATH + 1];
    if (node) *node = NULL;
    const char *wrong = judge_name(name, length);
    if (!wrong) wrong = normalise(name, length, path);
    if (!wrong && path[0] == '\0' && kind != LAMBDA__PACKAGE_FOLDER) wrong = "is the package's own directory";
    if (wrong) return lambda__package_refuse(tree->what, name, length, wrong);
    if (path[0] == '\0') return LAMBDA_OK;
    if (tree->count >= tree->most) return too_many(tree);
    lambda_status status = grow(tree);
    if (status != LAMBDA_OK) return status;
    const char *copy = lambda__package_tree_text(tree, path, strlen(path));
    if (!copy) return lambda__package_no_memory();
    lambda__package_node *made = &tree->nodes[tree->count++];
    *made = (lambda__package_node){.path = copy, .kind = kind};
    if (node) *node = made;
    return LAMBDA_OK;
}

/* ---- order */

/** As strcmp, with the slash before everything else: what is in a directory follows it at once. */
static int compare_paths(const char *one, const char *two)
{
    size_t i = 0;
    while (one[i] && one[i] == two[i])
        i++;
    int a = one[i] == '/' ? 1 : one[i] ? (unsigned char)one[i] + 1 : 0;
    int b = two[i] == '/' ? 1 : two[i] ? (unsigned char)two[i] + 1 : 0;
    return a - b;
}

static int compare_nodes(const void *one, const void *two)
{
    const lambda__package_node *a = one;
    const lambda__package_node *b = two;
    int order = compare_paths(a->path, b->path);
    return order != 0 ? order : (int)a->origin - (int)b->origin;
}

/** True if `path` stands below `above`. */
static bool is_below(const char *path, const char *above)
{
    size_t length = strlen(above);
    return strncmp(path, above, length) == 0 && path[length] == '/';
}

/** Directories of `path` that neither are nodes nor stand on the way to `former`, the path before it. */
static size_t count_implied(const lambda__package_node *former, const char *path)
{
    size_t shared = 0;
    size_t implied = 0;
    if (former)
        while (former->path[shared] && former->path[shared] == path[shared])
            shared++;
    /* The whole of the former path is a directory that is there. */
    bool whole = former && former->path[shared] == '\0' && path[shared] == '/';
    for (size_t i = shared + (whole ? 1 : 0); path[i]; i++)
        implied += path[i] == '/';
    return implied;
}

lambda_status lambda__package_tree_settle(lambda__package_tree *tree)
{
    const lambda__package_node *solid = NULL; /* the last that is no directory */
    uint64_t entries = tree->count;
    if (tree->count > 1) qsort(tree->nodes, tree->count, sizeof(tree->nodes[0]), compare_nodes);
    tree->bytes = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const lambda__package_node *node = &tree->nodes[i];
        const lambda__package_node *former = i > 0 ? node - 1 : NULL;
        if (former && strcmp(node->path, former->path) == 0)
            return lambda__package_refuse(tree->what, node->path, strlen(node->path), "is there twice");
        if (solid && is_below(node->path, solid->path))
            return lambda__package_refuse(tree->what, node->path, strlen(node->path),
                                          "stands below what is not a directory");
        if (node->kind != LAMBDA__PACKAGE_FOLDER) solid = node;
        entries += count_implied(former, node->path);
        if (entries > tree->most) return too_many(tree);
        if (node->kind != LAMBDA__PACKAGE_FILE) continue;
        if (node->size > tree->unpacked_size - tree->bytes)
            return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                       "%s: Unzipped size must be smaller than %llu bytes", tree->what,
                                       (unsigned long long)tree->unpacked_size);
        tree->bytes += node->size;
    }
    return LAMBDA_OK;
}

void lambda__package_tree_overlay(lambda__package_tree *tree)
{
    if (tree->count > 1) qsort(tree->nodes, tree->count, sizeof(tree->nodes[0]), compare_nodes);
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        lambda__package_node *node = &tree->nodes[i];
        if (kept > 0 && strcmp(tree->nodes[kept - 1].path, node->path) == 0) kept--; /* the later one's */
        tree->nodes[kept++] = *node;
    }
    tree->count = kept;
    kept = 0;
    const lambda__package_node *solid = NULL;
    for (size_t i = 0; i < tree->count; i++) {
        if (solid && is_below(tree->nodes[i].path, solid->path)) continue;
        tree->nodes[kept++] = tree->nodes[i];
        if (tree->nodes[kept - 1].kind != LAMBDA__PACKAGE_FOLDER) solid = &tree->nodes[kept - 1];
    }
    tree->count = kept;
}

const lambda__package_node *lambda__package_tree_find(const lambda__package_tree *tree, const char *path, size_t length)
{
    char wanted[LAMBDA__PACKAGE_PATH + 1];
    if (length == 0 || length > LAMBDA__PACKAGE_PATH) return NULL;
    memcpy(wanted, path, length);
    wanted[length] = '\0';
    size_t low = 0;
    size_t high = tree->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_paths(tree->nodes[middle].path, wanted);
        if (order == 0) return &tree->nodes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
