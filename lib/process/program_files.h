/* The bytes of the library's own bootstraps, made when it is built. */
#ifndef LAMBDA_PROCESS_PROGRAM_FILES_H
#define LAMBDA_PROCESS_PROGRAM_FILES_H

#include "driver.h"

extern const lambda__program_file lambda__program_files[];
extern const size_t lambda__program_files_count;

#endif
