#!/bin/sh
# clang-tidy (.clang-tidy) and cppcheck over the library and the command, without findings.
set -eu
cd "$(dirname "$0")/../.."
case $1 in
clang-tidy)
    (
        export CC=clang
        # Adapters included, whatever it was set up with before.
        rm -rf build/tidy
        meson setup build/tidy -Ddefault_library=static -Dtests=disabled -Dexamples=disabled -Dsqlite=enabled -Dotlp=enabled -Dpackage=enabled -Dbootstrap=enabled -Dprocess=enabled -Dhttp=enabled -Dcommand=enabled >/dev/null
    )
    git ls-files 'lib/*.c' 'bindings/*.c' 'tools/*.c' | xargs -n 4 -P 2 clang-tidy --quiet -p build/tidy 2>/dev/null
    ;;
cppcheck)
    # shellcheck disable=SC2046 # one word a file
    cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem -j 2 -D_GNU_SOURCE -D__x86_64__ -D__linux__ -D__ELF__ -D__LP64__ -Iinclude -Ilib \
        $(git ls-files 'lib/*.c' 'bindings/*.c' 'tools/*.c')
    ;;
esac
