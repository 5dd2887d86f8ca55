/* Which bootstraps there are; embed.sh carries their bytes. */
#include "program_files.h"

extern const unsigned char lambda__embedded_object[], lambda__embedded_object_end[];
extern const unsigned char lambda__embedded_node[], lambda__embedded_node_end[];
extern const unsigned char lambda__embedded_python[], lambda__embedded_python_end[];

const lambda__program_file lambda__program_files[] = {
    {"lambda-bootstrap", true, lambda__embedded_object, lambda__embedded_object_end},
    {"bootstrap.mjs", false, lambda__embedded_node, lambda__embedded_node_end},
    {"bootstrap.py", false, lambda__embedded_python, lambda__embedded_python_end},
};

const size_t lambda__program_files_count = sizeof(lambda__program_files) / sizeof(lambda__program_files[0]);
