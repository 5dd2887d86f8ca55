/* Following links as the system would, in the list of a tree that is not written yet. */
#include <string.h>

#include "tree.h"

/* Links on the way of one, as the system has it (path_resolution(7)); and parts of paths looked up for a whole tree, which a hostile one could make endless. */
enum { JUMPS = 40, STEPS = 2000000 };

typedef struct walk {
    const lambda__package_tree *tree;
    char at[2 * LAMBDA__PACKAGE_PATH]; /* where it has come to */
    size_t length;
    int jumps;
    long *steps; /* left, for all */
    const char *wrong;
} walk;

/** One part up. */
static void up(walk *self)
{
    while (self->length > 0 && self->at[self->length - 1] != '/')
        self->length--;
    if (self->length > 0) self->length--;
}

/** One part down. */
static bool down(walk *self, const char *part, size_t length)
{
    if (self->length + length + 2 > sizeof(self->at)) return false;
    if (self->length > 0) self->at[self->length++] = '/';
    memcpy(self->at + self->length, part, length);
    self->length += length;
    return true;
}

static bool follow(walk *self, const char *target);

/** One part of a target: false, with what is wrong, where it may not be taken. */
static bool step(walk *self, const char *part, size_t length)
{
    if (length == 0 || (length == 1 && part[0] == '.')) return true;
    if (length == 2 && memcmp(part, "..", 2) == 0) {
        if (self->length == 0) self->wrong = "is a link that leads out of the package";
        up(self);
        return !self->wrong;
    }
    if (--*self->steps < 0) {
        self->wrong = "is one of too many long links";
        return false;
    }
    if (!down(self, part, length)) {
        self->wrong = "is a link to a name that is too long";
        return false;
    }
    const lambda__package_node *node = lambda__package_tree_find(self->tree, self->at, self->length);
    if (!node || node->kind != LAMBDA__PACKAGE_LINK) return true;
    if (++self->jumps > JUMPS) {
        self->wrong = "is a link that leads through too many others, or to itself";
        return false;
    }
    up(self);
    return follow(self, node->link);
}

/** Goes where a target leads from here. At most JUMPS deep in itself. */
static bool follow(walk *self, const char *target)
{
    if (target[0] == '/') {
        self->wrong = "is a link that leads out of the package";
        return false;
    }
    while (*target) {
        size_t length = strcspn(target, "/");
        if (!step(self, target, length)) return false;
        target += length;
        if (*target == '/') target++;
    }
    return true;
}

lambda_status lambda__package_tree_check_links(const lambda__package_tree *tree)
{
    long steps = STEPS;
    for (size_t i = 0; i < tree->count; i++) {
        const lambda__package_node *node = &tree->nodes[i];
        if (node->kind != LAMBDA__PACKAGE_LINK) continue;
        walk self = {.tree = tree, .steps = &steps};
        if (node->link[0] == '\0')
            self.wrong = "is a link to nothing";
        else if (down(&self, node->path, strlen(node->path))) {
            up(&self);
            follow(&self, node->link);
        }
        if (self.wrong) return lambda__package_refuse(tree->what, node->path, strlen(node->path), self.wrong);
    }
    return LAMBDA_OK;
}
