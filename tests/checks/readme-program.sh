#!/bin/sh
# Builds the program in README.md from README's own text, runs it, and compares what it prints with what README says.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^<!-- program -->$/,/^```$/p' "$top/README.md" | sed '1d; /^```/d' >"$work/program.c"
sed -n '/^<!-- prints -->$/,/^```$/p' "$top/README.md" | sed '1d; /^```/d' >"$work/expected"
[ -s "$work/program.c" ] && [ -s "$work/expected" ]
# shellcheck disable=SC2046 # flags are words
cc -std=c11 -Wall -Wextra -Werror -I"$top/include" "$work/program.c" -o "$work/program" "$top/build/release/lib/liblambda.a" \
    $(pkg-config --libs jansson libffi) -lm -pthread
"$work/program" >"$work/printed"
diff "$work/expected" "$work/printed"
