#include <lambda/writer.h>

#include <stdio.h>

lambda_status lambda_write_to_file(void *file, const char *text, size_t length)
{
    return fwrite(text, 1, length, file) == length ? LAMBDA_OK : LAMBDA_ERROR_SERVICE;
}
