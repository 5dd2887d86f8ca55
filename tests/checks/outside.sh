#!/bin/sh
# outside.sh pkg-config|subproject: builds tests/outside as a project of its own, and runs it.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$top"/tests/outside/* "$work"
case $1 in
pkg-config)
    meson setup "$work/library" "$top" --prefix "$work/prefix" --libdir lib -Dtests=disabled -Dexamples=disabled
    meson install -C "$work/library"
    export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
    # shellcheck disable=SC2046 # flags are words
    cc -std=c11 "$work/main.c" -o "$work/plain" $(pkg-config --cflags --libs lambda)
    [ "$(LD_LIBRARY_PATH=$work/prefix/lib "$work/plain")" = '{"hello":"world","from":"hello"}' ]
    # shellcheck disable=SC2046
    cc -std=c11 "$work/main.c" -o "$work/static" -I"$work/prefix/include" "$work/prefix/lib/liblambda.a" \
        $(pkg-config --libs jansson libffi) -lm -pthread
    [ "$("$work/static")" = '{"hello":"world","from":"hello"}' ]
    meson setup "$work/build" "$work"
    ;;
subproject)
    mkdir "$work/subprojects"
    ln -s "$top" "$work/subprojects/liblambda"
    meson setup "$work/build" "$work"
    ;;
*)
    echo "usage: $0 pkg-config|subproject" >&2
    exit 2
    ;;
esac
ninja -C "$work/build"
[ "$(LD_LIBRARY_PATH=$work/prefix/lib "$work/build/outside")" = '{"hello":"world","from":"hello"}' ]
