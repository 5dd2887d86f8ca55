/*
 * The store. On disk, under its directory:
 *
 *     lambda-packages              says that this is one, in which format; locked while it is open
 *     packages/DIGEST/tree/        a package, unpacked; DIGEST in hexadecimal
 *     packages/DIGEST/package.json its sizes
 *     packages/DIGEST/package.zip  the zip that it came as, where the options say so
 *     kept/DIGEST                  an empty file: lambda_package_keep
 *     layers/NAME/next             the number of the next version
 *     layers/NAME/VERSION.json     a version
 *     incoming/                    what is being made, and what is being removed: emptied when a store is opened
 *
 * Packages are made in incoming/ and renamed when they are whole; to be removed they are renamed back first. So what stands in packages/ is whole as far as any process
 * can see. A loss of power is another matter: nothing is synchronised until somebody counts on it. lambda_package_keep and lambda_layer_publish have the file system write everything
 * (syncfs) before they make their mark, and opening removes whatever has no mark: so what is found there had been written.
 *
 * Two locks, in this order: `changing` is held while a mark or a layer is written to disk, `mutex` is held shortly, for what is in memory and for renames. Neither is held while a
 * package is unpacked, copied or removed: its entry in the table says that it is being made, and who wants the same waits for that.
 */
#ifndef LAMBDA_PACKAGE_STORE_H
#define LAMBDA_PACKAGE_STORE_H

#include <pthread.h>

#include <lambda/layer.h>

#include "digest.h"
#include "disk.h"
#include "tree.h"

#define LAMBDA__PACKAGE_BUCKETS 256

struct lambda_package {
    lambda_packages *packages;
    lambda_package *next; /* of its bucket */
    lambda__package_sum sum;
    char *path;
    uint64_t size, unpacked_size;
    size_t references; /* by callers, and by who waits for it to be made */
    size_t held;       /* by layer versions */
    bool making;       /* by the thread that put it into the table */
    bool failed;       /* that came to nothing: it is out of the table, and the last reference frees it */
    bool kept;
    bool synchronised; /* it stands on disk for good */
};

typedef struct lambda__layer lambda__layer;

struct lambda_packages {
    char *directory; /* absolute */
    char *region, *account_id;
    uint64_t zipped_size, unpacked_size;
    uint32_t entries;
    bool archives;
    int marker; /* the locked file */
    lambda__package_place root, unpacked, kept, layers, incoming;
    pthread_mutex_t changing;
    pthread_mutex_t mutex;
    pthread_cond_t made; /* a package is no longer being made. With `mutex` */
    lambda_package *buckets[LAMBDA__PACKAGE_BUCKETS];
    uint64_t spares;     /* names given in incoming/ */
    lambda__layer *list; /* by name */
};

/** Room for a name in incoming/. */
#define LAMBDA__PACKAGE_SPARE 24

/** A name in incoming/ that nobody has. */
void lambda__package_spare(lambda_packages *packages, char name[LAMBDA__PACKAGE_SPARE]);

/** What a new package is made of: writes its tree, and says how large it is. */
typedef lambda_status lambda__package_fill(void *user, lambda__package_place root, lambda_package *package);

/** The package of that digest: the one that is there, or that another thread makes meanwhile, or a new one. A reference in `*package`; NULL on failure. */
lambda_status lambda__package_make(lambda_packages *packages, const lambda__package_sum *sum,
                                   lambda__package_fill *fill, void *user, lambda_package **package);

/** Keeps the zip that a package came as, where the options say so and unless it is there. It stands on disk when this returns. In archive.c. */
lambda_status lambda__package_archive(lambda_package *package, const void *bytes, size_t length);

/** The package of that digest, if it is there: a reference, or NULL. */
lambda_package *lambda__package_look(lambda_packages *packages, const char *hex);

/** The same for a layer that is read from disk, before anybody else has the store: it counts as held once more. SERVICE where it is not there. */
lambda_status lambda__package_hold_found(lambda_packages *packages, const char *hex, lambda_package **package);

/** With `mutex` held: takes it out of the table if nobody wants it any more, and gives its name in incoming/; false if somebody does. */
bool lambda__package_detach(lambda_package *package, char spare[LAMBDA__PACKAGE_SPARE]);

/** After lambda__package_detach, without a lock: removes its files and frees it. */
void lambda__package_discard(lambda_packages *packages, lambda_package *package,
                             const char spare[LAMBDA__PACKAGE_SPARE]);

/** With `changing` held: has the disk keep a package, whatever happens. */
lambda_status lambda__package_synchronise(lambda_package *package);

/** Reads the packages that have a mark, and removes all others, once layers are read. */
lambda_status lambda__package_recover(lambda_packages *packages);

/** Reads packages/DIGEST/package.json into a new entry of the table. In recover.c. */
lambda_status lambda__package_load(lambda_packages *packages, const char *hex, lambda_package **package);

/** Writes it, in a package that is being made. In recover.c. */
lambda_status lambda__package_describe(const lambda_package *package, const lambda__package_place *where);

/** A new entry for the table, which it is not in yet; NULL when memory is out. */
lambda_package *lambda__package_new(lambda_packages *packages, const lambda__package_sum *sum);

/** Puts it in. With `mutex` held. */
void lambda__package_enter(lambda_package *package);

/** Frees an entry that is not in the table. */
void lambda__package_free(lambda_package *package);

/** Reads all layers. In layer_file.c. */
lambda_status lambda__layer_load_all(lambda_packages *packages);

/** Frees them. In layer.c. */
void lambda__layer_free_all(lambda_packages *packages);

#endif
