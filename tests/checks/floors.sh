#!/bin/sh
# No upward include in lib/, and none from an adapter into the core. Proves first that it would find them.
set -eu
cd "$(dirname "$0")/../.."

# Lists the includes under the directory $1 that look up, or out of an adapter.
upward() {
    # shellcheck disable=SC2016 # awk's own variables
    find "$1" -name '*.[ch]' | sort | xargs awk -v top="$1/" '
        BEGIN {
            while ((getline line < "tests/checks/floors.txt") > 0) {
                if (line ~ /^#/) continue
                if (sub(/^adapter /, "", line)) adapter[line] = 1
                else floor[line] = ++count
            }
        }
        function folder(path) { sub(/\/.*/, "", path); return path }
        function level(path) { path = folder(path); return path in floor ? floor[path] : 0 }
        /^#include "/ {
            file = substr(FILENAME, length(top) + 1); split($0, part, "\"")
            if (folder(file) in adapter) {
                if (part[2] ~ /\//) print FILENAME ": includes \"" part[2] "\", which is not its own"
            }
            else if (!level(file)) print FILENAME ": stands on no floor"
            else if (!level(part[2])) print FILENAME ": includes \"" part[2] "\", which stands on no floor"
            else if (level(part[2]) > level(file)) print FILENAME ": includes \"" part[2] "\", which is above"
        }'
}

# finds FOLDER INCLUDE: a file in lib/FOLDER with that include would be found.
finds() {
    work=$(mktemp -d)
    mkdir "$work/$1"
    echo "#include \"$2\"" >"$work/$1/wrong.c"
    found=$(upward "$work")
    rm -r "$work"
    [ -n "$found" ] || { echo "the check finds nothing where lib/$1 includes $2"; exit 1; }
}

finds base registry/registry.h
finds base sqlite/file.h
finds sqlite base/memory.h
finds sqlite ../base/memory.h
found=$(upward lib)
[ -z "$found" ] || { echo "$found"; exit 1; }
