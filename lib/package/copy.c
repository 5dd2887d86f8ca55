/*
 * Copies of directories, and of single files. Read twice: once for the digest, which says whether the store has it already, and once while it is copied. What was
 * changed in between has another digest, and is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "add.h"

enum { PIECE = 1 << 17 };

/* ---- listing */

typedef struct lister {
    lambda__package_tree *tree;
    uint16_t origin;
    int fd;     /* the directory that is being read */
    int depth;  /* how deep it stands */
    char *path; /* its path, and room for what is in it */
    size_t length;
} lister;

static lambda_status list_directory(lister *self);

static lambda_status refuse(const lister *self, const char *why)
{
    return lambda__package_refuse(self->tree->what, self->path, strlen(self->path), why);
}

/** A call to the system failed for what `path` names. */
static lambda_status failed(const char *what, const char *path)
{
    char words[128];
    lambda__package_shown shown = {.text = ""};
    int error = errno;
    if (error == ENOMEM) return lambda__package_no_memory();
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%s: \"%s\": cannot be read: %s", what,
                               lambda__package_show(&shown, path, strlen(path)),
                               strerror_r(error, words, sizeof(words)));
}

/** Reads a link's target into the list. */
static lambda_status list_link(const lister *self, const char *name, lambda__package_node *node)
{
    char target[LAMBDA__PACKAGE_PATH + 1];
    ssize_t length = readlinkat(self->fd, name, target, sizeof(target));
    if (length < 0) return failed(self->tree->what, self->path);
    if ((size_t)length == sizeof(target)) return refuse(self, "is a link to a name that is too long");
    if (!lambda__package_is_utf8(target, (size_t)length)) return refuse(self, "is a link to a name that is not UTF-8");
    node->link = lambda__package_tree_text(self->tree, target, (size_t)length);
    return node->link ? LAMBDA_OK : lambda__package_no_memory();
}

/** What is in a directory, `name` in the one that is being read. */
static lambda_status descend(const lister *self, const char *name)
{
    lister below = *self;
    below.length = strlen(self->path);
    below.depth++;
    below.fd = openat(self->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below.fd < 0) return failed(self->tree->what, self->path);
    lambda_status status = list_directory(&below);
    close(below.fd);
    return status;
}

static lambda_status list_entry(void *user, const char *name)
{
    lister *self = user;
    struct stat about;
    lambda__package_node *node;
    size_t begin = self->length > 0 ? self->length + 1 : 0;
    if (begin + strlen(name) > LAMBDA__PACKAGE_PATH) return refuse(self, "names in it are longer than 2048 bytes");
    if (begin > 0) self->path[self->length] = '/';
    memcpy(self->path + begin, name, strlen(name) + 1);
    if (fstatat(self->fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0) return failed(self->tree->what, self->path);
    lambda__package_kind kind = LAMBDA__PACKAGE_FILE;
    if (S_ISDIR(about.st_mode))
        kind = LAMBDA__PACKAGE_FOLDER;
    else if (S_ISLNK(about.st_mode))
        kind = LAMBDA__PACKAGE_LINK;
    else if (!S_ISREG(about.st_mode))
        return refuse(self, "is neither a file, a directory nor a link");
    lambda_status status = lambda__package_tree_add(self->tree, self->path, strlen(self->path), kind, &node);
    if (status != LAMBDA_OK) return status;
    node->origin = self->origin;
    node->size = kind == LAMBDA__PACKAGE_FILE ? (uint64_t)about.st_size : 0;
    node->executable = kind == LAMBDA__PACKAGE_FILE && (about.st_mode & 0111) != 0;
    if (kind == LAMBDA__PACKAGE_LINK) return list_link(self, name, node);
    return kind == LAMBDA__PACKAGE_FOLDER ? descend(self, name) : LAMBDA_OK;
}

/** At most LAMBDA__PACKAGE_DEPTH deep in itself: adding a path to the list refuses what is deeper. */
static lambda_status list_directory(lister *self)
{
    lambda__package_place place = {.fd = self->fd, .path = self->tree->what};
    return lambda__package_each(&place, list_entry, self);
}

lambda_status lambda__package_list_directory(lambda__package_tree *tree, int fd, uint16_t origin)
{
    char path[LAMBDA__PACKAGE_PATH + 1] = "";
    lister self = {.tree = tree, .origin = origin, .fd = fd, .path = path};
    return list_directory(&self);
}

/* ---- copying */

typedef struct copier {
    const lambda__package_tree *tree;
    int fd;                         /* the directory, or the file itself */
    bool single;                    /* which */
    lambda__package_writer *writer; /* NULL: only the digest is wanted */
    lambda__package_digest whole, each;
    char *piece;
} copier;

static lambda_status changed(const copier *self)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT, "%s: was changed while it was read",
                               self->tree->what);
}

/** Sums, and copies, a file that is open. */
static lambda_status pass_file(copier *self, const lambda__package_node *node, int from, int to,
                               lambda__package_sum *sum)
{
    uint64_t at = 0;
    for (;;) {
        ssize_t got = pread(from, self->piece, PIECE, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(self->tree->what, node->path);
        if (got == 0) break;
        at += (uint64_t)got;
        if (at > node->size) return changed(self);
        lambda_status status = lambda__package_digest_add(&self->each, self->piece, (size_t)got);
        if (status != LAMBDA_OK) return status;
        if (to >= 0 && !lambda__package_write(to, self->piece, (size_t)got))
            return lambda__package_writer_failed(self->writer, "write", node->path);
    }
    if (at != node->size) return changed(self);
    return lambda__package_digest_sum(&self->each, sum);
}

static lambda_status take_file(copier *self, const lambda__package_node *node, lambda__package_sum *sum)
{
    int to = -1;
    int from = self->fd;
    lambda_status status = LAMBDA_OK;
    if (!self->single) from = openat(self->fd, node->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0) return failed(self->tree->what, node->path);
    if (self->writer) status = lambda__package_writer_file(self->writer, node->path, node->executable, &to);
    if (status == LAMBDA_OK) status = pass_file(self, node, from, to, sum);
    if (to >= 0 && close(to) != 0 && status == LAMBDA_OK)
        status = lambda__package_writer_failed(self->writer, "write", node->path);
    if (!self->single) close(from);
    return status;
}

/** Writes one node, and its line of the listing: its words end in NUL, so that no two trees have the same listing. */
static lambda_status take_node(copier *self, const lambda__package_node *node)
{
    lambda__package_sum sum;
    const char *words[3] = {"directory", "", node->path};
    lambda_status status = LAMBDA_OK;
    if (node->kind == LAMBDA__PACKAGE_FOLDER) {
        if (self->writer) status = lambda__package_writer_directory(self->writer, node->path);
    } else if (node->kind == LAMBDA__PACKAGE_LINK) {
        words[0] = "link";
        words[1] = node->link;
        if (self->writer) status = lambda__package_writer_link(self->writer, node->path, node->link);
    } else {
        words[0] = node->executable ? "executable" : "file";
        words[1] = sum.hex;
        status = take_file(self, node, &sum);
    }
    for (int i = 0; i < 3 && status == LAMBDA_OK; i++)
        status = lambda__package_digest_add(&self->whole, words[i], strlen(words[i]) + 1);
    return status;
}

static lambda_status take_all(copier *self, lambda__package_sum *sum)
{
    static const char head[] = "lambda package 1";
    lambda_status status = lambda__package_digest_add(&self->whole, head, sizeof(head));
    for (size_t i = 0; i < self->tree->count && status == LAMBDA_OK; i++)
        status = take_node(self, &self->tree->nodes[i]);
    return status == LAMBDA_OK ? lambda__package_digest_sum(&self->whole, sum) : status;
}

static lambda_status fill_from_copy(void *user, lambda__package_place root, lambda_package *package)
{
    copier *self = user;
    lambda__package_writer writer;
    lambda__package_sum sum;
    lambda__package_writer_open(&writer, root);
    self->writer = &writer;
    lambda_status status = take_all(self, &sum);
    self->writer = NULL;
    lambda__package_writer_close(&writer);
    if (status == LAMBDA_OK && strcmp(sum.hex, package->sum.hex) != 0) status = changed(self);
    package->size = package->unpacked_size = self->tree->bytes;
    return status;
}

/** Lists what is there: the directory, or the one file. */
static lambda_status list_source(lambda__package_tree *tree, int fd, const char *name)
{
    struct stat about;
    lambda__package_node *node;
    lambda_status status;
    if (name) {
        if (fstat(fd, &about) != 0) return failed(tree->what, name);
        status = lambda__package_tree_add(tree, name, strlen(name), LAMBDA__PACKAGE_FILE, &node);
        if (status != LAMBDA_OK) return status;
        node->size = (uint64_t)about.st_size;
        node->executable = (about.st_mode & 0111) != 0;
    } else {
        status = lambda__package_list_directory(tree, fd, 0);
        if (status != LAMBDA_OK) return status;
        if (tree->count == 0)
            return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_CODE, "%s: has nothing in it", tree->what);
    }
    status = lambda__package_tree_settle(tree);
    return status == LAMBDA_OK ? lambda__package_tree_check_links(tree) : status;
}

lambda_status lambda__package_add_copy(lambda_packages *packages, const char *what, int fd, const char *name,
                                       lambda_package **package)
{
    lambda__package_tree tree = lambda__package_tree_for(packages, what);
    copier self = {.tree = &tree, .fd = fd, .single = name != NULL, .piece = malloc(PIECE)};
    lambda__package_sum sum;
    lambda_status status = self.piece ? list_source(&tree, fd, name) : lambda__package_no_memory();
    if (status == LAMBDA_OK) status = lambda__package_digest_begin(&self.whole);
    if (status == LAMBDA_OK) status = lambda__package_digest_begin(&self.each);
    if (status == LAMBDA_OK) status = take_all(&self, &sum);
    if (status == LAMBDA_OK) status = lambda__package_make(packages, &sum, fill_from_copy, &self, package);
    lambda__package_digest_drop(&self.whole);
    lambda__package_digest_drop(&self.each);
    lambda__package_tree_clear(&tree);
    free(self.piece);
    return status;
}
