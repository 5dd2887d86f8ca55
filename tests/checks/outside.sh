#!/bin/sh
# outside.sh pkg-config|subproject: builds tests/outside as a project of its own, and runs it.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$top"/tests/outside/* "$top/examples/http/http.c" "$work"

# prints TEXT PROGRAM [ARGUMENT...]: with the libraries where they were installed.
prints() {
    text=$1
    shift
    [ "$(LD_LIBRARY_PATH=$work/prefix/lib "$@")" = "$text" ]
}
# answers PROGRAM: it has Lambda's endpoint in it.
answers() {
    LD_LIBRARY_PATH=$work/prefix/lib "$top/examples/http/http.sh" "$1" | grep -qxF '{"greeting":"greet"}'
}
hello='{"hello":"world","from":"hello"}'
packaged='main.c: arn:aws:lambda:us-east-1:000000000000:layer:outside:1'

case $1 in
pkg-config)
    meson setup "$work/library" "$top" --prefix "$work/prefix" --libdir lib -Dtests=disabled -Dexamples=disabled \
        -Dsqlite=enabled -Dotlp=enabled -Dpackage=enabled -Dprocess=enabled -Dhttp=enabled -Dcommand=enabled
    meson install -C "$work/library"
    export PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
    # shellcheck disable=SC2046 # flags are words
    cc -std=c11 "$work/main.c" -o "$work/plain" $(pkg-config --cflags --libs lambda)
    prints "$hello" "$work/plain"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/main.c" -o "$work/static" -I"$work/prefix/include" "$work/prefix/lib/liblambda.a" \
        $(pkg-config --libs jansson libffi) -lm -pthread
    prints "$hello" "$work/static"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/durable.c" -o "$work/durable" $(pkg-config --cflags --libs lambda-sqlite)
    prints "Success $hello" "$work/durable" "$work/plain.db"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/durable.c" -o "$work/durable-static" -I"$work/prefix/include" \
        "$work/prefix/lib/liblambda-sqlite.a" "$work/prefix/lib/liblambda.a" $(pkg-config --libs sqlite3 jansson libffi) \
        -lm -pthread
    prints "Success $hello" "$work/durable-static" "$work/static.db"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/traced.c" -o "$work/traced" $(pkg-config --cflags --libs lambda-otlp)
    prints "$hello" "$work/traced"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/packaged.c" -o "$work/packaged" $(pkg-config --cflags --libs lambda-package)
    prints "$packaged" "$work/packaged" "$work/plain.packages" "$work/main.c"
    # shellcheck disable=SC2046
    cc -std=c11 "$work/http.c" -o "$work/http" $(pkg-config --cflags --libs lambda-http)
    answers "$work/http"
    # Who links the core alone links neither SQLite nor libcurl, nor what unpacks.
    if ldd "$work/plain" | grep -E 'sqlite|curl|archive|crypto'; then exit 1; fi
    # The command runs from where it was installed, with nothing said of where its libraries are.
    "$work/prefix/bin/lambda" call libm.so.6 'double pow(double x, double y)' '{"x":2,"y":10}' | grep -q 1024
    test -f "$work/prefix/share/man/man1/lambda-serve.1"
    meson setup "$work/build" "$work"
    ;;
subproject)
    mkdir "$work/subprojects"
    ln -s "$top" "$work/subprojects/liblambda"
    meson setup "$work/build" "$work" -Dliblambda:sqlite=enabled -Dliblambda:otlp=enabled -Dliblambda:package=enabled -Dliblambda:http=enabled
    ;;
*)
    echo "usage: $0 pkg-config|subproject" >&2
    exit 2
    ;;
esac
ninja -C "$work/build"
prints "$hello" "$work/build/outside"
prints "Success $hello" "$work/build/durable" "$work/build.db"
prints "$hello" "$work/build/traced"
prints "$packaged" "$work/build/packaged" "$work/build.packages" "$work/main.c"
answers "$work/build/http"
