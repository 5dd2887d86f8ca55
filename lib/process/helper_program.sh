#!/bin/sh
# helper_program.sh PROGRAM: a C file with its bytes.
set -eu
echo '#include <stddef.h>'
echo 'extern const unsigned char lambda__helper_program[];'
echo 'extern const size_t lambda__helper_program_size;'
echo 'const unsigned char lambda__helper_program[] = {'
od -An -v -t u1 "$1" | awk '{ for (i = 1; i <= NF; i++) printf "%s,", $i; print "" }'
echo '};'
echo 'const size_t lambda__helper_program_size = sizeof lambda__helper_program;'
