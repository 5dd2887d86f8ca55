#!/bin/sh
# No function over 80 lines or a cyclomatic complexity of 20, no file over 600 lines.
set -eu
cd "$(dirname "$0")/../.."
git ls-files 'lib/*.c' 'lib/*.h' 'bindings/*.c' 'bindings/*.h' 'tools/*.c' 'tools/*.h' 'examples/*.c' | xargs pmccabe |
    awk '$2 > 20 || $5 > 80 { print $6 " " $7 ": complexity " $2 ", " $5 " lines"; bad = 1 } END { exit bad }'
git ls-files '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines"; bad = 1 } END { exit bad }'
