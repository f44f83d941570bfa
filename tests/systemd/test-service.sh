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
    note "$(tail -n 1 out)"
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
    expect_text status 'serving 1 objects' '1 failed' '1 files left out' degraded
}

a_stopped_loop_is_noticed() {
    local pid
    fresh $'[queue:orders]\nuse = user:root'
    drop_in ipcbroker.service $'[Service]\nWatchdogSec=1'
    systemctl start ipcbroker.service
    "$ctl" send orders 'a book'
    pid=$(main_pid)
    hit STOP "$pid"
    await another_pid_than "$pid"
    expect_property ipcbroker.service NRestarts 1
    journal --output cat | grep -F 'Watchdog timeout'
    [[ $("$ctl" receive orders) == 'a book' ]]
}

a_turning_loop_is_left_alone() {
    fresh $'[queue:orders]\nuse = user:root'
    drop_in ipcbroker.service $'[Service]\nWatchdogSec=500ms'
    local first=0 last=0
    systemctl start ipcbroker.service
    # Until it has been told for three of its limits that the loop turns.
    while ((last - first < 1500000)); do
        "$ctl" list >/dev/null
        last=$(property ipcbroker.service WatchdogTimestampMonotonic)
        ((first > 0)) || first=$last
    done
    expect_property ipcbroker.service NRestarts 0
}

# ---- reload ----

a_reload_is_waited_for() {
    fresh $'[queue:orders]\nuse = user:root'
    systemctl start ipcbroker.service
    configure ipcbroker.conf $'[queue:orders]\nuse = user:root\n[eventfd:more]\nuse = user:root'
    systemctl reload ipcbroker.service
    expect_status 0 "$ctl" show more
    expect_property ipcbroker.service ActiveState active
    property ipcbroker.service StatusText >status
    expect_text status 'serving 2 objects'
}

a_bad_reload_fails_and_changes_nothing() {
    fresh $'[queue:orders]\nuse = user:root'
    systemctl start ipcbroker.service
    configure ipcbroker.conf 'nonsense'
    expect_status 1 systemctl reload ipcbroker.service
    expect_property ipcbroker.service ActiveState active
    expect_status 0 "$ctl" send orders 'a book'
    expect_journal "$configuration/ipcbroker.conf:1: "
    configure ipcbroker.conf $'[queue:orders]\nuse = user:root'
    systemctl reload ipcbroker.service
}

others_are_answered_during_a_large_reload() {
    local n client
    fresh $'[queue:orders]\nuse = user:root'
    sysctl --quiet fs.mqueue.queues_max=2000
    systemctl start ipcbroker.service
    "$TEST_BUILDDIR/tests/systemd/peer" "$socket" orders connect acquire "gap=$PWD/stop" >gap &
    client=$!
    await test -s gap
    configure ipcbroker.conf.d/10-many.conf "$(
        for ((n = 0; n < 10000; n++)); do printf '[eventfd:e%d]\nuse = any\n' "$n"; done
        for ((n = 0; n < 1000; n++)); do printf '[queue:q%d]\nmax_messages = 1\nmessage_size = 1\nuse = any\n' "$n"; done
    )"
    systemctl reload ipcbroker.service
    touch stop
    wait "$client"
    note "a reload with 10000 eventfds and 1000 queues: $(tail -n 1 gap)"
    property ipcbroker.service StatusText >status
    expect_text status 'serving 11001 objects'
    expect_property ipcbroker.service NFileDescriptorStore 12
    systemctl restart ipcbroker.service
    expect_journal '11001 objects came back'
}

# ---- a start that takes long ----

# The service manager would end it after 8 s; 100 objects take 0.1 s each.
a_long_start_is_given_time() {
    local n
    [[ -z ${TEST_CFLAGS-} ]] || return 0 # sanitizers must be loaded before all else
    cat >slow.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int eventfd(unsigned count, int flags)
{
    int (*real)(unsigned, int) = (int (*)(unsigned, int))dlsym(RTLD_NEXT, "eventfd");
    usleep(100000);
    return real(count, flags);
}
END
    ${TEST_CC:-cc} -shared -fPIC -o /usr/local/lib/slow.so slow.c
    fresh "$(for ((n = 0; n < 100; n++)); do printf '[eventfd:e%d]\nuse = any\n' "$n"; done)"
    drop_in ipcbroker.service $'[Service]\nTimeoutStartSec=8\nEnvironment=LD_PRELOAD=/usr/local/lib/slow.so'
    systemctl start ipcbroker.service
    expect_property ipcbroker.service NRestarts 0
    property ipcbroker.service StatusText >status
    expect_text status 'serving 100 objects'
}

# ---- of a user ----

# as_user COMMAND...: as who has the user manager below.
as_user() {
    setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/run/nobody \
        XDG_RUNTIME_DIR=/run/nobody XDG_CONFIG_HOME=/run/nobody/config "$@"
}

a_users_manager_runs_it() {
    local pid
    install -d -o nobody -g nogroup -m 700 /run/nobody
    systemd-run --quiet --unit users-manager --property User=nobody --property Delegate=yes \
        --property Type=notify --property Environment='HOME=/run/nobody XDG_RUNTIME_DIR=/run/nobody XDG_CONFIG_HOME=/run/nobody/config' \
        /lib/systemd/systemd --user
    as_user mkdir -p /run/nobody/config/ipcbroker
    printf '[queue:mine]\nuse = user:nobody\n[eventfd:wake]\nuse = user:nobody\n' |
        as_user tee /run/nobody/config/ipcbroker/ipcbroker.conf >/dev/null
    as_user systemctl --user start ipcbroker.socket
    as_user "$ctl" --user send mine 'of my own' # which starts it
    as_user "$ctl" --user signal wake 4
    as_user systemctl --user restart ipcbroker.service
    pid=$(as_user systemctl --user show --property MainPID --value ipcbroker.service)
    hit KILL "$pid" || fail 'it does not run'
    [[ $(as_user "$ctl" --user receive --timeout 5 mine) == 'of my own' ]] || fail mine
    [[ $(as_user "$ctl" --user wait --timeout 5 wake) == 4 ]] || fail wake
    as_user tee -a /run/nobody/config/ipcbroker/ipcbroker.conf <<<nonsense >/dev/null
    expect_status 1 as_user systemctl --user reload ipcbroker.service
    systemctl stop users-manager
}

# ---- the journal ----

field() { # MESSAGE_ID FIELD: of the last such message of the broker
    journal --output json "MESSAGE_ID=$1" | jq --raw-output ".$2" | tail -n 1
}

id_of() { # NAME: the number of a kind of message
    sed -n "s/^#define $1 *\"\([0-9a-f]*\)\"/\1/p" "$TEST_SRCDIR/daemon/log.h"
}

messages_have_fields() {
    local id
    fresh $'[queue:huge]\nmax_messages = 60000\nuse = user:root'
    configure ipcbroker.conf.d/bad.conf $'\nnonsense'
    systemctl start ipcbroker.service
    journalctl --sync
    id=$(id_of LOG_OBJECT_FAILED)
    [[ $(field "$id" IPCBROKER_OBJECT) == huge ]]
    [[ $(field "$id" CONFIG_FILE) == "$configuration/ipcbroker.conf" ]]
    [[ $(field "$id" CONFIG_LINE) == 1 ]]
    [[ $(field "$id" ERRNO) == 22 ]]
    [[ $(field "$id" PRIORITY) == 3 ]]
    [[ $(field "$id" SYSLOG_IDENTIFIER) == ipcbrokerd ]]
    id=$(id_of LOG_CONFIG_PROBLEM)
    [[ $(field "$id" CONFIG_FILE) == "$configuration/ipcbroker.conf.d/bad.conf" ]]
    [[ $(field "$id" CONFIG_LINE) == 2 ]]
    id=$(id_of LOG_FILE_LEFT_OUT)
    [[ $(field "$id" CONFIG_FILE) == "$configuration/ipcbroker.conf.d/bad.conf" ]]
}

each_message_of_a_number_is_explained() {
    local id
    journalctl --update-catalog
    while read -r id; do
        journalctl --dump-catalog "$id" >entry
        grep -q '^Subject: ..' entry || fail "no entry for $id"
    done < <(sed -n 's/^#define LOG_[A-Z_]* *"\([0-9a-f]*\)"/\1/p' "$TEST_SRCDIR/daemon/log.h")
    fresh $'[queue:huge]\nmax_messages = 60000\nuse = user:root'
    systemctl start ipcbroker.service
    journalctl --sync
    journal --catalog "MESSAGE_ID=$(id_of LOG_OBJECT_FAILED)" >explained
    expect_text explained 'huge could not be made' "$configuration/ipcbroker.conf, line 1"
}

# ---- what a host can do to it ----

a_broken_main_file_ends_the_first_start_with_78() {
    fresh 'nonsense'
    expect_status 1 systemctl start ipcbroker.service
    expect_property ipcbroker.service ExecMainStatus 78
    expect_journal "$configuration/ipcbroker.conf:1: "
    configure ipcbroker.conf $'[queue:orders]\nuse = user:root'
    await is_active # tried again by itself
}

fails_with() { # TEXT: the start fails, and this is its error
    expect_status 1 systemctl start ipcbroker.service
    expect_journal "$1"
    systemctl stop ipcbroker.service ipcbroker.socket
}

a_directory_of_somebody_else_is_refused() {
    fresh ''
    chown nobody /run/ipcbroker-admin
    fails_with 'the directory /run/ipcbroker-admin belongs to uid'
    chown ipcbroker /run/ipcbroker-admin
}

a_directory_that_all_may_write_is_refused() {
    fresh ''
    chmod 0777 /run/ipcbroker-admin
    fails_with 'the directory /run/ipcbroker-admin has mode 0777'
    chmod 0700 /run/ipcbroker-admin
}

a_missing_directory_is_named() {
    fresh ''
    rmdir /run/ipcbroker-admin
    fails_with 'the directory /run/ipcbroker-admin of'
    systemd-tmpfiles --create
}

a_read_only_directory_is_named() {
    fresh ''
    mount --bind /run/ipcbroker-admin /run/ipcbroker-admin
    mount -o remount,bind,ro /run/ipcbroker-admin
    fails_with 'the lock /run/ipcbroker-admin/admin.sock.lock cannot be opened: Read-only file system'
    umount /run/ipcbroker-admin
}

a_full_directory_is_named() {
    fresh ''
    mount -t tmpfs -o nr_inodes=1,mode=0700,uid=ipcbroker tmpfs /run/ipcbroker-admin
    fails_with 'the lock /run/ipcbroker-admin/admin.sock.lock cannot be opened: No space left on device'
    umount /run/ipcbroker-admin
}

a_lock_of_another_is_named() {
    fresh ''
    setpriv --reuid ipcbroker --regid ipcbroker --clear-groups \
        flock --no-fork /run/ipcbroker-admin/admin.sock.lock sleep 300 &
    local holder=$!
    await flock_is_held
    fails_with 'another ipcbrokerd'
    kill "$holder"
}

flock_is_held() {
    [[ -e /run/ipcbroker-admin/admin.sock.lock ]] && ! flock --nonblock /run/ipcbroker-admin/admin.sock.lock true
}

# ---- hardening ----

the_hardening_is_in_force() {
    local pid
    fresh $'[queue:orders]\nuse = user:root'
    systemctl start ipcbroker.service
    pid=$(main_pid)
    grep -qx $'NoNewPrivs:\t1' "/proc/$pid/status"
    grep -qx $'Seccomp:\t2' "/proc/$pid/status"
    grep -qx $'CapBnd:\t0000000000000000' "/proc/$pid/status"
    [[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]]
    [[ $(readlink "/proc/$pid/ns/user") == "$(readlink /proc/self/ns/user)" ]]
    [[ $(readlink "/proc/$pid/ns/ipc") == "$(readlink /proc/self/ns/ipc)" ]]
    expect_status 1 nsenter --target "$pid" --mount touch /etc/x
    expect_text err 'Read-only file system'
}

install_package >&2
run_tests the_units_are_correct nothing_exposes_more_than_it_must the_first_client_starts_it \
    the_socket_stays_over_a_restart without_its_socket_unit_it_listens_itself a_wrong_socket_is_refused \
    the_status_tells_of_failed_objects_and_files a_stopped_loop_is_noticed a_turning_loop_is_left_alone \
    a_reload_is_waited_for a_bad_reload_fails_and_changes_nothing \
    others_are_answered_during_a_large_reload a_long_start_is_given_time a_users_manager_runs_it messages_have_fields \
    each_message_of_a_number_is_explained a_broken_main_file_ends_the_first_start_with_78 \
    a_directory_of_somebody_else_is_refused a_directory_that_all_may_write_is_refused \
    a_missing_directory_is_named a_read_only_directory_is_named a_full_directory_is_named \
    a_lock_of_another_is_named the_hardening_is_in_force
