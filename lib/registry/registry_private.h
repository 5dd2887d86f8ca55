/* What the files of the registry share. */
#ifndef LAMBDA_LIB_REGISTRY_PRIVATE_H
#define LAMBDA_LIB_REGISTRY_PRIVATE_H

#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "registry/limits.h"
#include "registry/registry.h"

/** A function's place in the order of creation. */
typedef struct lambda__place {
    uint64_t sequence;
    lambda__function *function; /* NULL once deleted; the place goes when many are */
} lambda__place;

/** What code is called in the store: its sha256 with `-` and `_` for `+` and `/`. */
#define LAMBDA__STORED_SIZE 45

/** Code that stands in the store. */
typedef struct lambda__stored {
    char name[LAMBDA__STORED_SIZE];
    size_t functions; /* whose documents refer to it */
} lambda__stored;

struct lambda__registry {
    pthread_mutex_t mutex; /* of all changes, and of all that follows */
    lambda__registry_port port;
    lambda__map functions;
    lambda__place *order; /* by rising sequence; holds a reference to each function */
    size_t order_count;
    size_t order_capacity;
    uint64_t next_sequence;
    uint64_t code_bytes;    /* of the code of all versions */
    lambda_store store;     /* `write` NULL: none */
    bool store_owned;       /* to be closed */
    lambda__stored *stored; /* code that stands in the store, by name: registry/store.c */
    size_t stored_count;
    size_t stored_capacity;
    lambda__settings
        *standard; /* the settings created last, shared with the next function if equal; holds a reference */
};

/* ---- the store: registry/store.c. As writer. */

/**
 * A function as it is about to be. Every change makes one, has it written, and only then becomes visible; so a write that fails
 * leaves nothing to be undone.
 */
typedef struct lambda__image {
    lambda__function *function;
    const lambda__version *latest;
    const lambda__directory *directory;
    const lambda__event_invokes *event_invokes; /* NULL for none */
    const lambda__attachments *attachments;     /* likewise */
    const lambda_pair *tags;
    size_t tags_count;
    uint64_t next_number;
    bool loops_allowed;
    const lambda__kept_concurrency *concurrency; /* NULL: as it is */
    const lambda__alias *alias;                  /* NULL, or one that is about to have what follows */
    const lambda__route *route;
    const char *description;
    const char *revision_id;
} lambda__image;

/** The function as it is. */
lambda__image lambda__image_of(lambda__function *function);

/** Writes what the function is about to be, and code that it is the first to have. LAMBDA_OK where there is no store. */
lambda_status lambda__store_put(lambda_t *lambda, const lambda__image *image);

/** Takes the function out of the store, and code that nobody else has. Likewise. */
lambda_status lambda__store_remove(lambda_t *lambda, lambda__function *function);

/** Counts the code of a function that came from the store. False when memory is out. */
bool lambda__store_count(lambda_t *lambda, lambda__function *function);

/** What code of this sha256 is called in the store. */
void lambda__stored_name(const char *sha256, char name[LAMBDA__STORED_SIZE]);

/* ---- settings: registry/settings.c */

/**
 * The settings that `config` asks for over `old` (NULL: the defaults); `*settings` holds one reference. `function_name` NULL:
 * they come from the store, and a target need not be there.
 */
lambda_status lambda__settings_make(lambda_t *lambda, const char *function_name, const lambda_function_config *config,
                                    const lambda__settings *old, lambda__settings **settings);
bool lambda__settings_equal(const lambda__settings *one, const lambda__settings *two);

/** True if both have the same layers in the same order. */
bool lambda__layers_equal(const lambda__settings *one, const lambda__settings *two);
void lambda__settings_release(lambda_t *lambda, lambda__settings *settings);

/* ---- versions and directories: registry/directory.c */

/** A version that nothing leads to yet, without a time and a revision id; takes over the references to code and settings only where it succeeds. */
lambda__version *lambda__version_new(lambda_t *lambda, lambda__function *function, uint64_t number, lambda__code *code,
                                     lambda__settings *settings, const char *description);

/** It is of now, with a revision id of its own. */
void lambda__version_stamp(lambda_t *lambda, lambda__version *version);

/** A new revision id, a UUID. */
void lambda__revision_new(lambda_t *lambda, char text[37]);

/** An empty directory with so much room; NULL when memory is out. */
lambda__directory *lambda__directory_new(lambda_t *lambda, size_t versions, size_t aliases);

/** A copy of the function's directory with room for one version and one alias more; NULL when memory is out. */
lambda__directory *lambda__directory_copy(lambda_t *lambda, const lambda__function *function);

/** The function's directory, for its writer; an empty one if there is none. */
const lambda__directory *lambda__directory_of(const lambda__function *function);

/** Where the name stands, or would stand, among the aliases; true if it is there. */
bool lambda__directory_find_alias(const lambda__directory *directory, const char *name, size_t length, size_t *at);
bool lambda__directory_find_version(const lambda__directory *directory, uint64_t number, size_t *at);

/**
 * What was unlinked under the mutex and is ended after it: first a grace period, then versions are retired and
 * released, aliases released, and the rest freed. Fixed room: a change unlinks few things, a deleted function its directory.
 */
typedef struct lambda__unlinked {
    lambda__version *version;             /* retired, then released */
    lambda__directory *directory;         /* freed, not what it lists */
    lambda__directory *whole;             /* freed with all that it lists, which is retired and released */
    lambda__alias *alias;                 /* released */
    lambda__route *route;                 /* released */
    lambda__event_invokes *event_invokes; /* freed */
    lambda__attachments *attachments;     /* released */
    lambda__function *function;           /* it was deleted: retired, then released */
    lambda__function *changed;            /* its aliases or versions were changed: told of, then released */
} lambda__unlinked;

/** Ends it all; without the mutex, not in a read section. */
void lambda__unlinked_end(lambda_t *lambda, const lambda__unlinked *unlinked);

/** The same where no reader can be left: no grace period. */
void lambda__unlinked_free(lambda_t *lambda, const lambda__unlinked *unlinked);

/** As writer: takes a function and all that is its own out of readers' reach. */
void lambda__function_unlink(lambda__function *function, lambda__unlinked *unlinked);

/** As writer: adds, finds and takes away places. */
bool lambda__order_append(lambda_t *lambda, lambda__function *function);
size_t lambda__order_find(const lambda__registry *registry, uint64_t sequence);
void lambda__order_remove(lambda_t *lambda, const lambda__function *function);

/** Frees a route and the references it holds; NULL is allowed. */
void lambda__route_free(lambda_t *lambda, lambda__route *route);

/* ---- aliases: registry/alias.c */

/** Where an alias is to lead, found but not held. */
typedef struct lambda__destinations {
    lambda__version *version;    /* NULL: $LATEST */
    lambda__version *additional; /* NULL for none */
    double weight;
} lambda__destinations;

/** Lambda's rules of weighted routing. */
lambda_status lambda__destinations_check(lambda_t *lambda, const lambda__destinations *to);

/** A name that an alias may have: the message names `field`. */
lambda_status lambda__alias_name_check(lambda_t *lambda, const char *field, const char *name);

/** An alias that nothing leads to yet; NULL when memory is out. */
lambda__alias *lambda__alias_new(lambda_t *lambda, const char *name, const char *description,
                                 const lambda__destinations *to);

/* ---- functions: registry/function.c */

/** Gives up a function that nobody has seen, or can see any more. */
void lambda__function_discard(lambda_t *lambda, lambda__function *function);

/** A function that is not registered, without versions; NULL when memory is out. */
lambda__function *lambda__function_new(lambda_t *lambda, const char *name, size_t length);

/** As writer: the bytes of code of all its versions. */
uint64_t lambda__function_code_size(lambda_t *lambda, const lambda__function *function);

/** As writer: the function, or ResourceNotFound with a message. */
lambda_status lambda__function_find(lambda_t *lambda, const lambda__name *name, lambda__function **function);

/** PreconditionFailed unless `wanted` is NULL or the revision. */
lambda_status lambda__revision_check(lambda_t *lambda, const char *wanted, const char *revision);

/** Takes the name apart and refuses any qualifier but "$LATEST". */
lambda_status lambda__name_parse_plain(lambda_t *lambda, const char *text, lambda__name *name);

/** A version that is about to be published. */
typedef struct lambda__publication {
    lambda__version *version;     /* borrowed */
    lambda__directory *directory; /* that lists it; NULL where nothing has changed since it was published */
} lambda__publication;

/** As writer: makes a version of what $LATEST is about to be, or finds that it was published before. Then commit or discard. */
lambda_status lambda__publication_make(lambda_t *lambda, lambda__function *function, lambda__version *latest,
                                       const char *description, lambda__publication *made);
void lambda__publication_show(const lambda__publication *made, lambda__image *image);
void lambda__publication_commit(lambda_t *lambda, lambda__function *function, const lambda__publication *made,
                                lambda__unlinked *unlinked);
void lambda__publication_discard(lambda_t *lambda, const lambda__publication *made);

/** As writer: is there room for `more` bytes of code in place of `less`? */
lambda_status lambda__code_storage_check(lambda_t *lambda, uint64_t more, uint64_t less);

/** As writer: the bytes of a version's code. */
uint64_t lambda__version_code_size(lambda_t *lambda, const lambda__version *version);

/** Sorts and copies tags; `*tags` is the caller's, to be freed as a function's. False when memory is out. */
bool lambda__tags_copy(lambda_t *lambda, const lambda_pair *given, size_t count, lambda_pair **tags);
void lambda__tags_free(lambda_t *lambda, lambda_pair *tags, size_t count);

/* ---- asynchronous invocations: registry/async_settings.c and event_invoke_config.c */

/** A target that is NULL, "", or a text that can be one. */
lambda_status lambda__target_text_check(lambda_t *lambda, const char *field, const char *target);

/** A target that is NULL, "", or the name of another function of this service or of a destination. With no lock held. */
lambda_status lambda__target_check(lambda_t *lambda, const char *function_name, const char *field, const char *target);

/** The table's item for a qualifier; NULL. The table may be NULL. */
const lambda__event_invoke *lambda__event_invokes_find(const lambda__event_invokes *all, const char *qualifier,
                                                       size_t length);

/** A table of copies of the items, which are sorted; NULL when memory is out. */
lambda__event_invokes *lambda__event_invokes_make(lambda_t *lambda, const lambda__event_invoke *items, size_t count);

/** As writer: the function's table without a qualifier, the same one or NULL where that is all. False when memory is out. */
bool lambda__event_invokes_without(lambda_t *lambda, const lambda__function *function, const char *qualifier,
                                   lambda__event_invokes **made);

/** As writer: puts a table in the place of the function's, which is freed with `unlinked`. The same one: nothing is done. */
void lambda__event_invokes_replace(lambda__function *function, lambda__event_invokes *made, lambda__unlinked *unlinked);

/** Frees a table that did not come to the place of the function's. */
void lambda__event_invokes_discard(lambda_t *lambda, const lambda__function *function, lambda__event_invokes *made);

/* ---- attachments: registry/attachment.c. As those of event invoke configs. */

/** Characters of a kind. */
#define LAMBDA__ATTACHMENT_KIND 32

/** A kind and a value that can be; `data` NULL can. */
lambda_status lambda__attachment_check(lambda_t *lambda, const char *kind, lambda_bytes value);

lambda__attachments *lambda__attachments_make(lambda_t *lambda, const lambda__attachment *items, size_t count);
bool lambda__attachments_without(lambda_t *lambda, const lambda__function *function, const char *qualifier,
                                 lambda__attachments **made);
void lambda__attachments_replace(lambda__function *function, lambda__attachments *made, lambda__unlinked *unlinked);
void lambda__attachments_discard(lambda_t *lambda, const lambda__function *function, lambda__attachments *made);

/** The last reference frees. NULL is allowed. */
void lambda__attachments_release(lambda_t *lambda, lambda__attachments *all);

/* ---- public copies: registry/configuration.c */

/** A copy of what a version is; `qualifier` for the ARN, NULL for none. NULL when memory is out. As writer. */
lambda_function_configuration *lambda__configuration_make(lambda_t *lambda, const lambda__version *version,
                                                          const char *qualifier);

/** A page that can hold `capacity` items. */
lambda_function_list *lambda__function_list_new(lambda_t *lambda, size_t capacity);

/** Copies a marker into the page: a number, as text. */
void lambda__function_list_mark(lambda_function_list *list, uint64_t marker);

/** Reads the options of a page of things that are marked by a number: the first one to give, and how many. */
lambda_status lambda__list_options_check(lambda_t *lambda, const lambda_list_options *options, size_t *max_items);
lambda_status lambda__list_options_number(lambda_t *lambda, const lambda_list_options *options, uint64_t *first,
                                          size_t *max_items);

#endif
