#!/bin/sh
# The repository speaks of the project alone: no path of the machine it is checked on, no package registry's host.
set -eu
cd "$(dirname "$0")/../.."
home=$(cd ~ && pwd)
if git ls-files | xargs grep -nF -e "$(pwd)/" -e "$home/"; then exit 1; fi
if git ls-files | xargs grep -nE '(registry|mirror|deb)\.[a-z]+\.(org|com)'; then exit 1; fi
