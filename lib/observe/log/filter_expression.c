#include "observe/log/filter.h"

#include "base/error.h"

static lambda_status join(lambda__filter_reader *reader, int kind, lambda__filter_node **left,
                          lambda__filter_node *right)
{
    lambda__filter_node *both = lambda__filter_allocate(reader, sizeof(*both));
    if (!both) return LAMBDA_ERROR_OUT_OF_MEMORY;
    both->kind = kind;
    both->left = *left;
    both->right = right;
    *left = both;
    return LAMBDA_OK;
}

static lambda_status read_operand(lambda__filter_reader *reader, lambda__filter_read_leaf *read_leaf,
                                  lambda__filter_node **node)
{
    lambda__filter_skip_blanks(reader);
    size_t start = reader->at;
    if (lambda__filter_take(reader, "(")) {
        if (++reader->depth > LAMBDA__FILTER_DEPTH_MAX)
            return lambda__filter_fail(reader, start, "more than %d parentheses in each other",
                                       LAMBDA__FILTER_DEPTH_MAX);
        lambda_status status = lambda__filter_read_expression(reader, read_leaf, node);
        if (status != LAMBDA_OK) return status;
        lambda__filter_skip_blanks(reader);
        if (!lambda__filter_take(reader, ")")) return lambda__filter_unexpected(reader, "one of && || )");
        reader->depth--;
        return LAMBDA_OK;
    }
    *node = lambda__filter_allocate(reader, sizeof(**node));
    if (!*node) return LAMBDA_ERROR_OUT_OF_MEMORY;
    (*node)->kind = LAMBDA__FILTER_LEAF;
    return read_leaf(reader, *node);
}

static lambda_status read_and(lambda__filter_reader *reader, lambda__filter_read_leaf *read_leaf,
                              lambda__filter_node **node)
{
    lambda_status status = read_operand(reader, read_leaf, node);
    while (status == LAMBDA_OK) {
        lambda__filter_skip_blanks(reader);
        if (!lambda__filter_take(reader, "&&")) return LAMBDA_OK;
        lambda__filter_node *right = NULL;
        status = read_operand(reader, read_leaf, &right);
        if (status == LAMBDA_OK) status = join(reader, LAMBDA__FILTER_AND, node, right);
    }
    return status;
}

lambda_status lambda__filter_read_expression(lambda__filter_reader *reader, lambda__filter_read_leaf *read_leaf,
                                             lambda__filter_node **node)
{
    lambda_status status = read_and(reader, read_leaf, node);
    while (status == LAMBDA_OK) {
        /* read_and skipped the blanks. */
        if (!lambda__filter_take(reader, "||")) return LAMBDA_OK;
        lambda__filter_node *right = NULL;
        status = read_and(reader, read_leaf, &right);
        if (status == LAMBDA_OK) status = join(reader, LAMBDA__FILTER_OR, node, right);
    }
    return status;
}

lambda_status lambda__filter_read_comparison(lambda__filter_reader *reader, const char *expected,
                                             lambda__filter_operator *operation)
{
    static const struct {
        const char *text;
        lambda__filter_operator operation;
    } operators[] = {
        /* The longer ones first. */
        {"!=", LAMBDA__FILTER_NOT_EQUAL}, {"<=", LAMBDA__FILTER_LESS_EQUAL}, {">=", LAMBDA__FILTER_GREATER_EQUAL},
        {"=", LAMBDA__FILTER_EQUAL},      {"<", LAMBDA__FILTER_LESS},        {">", LAMBDA__FILTER_GREATER},
    };
    lambda__filter_skip_blanks(reader);
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (!lambda__filter_take(reader, operators[i].text)) continue;
        *operation = operators[i].operation;
        return LAMBDA_OK;
    }
    return lambda__filter_unexpected(reader, expected);
}

bool lambda__filter_evaluate(const lambda__filter_node *node, lambda__filter_holds *holds, const void *subject)
{
    /* A pattern's length and depth bound how deep this goes. */
    if (node->kind == LAMBDA__FILTER_LEAF) return holds(node, subject);
    bool left = lambda__filter_evaluate(node->left, holds, subject);
    if (left == (node->kind == LAMBDA__FILTER_OR)) return left;
    return lambda__filter_evaluate(node->right, holds, subject);
}
