# shellcheck shell=bash
# Sourced by the shell tests: TAP, a directory of their own, brokers.
#
# Each test is a function; run_tests calls them in turn, in subshells, so that one cannot break the
# next. A test fails when any command in it fails that is not asked about.
set -euo pipefail

: "${TEST_BINDIR:?}" "${TEST_SBINDIR:?}" "${TEST_LIBDIR:?}" "${TEST_SRCDIR:?}"
ctl=$TEST_BINDIR/ipcbrokerctl
ipcbrokerd=$TEST_SBINDIR/ipcbrokerd
export LD_LIBRARY_PATH=$TEST_LIBDIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export IPCBROKERD=$ipcbrokerd
unset IPCBROKER_SOCKET JOURNAL_STREAM NOTIFY_SOCKET XDG_RUNTIME_DIR

# Queues of an IPC name space that no other test sees, where the kernel lets us have one.
if [[ -z ${IPC_IS_OURS-} ]] && ((EUID == 0)) && unshare --ipc true 2>/dev/null; then
    IPC_IS_OURS=1 exec unshare --ipc bash "$0" "$@"
fi

directory=$(mktemp --directory /tmp/ipcbroker-test.XXXXXX)
chmod 755 "$directory"
trap 'rm -rf "$directory"' EXIT
cd "$directory"
# shellcheck disable=SC2034 # the tests use it
me=$(id --user)
# Users that nobody else has.
other=$((1200000000 + $$ * 4))

fail() {
    echo "# $*"
    return 1
}

# expect_status N COMMAND...: its standard output and error are in ./out and ./err.
expect_status() {
    local wanted=$1 status=0
    shift
    "$@" >out 2>err </dev/null || status=$?
    ((status == wanted)) || {
        sed 's/^/# out: /' out
        sed 's/^/# err: /' err
        fail "status $status instead of $wanted: $*"
    }
}

# expect_text FILE TEXT...: each text stands in the file.
expect_text() {
    local file=$1 text
    shift
    for text; do
        grep -qF -- "$text" "$file" || {
            sed "s/^/# $file: /" "$file"
            fail "no '$text' in $file"
        }
    done
}

expect_output() { # TEXT: all that is in ./out
    diff <(printf '%s' "$1") out >difference || {
        sed 's/^/# /' difference
        fail "another output"
    }
}

# in_sandbox CONFIG-TEXT COMMAND...
in_sandbox() {
    printf '%s\n' "$1" >sandbox.conf
    shift
    "$ctl" sandbox --config sandbox.conf -- "$@"
}

as_user() { # UID COMMAND...
    setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}

# start_broker CONFIG-TEXT [ARGUMENT...]: as user $other; ends with the test. Sets $socket.
start_broker() {
    printf '%s\n' "$1" >broker.conf
    shift
    rm -rf run broker.log
    mkdir run
    chown "$other" run
    mkfifo broker.pipe
    socket=$directory/run/ipcbroker.sock
    setpriv --reuid "$other" --regid "$other" --clear-groups --pdeathsig TERM \
        "$ipcbrokerd" --config "$directory/broker.conf" --socket "$socket" "$@" 2>broker.pipe &
    broker=$!
    exec 9<broker.pipe
    rm broker.pipe
    local line
    while read -r line <&9; do
        echo "$line" >>broker.log
        [[ $line != *"serving "* ]] || return 0
    done
    sed 's/^/# /' broker.log
    fail "the broker did not start"
}

stop_broker() {
    kill -TERM "$broker"
    wait "$broker"
}

needs_root() {
    ((EUID == 0)) || { echo skip >skipped; exit 0; }
}

# For those who source this to say otherwise.
before_test() { :; }
explain_failure() { :; }

# A figure, which is printed with the result.
note() {
    echo "# $*" >>"$directory.notes"
}

run_tests() {
    local test n=0
    echo "1..$#"
    for test; do
        n=$((n + 1))
        rm -rf "${directory:?}"/*
        before_test
        # Not `if (...)`: that would switch `set -e` off inside.
        set +e
        (
            set -e
            "$test"
        ) >"$directory.log" 2>&1
        local status=$?
        set -e
        if ((status != 0)); then
            echo "not ok $n - $test"
            sed 's/^#* */# /' "$directory.log"
            explain_failure | sed 's/^/# /'
        elif [[ -e $directory/skipped ]]; then
            echo "ok $n - $test # SKIP needs root"
        else
            echo "ok $n - $test"
        fi
        ! cat "$directory.notes" 2>/dev/null || rm "$directory.notes"
        rm -f "$directory.log"
    done
}
