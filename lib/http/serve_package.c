/* Answers with a deployment package to who has its address: location.c. */
#include <sys/stat.h>
#include <unistd.h>

#include "location.h"
#include "server.h"

void lambda__run_package(lambda__connection *connection)
{
    int file = -1;
    const char *why = "";
    struct stat about;
    int status = lambda__location_open(connection->http->api, connection->path, connection->query,
                                       lambda__now_wall() / UINT64_C(1000000000), &why, &file);
    if (status != 200) {
        lambda__answer_refused(connection, status,
                               status == 403   ? "AccessDeniedException"
                               : status == 404 ? "ResourceNotFoundException"
                                               : "ServiceException",
                               why);
        return;
    }
    struct MHD_Response *response =
        fstat(file, &about) == 0 ? MHD_create_response_from_fd64((uint64_t)about.st_size, file) : NULL;
    if (!response) close(file);
    if (response && MHD_add_response_header(response, "Content-Type", "application/zip") != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    if (response) atomic_store_explicit(&connection->sent, (uint64_t)about.st_size, memory_order_relaxed);
    lambda__answer(connection, 200, response);
}
