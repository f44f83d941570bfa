#!/bin/bash
# ipcbrokerctl: every verb, both outputs, every exit status, and the sandbox.
# shellcheck disable=SC2016 # the sandbox's shell expands them
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

config="[queue:orders]
message_size = 64
use = user:$me
[queue:inbox]
receive = user:$me
[eventfd:wake]
use = user:$me
[eventfd:permits]
initial = 2
semaphore = yes
use = any
[queue:foreign]
use = user:$other"

list_shows_what_is_granted() {
    expect_status 0 in_sandbox "$config" "$ctl" list
    expect_text out 'orders   queue    ready  use' 'inbox    queue    ready  receive' 'wake     eventfd  ready  use'
    if grep -q foreign out; then fail "foreign is listed"; fi
}

list_takes_a_pattern() {
    expect_status 0 in_sandbox "$config" "$ctl" list 'o*'
    expect_text out orders
    [[ $(wc -l <out) == 2 ]]
}

list_as_json_is_one_document() {
    expect_status 0 in_sandbox "$config" "$ctl" --json list
    [[ $(jq -r 'map(.name) | join(" ")' out) == 'inbox orders permits wake' ]]
    jq -e '.[] | select(.name == "orders") | .message_size == 64 and .depth == 0' out >/dev/null
}

show_tells_of_one_object() {
    expect_status 0 in_sandbox "$config" "$ctl" show permits
    expect_text out 'kind' 'eventfd' 'semaphore' 'count'
    expect_status 0 in_sandbox "$config" "$ctl" --json show permits
    jq -e '.count == 2 and .semaphore == true and .state == "ready"' out >/dev/null
}

show_of_something_unknown_is_6() {
    expect_status 6 in_sandbox "$config" "$ctl" show nothing
    expect_text err "no object 'nothing' is declared"
}

show_of_something_forbidden_is_4() {
    expect_status 4 in_sandbox "$config" "$ctl" show foreign
    expect_text err "uid $me" "is granted nothing on queue 'foreign'"
}

status_tells_how_the_broker_does() {
    expect_status 0 in_sandbox "$config" "$ctl" status
    expect_text out 'state' 'ok' 'objects'
    expect_status 0 in_sandbox "$config" "$ctl" --json status
    jq -e '.state == "ok" and .objects == 5 and .failed == 0 and .clients == 1' out >/dev/null
}

status_of_a_degraded_broker_is_1() {
    expect_status 1 in_sandbox "$config
[queue:deep]
max_messages = 60000
use = user:$me" "$ctl" status
    expect_text out degraded
}

whoami_tells_how_the_broker_sees_you() {
    expect_status 0 in_sandbox "$config" "$ctl" --json whoami
    jq -e ".uid == $me and .administrator == false" out >/dev/null
}

can_says_whether_you_may_and_why() {
    expect_status 0 in_sandbox "$config" "$ctl" can me receive inbox
    expect_text out 'allowed  yes' 'access   receive' "receive = user:$me"
    expect_status 0 in_sandbox "$config" "$ctl" can "user:$me" use permits
    expect_text out 'use = any'
    expect_status 4 in_sandbox "$config" "$ctl" can me send inbox
    expect_text out 'no' "'send = user:$me' in a [grant:inbox] section"
    expect_status 4 in_sandbox "$config" "$ctl" --json can me use foreign
    jq -e ".allowed == false and .asked == \"use\" and .access == \"nothing\" and (has(\"grant\") | not)" out >/dev/null
}

can_says_of_others_to_administrators() {
    expect_status 4 in_sandbox "$config" "$ctl" can "user:$other" use foreign
    expect_text err --admin
    expect_status 4 in_sandbox "$config" "$ctl" can any use permits
    expect_status 4 in_sandbox "$config" "$ctl" can "group:$me" use permits
    expect_status 0 in_sandbox "$config" "$ctl" --admin --json can "user:$other" use foreign
    jq -e '.allowed and (.grant | length) == 1' out >/dev/null
    expect_text out "\"use = user:$other (" 'sandbox.conf:13)"'
    expect_status 4 in_sandbox "$config" "$ctl" --admin can "group:$other" use foreign
    expect_text out "gid $other" "'use = group:$other' in a [grant:foreign] section"
    expect_status 4 in_sandbox "$config" "$ctl" --admin can any use foreign
    expect_status 0 in_sandbox "$config" "$ctl" --admin can any use permits
}

# As login makes it of the user data base: primary group and supplementary ones.
can_knows_the_groups_of_a_user() {
    local name group
    name=$(id --user --name)
    for group in $(id --groups "$name"); do
        expect_status 0 in_sandbox "[queue:orders]
send = group:$group" "$ctl" --admin can "user:$name" send orders
        expect_text out "send = group:$group" 'uid'
    done
    expect_status 0 in_sandbox "[queue:orders]
send = group:$(id --group "$name")" "$ctl" --admin can "group:$group" send orders
    expect_status 4 in_sandbox "[queue:orders]
send = group:$other" "$ctl" --admin can "user:$name" send orders
}

can_refuses_what_it_does_not_understand() {
    local bad
    for bad in '' user: group: user:99999999999 unit: nobody; do
        expect_status 2 in_sandbox "$config" "$ctl" can "$bad" use wake
    done
    expect_status 2 in_sandbox "$config" "$ctl" --admin can unit:shop use wake
    expect_text err 'not the name of a unit'
    expect_status 1 in_sandbox "$config" "$ctl" can user:no-such-user use wake
    expect_text err no-such-user
    expect_status 2 in_sandbox "$config" "$ctl" can me have wake
    expect_status 2 in_sandbox "$config" "$ctl" can me write orders
    expect_text err "'write'" 'its word for it is send'
    expect_status 2 in_sandbox "$config" "$ctl" can me send wake
    expect_status 2 in_sandbox "$config" "$ctl" can me use
    expect_status 2 in_sandbox "$config" "$ctl" can me use -- -x
    expect_status 6 in_sandbox "$config" "$ctl" can me use nothing
}

# What is printed is a configuration, and one that prints the same.
config_prints_what_is_in_force() {
    local i many=''
    needs_root
    for ((i = 0; i < 1500; i++)); do many+="receive = user:$((other + i))"$'\n'; done
    start_broker "[broker]
max_clients = 100
admin = user:root, group:$other
observe = group:$other
$config
[queue:given]
message_size = 2K
max_messages=3
send = user:no-such-user, any
[queue:crowd]
$many
[pipe:done]
read = any"
    expect_status 0 "$ctl" --socket "$socket" --admin config
    expect_text out '[broker]' 'max_clients = 100 ; ' 'broker.conf:2' 'max_clients_per_user = 100 ; default' \
        'admin = user:root ; ' "admin = group:$other ; " "observe = group:$other" '[queue:given] ; ' 'message_size = 2048 ; ' 'capacity = 8192 ; default' \
        'semaphore = yes ; ' '#send = user:no-such-user ; ' 'posix_name = /given ; default' 'mode = 0600 ; default' 'command line'
    grep -q '^message_size = 2048 ; .*broker\.conf:19$' out
    [[ $(grep -c "^receive = user:" out) == 1501 && $(grep -c '^\[queue:crowd\]' out) == 1 ]]
    cp out second.conf
    expect_status 0 "$ipcbrokerd" --check-config second.conf
    if grep -q error err; then fail "$(<err)"; fi
    stop_broker
    start_broker "$(<second.conf)"
    expect_status 0 "$ctl" --socket "$socket" --admin config
    stop_broker
    plain() { sed 's/ ; .*//; /socket = /d; /^#/d' "$1"; }
    diff <(plain second.conf) <(plain out) >difference || fail "$(<difference)"
}

config_is_for_those_who_may_observe() {
    expect_status 4 in_sandbox "[broker]
observe =
$config" "$ctl" config
    expect_text err '--admin'
    expect_status 0 in_sandbox "[broker]
observe = user:$me
$config" "$ctl" --json config
    jq -e '.[0].section == "broker" and (.[] | select(.section == "queue:orders") | .setting | index("message_size = 64") != null)' out >/dev/null
}

messages_come_by_priority() {
    expect_status 0 in_sandbox "$config" sh -c '
        "$0" send orders low
        "$0" send --priority 7 orders high
        printf "from stdin" | "$0" send --priority 3 orders -
        "$0" receive --count 3 orders' "$ctl"
    expect_output 'high
from stdin
low
'
}

receive_as_json_keeps_bytes() {
    expect_status 0 in_sandbox "$config" sh -c '
        "$0" send --priority 2 orders "gruß"
        printf "\377\000x" | "$0" send orders
        "$0" --json receive --count 2 orders' "$ctl"
    [[ $(wc -l <out) == 2 ]]
    sed -n 1p out | jq -e '.message == "gruß" and .priority == 2 and .size == 5' >/dev/null
    sed -n 2p out | jq -e '.base64 == "/wB4" and .size == 3' >/dev/null
}

receive_from_an_empty_queue_would_block() {
    expect_status 5 in_sandbox "$config" "$ctl" receive --timeout 0 orders
    expect_text err orders
    expect_status 5 in_sandbox "$config" "$ctl" receive --timeout 0.05 orders
}

a_message_that_is_too_long_is_refused() {
    expect_status 1 in_sandbox "$config" "$ctl" send orders "$(printf '%065d' 1)"
    expect_text err '64'
}

events_are_counted() {
    expect_status 0 in_sandbox "$config" sh -c '
        "$0" signal wake; "$0" signal wake 41; "$0" wait wake
        "$0" wait permits; "$0" wait permits; "$0" wait --timeout 0 permits || echo "status $?"' "$ctl"
    expect_output '42
1
1
status 5
'
}

# Who takes one kind for another is told which verbs would do.
another_kind_has_other_verbs() {
    local verb
    for verb in wait signal; do
        expect_status 1 in_sandbox "$config" "$ctl" "$verb" orders
        diff err - <<<"ipcbrokerctl: 'orders' is of the kind queue, not eventfd or pipe; for it there are \`ipcbrokerctl send\` and \`ipcbrokerctl receive\`"
    done
    for verb in send receive; do
        expect_status 1 in_sandbox "$config" "$ctl" "$verb" wake
        diff err - <<<"ipcbrokerctl: 'wake' is of the kind eventfd, not queue; for it there are \`ipcbrokerctl signal\` and \`ipcbrokerctl wait\`"
    done
    expect_status 1 in_sandbox "$config" "$ctl" wait 'no name'
    [[ $(wc -l <err) == 1 ]]
    if grep -q 'there are' err; then fail "$(<err)"; fi
}

bad_numbers_are_usage_errors() {
    local bad
    for bad in -1 x 1e3 '' 99999999999999999999; do
        expect_status 2 in_sandbox "$config" "$ctl" signal wake "$bad"
        expect_status 2 in_sandbox "$config" "$ctl" send --priority "$bad" orders text
        expect_status 2 in_sandbox "$config" "$ctl" receive --count "$bad" orders
        expect_status 2 in_sandbox "$config" "$ctl" wait --timeout "$bad" wake
    done
}

wrong_usage_is_2() {
    expect_status 2 "$ctl"
    expect_status 2 "$ctl" frobnicate
    expect_text err frobnicate
    expect_status 2 "$ctl" show
    expect_status 2 "$ctl" list --nonsense
    expect_status 2 "$ctl" sandbox --config x
}

help_and_version_go_to_stdout() {
    expect_status 0 "$ctl" --help
    expect_text out list receive sandbox
    awk 'length > 85 { exit 1 }' out
    expect_status 0 "$ctl" --version
    expect_text out ipcbrokerctl
    expect_status 0 "$ipcbrokerd" --help
    expect_status 0 "$ipcbrokerd" --version
    expect_status 2 "$ipcbrokerd" --nonsense
    expect_status 2 "$ipcbrokerd" surplus
    expect_status 2 "$ipcbrokerd" --offline
}

a_full_disk_is_an_error() {
    [[ -c /dev/full ]]
    printf '%s\n' "$config" >sandbox.conf
    expect_status 0 sh -c '
        "$0" sandbox --config sandbox.conf -- sh -c "\"$0\" list >/dev/full" 2>err2
        [ $? = 1 ]' "$ctl"
}

# Whatever a verb prints: one document with --json, and an error where it cannot be written.
every_output_is_one_document_and_is_written() {
    local verb
    for verb in list 'show wake' status whoami 'can me use wake' config 'wait three' 'receive orders'; do
        # shellcheck disable=SC2086 # words
        expect_status 0 in_sandbox "[broker]
observe = any
$config
[eventfd:three]
initial = 3
semaphore = yes
use = any" sh -ec '"$0" send orders x; "$0" send orders x; "$0" send orders x; "$0" --json "$@"
            for command in "$*" "--json $*"; do
                "$0" $command >/dev/full || echo "$?" >&2
            done' "$ctl" $verb
        [[ $(wc -l <out) == 1 && $(jq --slurp length out) == 1 ]] || fail "$verb: $(<out)"
        [[ $(grep -c 'ipcbrokerctl: cannot write the output: No space left on device' err) == 2 &&
            $(grep -cx 1 err) == 2 && $(wc -l <err) == 4 ]] || fail "$verb: $(<err)"
    done
}

the_sandbox_ends_with_the_programs_status() {
    expect_status 7 in_sandbox "$config" sh -c 'exit 7'
    expect_status 143 in_sandbox "$config" sh -c 'kill -TERM $$'
    expect_status 127 in_sandbox "$config" /nonexistent
    expect_text err /nonexistent
}

the_sandbox_leaves_nothing() {
    expect_status 0 in_sandbox "$config" sh -c 'dirname "$IPCBROKER_SOCKET"'
    [[ -n $(<out) && ! -e $(<out) ]]
    expect_status 0 in_sandbox "$config" "$ctl" --json status
    [[ ! -e /proc/$(jq .pid out) ]]
}

the_sandbox_refuses_a_bad_configuration() {
    expect_status 1 in_sandbox '[queue:orders]
max_mesages = 3' touch was-run
    expect_text err 'sandbox.conf:2:' max_mesages
    [[ ! -e was-run ]]
}

the_sandbox_has_no_names_in_the_kernel() {
    expect_status 0 in_sandbox "[queue:orders]
posix_name = /test-$other
use = any" "$ctl" --json show orders
    jq -e '.posix_name == "none"' out >/dev/null
}

the_sandbox_passes_signals_on() {
    printf '%s\n' "$config" >sandbox.conf
    mkfifo ready
    "$ctl" sandbox --config sandbox.conf -- sh -c 'trap "exit 9" TERM; echo >ready; while :; do read -r _ <ready; done' &
    local pid=$! status=0
    read -r _ <ready
    kill -TERM "$pid"
    wait "$pid" || status=$?
    ((status == 9))
}

no_broker_is_3() {
    expect_status 3 "$ctl" --socket "$directory/nowhere.sock" list
    expect_text err "$directory/nowhere.sock"
    expect_status 3 env IPCBROKER_SOCKET="$directory/env.sock" "$ctl" status
    expect_text err "$directory/env.sock"
}

a_users_own_broker_is_found_by_user() {
    export XDG_RUNTIME_DIR=$directory/runtime XDG_CONFIG_HOME=$directory/config
    mkdir -p runtime config/ipcbroker
    chmod 700 runtime
    printf '%s\n' "$config" >config/ipcbroker/ipcbroker.conf
    mkfifo pipe
    "$ipcbrokerd" --user 2>pipe &
    local pid=$! line
    exec 8<pipe
    while read -r line <&8 && [[ $line != *serving* ]]; do :; done
    expect_status 0 "$ctl" --user --json list
    jq -e 'map(.posix_name) | index("none") != null' out >/dev/null
    expect_status 0 "$ctl" --user --admin --json list
    jq -e 'map(.name) | index("foreign") != null' out >/dev/null
    kill -TERM "$pid"
    wait "$pid"
    [[ ! -e runtime/ipcbroker/ipcbroker.sock ]]
}

tests=(list_shows_what_is_granted list_takes_a_pattern list_as_json_is_one_document
    show_tells_of_one_object show_of_something_unknown_is_6 show_of_something_forbidden_is_4
    status_tells_how_the_broker_does status_of_a_degraded_broker_is_1
    whoami_tells_how_the_broker_sees_you can_says_whether_you_may_and_why
    can_says_of_others_to_administrators can_knows_the_groups_of_a_user
    can_refuses_what_it_does_not_understand config_prints_what_is_in_force
    config_is_for_those_who_may_observe messages_come_by_priority receive_as_json_keeps_bytes
    receive_from_an_empty_queue_would_block a_message_that_is_too_long_is_refused
    events_are_counted bad_numbers_are_usage_errors wrong_usage_is_2 help_and_version_go_to_stdout
    a_full_disk_is_an_error every_output_is_one_document_and_is_written
    the_sandbox_ends_with_the_programs_status the_sandbox_leaves_nothing
    the_sandbox_refuses_a_bad_configuration the_sandbox_has_no_names_in_the_kernel
    the_sandbox_passes_signals_on no_broker_is_3 a_users_own_broker_is_found_by_user)
run_tests "${tests[@]}"
