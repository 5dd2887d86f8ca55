/* Prints docs/api.md's table of operations, of the library's own. */
#include <stdio.h>

#include <lambda/api.h>

static void print_table(bool own)
{
    const lambda_api_operation *operation;
    printf("| operation | method and path | status | state |\n|---|---|---|---|\n");
    for (size_t i = 0; (operation = lambda_api_operation_at(i)); i++)
        if (operation->own == own)
            printf("| %s | `%s %s` | %d | %s |\n", operation->name, operation->method, operation->path,
                   operation->status, operation->state == LAMBDA_API_BUILT ? "built" : "later");
}

int main(void)
{
    const lambda_api_operation *operation;
    size_t built = 0;
    size_t count = 0;
    for (size_t i = 0; (operation = lambda_api_operation_at(i)); i++) {
        count += !operation->own;
        built += !operation->own && operation->state == LAMBDA_API_BUILT;
    }
    printf("%zu of %zu operations are built; the others answer status 501.\n\n", built, count);
    print_table(false);
    printf("\nFor what AWS does in other services, these are libλ's own; an identity may call them by actions like "
           "`liblambda:ListQueuedEvents`, which `lambda:*` does not hold. Their resource is the function that\n"
           "FunctionName names, else `*`.\n\n");
    print_table(true);
    return 0;
}
