#!/bin/bash
# The commonest mistakes: each message names the cause, the place and the cure.
# shellcheck disable=SC2016 # the sandbox's shell expands them
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

check() { # STATUS CONFIG-TEXT
    printf '%s\n' "$2" >broker.conf
    expect_status "$1" "$ipcbrokerd" --check-config broker.conf
}

a_wrong_key() {
    check 78 '[queue:orders]
max_mesages = 3'
    expect_text err "broker.conf:2: " "'max_mesages'" '[queue:orders]' max_messages
}

a_limit_too_low() {
    check 78 '[queue:orders]
max_messages = 50000
message_size = 1
use = any'
    expect_text err 'fs.mqueue.msg_max = ' 'is too low, 50000 is needed' 'sysctl fs.mqueue.msg_max=50000'
}

a_user_who_is_missing() {
    check 78 '[queue:orders]

use = user:nobody-has-this-name'
    expect_text err 'broker.conf:3: ' "unknown user 'nobody-has-this-name'" 'create it'
}

no_broker() {
    expect_status 3 "$ctl" --socket "$directory/there.sock" list
    expect_text err "no broker at $directory/there.sock" 'systemctl status ipcbroker' IPCBROKER_SOCKET
}

not_granted() {
    expect_status 4 in_sandbox "[queue:orders]
send = user:$me" "$ctl" receive orders
    expect_text err "uid $me" "is granted send on queue 'orders'" \
        "'receive = user:$me' in a [grant:orders] section would grant receive"
}

a_full_queue() {
    expect_status 5 in_sandbox "[queue:orders]
max_messages = 1
message_size = 16
use = user:$me" sh -c '"$0" send orders one && "$0" send --timeout 0 orders two' "$ctl"
    expect_text err orders full
}

a_name_that_is_taken() {
    needs_root
    # A queue of another user under the name that this one must have, since it declares a mode.
    gcc_or_cc='#include <mqueue.h>
#include <sys/stat.h>
int main(int c, char **v) { (void)c; umask(0); return mq_open(v[1], 65, 0666, 0) < 0; }'
    printf '%s\n' "$gcc_or_cc" | ${TEST_CC:-cc} -x c -o squat -
    as_user $((other + 1)) ./squat /orders
    start_broker "[queue:orders]
mode = 0660
use = user:$me
[queue:free]
use = user:$me"
    expect_text broker.log "queue 'orders' failed" "/orders is taken by a queue" \
        "uid $((other + 1))" 'remove the queue' 'broker.conf:1'
    expect_status 1 "$ctl" --socket "$socket" send orders text
    expect_text err "queue 'orders' is declared, but failed" taken
    expect_status 0 "$ctl" --socket "$socket" send free text
    stop_broker
}

a_group_that_the_broker_is_not_in() {
    needs_root
    start_broker "[queue:invoices]
mode = 0660
group = $((other + 1))
use = user:$me"
    expect_text broker.log "queue 'invoices' failed" "gid $((other + 1))" 'must be a member of that group'
    if grep -q 'remove the queue' broker.log; then fail "a wrong cure"; fi
    stop_broker
}

a_group_that_is_unknown_for_an_adopted_queue() {
    needs_root
    start_broker "[queue:letters]
use = user:$me"
    expect_status 0 "$ctl" --socket "$socket" send letters kept
    stop_broker
    start_broker "[queue:letters]
mode = 0660
group = nobody-has-this-name
use = user:$me"
    expect_text broker.log "queue 'letters' failed: its group 'nobody-has-this-name' is not known"
    stop_broker
    start_broker "[queue:letters]
use = user:$me"
    expect_status 0 "$ctl" --socket "$socket" receive --timeout 0 letters
    expect_text out kept
    stop_broker
}

what_a_restart_loses_is_said() {
    needs_root
    start_broker "[queue:parcels]
use = any
[queue:quiet]
posix_name = none
use = any
[eventfd:wake]
use = any"
    expect_text broker.log '2 of the objects' 'a restart makes them anew'
    stop_broker
}

a_file_that_cannot_be_read() {
    expect_status 78 "$ipcbrokerd" --check-config "$directory/nothing.conf"
    expect_text err "$directory/nothing.conf: " 'No such file'
    mkdir directory.conf
    expect_status 78 "$ipcbrokerd" --check-config directory.conf
    expect_text err 'directory.conf: '
    printf '[queue:orders]\nuse = any\n' >open.conf
    chmod 666 open.conf
    expect_status 78 "$ipcbrokerd" --check-config open.conf
    expect_text err 'open.conf: ' 'chmod'
}

a_wrong_access_for_a_kind() {
    check 78 "[eventfd:wake]
send = user:$me"
    expect_text err 'broker.conf:2: ' "'send'" use
    check 78 "[queue:orders]
read = user:$me"
    expect_text err 'broker.conf:2: ' "'read'" 'send, receive'
    check 78 "[pipe:done]
receive = user:$me"
    expect_text err 'broker.conf:2: ' "'receive'" 'write, read'
}

two_declarations() {
    check 78 '[queue:orders]
use = any
[eventfd:wake]
use = any
[queue:orders]
use = any'
    expect_text err 'broker.conf:5: ' 'orders' 'line 1'
    mkdir broker.conf.d
    printf '[queue:orders]\nuse = any\n' >broker.conf.d/again.conf
    check 78 '[queue:orders]
use = any'
    expect_text err 'broker.conf.d/again.conf:1: ' 'orders' 'broker.conf:1'
}

a_socket_in_use() {
    needs_root
    start_broker "[queue:orders]
use = user:$me"
    expect_status 1 setpriv --reuid "$other" --regid "$other" --clear-groups \
        "$ipcbrokerd" --config "$directory/broker.conf" --socket "$socket"
    expect_text err 'another ipcbrokerd (pid ' "$socket.admin.lock"
    expect_status 0 "$ctl" --socket "$socket" list
    stop_broker
}

what_can_be_no_unit() {
    check 78 '[queue:orders]
send = unit:shop'
    expect_text err 'broker.conf:2: ' "'shop' is no unit that processes can be in" unit:shop-\*.service
}

every_error_in_one_run() {
    check 78 '[queue:orders]
max_messages = many
message_size = 0
mode = 0777
[nonsense]
[queue:bad name]
no equals sign
[eventfd:wake]
semaphore = perhaps'
    local line
    for line in 2 3 4 5 6 7 9; do
        expect_text err "broker.conf:$line: "
    done
}

tests=(a_wrong_key a_limit_too_low a_user_who_is_missing no_broker not_granted a_full_queue
    a_name_that_is_taken a_group_that_the_broker_is_not_in
    a_group_that_is_unknown_for_an_adopted_queue what_a_restart_loses_is_said a_file_that_cannot_be_read a_wrong_access_for_a_kind two_declarations
    a_socket_in_use what_can_be_no_unit every_error_in_one_run)
run_tests "${tests[@]}"
