#!/bin/bash
# What `make install` puts in place, and how the tree is written.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

prefix=${TEST_BINDIR%/bin}
library=$TEST_LIBDIR/libipcbroker.so

the_places_of_the_configuration_are_made() {
    local place=$TEST_STAGE$TEST_SYSCONFDIR/ipcbroker
    [[ $(stat --format %a "$place" "$place/ipcbroker.conf.d" | tr '\n' ' ') == '755 755 ' ]]
}

everything_is_installed() {
    local file
    for file in "$ctl" "$ipcbrokerd" "$library" "$TEST_LIBDIR/pkgconfig/ipcbroker.pc" \
        "$TEST_INCLUDEDIR/ipcbroker.h" "$prefix/share/doc/ipcbroker/README.md"; do
        [[ -e $file ]] || fail "no $file"
    done
}

the_library_exports_its_symbols_and_no_others() {
    nm --dynamic --defined-only "$library" | awk '{ sub(/@.*/, "", $3); print $3 }' |
        grep -v '^LIBIPCBROKER_' | sort >exported
    grep -o 'ipcb_[a-z_]*;' "$TEST_SRCDIR/client/libipcbroker.sym" | tr -d ';' | sort >wanted
    diff wanted exported
}

every_symbol_is_declared_and_documented() {
    local symbol
    while read -r symbol; do
        grep -q "\b$symbol(" "$TEST_INCLUDEDIR/ipcbroker.h" || fail "$symbol is not in ipcbroker.h"
    done < <(grep -o 'ipcb_[a-z_]*;' "$TEST_SRCDIR/client/libipcbroker.sym" | tr -d ';')
}

every_function_has_a_manual_page() {
    local symbol pages=$prefix/share/man/man3
    [[ -d $pages ]] || return 0 # --disable-man
    while read -r symbol; do
        grep -q "$symbol" "$pages/$symbol.3" || fail "no page $symbol(3)"
    done < <(grep -o 'ipcb_[a-z_]*;' "$TEST_SRCDIR/client/libipcbroker.sym" | tr -d ';')
}

the_library_needs_nothing_but_libc() {
    local its='libc\.so|ld-linux'
    [[ -z ${TEST_CFLAGS-} ]] || its+='|libasan|libubsan|libm\.so|libgcc_s|librt|libpthread|libdl|libresolv'
    readelf --dynamic "$library" | grep NEEDED | grep -o '\[.*\]' >all
    grep -q '^\[libc\.so' all
    grep -v -E "^\[($its)" all >needed || true
    [[ ! -s needed ]] || fail "it needs $(<needed)"
}

the_header_is_c99_and_cxx17() {
    local compiler tried=0
    echo '#include <ipcbroker.h>' | tee h.c >h.cc
    for compiler in gcc clang g++ clang++; do
        command -v "$compiler" >/dev/null || continue
        tried=$((tried + 1))
        case $compiler in
        *++) "$compiler" -std=c++17 -pedantic -Wall -Wextra -Werror -I"$TEST_INCLUDEDIR" -fsyntax-only h.cc ;;
        *) "$compiler" -std=c99 -pedantic -Wall -Wextra -Werror -I"$TEST_INCLUDEDIR" -fsyntax-only h.c ;;
        esac
    done
    ((tried >= 2))
}

a_program_builds_with_pkg_config() {
    local flags
    flags=$(PKG_CONFIG_PATH=$TEST_LIBDIR/pkgconfig PKG_CONFIG_SYSROOT_DIR=$TEST_STAGE \
        pkg-config --cflags --libs ipcbroker)
    # shellcheck disable=SC2086 # flags are words
    ${TEST_CC:-cc} ${TEST_CFLAGS-} -Wall -Wextra -Werror -o front-end \
        "$TEST_SRCDIR/examples/front-end.c" $flags
    echo '5 a book' >order
    printf '[queue:orders]\nuse = any\n' >sandbox.conf
    expect_status 0 "$ctl" sandbox --config sandbox.conf -- sh -c './front-end <order'
    expect_text out ready 'sent: a book'
}

a_missing_check_stops_configure() {
    mkdir pc
    for name in libsystemd inih json-c; do
        printf 'Name: x\nDescription: x\nVersion: 999\nLibs:\nCflags:\n' >pc/$name.pc
    done
    [[ -x $TEST_SRCDIR/configure ]] || fail "no configure"
    # In a copy of what it needs until then: it refuses a tree that was built in its own place.
    mkdir build daemon
    cp --recursive "$TEST_SRCDIR"/{configure,build-aux} .
    cp "$TEST_SRCDIR/daemon/broker.c" daemon
    cd build
    expect_status 1 env PKG_CONFIG_LIBDIR="$directory/pc" PKG_CONFIG_PATH= ../configure --quiet \
        --enable-tests --disable-man
    expect_text err '--enable-tests needs Check' 'apt-get install check'
    rm "$directory/pc/inih.pc"
    expect_status 1 env PKG_CONFIG_LIBDIR="$directory/pc" PKG_CONFIG_PATH= ../configure --quiet \
        --disable-man
    expect_text err 'inih' 'apt-get install libinih-dev'
}

sources() { # the tree's own files of a kind: never what a build has put there
    local pattern
    for pattern; do
        find "$TEST_SRCDIR"/{base,bench,client,daemon,examples,protocol,tests,tools} -name "$pattern" \
            -not -path '*/stage/*'
    done
}

the_sources_are_formatted() {
    command -v clang-format >/dev/null || fail "no clang-format"
    sources '*.c' '*.h' | xargs clang-format --style="file:$TEST_SRCDIR/.clang-format" --dry-run --Werror
}

the_scripts_are_clean() {
    command -v shellcheck >/dev/null || fail "no shellcheck"
    cd "$TEST_SRCDIR"
    shellcheck -x autogen.sh scripts/* tests/integration/*.sh tests/systemd/*.sh tests/systemd/boot
    [[ ! -e .ci/run ]] || shellcheck .ci/run # not in the tarball
}

no_file_is_too_long() {
    sources '*.c' '*.h' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 700 { print; bad = 1 } END { exit bad }'
}

# `make check-seeded` takes long; that its list fits the tree is seen at once.
every_seeded_breakage_finds_its_line() {
    local word rest seed
    while read -r word rest; do
        case $word in
        seed) seed=$rest ;;
        sed)
            ! sed "${rest#* }" "$TEST_SRCDIR/${rest%% *}" | cmp --quiet - "$TEST_SRCDIR/${rest%% *}" ||
                fail "'$seed' changes nothing in ${rest%% *}"
            ;;
        red)
            grep -rqw --include='*.c' --include='*.sh' "${rest##* }" "$TEST_SRCDIR/tests" ||
                fail "'$seed': there is no test ${rest##* }"
            ;;
        esac
    done <"$TEST_SRCDIR/tests/seeded/list"
}

includes_none() { # PATTERN FILE...: no file includes what matches
    if grep -H "#include \"$1" "${@:2}"; then fail "that is the wrong way"; fi
}

# main -> broker -> server -> connection -> request -> registry -> object -> a kind: nobody includes
# a room above his own.
dependencies_point_one_way() {
    local rooms=(object registry request connection server broker) room i
    cd "$TEST_SRCDIR"
    includes_none '\(daemon\|client\|tools\)/' base/*.[ch] protocol/*.[ch]
    includes_none '\(daemon\|tools\)/' client/*.[ch]
    includes_none 'daemon/' tools/*.[ch]
    for ((i = 0; i < ${#rooms[@]}; i++)); do
        for room in "${rooms[@]:i+1}"; do
            includes_none "daemon/$room.h" "daemon/${rooms[i]}".[ch]
        done
    done
    includes_none 'daemon/\(registry\|request\|connection\|server\|broker\)' daemon/{queue,eventfd}.c
}

tests=(everything_is_installed the_places_of_the_configuration_are_made the_library_exports_its_symbols_and_no_others
    every_symbol_is_declared_and_documented every_function_has_a_manual_page the_library_needs_nothing_but_libc
    the_header_is_c99_and_cxx17 a_program_builds_with_pkg_config a_missing_check_stops_configure
    the_sources_are_formatted the_scripts_are_clean no_file_is_too_long dependencies_point_one_way
    every_seeded_breakage_finds_its_line)
run_tests "${tests[@]}"
