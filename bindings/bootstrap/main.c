/*
 * The program lambda-bootstrap: runs a handler out of a shared object, as the library's own driver does. `_HANDLER` is "file.symbol", the object is "file.so" in LAMBDA_TASK_ROOT.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/bootstrap.h>

/** A symbol's address as a pointer to a function: POSIX says that this conversion works, C does not. */
static bool find(void *object, const char *symbol, void *function)
{
    void *found = dlsym(object, symbol);
    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

static int fail(const char *type, const char *format, const char *what)
{
    char text[1024];
    /* The formats are those below, each with one %s. */
    const char *at = strstr(format, "%s");
    snprintf(text, sizeof(text), "%.*s%.700s%s", (int)(at - format), format, what, at + 2);
    return lambda_bootstrap_fail(type, text);
}

int main(void)
{
    const char *handler = getenv("_HANDLER");
    const char *root = getenv("LAMBDA_TASK_ROOT");
    char path[4096];
    if (!handler) handler = "";
    if (!root || !root[0]) root = ".";
    const char *dot = strrchr(handler, '.');
    if (!dot || dot == handler || !dot[1])
        return fail("Runtime.MalformedHandlerName", "_HANDLER: \"%s\" is not FILE.SYMBOL", handler);
    int length = snprintf(path, sizeof(path), "%s/%.*s.so", root, (int)(dot - handler), handler);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fail("Runtime.MalformedHandlerName", "_HANDLER: \"%s\" is too long", handler);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) return fail("Runtime.ImportModuleError", "%s", dlerror());
    const uint32_t *version = dlsym(object, "lambda_abi_version");
    if (!version) return fail("Runtime.ImportModuleError", "%s has no LAMBDA_SHARED_OBJECT in it", path);
    if (*version != LAMBDA_ABI_VERSION)
        return fail("Runtime.ImportModuleError", "%s is built for another ABI version of the library", path);
    lambda_bootstrap_options options = LAMBDA_ZERO;
    if (!find(object, dot + 1, &options.handler))
        return fail("Runtime.HandlerNotFound", "_HANDLER: the object has no symbol \"%s\"", dot + 1);
    find(object, "lambda_init", &options.init);
    find(object, "lambda_shutdown", &options.shutdown);
    return lambda_bootstrap_run_with(&options);
}
