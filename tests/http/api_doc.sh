#!/bin/sh
# api_doc.sh PROGRAM DOCUMENT: the document has what the program prints.
set -eu
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
"$1" >"$printed"
sed -n '/of [0-9]* operations are built/,$p' "$2" | diff "$printed" - || {
    echo "$2 is not what the table of operations says: put there what $1 prints" >&2
    exit 1
}
