/* What stands in a package: a list of files, directories and links, before any of it is written; and whether that may be written at all. */
#ifndef LAMBDA_PACKAGE_TREE_H
#define LAMBDA_PACKAGE_TREE_H

#include "disk.h"

/** Most bytes of a path in a package, and of a link's target: with a store's directory in front of it the system still takes it. */
#define LAMBDA__PACKAGE_PATH 2048

typedef enum lambda__package_kind {
    LAMBDA__PACKAGE_FILE,
    LAMBDA__PACKAGE_FOLDER,
    LAMBDA__PACKAGE_LINK
} lambda__package_kind;

typedef struct lambda__package_node {
    const char *path; /* "a/b": no "." or "..", no slash at either end. The tree's */
    lambda__package_kind kind;
    bool executable;
    uint64_t size;    /* bytes of a file; of a link's target before it is known */
    const char *link; /* a link's target. The tree's */
    /* Of a zip's: */
    uint64_t offset, compressed; /* where its data is, and how long */
    uint32_t crc;
    uint16_t method;
    /* Of merged trees': which one it is from. */
    uint16_t origin;
} lambda__package_node;

typedef struct lambda__package_tree {
    const char *what;       /* the parameter that messages name */
    uint32_t most;          /* entries that it may have */
    uint64_t unpacked_size; /* bytes that its files may have */
    lambda__package_node *nodes;
    size_t count, capacity;
    uint64_t bytes;                     /* of files, when settled */
    struct lambda__package_text *texts; /* paths and targets */
} lambda__package_tree;

/** Frees what it holds; it is empty again. */
void lambda__package_tree_clear(lambda__package_tree *tree);

/** A copy of text that lives as long as the tree. NULL when memory is out. */
char *lambda__package_tree_text(lambda__package_tree *tree, const char *text, size_t length);

/**
 * Adds an entry with this name as it stands in a zip or a directory: "./" and doubled slashes go; the package's own directory is passed over. `*node` (NULL:
 * not wanted), to be filled in, is valid until the next is added, and NULL for what is passed over. INVALID_CODE for a name that is empty, absolute, too long, too deep, not UTF-8, or
 * has ".." in it; INVALID_PARAMETER_VALUE for too many.
 */
lambda_status lambda__package_tree_add(lambda__package_tree *tree, const char *name, size_t length,
                                       lambda__package_kind kind, lambda__package_node **node);

/**
 * Sorts by path, directories before what is in them, and counts. INVALID_CODE for a path that is there twice, or below one that is no directory;
 * INVALID_PARAMETER_VALUE for more entries, directories that are only implied included, or bytes, than it may have.
 */
lambda_status lambda__package_tree_settle(lambda__package_tree *tree);

/** Of a tree that is merely sorted and may have paths twice: leaves of each path the node with the highest origin, and nothing below what is no directory then. */
void lambda__package_tree_overlay(lambda__package_tree *tree);

/** The node at the first `length` bytes of `path`; NULL if there is none. The tree is settled. */
const lambda__package_node *lambda__package_tree_find(const lambda__package_tree *tree, const char *path,
                                                      size_t length);

/** Follows each link, through other links too. INVALID_CODE for one that is absolute, leads out, or never ends. What they lead to need not be there. The tree is settled. */
lambda_status lambda__package_tree_check_links(const lambda__package_tree *tree);

/** A name for a message: cut, and bytes that are no plain text written as "\xNN". */
typedef struct lambda__package_shown {
    char text[168];
} lambda__package_shown;

/** Writes a name in a form that a message can hold, and returns it. */
const char *lambda__package_show(lambda__package_shown *shown, const char *name, size_t length);

/** Fails for an entry: `WHAT: "NAME": WHY`. */
lambda_status lambda__package_refuse(const char *what, const char *name, size_t length, const char *why);

/** True for UTF-8 as it should be: no surrogates, nothing longer than need be. */
bool lambda__package_is_utf8(const char *text, size_t length);

#endif
