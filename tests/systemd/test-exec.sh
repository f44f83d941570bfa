#!/bin/bash
# ipcbrokerctl exec as ExecStart: the program is the service.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

service=take-orders.service

# unit TEXT: a service that runs ./program with what TEXT says besides.
unit() {
    printf '[Unit]\nRequires=ipcbroker.service\nAfter=ipcbroker.service\n[Service]\nUser=nobody\n%s\n' "$1" \
        >"/etc/systemd/system/$service"
    systemctl daemon-reload
}

# It says that it is ready, and then what it has; it ends when it is told to.
program() {
    cat <<'END'
import os, signal, time
from systemd.daemon import listen_fds_with_names, notify
found = ' '.join(name + '=' + str(fd) for fd, name in sorted(listen_fds_with_names().items()))
notify('READY=1\nSTATUS=' + found)
signal.pause()
END
}

it_is_ready_as_the_main_process() {
    local pid
    install_package
    configure ipcbroker.conf $'[queue:orders]\nreceive = user:nobody\n[eventfd:wake]\nuse = any'
    program >/usr/local/lib/take-orders
    unit "Type=notify
ExecStart=$ctl exec orders:receive wake -- /usr/bin/python3 /usr/local/lib/take-orders"
    systemctl start "$service"
    expect_property "$service" ActiveState active
    expect_property "$service" StatusText 'orders=3 wake=4'
    pid=$(property "$service" MainPID)
    [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == '/usr/bin/python3 '* ]] || fail "$(<"/proc/$pid/cmdline")"
    [[ $(<"/proc/$pid/cgroup") == *"/$service" ]] || fail "$(<"/proc/$pid/cgroup")"
    systemctl stop "$service"
    expect_property "$service" Result success
}

sockets_of_the_unit_come_first() {
    printf '[Socket]\nListenStream=/run/take-orders\nFileDescriptorName=front\nListenFIFO=/run/take-orders.fifo\n' \
        >/etc/systemd/system/take-orders.socket
    systemctl daemon-reload
    systemctl start take-orders.socket
    systemctl start "$service"
    expect_property "$service" StatusText 'front=3 front=4 orders=5 wake=6'
    systemctl stop "$service" take-orders.socket
}

what_is_not_granted_fails_the_unit() {
    unit "Type=notify
ExecStart=$ctl exec orders:send -- /usr/bin/python3 /usr/local/lib/take-orders"
    expect_status 1 systemctl start "$service"
    expect_property "$service" ExecMainStatus 4
    journal --output cat --unit "$service" >told
    expect_text told "'send = user:"
    systemctl stop ipcbroker.service
}

run_tests it_is_ready_as_the_main_process sockets_of_the_unit_come_first what_is_not_granted_fails_the_unit
