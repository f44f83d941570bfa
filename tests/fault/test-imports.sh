#!/bin/bash
# All that the daemon and the library import can be made to fail, or cannot fail: what is new among
# their imports has to go into tests/fault/fault.h or tests/fault/infallible.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/../integration/lib.sh"

# Names as they are in the sources: without versions and without what _FORTIFY_SOURCE adds.
imports() { # FILE
    nm --dynamic --undefined-only "$1" | awk '{ print $2 }' |
        sed -E 's/@.*//; /^_(ITM|_gmon|_cxa)/d; s/^__(v?[a-z0-9_]+)_chk$/\1/; s/^__(open|openat|mq_open)_2$/\1/' |
        sort --unique
}

known() {
    grep -v '^#' "$TEST_SRCDIR/tests/fault/infallible" | awk '{ print $1 }'
    grep -oE 'X\([a-z0-9_]+,' "$TEST_SRCDIR/tests/fault/fault.h" | sed -E 's/X\(|,//g'
}

every_import_is_known() {
    local file
    known | sort --unique >names
    for file in "$ipcbrokerd" "$TEST_LIBDIR/libipcbroker.so"; do
        imports "$file" | comm -23 - names >unknown
        [[ ! -s unknown ]] || fail "$file imports what is neither in tests/fault/fault.h nor in" \
            "tests/fault/infallible: $(tr '\n' ' ' <unknown)"
    done
}

the_shim_has_all_of_its_list() {
    nm --dynamic --defined-only "$TEST_FAULT" | awk '{ print $3 }' | sort >has
    grep -oE 'X\([a-z0-9_]+,' "$TEST_SRCDIR/tests/fault/fault.h" | sed -E 's/X\(|,//g' | sort | comm -23 - has >missing
    [[ ! -s missing ]] || fail "libfault.so lacks: $(tr '\n' ' ' <missing)"
}

if [[ ${TEST_CFLAGS-} == *sanitize* ]]; then
    echo '1..0 # SKIP sanitizers import for themselves'
    exit 0
fi
run_tests every_import_is_known the_shim_has_all_of_its_list
