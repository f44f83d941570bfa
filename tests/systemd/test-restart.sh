#!/bin/bash
# Nothing is lost: restart, kill, upgrade, changed and broken configurations.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

all_kinds='[queue:named]
use = user:root
[queue:private]
posix_name = none
use = user:root
[eventfd:event]
use = user:root
[pipe:stream]
use = user:root'

fill() { # a message, a count, bytes
    "$ctl" send named 'in the named queue'
    "$ctl" send private 'in the private queue'
    "$ctl" signal event 5
    "$ctl" signal stream 7
}

expect_filled() {
    [[ $("$ctl" receive --timeout 5 named) == 'in the named queue' ]] || fail named
    [[ $("$ctl" receive --timeout 5 private) == 'in the private queue' ]] || fail private
    [[ $("$ctl" wait --timeout 5 event) == 5 ]] || fail event
    [[ $("$ctl" wait --timeout 5 stream) == 7 ]] || fail stream
}

all_survive_a_restart() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    systemctl restart ipcbroker.service
    expect_filled
    expect_journal '4 objects came back from the descriptor store'
}

all_survive_a_kill() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    for _ in 1 2 3; do
        fill
        kill_broker
        expect_filled
    done
}

# ---- killed at one moment after the other ----
# $STRIKE_STEP 1: at the beginning and at the end of each system call.

killer=/usr/local/lib/killer
strike=/run/ipcbroker-admin/strike

# serve_under_killer: with $all_kinds, filled.
serve_under_killer() {
    fresh "$all_kinds"
    install "$TEST_BUILDDIR/tests/systemd/killer" "$killer"
    drop_in ipcbroker.service "[Service]
RestartSec=0
SystemCallFilter=
ExecStart=
ExecStart=$killer $strike $ipcbrokerd"
    systemctl start ipcbroker.service
    fill
}

# is_struck PID: whether that one was killed, or is at its end now; another one serves then.
is_struck() {
    [[ ! -e $strike ]] || { rm "$strike"; [[ $(main_pid) != "$1" ]] || return 1; }
    await another_pid_than "$1"
}

killed_at_any_moment_of_a_start() {
    local moment pid points=0
    serve_under_killer
    for ((moment = 1; ; moment += ${STRIKE_STEP:-7})); do
        echo "$moment" >"$strike"
        pid=$(main_pid)
        hit KILL "$pid" || true # it was struck itself, late: when it was ready
        await another_pid_than "$pid" # which is started, struck, and started
        [[ ! -e $strike ]] || break
        await is_active
        expect_filled
        fill
        ((++points))
    done
    rm "$strike"
    expect_filled
    note "killed at $points moments of a start, up to call $((moment / 2))"
    ((points > 10)) || fail 'it was never struck'
}

killed_at_any_moment_of_a_reload() {
    local moment pid points=0
    serve_under_killer
    for ((moment = 1; ; moment += ${STRIKE_STEP:-2})); do
        pid=$(main_pid)
        if ((points % 2)); then
            configure ipcbroker.conf "$all_kinds"
        else
            configure ipcbroker.conf "$all_kinds"$'\n[pipe:more]\nuse = user:root\n[eventfd:second]\nuse = any'
        fi
        echo "$moment" >"$strike"
        systemctl reload ipcbroker.service 2>/dev/null || true
        is_struck "$pid" || break
        expect_filled
        fill
        ((++points))
    done
    expect_filled
    note "killed at $points moments of a reload, up to call $((moment / 2))"
    ((points > 10)) || fail 'it was never struck'
}

all_survive_reexecution_of_systemd() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    systemctl daemon-reexec
    systemctl restart ipcbroker.service
    expect_filled
}

the_store_holds_the_two_ends_of_a_bag() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    expect_property ipcbroker.service NFileDescriptorStore 2
    systemctl restart ipcbroker.service
    expect_property ipcbroker.service NFileDescriptorStore 2
    configure ipcbroker.conf "$all_kinds"$'\n[eventfd:more]\nuse = user:root'
    systemctl reload ipcbroker.service
    expect_property ipcbroker.service NFileDescriptorStore 2
    # What is in the bag counts as unread: a user's share is a part of what it leaves.
    "$ctl" --admin status >facts
    awk '$1 == "max_unread_descriptors" { most = $2 }
        $1 == "max_unread_descriptors_per_user" { share = $2 }
        END { exit !(share > 0 && share < int(most / 16)) }' facts || fail "$(<facts)"
}

a_broken_main_file_loses_nothing() {
    local pid
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    configure ipcbroker.conf 'nonsense'
    expect_status 1 systemctl restart ipcbroker.service
    expect_property ipcbroker.service NFileDescriptorStore 2
    expect_journal "$configuration/ipcbroker.conf:1: "
    configure ipcbroker.conf "$all_kinds"
    await is_active
    expect_filled
}

what_is_declared_no_more_comes_back_as_retired() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    configure ipcbroker.conf $'[queue:named]\nuse = user:root'
    systemctl restart ipcbroker.service
    expect_status 0 "$ctl" --admin list
    expect_text out 'private@1' 'event@1' 'stream@1'
    systemctl restart ipcbroker.service # as retired ones they survive, too
    configure ipcbroker.conf "$all_kinds"
    systemctl restart ipcbroker.service
    expect_filled
}

other_limits_leave_the_object_as_it_is() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    configure ipcbroker.conf "${all_kinds/posix_name = none/$'posix_name = none\nmax_messages = 5'}"
    systemctl restart ipcbroker.service
    property ipcbroker.service StatusText >status
    expect_text status '1 differing'
    expect_filled
}

another_kind_leaves_the_old_as_retired() {
    fresh $'[eventfd:event]\nuse = user:root'
    systemctl start ipcbroker.service
    "$ctl" signal event 3
    configure ipcbroker.conf $'[pipe:event]\nuse = user:root'
    systemctl restart ipcbroker.service
    expect_status 0 "$ctl" --admin list
    expect_text out 'event@1'
    configure ipcbroker.conf $'[eventfd:event]\nuse = user:root'
    systemctl restart ipcbroker.service
    [[ $("$ctl" wait --timeout 5 event) == 3 ]]
}

all_survive_in_a_private_ipc_name_space() {
    fresh "$all_kinds"
    drop_in ipcbroker.service $'[Service]\nPrivateIPC=yes'
    systemctl start ipcbroker.service
    fill
    [[ -z $(ls /dev/mqueue) ]] || fail 'queues are to be seen outside'
    systemctl restart ipcbroker.service
    kill_broker
    expect_filled
    fill
    configure ipcbroker.conf "$all_kinds"$'\n[queue:more]\nuse = user:root'
    systemctl reload ipcbroker.service
    "$ctl" send more 'to the new one'
    systemctl restart ipcbroker.service
    expect_filled
    [[ $("$ctl" receive --timeout 5 more) == 'to the new one' ]] || fail more
    expect_status 0 "$ctl" --admin status
}

without_a_store_the_loss_is_said() {
    fresh "$all_kinds"
    drop_in ipcbroker.service $'[Service]\nFileDescriptorStoreMax=0\nEnvironment=FDSTORE=0'
    systemctl start ipcbroker.service
    expect_journal '3 of the objects' 'there is no descriptor store'
    "$ctl" send named 'in the named queue'
    systemctl restart ipcbroker.service
    [[ $("$ctl" receive --timeout 5 named) == 'in the named queue' ]]
}

a_stop_says_what_it_loses() {
    fresh "$all_kinds"
    systemctl start ipcbroker.service
    fill
    systemctl stop ipcbroker.service
    expect_journal '1 of kind queue with 1 waiting, 1 of kind eventfd with 5 waiting, 1 of kind pipe with 7 waiting'
}

many_objects_come_back_soon() {
    local before after n
    fresh "$(for n in {1..8000}; do printf '[eventfd:e%d]\nuse = user:root\n' "$n"; done)"
    systemctl start ipcbroker.service
    "$ctl" signal e1 3
    "$ctl" signal e8000 4
    before=$(date +%s%N)
    systemctl restart ipcbroker.service
    after=$(date +%s%N)
    note "8000 objects: $(((after - before) / 1000000)) ms from stop to ready"
    expect_journal '8000 objects came back'
    [[ $("$ctl" wait --timeout 5 e1) == 3 && $("$ctl" wait --timeout 5 e8000) == 4 ]]
}

install_package >&2
run_tests all_survive_a_restart all_survive_a_kill killed_at_any_moment_of_a_start \
    killed_at_any_moment_of_a_reload all_survive_reexecution_of_systemd \
    the_store_holds_the_two_ends_of_a_bag a_broken_main_file_loses_nothing \
    what_is_declared_no_more_comes_back_as_retired other_limits_leave_the_object_as_it_is \
    another_kind_leaves_the_old_as_retired all_survive_in_a_private_ipc_name_space \
    without_a_store_the_loss_is_said a_stop_says_what_it_loses many_objects_come_back_soon
