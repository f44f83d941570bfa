#!/bin/bash
# The library as programs meet it: in event loops, in threads, by its binary interface.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

library=$TEST_LIBDIR/libipcbroker.so
one_order=$'[queue:orders]\nmax_messages = 4\nmessage_size = 64\nuse = any'

# ---- event loops ----

# build_example NAME PACKAGE...: examples/NAME.c with these packages.
build_example() {
    local name=$1 flags
    shift
    flags=$(PKG_CONFIG_PATH=$TEST_LIBDIR/pkgconfig PKG_CONFIG_SYSROOT_DIR='' \
        pkg-config --cflags --libs ipcbroker "$@")
    # shellcheck disable=SC2086 # flags are words
    ${TEST_CC:-cc} ${TEST_CFLAGS-} -Wall -Wextra -Werror -pthread -I"$TEST_INCLUDEDIR" -L"$TEST_LIBDIR" \
        -o "$name" "$TEST_SRCDIR/examples/$name.c" $flags
}

# run_loop NAME PACKAGE...: builds examples/loop-NAME.c with these packages and gives it an order.
run_loop() {
    local name=$1
    build_example "loop-$name" "${@:2}"
    # shellcheck disable=SC2016 # the shell in the sandbox expands it
    expect_status 0 in_sandbox "$one_order" sh -c "'$ctl' send orders 'a book' && timeout 60 ./loop-$name"
    expect_output $'order: a book\n'
    # Without a broker the loop is told, and ends.
    expect_status 1 env IPCBROKER_SOCKET=/nonexistent/socket timeout 60 "./loop-$name"
    expect_text err 'no broker at /nonexistent/socket'
}

poll_is_enough() { run_loop poll; }
epoll_takes_it() { run_loop epoll; }
sd_event_takes_it() { run_loop sd-event libsystemd; }
glib_takes_it() { run_loop glib glib-2.0; }
libuv_takes_it() { run_loop uv libuv; }

# ---- the two examples of hinix ----

two_threads_share_a_queue() {
    build_example mqsendrcv
    expect_status 0 timeout 60 ./mqsendrcv one two 'buy bread' four five six
    expect_output 'received: one
received: two
received: buy bread
received: four
received: five
received: six
received: quit
'
    expect_status 1 timeout 60 ./mqsendrcv one "$(printf '%0513d' 0)" three
    expect_output $'received: one\nreceived: quit\n'
    expect_text err 'cannot send: Message too long'
}

two_threads_share_an_eventfd() {
    build_example eventfd
    expect_status 0 timeout 60 ./eventfd
    expect_output "$(printf 'taken: %s\n' {1..10} 42)"$'\n'
}

# compile_library ARGUMENT...: all of its sources at once, with other flags than those of the build.
compile_library() {
    "${TEST_CC:-cc}" -std=gnu11 -g -D_GNU_SOURCE -DDEFAULT_SOCKET='"/nonexistent"' \
        -DDEFAULT_ADMIN_SOCKET='"/nonexistent"' "$@" -I"$TEST_SRCDIR" "$TEST_SRCDIR"/client/*.c \
        "$TEST_SRCDIR"/base/*.c "$TEST_SRCDIR/protocol/wire.c"
}

# ---- threads ----

jobs_and_wake=$'[queue:jobs]\nmax_messages = 8\nmessage_size = 64\nuse = any\n[eventfd:wake]\nuse = any'

several_handles_in_several_threads() {
    compile_library -O1 -fsanitize=thread -o threads "$TEST_SRCDIR/tests/integration/threads.c"
    expect_status 0 in_sandbox "$jobs_and_wake" ./threads
    expect_output $'done\n'
    # It would have been noticed.
    in_sandbox "$jobs_and_wake" env TSAN_OPTIONS='halt_on_error=1 exitcode=66' ./threads share >out 2>err || true
    expect_text err 'WARNING: ThreadSanitizer: data race'
}

# ---- the binary interface ----

abi_of() { # LIBRARY FILE
    abidw --no-corpus-path --no-comp-dir-path --drop-private-types --headers-dir "$TEST_INCLUDEDIR" --out-file "$2" "$1"
}

# What a program was linked with must stay; what is new is no harm.
the_binary_interface_is_kept() {
    if [[ -n ${TEST_CFLAGS-} ]]; then
        echo skip >skipped # a build with sanitizers is not what anybody links with
        return
    fi
    abi_of "$library" now.abi
    abidiff --no-added-syms "$TEST_SRCDIR/client/abi/libipcbroker.abi" now.abi >difference || {
        sed 's/^/# /' difference
        fail "programs that were linked before would break: see CONTRIBUTING.md, \"The binary interface\""
    }
}

# Another layout of a struct of the header is noticed.
a_broken_interface_would_be_noticed() {
    if [[ -n ${TEST_CFLAGS-} ]]; then
        echo skip >skipped
        return
    fi
    sed 's/unsigned access;  \/\* in: directions, 0/uint64_t access; \/\* in: directions, 0/' \
        "$TEST_INCLUDEDIR/ipcbroker.h" >ipcbroker.h
    if cmp -s ipcbroker.h "$TEST_INCLUDEDIR/ipcbroker.h"; then fail "nothing was broken"; fi
    mkdir -p broken/client
    cp ipcbroker.h broken/client/
    compile_library -fPIC -shared -fvisibility=hidden -Ibroken -o libipcbroker.so.0 \
        -Wl,--version-script="$TEST_SRCDIR/client/libipcbroker.sym" -Wl,-soname,libipcbroker.so.0
    abi_of libipcbroker.so.0 broken.abi
    if abidiff --no-added-syms "$TEST_SRCDIR/client/abi/libipcbroker.abi" broken.abi >difference; then
        fail "a changed struct was not noticed"
    fi
    expect_text difference ipcb_item
}

# A node for each release, and each symbol in one of them.
symbols_have_a_version() {
    local version
    version=$(sed -n 's/.*IPCBROKER_\([0-9.]*\) {.*/\1/p' "$TEST_SRCDIR/client/libipcbroker.sym" | head -n 1)
    [[ -n $version ]] || fail "no node in the symbol map"
    nm --dynamic --defined-only "$library" | awk '$2 == "T" && $3 !~ /@@LIBIPCBROKER_[0-9]+\.[0-9]+$/' >bare
    [[ ! -s bare ]] || fail "without a version: $(<bare)"
    # What the header says of a function is the node that it is in.
    awk '/^LIBIPCBROKER_/ { sub(/.*_/, "", $1); node = $1 } /^ *ipcb_/ { gsub(/[ ;]/, ""); print $0, node }' \
        "$TEST_SRCDIR/client/libipcbroker.sym" | sort >nodes
    awk '
        /^\/\*/ { comment = "" }
        /^\/\*/, /\*\// { comment = comment $0; next }
        match($0, /ipcb_[a-z_]+\(/) && !/^ / && !/^typedef/ {
            name = substr($0, RSTART, RLENGTH - 1)
            if (match(comment, /Since [0-9]+\.[0-9]+/)) print name, substr(comment, RSTART + 6, RLENGTH - 6)
        }' "$TEST_INCLUDEDIR/ipcbroker.h" | sort >since
    diff nodes since || fail "nodes (<) and what the header says (>) differ"
}

run_tests \
    poll_is_enough \
    epoll_takes_it \
    sd_event_takes_it \
    glib_takes_it \
    libuv_takes_it \
    two_threads_share_a_queue \
    two_threads_share_an_eventfd \
    several_handles_in_several_threads \
    the_binary_interface_is_kept \
    a_broken_interface_would_be_noticed \
    symbols_have_a_version
