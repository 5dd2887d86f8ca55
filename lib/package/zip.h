/*
 * Zips (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). Which entries there are, what they are called and where they stand is read here, from the central directory alone,
 * and compared with the local headers: readers that look at one or the other then see the same. What is in them is unpacked by libarchive, which is handed a zip that is made anew of
 * those facts, entry by entry; so nothing else of the file reaches it.
 */
#ifndef LAMBDA_PACKAGE_ZIP_H
#define LAMBDA_PACKAGE_ZIP_H

#include "tree.h"

/** A zip in memory, which does not change meanwhile. */
typedef struct lambda__package_zip {
    const unsigned char *bytes;
    size_t length;
} lambda__package_zip;

/** True for bytes that begin as a zip does, an empty one too. */
bool lambda__package_is_zip(const void *bytes, size_t length);

/**
 * Lists what is in it and settles the list; targets of links are read too, and followed. INVALID_CODE for what is torn, encrypted, ambiguous or must not be in a package, with the entry's name; INVALID_PARAMETER_VALUE
 * past the tree's limits. `what` names the parameter in messages.
 */
lambda_status lambda__package_zip_list(lambda__package_zip zip, lambda__package_tree *tree);

/** Writes all of it under `root`. INVALID_CODE where contents are not what the list says: then some is written. */
lambda_status lambda__package_zip_unpack(lambda__package_zip zip, const lambda__package_tree *tree,
                                         lambda__package_place root);

/** Reads the targets of links into the list. In unpack.c. */
lambda_status lambda__package_zip_read_links(lambda__package_zip zip, lambda__package_tree *tree);

#endif
