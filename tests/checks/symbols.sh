#!/bin/sh
# Each shared library exports what its exports.txt lists, and its headers declare no more and no less: the core's are all headers
# but those of adapters, an adapter's are those that its build installs.
set -eu
cd "$(dirname "$0")/../.."
./dev build >/dev/null

# compare LIBRARY EXPORTS HEADER...
compare() {
    library=$1
    exports=$2
    shift 2
    nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >build/exported.txt
    sort -c "$exports"
    diff "$exports" build/exported.txt
    cat "$@" | tr '\n' ' ' | grep -oE 'LAMBDA_API [^;{]*\(' |
        grep -oE 'lambda_[a-z0-9_]+\(' | tr -d '(' | sort -u >build/declared.txt
    diff "$exports" build/declared.txt
}

headers="include/lambda/port/*.h"
for header in include/lambda/*.h; do
    if ! grep -q "$header'" lib/*/meson.build bindings/*/meson.build; then headers="$headers $header"; fi
done
for exports in lib/*/exports.txt bindings/*/exports.txt; do
    folder=$(dirname "$exports")
    # shellcheck disable=SC2046 # a list of words
    compare "build/release/$folder/liblambda-$(basename "$folder").so" "$exports" \
        $(grep -oE 'include/lambda/[a-z_]+\.h' "$folder/meson.build")
done
# shellcheck disable=SC2086 # a list of words
compare build/release/lib/liblambda.so lib/exports.txt $headers
