#!/bin/sh
# processes.sh DIRECTORY: packs the functions, and runs the example of the build directory's DIRECTORY (build/release/examples).
set -eu
examples=$(cd "$(dirname "$0")/.." && pwd)
built=$(cd "$1" && pwd)
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
"$examples/area/package.sh" "$packages" "$built/area-bootstrap" >/dev/null
"$built/processes" "$examples" "$packages" "$built/shapes.so"
