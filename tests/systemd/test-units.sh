#!/bin/bash
# Grants for units: the unit that a client's process is in decides, and no name that he gives himself.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

# serve CONFIGURATION: the broker's unit, with it.
serve() {
    configure ipcbroker.conf "$1"
    systemctl restart ipcbroker.service
}

# in_unit NAME COMMAND...: as another user, in a unit of that name; ends with COMMAND's status.
in_unit() {
    systemd-run --quiet --wait --pipe --collect --unit "$1" --property User=nobody "${@:2}"
}

expect_fact() { # KEY VALUE
    grep -Eqx "$1 +$2" out || { cat out; fail "not so: $1 $2"; }
}

shop='[queue:orders]
send = unit:shop-*.service
receive = unit:till.service'

its_unit_may() {
    serve "$shop"
    expect_status 0 in_unit shop-1.service "$ctl" send orders tea
    expect_status 0 in_unit shop-eu-2.service "$ctl" send orders coffee
    expect_status 0 in_unit till.service "$ctl" receive --count 2 orders
    expect_output $'tea\ncoffee\n'
}

other_units_may_not() {
    local unit
    serve "$shop"
    for unit in shop.service ashop-1.service stall-1.service; do
        expect_status 4 in_unit "$unit" "$ctl" send orders tea
        expect_text err "unit $unit is granted nothing on queue 'orders'" "'send = unit:$unit'"
    done
    expect_status 4 in_unit till.service "$ctl" send orders tea
    expect_text err "unit till.service is granted receive on queue 'orders'"
    expect_status 4 in_unit shop-1.service "$ctl" receive orders
    expect_status 4 systemd-run --quiet --scope --unit shop-1.scope "$ctl" send orders tea
    expect_text err 'unit shop-1.scope'
}

a_scope_is_a_unit() {
    serve '[queue:orders]
use = unit:shop-1.scope'
    expect_status 0 systemd-run --quiet --scope --unit shop-1 "$ctl" send orders tea
    expect_status 4 in_unit shop-1.service "$ctl" send orders tea
}

instances_of_a_template() {
    serve '[queue:orders]
use = unit:shop@*.service
[queue:first]
use = unit:shop@1.service'
    expect_status 0 in_unit shop@1.service "$ctl" send orders tea
    expect_status 0 in_unit shop@1.service "$ctl" send first tea
    expect_status 0 in_unit shop@2.service "$ctl" send orders tea
    expect_status 4 in_unit shop@2.service "$ctl" send first tea
}

a_unit_beside_other_grants() {
    serve '[pipe:done]
read = unit:shop-1.service
write = user:nobody'
    expect_status 0 in_unit shop-1.service "$ctl" show "done"
    expect_fact access use
    expect_status 0 in_unit shop-2.service "$ctl" show "done"
    expect_fact access write
}

everybody_learns_his_own_unit() {
    serve "$shop"
    expect_status 0 in_unit shop-1.service "$ctl" whoami
    expect_fact unit shop-1.service
    expect_status 0 in_unit shop-1.service "$ctl" list
    expect_text out orders
    expect_status 0 in_unit stall.service "$ctl" list
    ! grep orders out || fail 'it is told of what it may not'
    expect_status 0 in_unit shop-1.service "$ctl" can me send orders
    expect_text out 'unit shop-1.service' 'send = unit:shop-*.service'
    expect_status 4 in_unit stall.service "$ctl" can me send orders
    expect_status 0 "$ctl" --admin can unit:shop-1.service send orders
    expect_status 4 "$ctl" --admin can unit:till.service send orders
}

administrators_by_unit() {
    serve "[broker]
admin = unit:shop-1.service
$shop"
    chmod 711 /run/ipcbroker-admin
    expect_status 0 in_unit shop-1.service "$ctl" --admin list
    expect_status 4 in_unit shop-2.service "$ctl" --admin list
}

# A manager of a user's own, who starts a unit that has the name of one of the system's.
a_users_own_unit_is_none() {
    local home=/home/somebody id runtime
    serve "$shop"
    useradd --create-home --home-dir "$home" somebody
    id=$(id --user somebody) runtime=/run/user/$(id --user somebody)
    install --directory --mode 0755 /run/user
    install --directory --owner somebody --mode 0700 "$runtime"
    install --directory --owner somebody "$home/.config/systemd/user"
    printf '%s\n' '#!/bin/sh' "$ctl whoami >$home/seen" "$ctl send orders tea 2>$home/said" \
        "echo \$? >$home/status" >"$home/shop"
    chmod 755 "$home/shop"
    printf '[Service]\nType=oneshot\nExecStart=%s\n' "$home/shop" \
        >"$home/.config/systemd/user/shop-1.service"
    printf '%s\n' '[Service]' Type=notify User=somebody Delegate=yes "Slice=user-$id.slice" \
        "Environment=XDG_RUNTIME_DIR=$runtime" 'ExecStart=/lib/systemd/systemd --user' \
        >"/etc/systemd/system/user@$id.service"
    systemctl daemon-reload
    systemctl start "user@$id.service"
    setpriv --reuid somebody --regid somebody --init-groups env HOME="$home" \
        XDG_RUNTIME_DIR="$runtime" systemctl --user start shop-1.service
    [[ $(<"$home/status") == 4 ]] || fail "status $(<"$home/status")"
    expect_text "$home/seen" "user@$id.service"
    expect_text "$home/said" "unit user@$id.service is granted nothing"
    systemctl stop "user@$id.service"
}

install_package
run_tests its_unit_may other_units_may_not a_scope_is_a_unit instances_of_a_template \
    a_unit_beside_other_grants everybody_learns_his_own_unit administrators_by_unit \
    a_users_own_unit_is_none
