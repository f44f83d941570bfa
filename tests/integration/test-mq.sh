#!/bin/bash
# mqsend and mqrecv: every option and error.
# shellcheck disable=SC2016 # the shells inside expand them
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

PATH=$TEST_BINDIR:$PATH
q=test-mq-$$ # another name space we may not have
trap 'mqrecv --count 0 --unlink "$q" 2>/dev/null; rm -rf "$directory"' EXIT

# with N SIZE: a queue for that.
with() {
    mqrecv --count 0 --unlink "$q" 2>/dev/null || true
    printf '' | mqsend --create --nmsg "$1" --maxsz "$2" "$q"
}

without() {
    mqrecv --count 0 --unlink "$q" 2>/dev/null || true
}

# holds N SIZE: the queue takes N messages, of SIZE bytes, and not more.
holds() {
    local i
    mqsend "$q" "$(printf "%0$2d" 0)"
    expect_status 1 mqsend "$q" "$(printf "%0$(($2 + 1))d" 0)"
    expect_text err "at most $2 bytes"
    for ((i = 1; i < $1; i++)); do mqsend "$q" x; done
    expect_status 5 mqsend --timeout 0 "$q" x
    expect_text err "'$q' is full"
}

# ---- what hinix's two utilities do ----

a_message_goes_through() {
    without
    expect_status 0 mqsend -c "$q" 'hello, gruß'
    expect_output ''
    expect_status 0 mqrecv "$q"
    expect_output 'hello, gruß
'
    expect_status 0 mqsend "/$q" 'with the slash'
    expect_status 0 mqrecv "/$q"
    expect_output 'with the slash
'
}

without_create_there_must_be_one() {
    without
    expect_status 6 mqsend "$q" text
    expect_text err "no queue '$q'; \`mqsend --create\`"
    expect_status 6 mqsend -n 2 -s 3 "$q" text
    expect_status 6 mqrecv "$q"
}

a_queue_is_created_for_4_messages_of_512_bytes() {
    without
    mqsend -c "$q" ''
    mqrecv "$q" >/dev/null
    holds 4 512
}

the_limits_may_be_said() {
    local -a options
    for options in '-n 3 -s 8' '-n3 -s8' '--nmsg 3 --maxsz 8' '--nmsg=3 --maxsz=8'; do
        without
        # shellcheck disable=SC2086 # words
        printf '' | mqsend $options --create "$q"
        holds 3 8
    done
    without
    mqsend "$q" text -c -n 3 -s 8 # behind the arguments
    mqrecv "$q" >/dev/null
    holds 3 8
}

the_umask_takes_nothing_from_the_mode() {
    needs_root
    without
    (umask 077 && mqsend -c "$q" text)
    as_user "$other" true
    expect_status 4 as_user "$other" mqsend "$q" text
    expect_text err 'does not let you in'
    expect_status 4 as_user "$other" mqrecv "$q"
    expect_status 0 setpriv --reuid "$other" --regid 0 --clear-groups env "PATH=$PATH" mqrecv "$q"
}

# The limits are those that the queue has, not those that were asked for.
a_queue_that_is_there_keeps_its_limits() {
    with 2 100
    mqsend -c -n 4 -s 5 "$q" "$(printf '%0100d' 0)"
    expect_status 0 mqrecv "$q"
    [[ $(wc -c <out) == 101 ]]
    mqsend -c -n 4 -s 500 "$q" x
    mqrecv "$q" >/dev/null
    holds 2 100
}

bytes_that_are_no_text_are_printed_as_numbers() {
    with 4 512
    printf '\001\002\377' | mqsend --raw "$q"
    expect_status 0 mqrecv "$q"
    expect_output '[1, 2, 255]
'
    printf '\200' | mqsend --raw "$q"
    expect_status 0 mqrecv "$q"
    expect_output '[128]
'
    mqsend "$q" ''
    expect_status 0 mqrecv "$q"
    expect_output '
'
    mqsend "$q" -
    expect_status 0 mqrecv "$q"
    expect_output '-
'
}

receiving_waits_for_a_message() {
    with 4 512
    mkfifo ready
    mqrecv "$q" >received &
    local pid=$!
    await_sleeper "$pid"
    mqsend "$q" 'at last'
    wait "$pid"
    [[ $(<received) == 'at last' ]]
}

# Until it waits in the kernel.
await_sleeper() {
    while [[ $(<"/proc/$1/syscall") != [0-9]* || $(cut -d ' ' -f 3 "/proc/$1/stat") != S ||
        $(readlink "/proc/$1/exe") != *mqrecv ]]; do kill -0 "$1"; done 2>/dev/null
}

help_and_version_go_to_stdout() {
    local tool option
    for tool in mqsend mqrecv; do
        for option in -h --help; do
            expect_status 0 "$tool" "$option"
            expect_text out "Usage: $tool " --timeout
        done
        for option in -V --version; do
            expect_status 0 "$tool" "$option"
            grep -qxE "$tool [0-9.]+" out
        done
    done
}

numbers_that_are_none_are_errors() {
    local bad
    without
    for bad in 0 -1 x 1e3 '' ' 4' 99999999999999999999; do
        expect_status 2 mqsend -c -n "$bad" "$q" text
        expect_text err "'$bad'"
        expect_status 2 mqsend -c --maxsz "$bad" "$q" text
    done
    for bad in -1 32768 x ''; do
        expect_status 2 mqsend --priority "$bad" "$q" text
        expect_text err "'$bad'"
    done
    for bad in -1 x ''; do
        expect_status 2 mqsend --timeout "$bad" "$q" text
        expect_status 2 mqrecv --timeout "$bad" "$q"
        expect_status 2 mqrecv --count "$bad" "$q"
    done
    expect_status 6 mqrecv --timeout 0 "$q"
}

wrong_usage_is_2() {
    local name
    expect_status 2 mqsend
    expect_status 2 mqrecv
    expect_status 2 mqsend "$q" text surplus
    expect_status 2 mqrecv "$q" surplus
    expect_text err 'mqrecv: too many arguments; see `mqrecv --help`'
    expect_status 2 mqsend --nonsense "$q" text
    expect_text err 'mqsend: '
    expect_status 2 mqrecv -n "$q"
    expect_status 2 mqsend --json "$q" text
    for name in '' / a/b /a/b //a . .. "$(printf '%0256d' 0)"; do
        expect_status 2 mqrecv "$name"
        expect_status 2 mqsend "$name" text
        expect_status 2 mqsend -c "$name" text
    done
    expect_status 2 mqsend --null --raw "$q"
    expect_status 2 mqsend --null "$q" text
    expect_status 2 mqsend --raw "$q" text
    expect_status 2 mqsend --create --broker "$q" text
    expect_status 2 mqrecv --null --raw "$q"
    expect_status 2 mqrecv --unlink --broker "$q"
    expect_status 2 mqrecv --unlink --follow "$q"
    expect_status 2 mqrecv --count 2 --follow "$q"
}

# ---- what they do besides ----

priorities_decide_on_the_order() {
    with 4 512
    mqsend "$q" first
    mqsend --priority 0 "$q" second
    mqsend --priority 32767 "$q" highest
    printf 'high\n' | mqsend --priority=7 "$q"
    expect_status 0 mqrecv --count 4 "$q"
    expect_output 'highest
high
first
second
'
}

time_runs_out() {
    with 1 512
    expect_status 5 mqrecv --timeout 0 "$q"
    expect_text err "'$q' is empty"
    expect_status 5 mqrecv --timeout 0.01 "$q"
    expect_text err 'in time'
    mqsend "$q" text
    expect_status 5 mqsend --timeout 0 "$q" text
    expect_status 5 mqsend --timeout 0.01 "$q" text
    expect_text err 'in time'
}

a_count_is_received() {
    with 4 512
    seq 4 | mqsend "$q"
    expect_status 0 mqrecv --count 3 "$q"
    expect_output '1
2
3
'
    expect_status 0 mqrecv --count 0 "$q"
    expect_output ''
    expect_status 5 mqrecv --count 2 --timeout 0 "$q"
    expect_output '4
'
}

following_goes_on_until_there_is_nothing() {
    with 4 512
    mkfifo received
    mqrecv --follow "$q" >received &
    local pid=$!
    seq 6 | mqsend "$q" &
    [[ $(head -n 6 received | tr '\n' ' ') == '1 2 3 4 5 6 ' ]]
    kill "$pid"
    wait || true
    seq 4 | mqsend "$q"
    expect_status 5 mqrecv --follow --timeout 0 "$q"
    [[ $(wc -l <out) == 4 ]]
}

lines_of_stdin_are_messages() {
    with 8 16
    printf 'one\n\n  three \r\nlast without end' | mqsend "$q"
    expect_status 0 mqrecv --count 4 "$q"
    expect_output $'one\n\n  three \r\nlast without end\n'
    mqsend "$q" </dev/null
    expect_status 5 mqrecv --timeout 0 "$q"
    # A line is sent when it has come, and what is too long ends it.
    expect_status 1 sh -c 'printf "0123456789abcdef\n0123456789abcdefg\nnever\n" | mqsend "$0"' "$q"
    expect_text err 'at most 16 bytes'
    expect_status 5 mqrecv --timeout 0 --count 2 "$q"
    expect_output '0123456789abcdef
'
}

what_ends_with_nul_are_messages() {
    with 8 16
    printf 'one\ntwo\0\0three\0' | mqsend --null "$q"
    expect_status 0 mqrecv --null --count 3 "$q"
    printf 'one\ntwo\0\0three\0' | cmp - out
    printf 'a\0b' | mqsend --null "$q"
    expect_status 0 mqrecv --count 2 "$q"
    expect_output 'a
b
'
}

raw_is_one_message_as_it_is() {
    with 8 16
    printf 'a\nb\0\377\n' | mqsend --raw "$q"
    expect_status 0 mqrecv --raw "$q"
    printf 'a\nb\0\377\n' | cmp - out
    mqsend --raw "$q" </dev/null
    expect_status 0 mqrecv --raw "$q"
    expect_output ''
    head -c 16 /dev/zero | mqsend --raw "$q"
    expect_status 1 sh -c 'head -c 17 /dev/zero | mqsend --raw "$0"' "$q"
    expect_status 0 mqrecv --raw "$q"
    [[ $(wc -c <out) == 16 ]]
    expect_status 5 mqrecv --timeout 0 "$q"
}

a_queue_is_removed() {
    with 2 16
    mqsend "$q" text
    expect_status 5 mqrecv --unlink --count 2 --timeout 0 "$q"
    expect_status 5 mqrecv --timeout 0 "$q" # it is there still
    mqsend "$q" text
    expect_status 0 mqrecv --unlink "$q"
    expect_output 'text
'
    expect_status 6 mqrecv --timeout 0 "$q"
    expect_status 6 mqrecv --unlink "$q"
}

the_broker_can_be_asked_instead() {
    without
    config="[queue:$q]
message_size = 64
use = user:$me
[queue:foreign]
use = user:$other
[eventfd:wake]
use = any"
    expect_status 0 in_sandbox "$config" sh -ec '
        seq 3 | mqsend --broker --priority 3 "/$0"
        mqsend --broker --timeout 0 "$0" four
        mqrecv --broker --count 4 "$0"' "$q"
    expect_output '1
2
3
four
'
    expect_status 6 mqrecv "$q" # it has no name
    expect_status 1 in_sandbox "$config" mqsend --broker "$q" "$(printf '%065d' 0)"
    expect_status 6 in_sandbox "$config" mqrecv --broker nothing
    expect_status 4 in_sandbox "$config" mqsend --broker foreign text
    expect_status 1 in_sandbox "$config" mqrecv --broker wake
    expect_status 3 env IPCBROKER_SOCKET="$directory/nowhere.sock" mqrecv --broker "$q"
    expect_text err "$directory/nowhere.sock"
}

limits_of_the_host_are_named() {
    without
    expect_status 1 mqsend -c -n 9999999 "$q" text
    expect_text err msg_max
    expect_status 1 mqsend -c -s 999999999 "$q" text
    without
    expect_status 1 bash -c 'ulimit -q 2000 && mqsend -c "$0" text' "$q"
    expect_text err RLIMIT_MSGQUEUE
    expect_status 6 mqrecv "$q"
}

streams_that_fail_are_errors() {
    with 4 16
    mqsend "$q" text
    expect_status 1 sh -c 'mqrecv "$0" >/dev/full' "$q"
    expect_text err 'cannot write the output'
    expect_status 1 sh -c 'mqrecv --count 0 "$0" && mqsend "$0" x && mqrecv "$0" >&-' "$q"
    expect_text err 'cannot write the output'
    expect_status 1 sh -c 'mqsend "$0" <&-' "$q"
    expect_text err stdin
    expect_status 1 sh -c 'mqsend "$0" </' "$q"
    expect_status 1 sh -c 'mqsend --help >/dev/full'
    # What could not be printed was received: that is said, and not passed over by dying.
    mqsend "$q" text
    mkfifo pipe
    expect_status 1 bash -c 'exec 8<>pipe 9>pipe 8<&-; mqrecv "$0" >&9' "$q"
    expect_text err 'cannot write the output: Broken pipe'
}

run_tests a_message_goes_through without_create_there_must_be_one \
    a_queue_is_created_for_4_messages_of_512_bytes the_limits_may_be_said \
    the_umask_takes_nothing_from_the_mode a_queue_that_is_there_keeps_its_limits \
    bytes_that_are_no_text_are_printed_as_numbers receiving_waits_for_a_message \
    help_and_version_go_to_stdout numbers_that_are_none_are_errors wrong_usage_is_2 \
    priorities_decide_on_the_order time_runs_out a_count_is_received \
    following_goes_on_until_there_is_nothing lines_of_stdin_are_messages \
    what_ends_with_nul_are_messages raw_is_one_message_as_it_is a_queue_is_removed \
    the_broker_can_be_asked_instead limits_of_the_host_are_named streams_that_fail_are_errors
