/* Which bootstraps there are; embed.sh carries their bytes. */
#include "program_files.h"

extern const unsigned char lambda__embedded_object[], lambda__embedded_object_end[];

const lambda__program_file lambda__program_files[] = {
    {"lambda-bootstrap", true, lambda__embedded_object, lambda__embedded_object_end},
};

const size_t lambda__program_files_count = sizeof(lambda__program_files) / sizeof(lambda__program_files[0]);
