#!/bin/sh
# The shared library exports what lib/exports.txt lists, and the headers declare no more and no less.
set -eu
cd "$(dirname "$0")/../.."
./dev build >/dev/null
nm -D --defined-only build/release/lib/liblambda.so | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >build/exported.txt
sort -c lib/exports.txt
diff lib/exports.txt build/exported.txt
cat include/lambda/*.h include/lambda/port/*.h | tr '\n' ' ' | grep -oE 'LAMBDA_API [^;{]*\(' |
    grep -oE 'lambda_[a-z0-9_]+\(' | tr -d '(' | sort -u >build/declared.txt
diff lib/exports.txt build/declared.txt
