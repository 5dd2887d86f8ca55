#!/bin/sh
# Links in the documents that lead into the repository lead somewhere, headings included.
set -eu
cd "$(dirname "$0")/../.."
git ls-files '*.md' | while read -r page; do
    grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | while read -r link; do
        case $link in http*) continue ;; esac
        file=${link%%#*}
        target=$page
        if [ -n "$file" ]; then target="$(dirname "$page")/$file"; fi
        [ -e "$target" ] || { echo "$page: $link leads nowhere"; exit 1; }
        case $link in *'#'*)
            anchor=${link#*#}
            sed -n 's/^#\{1,6\} *//p' "$target" | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9 _\n-' | tr ' ' '-' |
                grep -qx -- "$anchor" || { echo "$page: $link: there is no such heading"; exit 1; }
            ;;
        esac
    done
done
