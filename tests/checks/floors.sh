#!/bin/sh
# No upward include in lib/. Proves first that it would find one.
set -eu
cd "$(dirname "$0")/../.."

# Lists the includes under the directory $1 that look up.
upward() {
    # shellcheck disable=SC2016 # awk's own variables
    find "$1" -name '*.[ch]' | sort | xargs awk -v top="$1/" '
        BEGIN { while ((getline line < "tests/checks/floors.txt") > 0) if (line !~ /^#/) floor[line] = ++count }
        function level(path) { sub(/\/.*/, "", path); return path in floor ? floor[path] : 0 }
        /^#include "/ {
            file = substr(FILENAME, length(top) + 1); split($0, part, "\"")
            if (!level(file)) print FILENAME ": stands on no floor"
            else if (!level(part[2])) print FILENAME ": includes \"" part[2] "\", which stands on no floor"
            else if (level(part[2]) > level(file)) print FILENAME ": includes \"" part[2] "\", which is above"
        }'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/base"
echo '#include "registry/registry.h"' >"$work/base/wrong.c"
[ -n "$(upward "$work")" ] || { echo "the check finds nothing where it should"; exit 1; }
found=$(upward lib)
[ -z "$found" ] || { echo "$found"; exit 1; }
