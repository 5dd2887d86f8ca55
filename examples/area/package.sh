#!/bin/sh
# package.sh DIRECTORY [PROGRAM]: makes deployment packages of this example: area-node.zip, area-python.zip, and with a program (build/release/examples/area-bootstrap)
# area-bootstrap.zip. Runtime and handler of each: nodejs20.x index.handler, python3.11 area.handler, provided.al2023 with any handler.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
directory=$(cd "$1" && pwd)
program=${2:-}

# pack NAME FILE...: the files alone, their times left away, so that the same files are the same bytes and CodeSha256.
pack() {
    archive="$directory/$1.zip"
    shift
    rm -f "$archive"
    for file in "$@"; do touch -d 1980-01-02T00:00:00Z "$file"; done
    TZ=UTC zip -q -X -j "$archive" "$@"
    echo "$archive"
}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp "$here/index.mjs" "$here/area.py" "$stage"
pack area-node "$stage/index.mjs"
pack area-python "$stage/area.py"
if [ -n "$program" ]; then
    cp "$program" "$stage/bootstrap"
    chmod 755 "$stage/bootstrap"
    pack area-bootstrap "$stage/bootstrap"
fi
