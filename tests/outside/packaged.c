/* Another program outside of the tree: a file becomes a package, and a layer. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lambda/layer.h>
#include <lambda/service.h>

int main(int argc, char **argv)
{
    lambda_packages *packages = NULL;
    lambda_package *package = NULL;
    lambda_layer_version *version = NULL;
    if (argc < 3) return 1;
    lambda_packages_options options = {.directory = argv[1]};
    lambda_code code = lambda_code_package("provided.al2023", argv[2]);
    lambda_layer_config layer = {.layer_name = "outside", .path = argv[2]};
    lambda_status status = lambda_packages_open(&options, &packages);
    if (status == LAMBDA_OK) status = lambda_package_add(packages, &code, &package);
    if (status == LAMBDA_OK) status = lambda_layer_publish(packages, &layer, &version);
    if (status == LAMBDA_OK) {
        char path[4096];
        const char *slash = strrchr(argv[2], '/');
        const char *name = slash ? slash + 1 : argv[2];
        snprintf(path, sizeof(path), "%s/%s", lambda_package_path(package), name);
        if (access(path, R_OK) == 0) printf("%s: %s\n", name, version->layer_version_arn);
    } else {
        fprintf(stderr, "%s: %s\n", lambda_status_name(status), lambda_error_message(NULL));
    }
    lambda_layer_version_free(version);
    lambda_package_release(package);
    lambda_packages_close(packages);
    return status != LAMBDA_OK;
}
