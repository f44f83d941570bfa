#!/bin/bash
# The service: units, start, activation, watchdog, what it is told.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

# ---- units ----

the_units_are_correct() {
    local unit
    for unit in "$TEST_UNITDIR"/ipcbroker.{service,socket}; do
        expect_status 0 systemd-analyze verify --man=no "$unit"
        [[ ! -s err ]] || fail "$(<err)"
    done
    mkdir -p /run/user/0
    XDG_RUNTIME_DIR=/run/user/0 expect_status 0 systemd-analyze verify --man=no --user \
        "${TEST_UNITDIR%/system}"/user/ipcbroker.{service,socket}
    [[ ! -s err ]] || fail "$(<err)"
}

nothing_exposes_more_than_it_must() {
    expect_status 0 systemd-analyze security --threshold=10 --no-pager ipcbroker.service
    tail -n 1 out
}

# ---- start ----

the_first_client_starts_it() {
    fresh $'[queue:orders]\nuse = user:root'
    systemctl start ipcbroker.socket
    expect_property ipcbroker.service ActiveState inactive
    expect_status 0 "$ctl" send orders 'a book'
    expect_property ipcbroker.service ActiveState active
    [[ $("$ctl" receive orders) == 'a book' ]]
}

the_socket_stays_over_a_restart() {
    local inode
    fresh $'[queue:orders]\nuse = user:root'
    systemctl start ipcbroker.service
    inode=$(stat --format %i "$socket")
    systemctl restart ipcbroker.service
    expect_status 0 "$ctl" list
    systemctl kill --signal KILL --kill-who main ipcbroker.service
    expect_status 0 "$ctl" list # who comes in between waits
    [[ $(stat --format %i "$socket") == "$inode" ]] || fail 'another socket'
    [[ $(stat --format %a "$socket") == 666 ]]
}

without_its_socket_unit_it_listens_itself() {
    fresh $'[queue:orders]\nuse = user:root'
    systemd-run --quiet --unit alone --property Type=notify --property User=ipcbroker \
        "$ipcbrokerd"
    expect_status 0 "$ctl" list
    systemctl stop alone
    [[ ! -e $socket ]] || fail 'it left its socket'
}

refuses_the_socket() { # TEXT...: with the socket unit as it is the start fails, and says so
    systemctl start ipcbroker.socket
    expect_status 1 systemctl start ipcbroker.service
    expect_journal "$@"
    systemctl stop ipcbroker.service ipcbroker.socket
    no_drop_in ipcbroker.socket
}

a_wrong_socket_is_refused() {
    fresh ''
    drop_in ipcbroker.socket $'[Socket]\nFileDescriptorName=other'
    refuses_the_socket "by the name 'other'" 'FileDescriptorName=ipcbroker'
    drop_in ipcbroker.socket $'[Socket]\nListenSequentialPacket=\nListenSequentialPacket=/run/ipcbroker/elsewhere'
    refuses_the_socket 'at /run/ipcbroker/elsewhere, but'
    drop_in ipcbroker.socket $'[Socket]\nListenSequentialPacket=\nListenStream=/run/ipcbroker/ipcbroker.sock'
    refuses_the_socket 'the wrong type' 'ListenSequentialPacket=/run/ipcbroker/ipcbroker.sock'
    drop_in ipcbroker.socket $'[Socket]\nListenSequentialPacket=/run/ipcbroker/second'
    refuses_the_socket 'several sockets'
}

# ---- told ----

the_status_tells_of_failed_objects_and_files() {
    fresh $'[queue:orders]\nuse = user:root\n[queue:huge]\nmax_messages = 60000\nuse = user:root'
    configure ipcbroker.conf.d/bad.conf 'nonsense'
    systemctl start ipcbroker.service
    property ipcbroker.service StatusText >status
    expect_text status 'serving 1 objects' '1 failed' '1 files left out'
}

a_stopped_loop_is_noticed() {
    local pid
    fresh $'[queue:orders]\nuse = user:root'
    drop_in ipcbroker.service $'[Service]\nWatchdogSec=1'
    systemctl start ipcbroker.service
    "$ctl" send orders 'a book'
    pid=$(main_pid)
    kill -STOP "$pid"
    await another_pid_than "$pid"
    expect_property ipcbroker.service NRestarts 1
    journal --output cat | grep -F 'Watchdog timeout'
    [[ $("$ctl" receive orders) == 'a book' ]]
}

a_turning_loop_is_left_alone() {
    fresh $'[queue:orders]\nuse = user:root'
    drop_in ipcbroker.service $'[Service]\nWatchdogSec=500ms'
    systemctl start ipcbroker.service
    # Long enough for three of its limits, whatever the host is busy with.
    for _ in {1..15}; do
        sleep 0.1
        "$ctl" list >/dev/null
    done
    expect_property ipcbroker.service NRestarts 0
}

install_package >&2
run_tests the_units_are_correct nothing_exposes_more_than_it_must the_first_client_starts_it \
    the_socket_stays_over_a_restart without_its_socket_unit_it_listens_itself a_wrong_socket_is_refused \
    the_status_tells_of_failed_objects_and_files a_stopped_loop_is_noticed a_turning_loop_is_left_alone
