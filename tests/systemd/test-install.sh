#!/bin/bash
# From `make install` to `make uninstall`: the service is there, runs, and leaves nothing.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

# Each file that `make install` puts in place, and whatever else has our name.
files_of_ours() {
    local file
    while read -r file; do
        [[ ! -e /$file ]] || echo "/$file"
    done < <(find "$TEST_STAGE" -mindepth 1 -not -type d -printf '%P\n')
    find /etc /opt /run /usr /var -xdev -name '*ipcbroker*' -not -type d
}

it_installs() {
    [[ -z $(files_of_ours) ]] || fail "the host has it installed: $(files_of_ours)"
    make --silent --directory="$TEST_BUILDDIR" install
    settle_package
    [[ -e $TEST_UNITDIR/ipcbroker.service ]] || fail 'no unit'
    id ipcbroker
}

it_starts_and_is_ready() {
    configure ipcbroker.conf $'[queue:orders]\nuse = user:root\n[eventfd:wake]\nuse = any'
    systemctl start ipcbroker.service
    expect_property ipcbroker.service ActiveState active
    property ipcbroker.service StatusText >status
    expect_text status 'serving 2 objects'
    expect_status 0 "$ctl" list
    expect_text out orders wake
}

it_runs_as_its_own_user() {
    local pid
    pid=$(property ipcbroker.service MainPID)
    [[ $(stat --format %U "/proc/$pid") == ipcbroker ]] || fail "it runs as $(stat --format %U "/proc/$pid")"
    grep -qx $'CapEff:\t0000000000000000' "/proc/$pid/status"
}

it_serves_a_unit_of_another_user() {
    configure ipcbroker.conf $'[queue:orders]\nsend = user:nobody\nreceive = user:root'
    systemctl restart ipcbroker.service
    systemd-run --quiet --wait --pipe --property User=nobody "$ctl" send orders 'a book'
    [[ $("$ctl" receive orders) == 'a book' ]]
}

it_stops() {
    systemctl stop ipcbroker.service
    expect_property ipcbroker.service Result success
    expect_property ipcbroker.service ActiveState inactive
    systemctl stop ipcbroker.socket
    [[ ! -e $socket ]] || fail 'the socket is still there'
}

it_leaves_nothing_when_uninstalled() {
    make --silent --directory="$TEST_BUILDDIR" uninstall
    systemctl daemon-reload
    rm -r "$configuration" # the administrator's
    [[ -z $(files_of_ours) ]] || fail "left: $(files_of_ours)"
    expect_status 1 pgrep --euid ipcbroker
    [[ -e /dev/mqueue/orders ]] || fail 'a queue with a name stays until it is purged'
    expect_status 1 systemctl cat ipcbroker.service
}

run_tests it_installs it_starts_and_is_ready it_runs_as_its_own_user it_serves_a_unit_of_another_user \
    it_stops it_leaves_nothing_when_uninstalled
