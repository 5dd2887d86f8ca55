/* The handlers as a program with hooks. */
#include <lambda/bootstrap.h>

#include "handlers.h"

int main(void)
{
    static char user[] = "the user's";
    return lambda_bootstrap_run_with(
        &(lambda_bootstrap_options){.handler = choose, .init = begin, .shutdown = end, .user = user});
}
