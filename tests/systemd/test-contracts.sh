#!/bin/bash
# What the design leans on of systemd's descriptor store: each fact says what has changed when it
# fails. They know nothing of the broker.
# shellcheck source=tests/systemd/lib.sh
source "$(dirname "$0")/lib.sh"

keep() { # NAME=I[,I]...: a service has these kept, three descriptors at most, and is killed
    systemctl stop store-facts.service 2>/dev/null || true
    rm -f /run/store-facts
    cat >/etc/systemd/system/store-facts.service <<UNIT
[Service]
Type=notify
ExecStart=/usr/bin/python3 $TEST_SRCDIR/tests/systemd/store_facts.py /run/store-facts $*
FileDescriptorStoreMax=3
Restart=always
RestartSec=0
StartLimitIntervalSec=0
UNIT
    systemctl daemon-reload
    systemctl start store-facts.service
    systemctl kill --signal=KILL store-facts.service
    await has_started 2
}

has_started() { # N: so many times
    (($(wc -l </run/store-facts) >= $1))
}

contract() { # NAMES WHAT-RESTS-ON-IT: these came back
    local came
    came=$(tail -n 1 /run/store-facts)
    [[ $came == "$1" ]] || fail "'$came' came back instead of '$1': $2"
}

they_survive_a_kill_and_the_newest_comes_first() {
    keep a=0 b=1 c=2
    contract c:b:a 'bags are known by their names, and the tests of the store play this order'
}

what_is_too_much_is_dropped_in_silence() {
    keep a=0 b=1 c=2 d=3
    contract c:b:a 'nobody says what is not kept: the broker counts what it needs beforehand'
}

a_description_is_kept_once() {
    keep a=0 twin=0
    contract a 'a bag has to be a new pair of sockets each time'
}

two_of_a_message_come_back_under_one_name() {
    keep pair=0,1
    contract pair:pair 'a bag is both ends under one name'
}

a_full_store_keeps_one_end_of_a_pair() {
    keep pair=0,1 half=2,3
    contract half:pair:pair 'no bag is renewed where there is no room for both, and one end alone is refused'
}

a_stop_empties_it() {
    keep a=0 b=1
    systemctl stop store-facts.service
    systemctl start store-facts.service
    contract '' 'a stop loses what has no name, which the broker says, and the manual'
}

run_tests they_survive_a_kill_and_the_newest_comes_first what_is_too_much_is_dropped_in_silence \
    a_description_is_kept_once two_of_a_message_come_back_under_one_name \
    a_full_store_keeps_one_end_of_a_pair a_stop_empties_it
