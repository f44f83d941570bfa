#!/bin/bash
# ipcbrokerctl exec: what the program finds, which programs of Debian's take it, and every error.
# shellcheck disable=SC2016 # the shells inside expand them
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

listener=$TEST_STAGE/../integration/listener
config="[queue:orders]
message_size = 64
use = user:$me
[queue:in-box]
receive = user:$me
[eventfd:wake]
use = user:$me
[pipe:outlet]
use = user:$me
[queue:foreign]
use = user:$other"

# sandboxed COMMAND...: with that configuration.
sandboxed() {
    in_sandbox "$config" "$@"
}

# ---- what the program finds ----

descriptors_are_found_in_their_order() {
    expect_status 0 sandboxed "$ctl" exec orders wake outlet in-box -- "$listener"
    expect_output '3 orders queue both
4 wake eventfd both nonblocking
5 outlet pipe both
6 in-box queue in
'
}

an_access_may_be_asked_for() {
    expect_status 0 sandboxed "$ctl" exec outlet:read orders:send orders:receive=other /orders:use=third -- "$listener"
    expect_output '3 outlet pipe in
4 orders queue out
5 other queue in
6 third queue both
'
}

nonblocking_ones_may_be_asked_for() {
    expect_status 0 sandboxed "$ctl" exec orders --nonblock outlet -- "$listener"
    expect_output '3 orders queue both nonblocking
4 outlet pipe both nonblocking
'
}

options_of_the_program_are_its_own() {
    expect_status 0 sandboxed "$ctl" exec wake -- printf '%s,' --json --help -- -x
    expect_output '--json,--help,--,-x,'
}

a_shell_finds_them_by_number() {
    expect_status 0 sandboxed "$ctl" exec outlet in-box "orders=9 lives" -- sh -c '
        echo three >&"$IPCB_FD_OUTLET"
        read -r line <&"$IPCB_FD_OUTLET"
        echo "$line $IPCB_FD_IN_BOX $IPCB_FD_9_LIVES $LISTEN_FDS $LISTEN_FDNAMES"'
    expect_output 'three 4 5 3 outlet:in-box:9 lives
'
}

no_process_is_made() {
    expect_status 0 sandboxed sh -c 'echo $$; exec "$0" exec wake -- sh -c "echo \$\$ \$LISTEN_PID"' "$ctl"
    [[ $(sed -n 2p out) == "$(sed -n 1p out) $(sed -n 1p out)" ]] || fail "$(<out)"
}

a_queue_is_the_one_of_that_name() {
    needs_root
    unshare --mount true 2>/dev/null || { echo skip >skipped; exit 0; }
    start_broker "[queue:orders]
use = user:$me
[queue:other]"
    expect_status 0 unshare --mount sh -ec '
        mount -t tmpfs none /dev
        mkdir /dev/mqueue
        mount -t mqueue none /dev/mqueue
        exec "$0" --socket "$1" exec orders -- /usr/bin/python3 -c "
from systemd.daemon import is_mq
print(is_mq(3, \"/orders\"), is_mq(3, \"/other\"))"' "$ctl" "$socket"
    expect_output 'True False
'
    stop_broker
}

streams_that_are_closed_stay_closed() {
    expect_status 0 sandboxed sh -c '
        "$0" exec outlet wake -- sh -c "for fd in 0 1 2; do [ ! -e /proc/\$\$/fd/\$fd ] || : >open; done; exec \"$1\" >found" <&- >&- 2>&-
        cat found' "$ctl" "$listener"
    expect_output '3 outlet pipe both
4 wake eventfd both nonblocking
'
    [[ ! -e open ]]
}

# Else what is said of the error would go into a descriptor that was acquired, or be lost unnoticed.
closed_streams_are_not_taken() {
    expect_status 1 sandboxed sh -c '"$0" list >&-' "$ctl"
    expect_text err 'cannot write the output'
    expect_status 1 sandboxed sh -c '"$0" send orders <&-' "$ctl"
    expect_status 126 sandboxed sh -c '"$0" exec outlet=a outlet=b outlet=c -- / <&- >&- 2>&-' "$ctl"
    expect_status 0 sandboxed sh -c '
        "$0" exec outlet=a outlet=b outlet=c -- / <&- >&- 2>&-
        "$0" --json show outlet' "$ctl"
    jq -e '.count == 0' out >/dev/null || fail "$(<out)"
}

signals_are_as_they_were() {
    local ignored
    expect_status 0 sandboxed "$ctl" exec wake -- grep SigIgn: /proc/self/status
    ignored=$(awk '{ print $2 }' out)
    (((0x$ignored & 0x1000) == 0)) || fail "SIGPIPE is ignored: $ignored"
    expect_status 0 sandboxed sh -c 'trap "" PIPE; "$0" exec wake -- grep SigIgn: /proc/self/status' "$ctl"
    ignored=$(awk '{ print $2 }' out)
    (((0x$ignored & 0x1000) != 0)) || fail "SIGPIPE is not ignored any more: $ignored"
}

# many N: a configuration of N objects, and their names.
many() {
    local i
    many_config='' many_names=()
    for ((i = 0; i < $1; i++)); do
        many_config+="[eventfd:e$i]"$'\nuse = any\n'
        many_names+=("e$i")
    done
}

many_come_at_once() {
    many 253
    expect_status 0 in_sandbox "$many_config" "$ctl" exec "${many_names[@]}" -- "$listener"
    seq 0 252 | awk '{ print $1 + 3, "e" $1, "eventfd both nonblocking" }' | diff - out >difference ||
        fail "$(<difference)"
    expect_status 2 in_sandbox "$many_config" "$ctl" exec "${many_names[@]}" e0=more -- "$listener"
    expect_text err 253
}

# Of 64 numbers, 61 are to be had, one of them for the broker's socket.
few_numbers_are_enough() {
    local few='for ((i = 3; i < 256; i++)); do eval "exec $i>&-"; done; ulimit -n 64 && exec "$@"'
    many 60
    expect_status 0 in_sandbox "$many_config" bash -c "$few" - "$ctl" exec "${many_names[@]}" -- "$listener"
    [[ $(grep -c eventfd out) == 60 ]]
    many 61
    expect_status 1 in_sandbox "$many_config" bash -c "$few" - "$ctl" exec "${many_names[@]}" -- "$listener"
    [[ ! -s out ]]
}

# ---- what was handed to us before ----

inherited_ones_come_first() {
    expect_status 0 sandboxed "$ctl" exec orders in-box -- "$ctl" exec wake -- "$listener"
    expect_output '3 orders queue both
4 in-box queue in
5 wake eventfd both nonblocking
'
    expect_status 0 sandboxed "$ctl" exec orders in-box -- "$ctl" exec wake -- \
        sh -c 'echo "$IPCB_FD_ORDERS $IPCB_FD_IN_BOX $IPCB_FD_WAKE"'
    expect_output '3 4 5
'
}

inherited_ones_without_names_get_the_usual_one() {
    expect_status 0 sandboxed sh -c 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" exec wake -- "$1" 3</dev/null 4</dev/zero' \
        "$ctl" "$listener"
    expect_output '3 unknown other in
4 unknown other in
5 wake eventfd both nonblocking
'
}

# What a process between handed to its children is not ours: neither numbers nor variables are kept.
what_is_meant_for_another_is_forgotten() {
    expect_status 0 sandboxed "$ctl" exec orders in-box -- sh -c '
        export LISTEN_PIDFDID=1 IPCB_FD_=7
        "$0" exec wake -- sh -c "env >environment; exec \"$1\""
        env | grep -c IPCB_FD_' "$ctl" "$listener"
    expect_text out '3 wake eventfd both nonblocking' 3
    grep -E '^(LISTEN_|IPCB_FD_)' environment | sort | sed 's/PID=.*/PID=/' >told
    diff told - <<<'IPCB_FD_WAKE=3
LISTEN_FDNAMES=wake
LISTEN_FDS=1
LISTEN_PID=' >difference || fail "$(<difference)"
}

what_is_wrong_with_the_inherited_is_said() {
    local bad
    for bad in x -1 1e3 99999999999999999999; do
        expect_status 1 sandboxed sh -c 'LISTEN_PID=$$ LISTEN_FDS=$1 exec "$0" exec wake -- touch was-run' "$ctl" "$bad"
        expect_text err LISTEN_FDS "'$bad'"
    done
    expect_status 1 sandboxed sh -c 'LISTEN_PID=$$ LISTEN_FDS=3 exec "$0" exec wake -- touch was-run 3</dev/null' "$ctl"
    expect_text err 'descriptor 4 is not open'
    expect_status 1 sandboxed sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=a:b exec "$0" exec wake -- touch was-run 3</dev/null' "$ctl"
    expect_text err '2 names'
    [[ ! -e was-run ]]
}

# ---- programs that know nothing of ipcbroker ----

python_finds_them() {
    expect_status 0 sandboxed "$ctl" exec orders:send=out orders:receive=in outlet -- /usr/bin/python3 -c '
import os, sys
from systemd.daemon import listen_fds_with_names, is_mq, is_fifo
for fd, name in sorted(listen_fds_with_names().items()):
    print(fd, name, is_mq(fd), is_fifo(fd))'
    expect_output '3 out True False
4 in True False
5 outlet False True
'
}

# It takes what it gets by LISTEN_FDS, waits for one to become readable, and hands all of them on.
systemd_socket_activate_starts_a_program_at_the_first_message() {
    expect_status 0 sandboxed sh -ec '
        "$0" exec orders:receive -- systemd-socket-activate --fdname=orders sh -c "echo started >>started; exec \"$1\"" >>found 2>log &
        until grep -q Listening log 2>/dev/null; do kill -0 $!; done
        [ ! -e started ]
        "$0" send orders go
        wait $!
        cat started found' "$ctl" "$listener"
    expect_output 'started
3 orders queue in
'
}

# A socket of its and a queue of ours, both by LISTEN_FDS.
a_program_gets_sockets_of_a_service_manager_too() {
    expect_status 0 sandboxed sh -ec '
        systemd-socket-activate --listen="$PWD/socket" --fdname=front \
            --setenv=IPCBROKER_SOCKET --setenv=LD_LIBRARY_PATH "$0" exec orders -- "$1" >found 2>log &
        until grep -q Listening log; do kill -0 $!; done
        socat -u /dev/null UNIX-CONNECT:socket
        wait $!
        cat found' "$ctl" "$listener"
    expect_output '3 front socket both
4 orders queue both
'
}

socat_takes_a_number() {
    expect_status 0 sandboxed "$ctl" exec outlet:write=out outlet:read=in -- sh -c '
        echo through the pipe | socat -u STDIN FD:"$IPCB_FD_OUT"
        socat -u FD:"$IPCB_FD_IN",readbytes=17 STDOUT'
    expect_output 'through the pipe
'
}

# ---- waiting ----

what_is_declared_is_not_waited_for() {
    expect_status 0 sandboxed "$ctl" exec --wait orders wake -- "$listener"
    expect_output '3 orders queue both
4 wake eventfd both nonblocking
'
}

waiting_has_an_end() {
    expect_status 5 sandboxed "$ctl" exec --wait=0.05 orders later -- touch was-run
    expect_text err 'declared in time'
    expect_status 4 sandboxed "$ctl" exec --wait foreign -- touch was-run
    expect_status 2 sandboxed "$ctl" exec --wait=0 orders -- touch was-run
    expect_status 2 sandboxed "$ctl" exec --wait=x orders -- touch was-run
    [[ ! -e was-run ]]
}

# wait_for_later: sets $waiting to who waits for it at a broker that does not know it.
wait_for_later() {
    needs_root
    start_broker '[queue:orders]
use = any'
    "$ctl" --socket "$socket" exec --wait orders later -- "$listener" >found &
    waiting=$!
    while [[ $("$ctl" --socket "$socket" --json status | jq .clients) != 2 ]]; do kill -0 "$waiting"; done
}

an_object_is_waited_for_until_it_is_declared() {
    wait_for_later
    stop_broker
    start_broker '[queue:orders]
use = any
[eventfd:later]
use = any'
    wait "$waiting"
    stop_broker
    expect_status 0 cat found
    expect_output '3 orders queue both
4 later eventfd both nonblocking
'
}

# The broker and the connection stay.
what_a_reload_declares_was_waited_for() {
    wait_for_later
    "$ctl" --socket "$socket" reload >/dev/null
    kill -0 "$waiting" # for a reload that declares nothing changes nothing
    printf '[pipe:later]\nuse = any\n' >>broker.conf
    "$ctl" --socket "$socket" reload >/dev/null
    wait "$waiting"
    stop_broker
    expect_status 0 cat found
    expect_output '3 orders queue both
4 later pipe both
'
}

# ---- errors ----

a_program_that_cannot_be_run_is_126_or_127() {
    expect_status 127 sandboxed "$ctl" exec wake -- ./no-such-program
    expect_text err ./no-such-program
    : >no-program
    expect_status 126 sandboxed "$ctl" exec wake -- ./no-program
    expect_status 126 sandboxed "$ctl" exec wake -- /
    expect_status 9 sandboxed "$ctl" exec wake -- sh -c 'exit 9'
}

without_the_objects_no_program_is_run() {
    expect_status 6 sandboxed "$ctl" exec wake nothing -- touch was-run
    expect_text err "'nothing'"
    expect_status 4 sandboxed "$ctl" exec wake foreign -- touch was-run
    expect_text err "'foreign'"
    expect_status 4 sandboxed "$ctl" exec in-box:send -- touch was-run
    expect_status 3 "$ctl" --socket "$directory/nowhere.sock" exec wake -- touch was-run
    [[ ! -e was-run ]]
}

two_that_a_script_could_not_tell_apart_are_refused() {
    expect_status 2 sandboxed "$ctl" exec orders=a.b wake=a-b -- touch was-run
    expect_text err IPCB_FD_A_B "'a.b'" "'a-b'"
    expect_status 2 sandboxed "$ctl" exec orders /orders:send -- touch was-run
    expect_status 2 sandboxed "$ctl" exec orders -- "$ctl" exec in-box=ORDERS -- touch was-run
    expect_text err 'IPCB_FD_ORDERS is there already'
    [[ ! -e was-run ]]
}

wrong_usage_is_2() {
    local name
    expect_status 2 sandboxed "$ctl" exec
    expect_status 2 sandboxed "$ctl" exec wake
    expect_status 2 sandboxed "$ctl" exec wake --
    expect_status 2 sandboxed "$ctl" exec -- true
    expect_status 2 sandboxed "$ctl" exec --nonsense wake -- true
    for name in wake:have wake: wake=a:b wake= "wake=a"$'\n'b "wake=$(printf '%0256d' 0)" '' 'a b' \
        wake:read wake:send orders:write outlet:receive "$(printf '%0300d' 0)"; do
        expect_status 2 sandboxed "$ctl" exec "$name" -- touch was-run
        [[ -s err ]]
    done
    expect_status 0 sandboxed "$ctl" exec "wake=$(printf '%0255d' 0)" -- true
    expect_status 0 "$ctl" exec --help
    [[ ! -e was-run ]]
}

run_tests descriptors_are_found_in_their_order an_access_may_be_asked_for \
    nonblocking_ones_may_be_asked_for options_of_the_program_are_its_own a_shell_finds_them_by_number \
    no_process_is_made a_queue_is_the_one_of_that_name streams_that_are_closed_stay_closed \
    closed_streams_are_not_taken signals_are_as_they_were many_come_at_once few_numbers_are_enough \
    inherited_ones_come_first inherited_ones_without_names_get_the_usual_one \
    what_is_meant_for_another_is_forgotten what_is_wrong_with_the_inherited_is_said \
    what_is_declared_is_not_waited_for waiting_has_an_end \
    an_object_is_waited_for_until_it_is_declared what_a_reload_declares_was_waited_for python_finds_them systemd_socket_activate_starts_a_program_at_the_first_message \
    a_program_gets_sockets_of_a_service_manager_too socat_takes_a_number \
    a_program_that_cannot_be_run_is_126_or_127 without_the_objects_no_program_is_run \
    two_that_a_script_could_not_tell_apart_are_refused wrong_usage_is_2
