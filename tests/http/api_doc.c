/* Prints docs/api.md's table of operations, of the library's own. */
#include <stdio.h>

#include <lambda/api.h>

int main(void)
{
    const lambda_api_operation *operation;
    size_t built = 0;
    size_t count = 0;
    for (; (operation = lambda_api_operation_at(count)); count++)
        built += operation->state == LAMBDA_API_BUILT;
    printf("%zu of %zu operations are built; the others answer status 501.\n\n", built, count);
    printf("| operation | method and path | status | state |\n|---|---|---|---|\n");
    for (size_t i = 0; (operation = lambda_api_operation_at(i)); i++)
        printf("| %s | `%s %s` | %d | %s |\n", operation->name, operation->method, operation->path, operation->status,
               operation->state == LAMBDA_API_BUILT ? "built" : "later");
    return 0;
}
