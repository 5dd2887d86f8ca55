#!/bin/sh
# Each public header alone, as C11 and as C++17, pedantic.
set -eu
cd "$(dirname "$0")/../.."
for header in include/lambda/*.h include/lambda/port/*.h; do
    # shellcheck disable=SC2046 # flags are words
    gcc -std=c11 -Wall -Wextra -pedantic -Werror -Iinclude $(pkg-config --cflags jansson) -fsyntax-only -x c "$header"
    # shellcheck disable=SC2046
    g++ -std=c++17 -Wall -Wextra -pedantic -Werror -Iinclude $(pkg-config --cflags jansson) -fsyntax-only -x c++ "$header"
done
# Every header is installed: an adapter's by the adapter, whose build names it; and the umbrella names every core header but json.h and testing.h.
for header in $(cd include/lambda && ls -- *.h port/*.h); do
    if grep -q "include/lambda/$header'" lib/*/meson.build bindings/*/meson.build; then continue; fi
    grep -q "'$header'" include/lambda/meson.build || { echo "$header is not installed"; exit 1; }
    case $header in port/* | lambda.h | json.h | testing.h) continue ;; esac
    grep -q "<lambda/$header>" include/lambda/lambda.h || { echo "lambda.h does not include $header"; exit 1; }
done
