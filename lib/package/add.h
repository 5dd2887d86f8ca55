/* Where the code of a package comes from: a zip, a directory, or one file. */
#ifndef LAMBDA_PACKAGE_ADD_H
#define LAMBDA_PACKAGE_ADD_H

#include "store.h"

/** What is added, and what messages call it. One of the two is given. */
typedef struct lambda__package_source {
    const char *path; /* NULL: bytes */
    const char *path_name;
    const void *data;
    size_t length;
    const char *data_name;
} lambda__package_source;

/** As lambda_package_add. */
lambda_status lambda__package_add(lambda_packages *packages, const lambda__package_source *source,
                                  lambda_package **package);

/** A directory, or a file, that is open: adds a copy of it. `name` is the file's, NULL for a directory. In copy.c. */
lambda_status lambda__package_add_copy(lambda_packages *packages, const char *what, int fd, const char *name,
                                       lambda_package **package);

/** Lists a directory of the disk into a tree, which is not settled: targets of links too, and `origin` in each node. In copy.c. */
lambda_status lambda__package_list_directory(lambda__package_tree *tree, int fd, uint16_t origin);

/** An empty tree with the limits of a store. */
lambda__package_tree lambda__package_tree_for(const lambda_packages *packages, const char *what);

#endif
