#!/bin/sh
# The repository speaks of the project alone: no path of the machine it is checked on, no package registry's host.
set -eu
cd "$(dirname "$0")/../.."
for directory in "$(pwd)" "$(cd ~ && pwd)"; do
    # A path as short as "/" or "/src" is in many a text that means no machine.
    if [ ${#directory} -gt 4 ] && git ls-files | xargs grep -nF -- "$directory/"; then exit 1; fi
done
if git ls-files | xargs grep -nE '(registry|mirror|deb)\.[a-z]+\.(org|com)'; then exit 1; fi
