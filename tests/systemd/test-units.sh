#!/bin/bash
# Grants for units: the unit that a client's process is in decides, and no name that he gives himself.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

# serve CONFIGURATION: the broker's unit, with it.
# $without: a feature of the kernel to do without.
without=
serve() {
    configure ipcbroker.conf "$1"
    if [[ $without ]]; then
        drop_in ipcbroker.service "[Service]
ExecStart=
ExecStart=$ipcbrokerd --without $without"
    else
        no_drop_in ipcbroker.service
    fi
    systemctl stop ipcbroker.service 'shop-*' 'stall*' 'other-broker*'
    rm -f /dev/mqueue/*
    systemctl start ipcbroker.service
}

peer=$TEST_BUILDDIR/tests/systemd/peer
groups=/sys/fs/cgroup/system.slice

# peer_in UNIT STEP...: runs peer as root in that unit; what it prints is in ./out.
peer_in() {
    expect_status 0 systemd-run --quiet --wait --pipe --collect --unit "$1" \
        "$peer" "$socket" orders "${@:2}"
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

grants_of_units_survive_a_restart() {
    serve "$shop"
    expect_status 0 in_unit shop-1.service "$ctl" send orders tea
    systemctl restart ipcbroker.service
    expect_status 0 in_unit shop-1.service "$ctl" send orders coffee
    expect_status 4 in_unit stall-1.service "$ctl" send orders tea
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

# start_user_manager NAME: a manager of this user, as a login would start it.
start_user_manager() {
    local id runtime
    id=$(id --user "$1") runtime=/run/user/$(id --user "$1")
    install --directory --mode 0755 /run/user
    install --directory --owner "$1" --mode 0700 "$runtime"
    install --directory --owner "$1" "/home/$1/.config" "/home/$1/.config/systemd" \
        "/home/$1/.config/systemd/user"
    printf '%s\n' '[Service]' Type=notify "User=$1" Delegate=yes "Slice=user-$id.slice" \
        "Environment=XDG_RUNTIME_DIR=$runtime" 'ExecStart=/lib/systemd/systemd --user' \
        >"/etc/systemd/system/user@$id.service"
    systemctl daemon-reload
    systemctl start "user@$id.service"
}

# user_unit USER NAME LINE...: a unit of the user's manager.
user_unit() {
    printf '%s\n' '[Service]' "${@:3}" >"/home/$1/.config/systemd/user/$2"
}

as_manager() { # USER COMMAND...
    setpriv --reuid "$1" --regid "$1" --init-groups env "HOME=/home/$1" \
        "XDG_RUNTIME_DIR=/run/user/$(id --user "$1")" "${@:2}"
}

# A manager of a user's own, who starts a unit that has the name of one of the system's.
a_users_own_unit_is_none() {
    local home=/home/somebody id
    serve "$shop"
    useradd --create-home --home-dir "$home" somebody
    id=$(id --user somebody)
    start_user_manager somebody
    printf '%s\n' '#!/bin/sh' "$ctl whoami >$home/seen" "$ctl send orders tea 2>$home/said" \
        "echo \$? >$home/status" >"$home/shop"
    chmod 755 "$home/shop"
    user_unit somebody shop-1.service "ExecStart=$home/shop" Type=oneshot
    as_manager somebody systemctl --user start shop-1.service
    [[ $(<"$home/status") == 4 ]] || fail "status $(<"$home/status")"
    expect_text "$home/seen" "user@$id.service"
    expect_text "$home/said" "unit user@$id.service is granted nothing"
    systemctl stop "user@$id.service"
    userdel --remove somebody
}

# The child is in the unit as well, but is not the process that connected.
an_heir_is_in_no_unit() {
    serve "$shop"
    peer_in shop-1.service connect acquire
    expect_output $'granted\n'
    peer_in shop-1.service connect heir acquire acquire
    expect_text out 'denied: uid 0 (gid 0'
    if grep -qE 'granted$|unit shop-1' out; then fail 'the heir is in the unit'; fi
    peer_in shop-1.service connect zombie acquire
    expect_text out 'denied: uid 0 (gid 0'
    if grep -qE 'granted$|unit shop-1' out; then fail 'a zombie is in the unit'; fi
    # What was told is kept with the connection.
    peer_in shop-1.service connect acquire heir acquire
    expect_output $'granted\ngranted\n'
}

a_number_that_another_has_by_now() {
    serve "$shop"
    systemd-run --quiet --collect --unit shop-1.service sleep infinity
    peer_in stall.service connect heir "reuse=$groups/shop-1.service/cgroup.procs" acquire
    expect_text out denied
    if grep -q 'unit shop-1' out; then fail 'he is taken for the stranger'; fi
    systemctl stop shop-1.service
}

who_was_moved_is_where_he_is_now() {
    serve "$shop"
    systemd-run --quiet --collect --unit stall.service sleep infinity
    peer_in shop-1.service connect "move=$groups/stall.service/cgroup.procs" acquire
    expect_text out 'unit stall.service is granted nothing'
    peer_in shop-1.service connect acquire "move=$groups/stall.service/cgroup.procs" acquire
    expect_output $'granted\ngranted\n'
    systemctl stop stall.service
}

# Process 1 in a name space below is not the system's.
a_name_space_of_process_ids_below() {
    serve '[queue:orders]
use = unit:shop-*.service
[queue:first]
use = unit:init.scope'
    local below=(systemd-run --quiet --wait --pipe --collect)
    expect_status 0 "${below[@]}" --unit shop-1.service unshare --pid --fork "$ctl" send orders tea
    expect_status 4 "${below[@]}" --unit shop-1.service unshare --pid --fork --mount-proc \
        "$ctl" send first tea
    expect_text err 'unit shop-1.service is granted nothing'
}

# A broker to whom the client has no number at all.
a_name_space_of_process_ids_beside() {
    local other=$directory/other.sock
    printf '%s\n' "$shop" >other.conf
    systemd-run --quiet --collect --unit other-broker.service unshare --pid --fork --mount-proc \
        "$ipcbrokerd" --config "$directory/other.conf" --socket "$other" --private \
        ${without:+--without "$without"}
    await "$ctl" --socket "$other" --admin status
    expect_status 4 in_unit shop-1.service "$ctl" --socket "$other" send orders tea
    if grep -q 'unit shop-1' err; then fail 'it sees into a name space above'; fi
    systemctl stop other-broker.service
}

# The broker of a user knows the units of this user's manager, and no others.
a_users_own_broker() {
    local home=/home/another id runtime
    useradd --create-home --home-dir "$home" another
    id=$(id --user another) runtime=/run/user/$(id --user another)
    start_user_manager another
    install --directory --owner another "$home/.config/ipcbroker"
    printf '%s\n' "$shop" >"$home/.config/ipcbroker/ipcbroker.conf"
    user_unit another broker.service "ExecStart=$ipcbrokerd --user ${without:+--without $without}" \
        Type=notify
    user_unit another shop-1.service "ExecStart=$ctl --user send orders tea" Type=oneshot
    user_unit another stall.service "ExecStart=$ctl --user send orders tea" Type=oneshot
    as_manager another systemctl --user start broker.service
    as_manager another systemctl --user start shop-1.service
    if as_manager another systemctl --user start stall.service; then fail 'another unit may'; fi
    socket=$runtime/ipcbroker/ipcbroker.sock
    expect_status 4 systemd-run --quiet --wait --pipe --collect --unit shop-1.service \
        --property User=another "$ctl" --socket "$socket" send orders tea
    systemctl stop "user@$id.service"
    userdel --remove another
}

install_package
both_ways=(its_unit_may grants_of_units_survive_a_restart other_units_may_not a_scope_is_a_unit instances_of_a_template
    a_unit_beside_other_grants everybody_learns_his_own_unit a_users_own_unit_is_none
    an_heir_is_in_no_unit a_number_that_another_has_by_now who_was_moved_is_where_he_is_now
    a_name_space_of_process_ids_below a_name_space_of_process_ids_beside a_users_own_broker)
for test in "${both_ways[@]}"; do
    eval "by_proof_$test() { without=peerpidfd; $test; }"
done
run_tests "${both_ways[@]}" administrators_by_unit "${both_ways[@]/#/by_proof_}"
