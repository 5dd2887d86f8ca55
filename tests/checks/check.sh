#!/bin/sh
# check.sh [NAME...]: every rule of the house, each a command that fails.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build

check_format() { git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror; }
check_tidy() { tests/checks/tidy.sh clang-tidy; }
check_cppcheck() { tests/checks/tidy.sh cppcheck; }
check_floors() { tests/checks/floors.sh; }
check_headers() { tests/checks/headers.sh; }
check_symbols() { tests/checks/symbols.sh; }
check_complexity() { tests/checks/complexity.sh; }
check_shell() { shellcheck dev .ci/run tests/checks/*.sh tests/bindings/*.sh tests/clients/*.sh tests/clients/*/*.sh tests/command/*.sh tests/http/*.sh tests/process/programs/*.sh examples/*/*.sh; }
check_spelling() { git ls-files | grep -vE '^LICENSE$|^tests/fuzz/corpus|package-lock.json$' | xargs codespell; }
check_links() { tests/checks/links.sh; }
check_words() { tests/checks/words.sh; }
# Every public declaration is documented: doxygen's warnings are errors.
check_docs() { ./dev docs; }

all="format floors headers symbols complexity shell spelling links words docs cppcheck tidy"
failed=0
passed=0
if [ $# = 0 ]; then
    # shellcheck disable=SC2086 # a list of words
    set -- $all
fi
for name in "$@"; do
    case " $all " in *" $name "*) ;; *)
        echo "there is no check \"$name\"; there are: $all" >&2
        exit 2
        ;;
    esac
    if ("check_$name") >"build/check-$name.log" 2>&1; then
        echo "ok      $name"
        passed=$((passed + 1))
    else
        echo "FAILED  $name"
        tail -60 "build/check-$name.log"
        failed=$((failed + 1))
    fi
done
echo "checks: $passed passed, $failed failed"
[ "$failed" = 0 ]
